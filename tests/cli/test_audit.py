"""`audit` by the real program: its verdicts, exit codes and document, and that it needs and keeps nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator

from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.fakes.faults import inflict
from watcher.cli.commands.schema import document_of

pytestmark = pytest.mark.measured

Audit = Callable[..., program.Completed]

LONG_AGO = "2026-01-01T00:00:00Z"

NEWEST = "the newest good version is"
REASONS = {
    "evil": "not banned: 0.9.0; reason: Contains a stealer, says (address removed)",
    "finding": "nobody has reviewed it; informational findings: net, in x.py",
    "withdrawn": "the registry does not list this version any more",
}
"""By pack: the last column of its row."""
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
    publish = partial(catalog.publish, created_at=LONG_AGO)
    for name in ("fine", "behind", "aged", "fresh", "gone", "finding", "evil"):
        publish(name, "1.0.0")
        comfyui.registry(name, "1.0.0")
    publish("behind", "1.10.0")
    catalog.deprecate("aged", "1.0.0")
    publish("aged", "1.1.0")
    catalog.set_status("gone", "1.0.0", "deleted")
    catalog.set_status("fresh", "1.0.0", "pending")
    finding = '[{"issue_type": "net", "severity": "info", "file_path": "x.py"}]'
    catalog.set_status("finding", "1.0.0", "flagged", finding)
    catalog.set_status("evil", "1.0.0", "banned", REASON)
    publish("evil", "0.9.0")
    publish("withdrawn", "2.0.0")
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
        "PACK VERSION VERDICT WHAT TO DO WHY",
        f"evil 1.0.0 banned stop ComfyUI, remove it, read why {REASONS['evil']}",
        f"finding 1.0.0 flagged there is no good version {REASONS['finding']}",
        "gone 1.0.0 deleted there is no good version -",
        f"withdrawn 1.0.0 delisted {NEWEST} 2.0.0 {REASONS['withdrawn']}",
        "fresh 1.0.0 pending there is no good version -",
        f"aged 1.0.0 deprecated {NEWEST} 1.1.0 -",
        "mine.py - unknown - a single file has no id",
        f"behind 1.0.0 outdated {NEWEST} 1.10.0 -",
        "fine 1.0.0 ok - -",
    ]
    assert summary.startswith("9 packs (")
    assert (
        ": 1 banned, 1 flagged, 1 deleted, 1 delisted, 1 pending, 1 deprecated, 1 unknown, "
        in summary
    )
    assert summary.endswith(" 1 outdated, 1 ok")


def test_only_problems(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """With `--problems` the packs that are fine are left out of a table, and not of the counts and of the document."""
    _every_verdict(comfyui, registry)
    done = audit("ComfyUI", "--problems", code=3)
    assert "\nfine " not in done.out
    assert " 1 ok" in done.out
    every = verdicts(audit("ComfyUI", "--json", code=3))
    assert "ok" in dict(every).values()
    assert verdicts(audit("ComfyUI", "--problems", "--json", code=3)) == every


def test_the_document(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """A pack has the keys of the contract; what is not known is null, but for a good version, which is absent then."""
    _every_verdict(comfyui, registry)
    found = document(audit("ComfyUI", "--json", code=3))
    assert found.keys() == {"started", "finished", "packs", "errors"}
    assert found["packs"][0] == {
        "install": comfyui.root.parent.name,
        "id": "evil",
        "kind": "registry",
        "version": "1.0.0",
        "enabled": True,
        "folder": "evil",
        "verdict": "banned",
        "severity": "critical",
        "status": "banned",
        "deprecated": False,
        "reason": "Contains a stealer, says (address removed)",
        "safe_version": "0.9.0",
        "accepted": None,
        "file": None,
        "line": None,
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


def test_fail_on(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """The verdicts for which the exit code is 3 can be chosen; being outdated is none of them unless it is named."""
    registry.catalog.publish("pack", "1.0.0")
    registry.catalog.publish("pack", "1.1.0")
    comfyui.registry("pack", "1.0.0")
    audit("ComfyUI")
    audit("ComfyUI", "--fail-on", "banned", "--fail-on", "outdated,OK", code=3)
    registry.catalog.set_status("pack", "1.0.0", "banned")
    audit("ComfyUI", "--fail-on", "none")


def _found(*severities: str) -> str:
    """Return a reason with findings of these severities, each of a rule of its own."""
    return json.dumps(
        [
            {"issue_type": f"rule-{number}", "severity": one, "file_path": "nodes.py"}
            for number, one in enumerate(severities)
        ]
    )


def test_a_flag_that_is_info(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """What is informational and was in an earlier version is no exit 3 unless asked for, and nothing is advised."""
    catalog = registry.catalog
    catalog.publish("pack", "1.0.0", status="flagged", reason=_found("info", "info"))
    catalog.publish("pack", "1.1.0", status="flagged", reason=_found("info"))
    catalog.publish("pack", "0.9.0")
    comfyui.registry("pack", "1.1.0")
    done = audit("ComfyUI")
    assert " ".join(done.out.splitlines()[1].split()).startswith(
        "pack 1.1.0 flagged (info) - "
    )
    assert (
        "the only finding is informational, and earlier versions had it too" in done.out
    )
    assert "not reviewed" not in done.out
    assert done.out.splitlines()[-1].endswith(": 1 flagged (info)")
    (one,) = document(audit("ComfyUI", "--json"))["packs"]
    assert (one["verdict"], one["severity"], one["safe_version"]) == (
        "flagged",
        "info",
        "0.9.0",
    )
    audit("ComfyUI", "--fail-on", "flagged")
    audit("ComfyUI", "--fail-on", "banned,flagged-info", code=3)
    audit("ComfyUI", "--fail-on", "flagged-info", "--accept", "pack@1.1.0")


async def _without_reasons(request: web.BaseRequest) -> web.StreamResponse | None:
    """Fail where reasons are asked for."""
    is_refused = "include_status_reason" in asked(request)
    return web.Response(status=500) if is_refused else None


def test_reasons_that_cannot_be_read(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A registry that fails where it is asked for reasons makes each flag a warning, and the table says why."""
    for version in ("1.0.0", "1.1.0"):
        registry.catalog.publish(
            "pack", version, status="flagged", reason=_found("info")
        )
    comfyui.registry("pack", "1.1.0")

    registry.respond = _without_reasons
    done = audit("ComfyUI", code=3)
    assert "nobody has reviewed it; the registry's reason could not be read" in done.out
    audit("ComfyUI", "--fail-on", "banned")


def test_bad_options(audit: Audit, comfyui: ComfyUI) -> None:
    """A verdict or a finding that is none is a usage error with the right word."""
    assert (
        "'baned' is not a verdict (did you mean banned?)"
        in audit("ComfyUI", "--fail-on", "baned", code=2).err
    )
    assert "is not a finding" in audit("ComfyUI", "--accept", "pack@", code=2).err
    assert comfyui.root.exists()


def test_accepted_findings(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """An accepted finding is shown, marked, and does not count; another version or pack, or a ban, still does."""
    registry.catalog.publish("Pack", "1.2.0", status="flagged")
    comfyui.registry("Pack", "1.2")
    audit("ComfyUI", "--accept", "pack@1.1.0", "--accept", "other@1.2.0", code=3)
    done = audit("ComfyUI", "--accept", "PACK@v1.2.0.0")
    assert "flagged (accepted)" in done.out
    assert done.out.endswith(" 1 flagged; 1 pack accepted\n")
    registry.catalog.set_status("Pack", "1.2.0", "banned")
    audit("ComfyUI", "--accept", "pack@1.2.0", code=3)
    assert "banned (accepted)" in audit("ComfyUI", "--accept", "pack@1.2=banned").out


def test_bans_of_whole_packs(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A ban shows wherever the registry says it, for a pack that the Manager spells in lower case too."""
    for name in ("Loud", "Owned", "Quiet"):
        registry.catalog.publish(name, "1.0.0")
        comfyui.registry(name.lower(), "1.0.0")
    registry.catalog.give("Owned", "ann")
    registry.catalog.ban_publisher("ann")
    registry.catalog.ban_node("Loud", "Mines coins")
    registry.catalog.edit_pack(
        "Quiet", status="banned", status_detail="Ask eve@example.com"
    )
    found = document(audit("ComfyUI", "--json", code=3))["packs"]
    assert [
        (pack["verdict"], pack["reason"], pack["safe_version"]) for pack in found
    ] == [
        ("banned", "the whole pack: Mines coins", None),
        ("banned", "the whole pack: its publisher is banned", None),
        ("banned", "the whole pack: Ask (address removed)", None),
    ]


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
        "fork commit 0123456 unknown - claims to be pack, whose repository is ann/pack",
        "pack (folder ours) commit 0123456 ok - a clone whose file says 1.0.0",
    ]
    assert "; 1 clone judged by the version in a file" in done.out
    registry.catalog.set_status("pack", "1.0.0", "banned", "Steals")
    found = document(audit("ComfyUI", "--json", code=3))["packs"]
    assert [(one["folder"], one["version"], one["reason"]) for one in found] == [
        ("fork", None, "a clone whose file says 1.0.0: Steals"),
        ("ours", None, "a clone whose file says 1.0.0: Steals"),
    ]


def _of_repositories(registry: FakeRegistry, root: Path) -> None:
    """Have more packs than a page has, and a file that names repositories of both pages and of none."""
    catalog = registry.catalog
    catalog.publish("Evil", "1.0.0")
    catalog.edit_pack("Evil", repository="git@github.com:ann/Evil-Nodes.git")
    catalog.edit_pack("Evil", status="banned", status_detail="Steals tokens")
    for name in (*(f"other-{number}" for number in range(100)), "worn"):
        catalog.publish(name, "1.0.0", created_at=LONG_AGO)
    catalog.edit_pack("other-1", repository=None)
    catalog.set_status("worn", "1.0.0", "deleted")
    clones = ("ann/evil-nodes.git/", "example/other-2", "example/worn.git", "eve/evil")
    lines = (f"RUN git clone https://github.com/{one}\n" for one in clones)
    (root / "Dockerfile").write_text(f"FROM x\n{''.join(lines)}")


def test_a_clone_is_the_pack_of_its_repository(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Without an id it is judged as a clone without a version, wherever it is named; the pages of all are read once."""
    _of_repositories(registry, tmp_path)
    address = "https://www.github.com/Ann/Evil-Nodes"
    comfyui.clone("evil-nodes", address)
    comfyui.claimed("no id!", "1.0.0", folder="unpacked", repository=address)
    git = {address: {"hash": "0" * 40, "disabled": False}}
    (tmp_path / "snapshot.json").write_text(json.dumps({"git_custom_nodes": git}))
    node = {"type": "Steal", "properties": {"aux_id": "ann/evil-nodes"}}
    (tmp_path / "flow.json").write_text(json.dumps({"nodes": [node]}))
    found = document(audit(".", "--json", code=3))["packs"]
    why = "its repository says that it is Evil: the whole pack: Steals tokens"
    assert [(one["install"], one["id"], one["reason"]) for one in found[:5]] == [
        (name, "Evil", why)
        for name in ("Dockerfile", "flow.json", "snapshot.json", *[tmp_path.name] * 2)
    ]
    assert [(one["line"], one["id"], one["verdict"]) for one in found[5:]] == [
        (4, "worn", "deleted"),
        (5, None, "unknown"),
        (3, "other-2", "unknown"),
    ]
    asked = [one.query["page"] for one in registry.requests if one.path == "/nodes"]
    assert asked == [["1"], ["2"]]


def test_a_pack_that_cannot_be_read_hides_no_other_gap(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Where the registry asks to wait from the first request on, each pack that was not asked about is an error."""
    comfyui.registry("fine", "1.0.0")
    comfyui.clone("lamp", "https://github.com/example/lamp")
    (comfyui.nodes / "linked").symlink_to(tmp_path / "unmounted")
    headers = {"Retry-After": "7200"}

    async def refuse(_: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=429, headers=headers)

    registry.respond = refuse
    found = document(audit("ComfyUI", "--json", code=1))
    assert len(registry.requests) == 1
    assert [one["error"] for one in found["errors"]] == [
        "linked: its link leads nowhere",
        "the registry asked to wait 2h (429)",
    ]
    assert found["errors"][1]["node"] == "fine"


def test_a_page_of_repositories_that_is_missing(
    audit: Audit, registry: FakeRegistry, tmp_path: Path
) -> None:
    """What the others have is judged by them, the rest is unknown; that is said once, and the exit code is 1."""
    _of_repositories(registry, tmp_path)

    async def fail(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=503) if "page=2" in request.path_qs else None

    registry.respond = fail
    done = audit("Dockerfile", "--json", "--fail-on", "none", code=1)
    found = document(done)
    rows = [(one["line"], one["id"], one["verdict"]) for one in found["packs"]]
    assert rows[0] == (2, "Evil", "banned")
    assert sorted(rows[1:], key=str) == [
        (3, "other-2", "unknown"),
        (4, None, "unknown"),
        (5, None, "unknown"),
    ]
    (error,) = found["errors"]
    assert error["error"] == (
        "clones cannot be recognised: page 2: the registry does not answer GET /nodes (503)"
    )


def test_a_pack_that_cannot_be_read(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """It is an error of its install, and the exit code is 1."""
    registry.catalog.publish("pack", "1.0.0")
    (comfyui.registry("pack", "1.0.0") / "pyproject.toml").write_text("[project\n")
    done = audit("ComfyUI", "--json", code=1)
    assert verdicts(done) == [("pack", "unknown")]
    assert document(done)["errors"] == [
        {
            "install": comfyui.root.parent.name,
            "error": "pack: pyproject.toml is not valid TOML",
        }
    ]


def test_no_network_is_said_once(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A registry that cannot be reached is one line, however many packs there are."""
    for number in range(60):
        comfyui.registry(f"pack-{number}", "1.0.0")
    env = {"COMFY_WATCH_REGISTRY_URL": "http://127.0.0.1:1"}
    done = audit("ComfyUI", "--json", code=1, env=env)
    assert len({one["error"] for one in document(done)["errors"]}) == 1
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "fault", ["status_403_html", "status_403_forbidden", "status_404_json", "html_200"]
)
def test_a_registry_that_gives_no_answer(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, fault: str
) -> None:
    """Where nothing can be checked no pack is banned or gone, each is unknown with the reason; the exit code is 1."""
    for name in ("one", "two"):
        registry.catalog.publish(name, "1.0.0", status="banned")
        comfyui.registry(name, "1.0.0")
    inflict(registry, fault)
    done = audit("ComfyUI", "--json", code=1)
    assert verdicts(done) == [("one", "unknown"), ("two", "unknown")]
    reasons = [pack["reason"] for pack in document(done)["packs"]]
    assert all(reason.startswith("it could not be checked: ") for reason in reasons)
    assert done.err.count("\n") == len(
        {one["error"] for one in document(done)["errors"]}
    )


def test_a_registry_that_hangs(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """A registry that never answers is waited for as long as the settings say."""
    inflict(registry, "hang")
    comfyui.registry("pack", "1.0.0")
    # A scan of the folder may take as long too, on a machine that is busy.
    patience = {"COMFY_WATCH_TIMEOUT": "2", "COMFY_WATCH_RETRIES": "0"}
    done = audit("ComfyUI", code=1, env=patience)
    assert "error: pack could not be checked: cannot reach " in done.err
    assert ": it timed out; check " in done.err


def test_targets_that_are_none(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """A TARGET that cannot be read is said, the others are audited, and the exit code is 2."""
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    (tmp_path / "music").mkdir()
    done = audit("music", "ComfyUI", "missing", "--json", code=2)
    assert verdicts(done) == [("pack", "ok")]
    assert [error["install"] for error in document(done)["errors"]] == [
        "music",
        "missing",
    ]
    assert done.err.startswith("error: music: no ComfyUI: looked for custom_nodes in ")


def test_several_installs(audit: Audit, registry: FakeRegistry, tmp_path: Path) -> None:
    """Each row says which install it is about, and a pack of both is asked for once."""
    registry.catalog.publish("pack", "1.0.0")
    for name in ("one", "two"):
        ComfyUI(tmp_path / name).registry("pack", "1.0.0")
    rows = [" ".join(row.split()) for row in audit("one", "two").out.splitlines()]
    assert rows[:3] == [
        "WHERE PACK VERSION VERDICT WHAT TO DO WHY",
        "one pack 1.0.0 ok - -",
        "two pack 1.0.0 ok - -",
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


def test_a_workflow(audit: Audit, registry: FakeRegistry, tmp_path: Path) -> None:
    """A workflow names packs: it is never said that somebody runs them, and malware is not to be installed at all."""
    for pack in ("evil", "fine", "fresh"):
        registry.catalog.publish(pack, "1.0.0")
    registry.catalog.set_status("evil", "1.0.0", "banned", REASON)
    registry.catalog.publish("evil", "0.9.0", created_at=LONG_AGO)
    (tmp_path / "flow.json").write_text(json.dumps(WORKFLOW))
    done = audit("flow.json", code=3)
    _, *rows = done.out.splitlines()
    assert [" ".join(row.split()) for row in rows[:3]] == [
        f"flow.json evil 1.0.0 banned do not install it {REASONS['evil']}",
        "flow.json fresh commit 0123456 unknown - it does not say which version it is",
        "flow.json fine 1.0.0 ok - -",
    ]


def test_nodes_that_name_no_pack(
    audit: Audit, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Each type is a row that is unknown, and no error; those that come with ComfyUI are none."""
    types = ("KSampler", "Note", "Sharpen\u202e Me", "Another")
    nodes = [{"type": one, "properties": {}} for one in types]
    (tmp_path / "flow.json").write_text(json.dumps({"nodes": nodes}))
    done = audit("flow.json")
    rows = [" ".join(row.split()) for row in done.out.splitlines()[1:3]]
    assert rows == [
        f"flow.json {name} - unknown - a type of nodes that name no pack"
        for name in ("Another", "Sharpen Me")
    ]
    assert done.err == ""
    assert registry.requests == []
    audit("flow.json", "--fail-on", "unknown", code=3)


DOCKERFILE = """FROM x
ARG EXTRA
RUN comfy-node-install evil@1.0.0 \\
    fine \\
    ann/clone
RUN comfy node install $EXTRA
RUN git clone https://github.com/comfyanonymous/ComfyUI
"""


def test_a_repository(audit: Audit, registry: FakeRegistry, tmp_path: Path) -> None:
    """Each file is shown by its path, each reference by its line; what is not pinned and not known is said."""
    for pack in ("evil", "fine"):
        registry.catalog.publish(pack, "1.0.0", created_at=LONG_AGO)
    registry.catalog.set_status("evil", "1.0.0", "banned", REASON)
    registry.catalog.publish("evil", "0.9.0", created_at=LONG_AGO)
    for folder in ("", "docker"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "Dockerfile").write_text(DOCKERFILE)
    done = audit(".", code=3)
    rows = [" ".join(row.split()) for row in done.out.splitlines()]
    assert rows[0].startswith("WHERE PACK")
    built = "audit what is built"
    assert [rows[index] for index in (1, 3, 5, 7)] == [
        f"Dockerfile:3 evil 1.0.0 banned do not install it {REASONS['evil']}",
        f"Dockerfile:5 clone - unknown - a repository without an id: {built}",
        f"Dockerfile:6 comfy node - unknown - the line does not say what is installed: {built}",
        f"Dockerfile:4 fine - ok {NEWEST} 1.0.0 not pinned: judged by 1.0.0, the newest active version",
    ]
    assert rows[-1].endswith("2 packs not pinned")
    assert done.err == ""
    document = json.loads(audit("docker", "--json", "--fail-on", "none").out)
    Draft202012Validator(document_of("audit")).validate(document)
    places = [(one["id"], one["file"], one["line"]) for one in document["packs"]]
    assert places == [
        *(("evil", "docker/Dockerfile", 3), (None, "docker/Dockerfile", 5)),
        *((None, "docker/Dockerfile", 6), ("fine", "docker/Dockerfile", 4)),
    ]
    assert document["errors"] == []


def test_a_file_that_counts_and_cannot_be_read(
    audit: Audit, registry: FakeRegistry, tmp_path: Path
) -> None:
    """In a folder it is an error with its name and exit code 1; as a TARGET it is exit code 2."""
    registry.catalog.publish("fine", "1.0.0")
    (tmp_path / "Dockerfile").write_text("FROM x\nRUN comfy node install fine@1.0.0\n")
    (tmp_path / "flow.json").write_text('{"nodes": [{"properties": {"cnr_id":')
    done = audit(".", code=1)
    assert done.err == "error: flow.json: is not valid JSON\n"
    assert done.out.splitlines()[-1].endswith("1 ok; 1 file could not be read")
    assert "is not valid JSON" in audit("Dockerfile", "flow.json", code=2).err


def test_a_repository_without_references(audit: Audit, tmp_path: Path) -> None:
    """A Dockerfile that installs no pack is fine, and a folder without anything to read is an error."""
    (tmp_path / "repo").mkdir()
    assert "nor is there a Dockerfile" in audit("repo", code=2).err
    (tmp_path / "repo" / "Dockerfile").write_text("FROM x\n")
    assert audit("repo").out == "no pack was found\n"
    assert audit("repo/Dockerfile").out == "no pack was found\n"


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


def test_what_is_found_here(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Without a TARGET and settings it is the ComfyUI that is found, and stderr says which."""
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    done = audit("--json", env={"COMFYUI_PATH": str(comfyui.root)})
    assert verdicts(done) == [("pack", "ok")]
    assert done.err.startswith(f"found {comfyui.root} (")
