"""`audit` by the real program: its verdicts, exit codes and document, and that it needs and keeps nothing."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator

from tests.faults.asking import responding
from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fakes.faults import inflict
from tests.support.harness import write_settings
from watcher.cli.commands.schema import document_of
from watcher.fake_registry.server import FakeRegistry

pytestmark = pytest.mark.measured

Audit = Callable[..., program.Completed]

SECRETS = "change the passwords and keys that this machine held"
REASONS = {
    "evil": "Contains a stealer, says (address removed) comfy node uninstall evil && comfy node install evil@0.9.0",
    "finding": "1 info finding: net; in x.py; not reviewed yet comfy node disable finding",
    "withdrawn": "the registry does not list this version any more comfy node install withdrawn@2.0.0",
}
"""By pack: the last columns of its row."""
REASON = (
    '{"message": "Contains a stealer, says bob@example.com", "by": "bob@example.com"}'
)


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """A ComfyUI without packs."""
    return ComfyUI(tmp_path / "ComfyUI")


@pytest.fixture
def audit(run: Callable[..., program.Completed], registry: FakeRegistry) -> Audit:
    """`audit` of a loopback registry, without settings."""

    def audited(
        *args: str, code: int = 0, env: dict[str, str] | None = None
    ) -> program.Completed:
        done = run(
            "audit",
            *args,
            env={
                "COMFY_WATCH_REGISTRY_URL": registry.url,
                "COMFY_WATCH_RETRIES": "0",
                **(env or {}),
            },
        )
        assert "Traceback" not in done.out + done.err, done.err
        assert done.code == code, done
        return done

    return audited


def document(done: program.Completed) -> dict[str, Any]:
    """Return the document, which is what its schema says."""
    found: dict[str, Any] = json.loads(done.out)
    Draft202012Validator(document_of("audit")).validate(found)
    return found


def verdicts(done: program.Completed) -> list[tuple[str, str]]:
    """Return each pack's folder and verdict, in order."""
    return [(pack["folder"], pack["verdict"]) for pack in document(done)["packs"]]


def _every_verdict(comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """Install a pack for each verdict, in an order that is not theirs."""
    catalog = registry.catalog
    for name in ("fine", "behind", "aged", "fresh", "gone", "finding", "evil"):
        catalog.publish(name, "1.0.0")
        comfyui.registry(name, "1.0.0")
    catalog.publish("behind", "1.10.0")
    catalog.deprecate("aged", "1.0.0")
    catalog.publish("aged", "1.1.0")
    catalog.set_status("gone", "1.0.0", "deleted")
    catalog.set_status("fresh", "1.0.0", "pending")
    finding = '[{"issue_type": "net", "severity": "info", "file_path": "x.py"}]'
    catalog.set_status("finding", "1.0.0", "flagged", finding)
    catalog.set_status("evil", "1.0.0", "banned", REASON)
    catalog.publish("evil", "0.9.0")
    catalog.publish("withdrawn", "2.0.0")
    comfyui.registry("withdrawn", "1.0.0")
    comfyui.single("mine.py")


def test_every_verdict_worst_first(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """The table is worst first, says what to do and why, and its last line sums up."""
    _every_verdict(comfyui, registry)
    done = audit("ComfyUI", code=3)
    assert done.err == ""
    *table, empty, summary = done.out.splitlines()
    assert empty == ""
    assert [" ".join(row.split()) for row in table] == [
        "PACK VERSION VERDICT WHAT TO DO WHY COMMAND",
        f"evil 1.0.0 banned remove it first, then move to 0.9.0; {SECRETS} {REASONS['evil']}",
        f"finding 1.0.0 flagged no safe version: disable or remove it {REASONS['finding']}",
        "gone 1.0.0 deleted no safe version: disable or remove it - comfy node disable gone",
        f"withdrawn 1.0.0 delisted move to 2.0.0 {REASONS['withdrawn']}",
        "fresh 1.0.0 pending - - -",
        "aged 1.0.0 deprecated move to 1.1.0 - comfy node install aged@1.1.0",
        "mine.py - unknown - a single file has no id -",
        "behind 1.0.0 outdated move to 1.10.0 - comfy node install behind@1.10.0",
        "fine 1.0.0 ok - - -",
    ]
    assert summary.startswith("9 packs (")
    assert (
        ": 1 banned, 1 flagged, 1 deleted, 1 delisted, 1 pending, 1 deprecated, 1 unknown, "
        in summary
    )
    assert summary.endswith(" 1 outdated, 1 ok")


def test_only_problems(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """With `--problems` the packs that are fine are left out of the table and of the document, not of the counts."""
    _every_verdict(comfyui, registry)
    done = audit("ComfyUI", "--problems", code=3)
    assert "\nfine " not in done.out
    assert " 1 ok" in done.out
    assert "fine" not in [
        folder
        for folder, _ in verdicts(audit("ComfyUI", "--problems", "--json", code=3))
    ]


def test_the_document(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """A pack has the keys of the contract; what is not known is null, but for a safe version, which is absent then."""
    _every_verdict(comfyui, registry)
    found = document(audit("ComfyUI", "--json", code=3))
    assert found.keys() == {"started", "finished", "packs", "errors"}
    assert found["packs"][0] == {
        "install": "ComfyUI",
        "id": "evil",
        "kind": "registry",
        "version": "1.0.0",
        "enabled": True,
        "folder": "evil",
        "verdict": "banned",
        "status": "banned",
        "deprecated": False,
        "reason": "Contains a stealer, says (address removed)",
        "safe_version": "0.9.0",
        "url": "https://registry.comfy.org/nodes/evil",
    }
    by_folder = {pack["folder"]: pack for pack in found["packs"]}
    assert by_folder["finding"]["safe_version"] is None
    unknown = ("id", "version", "status", "deprecated", "url")
    assert all(by_folder["mine.py"][name] is None for name in unknown)
    assert "safe_version" not in by_folder["mine.py"]


def test_nothing_is_needed_written_or_asked_twice(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Without settings or state one request is made for each pack and one for all, and no file changes or comes."""
    for number in range(5):
        registry.catalog.publish(f"pack-{number}", "1.0.0")
        comfyui.registry(f"pack-{number}", "1.0.0")

    def files() -> dict[Path, int]:
        return {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}

    before = files()
    audit("ComfyUI")
    assert files() == before
    assert sorted(asked.path for asked in registry.requests) == [
        "/nodes",
        *["/versions"] * 5,
    ]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--fail-on", "banned", "--fail-on", "outdated,OK"), 3),
        (("--fail-on", "none"), 0),
        ((), 0),
    ],
)
def test_fail_on(
    audit: Audit,
    comfyui: ComfyUI,
    registry: FakeRegistry,
    args: tuple[str, ...],
    code: int,
) -> None:
    """The verdicts for which the exit code is 3 can be chosen; being outdated is none of them unless it is named."""
    registry.catalog.publish("pack", "1.0.0")
    registry.catalog.publish("pack", "1.1.0")
    comfyui.registry("pack", "1.0.0")
    audit("ComfyUI", *args, code=code)


def test_bad_options(audit: Audit, comfyui: ComfyUI) -> None:
    """A verdict or a finding that is none is a usage error with the right word."""
    assert (
        "'baned' is not a verdict (did you mean banned?)"
        in audit("ComfyUI", "--fail-on", "baned", code=2).err
    )
    assert "is not a finding" in audit("ComfyUI", "--accept", "pack", code=2).err
    assert comfyui.root.exists()


def test_an_address_that_is_none(audit: Audit, comfyui: ComfyUI) -> None:
    """A registry that cannot be one is a configuration error, before anything is scanned."""
    comfyui.registry("pack", "1.0.0")
    done = audit("ComfyUI", "--registry-url", "http://a..b", code=2)
    assert done.out == ""
    assert done.err.startswith("error: registry_url: ")


def test_accepted_findings(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """An accepted finding is shown, marked, and does not count; another version, or pack, still does."""
    registry.catalog.publish("Pack", "1.2.0", status="flagged")
    comfyui.registry("Pack", "1.2")
    audit("ComfyUI", "--accept", "pack@1.1.0", "--accept", "other@1.2.0", code=3)
    for written in ("pack@1.2", "PACK@1.2.0", "pack@v1.2.0.0"):
        done = audit("ComfyUI", "--accept", written)
        assert "flagged (accepted)" in done.out
        assert done.out.endswith(" 1 flagged; 1 accepted\n")


def test_what_has_become_worse_is_not_accepted(
    run: Callable[..., program.Completed],
    audit: Audit,
    comfyui: ComfyUI,
    registry: FakeRegistry,
    tmp_path: Path,
) -> None:
    """What a watch has seen accepted as flagged counts once it is banned, unless it is accepted as it is now."""
    registry.catalog.publish("pack", "1.2.0", status="flagged")
    comfyui.registry("pack", "1.2.0")
    write_settings(
        tmp_path, installs=["ComfyUI"], accept=["Pack@1.2.0"], registry_url=registry.url
    )
    assert run("check").code == 0
    assert "flagged (accepted)" in audit().out
    registry.catalog.set_status("pack", "1.2.0", "banned")
    assert "(accepted)" not in audit(code=3).out
    # The watch reports it, and does not take it for accepted either.
    assert run("check").code == 0
    assert "(accepted)" not in audit(code=3).out
    assert "banned (accepted)" in audit("--accept", "pack@1.2.0").out


def test_a_disabled_copy_is_not_run(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """It is shown after what is run, with its mark, and does not count."""
    registry.catalog.publish("pack", "1.0.0", status="banned")
    registry.catalog.publish("pack", "1.1.0")
    comfyui.disable(comfyui.registry("pack", "1.0.0"), "1.0.0")
    comfyui.registry("pack", "1.1.0")
    done = audit("ComfyUI")
    assert "banned (disabled)  remove it" in done.out
    assert [
        (pack["version"], pack["enabled"])
        for pack in document(audit("ComfyUI", "--json"))["packs"]
    ] == [
        ("1.0.0", False),
        ("1.1.0", True),
    ]


def test_bans_of_whole_packs(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A ban shows wherever the registry says it, for a pack that the Manager spells in lower case too."""
    for name in ("Loud", "Quiet"):
        registry.catalog.publish(name, "1.0.0")
        comfyui.registry(name.lower(), "1.0.0")
    registry.catalog.ban_node("Loud", "Mines coins")
    registry.catalog.edit_pack(
        "Quiet", status="banned", status_detail="Publisher banned, ask eve@example.com"
    )
    found = document(audit("ComfyUI", "--json", code=3))["packs"]
    assert [
        (pack["verdict"], pack["reason"], pack["safe_version"]) for pack in found
    ] == [
        ("banned", "the whole pack: Mines coins", None),
        ("banned", "the whole pack: Publisher banned, ask (address removed)", None),
    ]
    assert "no safe version: remove it" in audit("ComfyUI", code=3).out


def test_clones(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """A clone is judged by the version that its file names, never as that version; another repository's is not fine."""
    registry.catalog.publish("pack", "1.0.0")
    registry.catalog.publish("pack", "2.0.0")
    registry.catalog.edit_pack("pack", repository="https://github.com/ann/Pack")
    comfyui.clone("ours", "git@github.com:ann/pack.git", pack="pack")
    comfyui.clone("fork", "https://github.com/eve/pack", pack="pack")
    done = audit("ComfyUI")
    rows = [" ".join(row.split()) for row in done.out.splitlines()]
    assert rows[1:3] == [
        "fork commit 0123456789 unknown - claims to be pack, whose repository is ann/pack -",
        "pack (folder ours) commit 0123456789 ok - a clone whose file says 1.0.0 -",
    ]
    assert "; 1 clone judged by the version in a file" in done.out
    registry.catalog.set_status("pack", "1.0.0", "banned", REASON)
    found = document(audit("ComfyUI", "--json", code=3))["packs"]
    assert [(one["folder"], one["version"], one["status"]) for one in found] == [
        ("fork", None, "banned"),
        ("ours", None, "banned"),
    ]
    assert (
        found[0]["reason"]
        == "a clone whose file says 1.0.0: Contains a stealer, says (address removed)"
    )
    registry.catalog.set_status("pack", "1.0.0", "active")
    registry.catalog.edit_pack("pack", status="banned")
    assert verdicts(audit("ComfyUI", "--json", code=3)) == [
        ("fork", "banned"),
        ("ours", "banned"),
    ]


def test_the_worst_of_all_that_a_copy_may_be(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """What the Manager installed as one pack is judged as that, whatever its file says; the reason says by which."""
    registry.catalog.publish("evil", "1.0.0", status="banned", reason="Steals")
    registry.catalog.publish("popular", "1.0.0")
    comfyui.registry("popular", "1.0.0", folder="evil")
    done = audit("ComfyUI", "--json", code=3)
    (found,) = document(done)["packs"]
    assert (found["id"], found["verdict"]) == ("evil", "banned")
    assert found["reason"] == "its folder is named after evil: Steals"
    registry.catalog.set_status("evil", "1.0.0", "active")
    assert verdicts(audit("ComfyUI", "--json")) == [("evil", "ok")]


def test_without_the_optional_endpoint(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A registry without `GET /nodes` is said once, in the document too; versions are judged as ever."""
    registry.serves_nodes = False
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    comfyui.clone("clone", "https://github.com/ann/pack", pack="pack")
    done = audit("ComfyUI", "--json")
    said = (
        "bans of whole packs were not looked at, and clones cannot be recognised: the registry does not have"
        " GET /nodes (404)"
    )
    assert done.err == f"warning: {said}\n"
    assert verdicts(done) == [("clone", "unknown"), ("pack", "ok")]
    assert document(done)["errors"] == [{"node": None, "error": said}]


def _nodes_answer(
    registry: FakeRegistry, answer: Callable[[web.BaseRequest], web.StreamResponse]
) -> None:
    """Answer `GET /nodes` in another way."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        return answer(request) if request.path == "/nodes" else None

    registry.respond = respond


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"id": "other", "status": "NodeStatusActive"}],
        [{"id": 7, "status": "NodeStatusActive"}],
        [{"id": "pack", "status": None}],
        [{"id": "pack", "status": "NodeStatusAsleep"}],
        [
            {"id": "pack", "status": "NodeStatusActive"},
            {"id": "PACK", "status": "NodeStatusAsleep"},
        ],
    ],
)
def test_a_pack_that_was_not_answered_is_not_fine(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, rows: list[object]
) -> None:
    """A pack that `GET /nodes` leaves out, or gives a status that is not known, is unknown, and the exit code is 1."""
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    _nodes_answer(
        registry, lambda _: web.json_response({"nodes": rows, "totalPages": 1})
    )
    done = audit("ComfyUI", "--json", code=1)
    assert verdicts(done) == [("pack", "unknown")]
    assert [one["node"] for one in document(done)["errors"]] == ["pack"]
    assert done.err.startswith("error: pack could not be checked: the registry ")


def test_an_answer_that_fails_is_not_fine(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Where `GET /nodes` fails no pack is fine, what is bad is said, and one error says why."""
    for name, status in (("bad", "flagged"), ("one", "active"), ("two", "active")):
        registry.catalog.publish(name, "1.0.0", status=status)
        comfyui.registry(name, "1.0.0")
    _nodes_answer(registry, lambda _: web.Response(status=500))
    done = audit("ComfyUI", "--json", "--fail-on", "none", code=1)
    assert verdicts(done) == [
        ("bad", "flagged"),
        ("one", "unknown"),
        ("two", "unknown"),
    ]
    assert [
        (one["node"], "(500)" in one["error"]) for one in document(done)["errors"]
    ] == [(None, True)]
    assert done.err.count("\n") == 1


def test_a_status_of_a_version_that_is_not_known(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """It is not fine: the pack is unknown, and the exit code is 1."""
    registry.catalog.publish("pack", "1.0.0", status="NodeVersionStatusAsleep")
    comfyui.registry("pack", "1.0.0")
    done = audit("ComfyUI", "--json", code=1)
    assert verdicts(done) == [("pack", "unknown")]
    assert (
        "a status that is not known here: NodeVersionStatusAsleep"
        in document(done)["errors"][0]["error"]
    )


def test_a_pack_that_cannot_be_read(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """It is an error of its install, and the exit code is 1; by the name of its folder it is judged all the same."""
    registry.catalog.publish("pack", "1.0.0")
    (comfyui.registry("pack", "1.0.0") / "pyproject.toml").write_text("[project\n")
    done = audit("ComfyUI", "--json", code=1)
    assert verdicts(done) == [("pack", "unknown")]
    assert document(done)["errors"] == [
        {"install": "ComfyUI", "error": "pack: pyproject.toml is not valid TOML"}
    ]
    registry.catalog.edit_pack("pack", status="banned")
    assert verdicts(audit("ComfyUI", "--json", code=3)) == [("pack", "banned")]


def test_a_clone_whose_file_cannot_be_read(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """What the Manager wrote down says which pack it is, and the exit code that a file was not read."""
    registry.catalog.publish("pack", "1.0.0")
    path = comfyui.clone(
        "pack", "https://github.com/example/pack", pack="pack", cnr_id="pack"
    )
    (path / "pyproject.toml").write_text("[project\n")
    done = audit("ComfyUI", "--json", code=1)
    assert verdicts(done) == [("pack", "unknown")]
    assert [one["install"] for one in document(done)["errors"]] == ["ComfyUI"]


def test_another_server_is_no_registry(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Where nothing of the API is there, no pack is said to be gone from the registry, and the exit code is 1."""
    for name in ("one", "two"):
        comfyui.registry(name, "1.0.0")
    registry.respond = responding()(404, b"{}")
    done = audit("ComfyUI", "--json", code=1)
    assert {verdict for _, verdict in verdicts(done)} == {"unknown"}
    assert [one["node"] for one in document(done)["errors"]] == [None, None]


def test_a_version_that_is_bad_in_another_spelling_is_not_advised(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Of two rows that mean one version the worse counts also for the version to move to."""
    registry.catalog.publish("pack", "1.0.0")
    registry.catalog.publish("pack", "2.0")
    registry.catalog.publish("pack", "2.0.0", status="banned")
    comfyui.registry("pack", "2.0")
    (found,) = document(audit("ComfyUI", "--json", code=3))["packs"]
    assert (found["verdict"], found["safe_version"]) == ("banned", "1.0.0")


def test_no_network_is_one_error(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A registry that cannot be reached is said once, however many packs there are."""
    for number in range(60):
        comfyui.registry(f"pack-{number}", "1.0.0")
    env = {"COMFY_WATCH_REGISTRY_URL": "http://127.0.0.1:1"}
    done = audit("ComfyUI", "--json", code=1, env=env)
    assert [one["node"] for one in document(done)["errors"]] == [None]
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("fault", ["status_403_html", "html_200"])
def test_a_registry_that_gives_no_answer(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, fault: str
) -> None:
    """Where nothing can be checked no pack is banned, each is unknown with the reason, and the exit code is 1."""
    for name in ("one", "two"):
        registry.catalog.publish(name, "1.0.0", status="banned")
        comfyui.registry(name, "1.0.0")
    inflict(registry, fault)
    done = audit("ComfyUI", "--json", code=1)
    assert verdicts(done) == [("one", "unknown"), ("two", "unknown")]
    assert document(done)["errors"][0]["node"] is None
    assert all(
        pack["reason"].startswith("it could not be checked: ")
        for pack in document(done)["packs"]
    )
    assert done.err.count("\n") == len(document(done)["errors"])


def test_one_node_that_cannot_be_read(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """What was seen of an incomplete listing counts; a bad verdict elsewhere comes before the failure's exit code."""
    for name in ("bad", "half"):
        registry.catalog.publish(name, "1.0.0")
        comfyui.registry(name, "1.0.0")

    async def half(request: web.BaseRequest) -> web.StreamResponse | None:
        if request.query.get("nodeId") != "half":
            return None
        return web.json_response({"versions": [], "total": 7})

    registry.respond = half
    done = audit("ComfyUI", code=1)
    assert done.out.endswith("1 unknown, 1 ok; 1 pack could not be checked in full\n")
    assert done.err.startswith(
        "error: half could not be checked: the listing is incomplete"
    )
    registry.catalog.set_status("bad", "1.0.0", "banned")
    audit("ComfyUI", code=3)


def test_a_registry_that_hangs(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A registry that never answers is waited for as long as the settings say."""

    async def never(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError("the answer is not waited for")

    registry.respond = never
    comfyui.registry("pack", "1.0.0")
    done = audit("ComfyUI", code=1, env={"COMFY_WATCH_TIMEOUT": "0.2"})
    assert "error: pack could not be checked: it timed out\n" in done.err


def test_targets_that_are_none(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """A TARGET that cannot be read is said, the others are audited, and the exit code is 2 unless something is bad."""
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    (tmp_path / "music").mkdir()
    assert (
        "2 installs could not be read"
        in audit("music", "ComfyUI", "missing", code=2).out
    )
    registry.catalog.deprecate("pack", "1.0.0")
    done = audit(
        "music", "ComfyUI", "missing", "--json", "--fail-on", "deprecated", code=3
    )
    assert verdicts(done) == [("pack", "deprecated")]
    assert [error["install"] for error in document(done)["errors"]] == [
        "music",
        "missing",
    ]
    assert done.err.splitlines()[0].startswith(
        "error: music: no ComfyUI: looked for custom_nodes in "
    )


def test_several_installs(audit: Audit, registry: FakeRegistry, tmp_path: Path) -> None:
    """Each row says which install it is about, and a pack of both is asked for once."""
    registry.catalog.publish("pack", "1.0.0")
    registry.catalog.publish("pack", "1.1.0")
    ComfyUI(tmp_path / "one").registry("pack", "1.0.0")
    ComfyUI(tmp_path / "two").registry("pack", "1.1.0")
    done = audit("one", "two")
    rows = [" ".join(row.split()) for row in done.out.splitlines()]
    assert rows[:3] == [
        "INSTALL PACK VERSION VERDICT WHAT TO DO WHY COMMAND",
        "one pack 1.0.0 outdated move to 1.1.0 - comfy node install pack@1.1.0",
        "two pack 1.1.0 ok - - -",
    ]
    assert len(registry.requests) == 2


def test_the_settings_installs(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Without a TARGET the installs of the settings are audited; one that cannot be read is the exit code 1."""
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    assert verdicts(audit("--json", env={"COMFY_WATCH_INSTALLS": "ComfyUI"})) == [
        ("pack", "ok")
    ]
    done = audit("--json", env={"COMFY_WATCH_INSTALLS": "ComfyUI,missing"}, code=1)
    assert document(done)["errors"][0]["install"] == "missing"


WORKFLOW = {
    "nodes": [
        {"id": 1, "type": "A", "properties": {"cnr_id": "evil", "ver": "1.0.0"}},
        {"id": 2, "type": "B", "properties": {"cnr_id": "fine", "ver": "1.0.0"}},
        {
            "id": 3,
            "type": "C",
            "properties": {
                "cnr_id": "fresh",
                "ver": "0123456789abcdef0123456789abcdef01234567",
            },
        },
        {"id": 4, "type": "D", "properties": {"cnr_id": "comfy-core", "ver": "0.3.76"}},
    ],
    "links": [],
}


def _png(text: str) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data))
            + kind
            + data
            + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    said = chunk(b"tEXt", b"workflow\0" + text.encode())
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + said
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("name", ["flow.json", "flow.png"])
def test_a_workflow(
    audit: Audit, registry: FakeRegistry, tmp_path: Path, name: str
) -> None:
    """A workflow names packs: it is never said that somebody runs them, and the advice is what to install instead."""
    for pack in ("evil", "fine", "fresh"):
        registry.catalog.publish(pack, "1.0.0")
    registry.catalog.set_status("evil", "1.0.0", "banned", REASON)
    registry.catalog.publish("evil", "0.9.0")
    text = json.dumps(WORKFLOW)
    (tmp_path / name).write_bytes(_png(text) if name.endswith("png") else text.encode())
    done = audit(name, code=3)
    first, _, *rows = done.out.splitlines()
    assert first == f"{name}: this workflow names"
    assert [" ".join(row.split()) for row in rows[:3]] == [
        "evil 1.0.0 banned install 0.9.0 instead Contains a stealer, says (address removed) -",
        "fresh commit 0123456789 unknown - it does not say which version it is -",
        "fine 1.0.0 ok - - -",
    ]
    assert "remove it" not in done.out


@pytest.mark.parametrize("form", ["editor", "prompt"])
def test_nodes_that_name_no_pack(
    audit: Audit, registry: FakeRegistry, tmp_path: Path, form: str
) -> None:
    """They are listed by type and make the exit code 1, but for those that come with ComfyUI."""
    types = ("KSampler", "Note", "Sharpen\u202e Me", "Another")
    document: dict[str, object] = {
        "nodes": [{"type": one, "properties": {}} for one in types]
    }
    if form == "prompt":
        document = {
            str(place): {"class_type": one, "inputs": {}}
            for place, one in enumerate(types)
        }
    (tmp_path / "flow.json").write_text(json.dumps(document))
    done = audit("flow.json", "--json", code=1)
    (error,) = document_errors = json.loads(done.out)["errors"]
    assert len(document_errors) == 1
    assert error == {
        "install": "flow.json",
        "error": "nodes that name no pack: Another, Sharpen\\u202e Me",
    }
    assert done.err == f"error: flow.json: {error['error']}\n"
    assert registry.requests == []


def test_a_folder_of_several_that_cannot_be_read(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """The packs of the others are judged all the same; the exit code is that of a TARGET that cannot be read."""
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    (comfyui.root / "extra_model_paths.yaml").write_text(
        "x:\n  custom_nodes: elsewhere\n"
    )
    done = audit("ComfyUI", "--json", code=2)
    assert verdicts(done) == [("pack", "ok")]
    assert [one["install"] for one in document(done)["errors"]] == ["ComfyUI"]
    registry.catalog.set_status("pack", "1.0.0", "banned")
    audit("ComfyUI", code=3)


def test_hostile_text_stays_text(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Nothing of a pack, or of the registry's answer, controls the terminal, breaks its line or becomes a command."""
    hostile = "x\x1b[31m\u202e\r\n::error::@everyone"
    comfyui.registry(hostile, "1.0.0", folder="::set-output name=x::y")
    comfyui.registry("pack", hostile)
    comfyui.plain("##[error]\u202efolder")
    registry.catalog.publish("pack", "1.0.0", status="NodeVersionStatus" + hostile)
    comfyui.registry("pack", "1.0.0", folder="pack-2")
    comfyui.clone("clone", "https://github.com/eve/x", pack="pack")
    registry.catalog.edit_pack(
        "pack", repository=f"https://github.com/{hostile}/pack", status_detail=hostile
    )
    for args in ((), ("--json",)):
        done = audit("ComfyUI", *args, code=3)
        shown = done.out + done.err
        assert not {"\x1b", "\u202e", "\r"} & set(shown)
        assert "##[" not in shown
        assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
        assert args or "@everyone" not in shown


def test_an_id_that_is_none_is_not_asked_for(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """What cannot be an id is never sent to the registry."""
    comfyui.claimed("../../etc/passwd", "1.0.0", folder="odd")
    assert verdicts(audit("ComfyUI", "--json")) == [("odd", "unknown")]
    assert registry.requests == []


def test_a_ban_is_no_gateways_answer(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A 403 of something in front of the registry is a failure, and says nothing about the pack."""
    comfyui.registry("pack", "1.0.0")
    registry.respond = responding()(403, b'{"message": "Forbidden"}')
    done = audit("ComfyUI", "--json", code=1)
    assert verdicts(done) == [("pack", "unknown")]


def test_nothing_here(audit: Audit) -> None:
    """Without a TARGET, an install of the settings and a ComfyUI nearby, the error says where it looked."""
    done = audit(code=2)
    assert done.out == ""
    assert done.err.startswith(
        "error: no ComfyUI found; looked in the working folder and "
    )


def test_what_is_found_here(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Without a TARGET and settings it is the ComfyUI that is found, and stderr says which."""
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    done = audit("--json", env={"COMFYUI_PATH": str(comfyui.root)})
    assert verdicts(done) == [("pack", "ok")]
    assert done.err.startswith(f"found {comfyui.root} (")
