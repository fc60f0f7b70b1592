"""`audit` by the real program: its verdicts, exit codes and document, and that it needs and keeps nothing."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator

from tests.cli.conftest import Audit
from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.fakes.faults import inflict
from watcher.cli.commands.schema import document_of

pytestmark = pytest.mark.measured

LONG_AGO = "2026-01-01T00:00:00Z"
NEWEST = "the newest good version is"
STOP = "stop ComfyUI, remove it, read why"
REASON = (
    '{"message": "Contains a stealer, says bob@example.com", "by": "bob@example.com"}'
)
FOUND = "nobody has reviewed it; informational findings: net, in x.py"
SHOWN = "Contains a stealer, says (address removed)"


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """A ComfyUI without packs."""
    return ComfyUI(tmp_path / "ComfyUI")


def document(done: program.Completed) -> dict[str, Any]:
    """Return the document, which is what its schema says."""
    found: dict[str, Any] = json.loads(done.out)
    Draft202012Validator(document_of("audit")).validate(found)
    return found


def verdicts(done: program.Completed) -> list[tuple[str, str]]:
    """Return each pack's folder and verdict, in order."""
    return [(pack["folder"], pack["verdict"]) for pack in document(done)["packs"]]


def _rows(done: program.Completed) -> list[str]:
    return [" ".join(row.split()) for row in done.out.splitlines()]


def _found(severity: str) -> str:
    """Return a reason with one finding."""
    finding = {"issue_type": "net", "severity": severity, "file_path": "x.py"}
    return json.dumps([finding])


@pytest.fixture
def every_verdict(comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """A pack for each verdict, in an order that is not theirs."""
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
    catalog.set_status("finding", "1.0.0", "flagged", _found("info"))
    catalog.set_status("evil", "1.0.0", "banned", REASON)
    publish("evil", "0.9.0")
    publish("withdrawn", "2.0.0")
    comfyui.registry("withdrawn", "1.0.0")
    comfyui.single("mine.py")
    publish("Loud", "1.0.0")
    catalog.ban_node("Loud", "Mines coins")
    comfyui.registry("loud", "1.0.0")
    publish("cloned", "1.0.0")
    catalog.edit_pack("cloned", repository="https://github.com/ann/Pack")
    comfyui.clone("ours", "git@github.com:ann/pack.git", pack="cloned")


@pytest.mark.usefixtures("every_verdict")
def test_every_verdict_worst_first(audit: Audit) -> None:
    """The table is worst first, with what to do and why, and a summary last; `--problems` leaves out what is ok."""
    done = audit("ComfyUI", code=3)
    assert done.err == ""
    *table, empty, summary = _rows(done)
    assert empty == ""
    assert table == [
        "PACK VERSION VERDICT WHAT TO DO WHY",
        f"evil 1.0.0 banned {STOP} not banned: 0.9.0; reason: {SHOWN}",
        f"loud 1.0.0 banned {STOP} the whole pack; reason: Mines coins",
        f"finding 1.0.0 flagged there is no good version {FOUND}",
        "gone 1.0.0 deleted there is no good version -",
        f"withdrawn 1.0.0 delisted {NEWEST} 2.0.0 the registry does not list this version any more",
        "fresh 1.0.0 pending there is no good version -",
        f"aged 1.0.0 deprecated {NEWEST} 1.1.0 -",
        "mine.py - unknown - a single file has no id",
        f"behind 1.0.0 outdated {NEWEST} 1.10.0 -",
        "cloned (folder ours) commit 0123456 ok - a clone whose file says 1.0.0",
        "fine 1.0.0 ok - -",
    ]
    assert summary.startswith("11 packs (")
    assert summary.endswith(
        ": 2 banned, 1 flagged, 1 deleted, 1 delisted, 1 pending, 1 deprecated, 1 unknown, 1 outdated, 2 ok; "
        "1 clone judged by the version in a file"
    )
    problems = audit("ComfyUI", "--problems", code=3).out
    assert ("\nfine " in problems, " 2 ok" in problems) == (False, True)


@pytest.mark.usefixtures("every_verdict")
def test_the_document(audit: Audit, comfyui: ComfyUI) -> None:
    """A pack has the keys of the contract; what is not known is null, but for a good version, which is absent then."""
    found = document(audit("ComfyUI", "--problems", "--json", code=3))
    assert found.keys() == {"started", "finished", "packs", "errors"}
    by_folder = {pack["folder"]: pack for pack in found["packs"]}
    assert by_folder["evil"] == {
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
        "reason": SHOWN,
        "safe_version": "0.9.0",
        "accepted": None,
        "file": None,
        "line": None,
        "url": "https://registry.comfy.org/nodes/evil",
    }
    assert by_folder["fine"]["verdict"] == "ok"
    assert by_folder["finding"]["safe_version"] is None
    unknown = ("id", "version", "status", "deprecated", "url")
    assert all(by_folder["mine.py"][name] is None for name in unknown)
    assert "safe_version" not in by_folder["mine.py"]


def test_nothing_is_needed_written_or_asked_twice(
    audit: Audit, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Without settings or state one request is made for each pack and one for all, and no file changes or comes."""
    for pack in ("one", "two"):
        registry.catalog.publish(pack, "1.0.0")
    for install in (ComfyUI(tmp_path / "a"), ComfyUI(tmp_path / "b")):
        for pack in ("one", "two"):
            install.registry(pack, "1.0.0")

    def files() -> dict[Path, int]:
        return {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}

    before = files()
    assert _rows(audit("a", "b"))[:2] == [
        "WHERE PACK VERSION VERDICT WHAT TO DO WHY",
        "a one 1.0.0 ok - -",
    ]
    assert files() == before
    paths = sorted(asked.path for asked in registry.requests)
    assert paths == ["/nodes", "/versions", "/versions"]


def test_fail_on(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """The verdicts for which the exit code is 3 can be chosen; by default a flag counts only as a warning.

    Where its reason cannot be read it is one.
    """
    for version in ("1.0.0", "1.1.0"):
        registry.catalog.publish(
            "pack", version, status="flagged", reason=_found("info")
        )
    comfyui.registry("pack", "1.1.0")
    assert _rows(audit("ComfyUI"))[-1].endswith(": 1 flagged (info)")
    audit("ComfyUI", "--fail-on", "flagged")
    audit(
        "ComfyUI", "--fail-on", "banned", "--fail-on", "outdated,FLAGGED-info", code=3
    )
    audit("ComfyUI", "--fail-on", "flagged-info", "--accept", "pack@1.1.0")

    async def refuse(request: web.BaseRequest) -> web.StreamResponse | None:
        is_refused = "include_status_reason" in asked(request)
        return web.Response(status=500) if is_refused else None

    registry.respond = refuse
    said = audit("ComfyUI", code=3).out
    assert "nobody has reviewed it; the registry's reason could not be read" in said
    audit("ComfyUI", "--fail-on", "none")


def test_a_clone_is_the_pack_of_its_repository(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Without an id it is judged as a clone without a version, wherever it is named; the pages of all are read once.

    Where a page is missing the others count; the rest is unknown, which is said once, with exit code 1.
    """
    catalog = registry.catalog
    catalog.publish("Evil", "1.0.0")
    catalog.edit_pack("Evil", repository="git@github.com:ann/Evil-Nodes.git")
    catalog.edit_pack("Evil", status="banned", status_detail="Steals tokens")
    for name in (*(f"other-{number}" for number in range(100)), "worn"):
        catalog.publish(name, "1.0.0", created_at=LONG_AGO)
    catalog.set_status("worn", "1.0.0", "deleted")
    comfyui.clone("evil-nodes", "https://www.github.com/Ann/Evil-Nodes")
    clones = ("ann/evil-nodes.git/", "example/worn.git", "eve/evil")
    lines = (f"RUN git clone https://github.com/{one}\n" for one in clones)
    (tmp_path / "Dockerfile").write_text(f"FROM x\n{''.join(lines)}")
    found = document(audit(".", "--json", code=3))["packs"]
    assert [(one["line"], one["id"], one["verdict"]) for one in found] == [
        (2, "Evil", "banned"),
        (None, "Evil", "banned"),
        (3, "worn", "deleted"),
        (4, None, "unknown"),
    ]
    why = "its repository says that it is Evil: the whole pack: Steals tokens"
    assert {one["reason"] for one in found[:2]} == {why}
    pages = [one.query["page"] for one in registry.requests if one.path == "/nodes"]
    assert pages == [["1"], ["2"]]

    async def fail(request: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=503) if "page=2" in request.path_qs else None

    registry.respond = fail
    missing = document(audit("Dockerfile", "--json", "--fail-on", "none", code=1))
    kinds = [one["verdict"] for one in missing["packs"]]
    assert kinds == ["banned", "unknown", "unknown"]
    (error,) = missing["errors"]
    assert error["error"] == (
        "clones cannot be recognised: page 2: the registry does not answer GET /nodes (503)"
    )


def test_what_was_not_read_or_answered(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """A pack that cannot be read, and each that the registry was not asked about, is an error: exit code 1."""
    comfyui.registry("fine", "1.0.0")
    (comfyui.registry("odd", "1.0.0") / "pyproject.toml").write_text("[project\n")
    (comfyui.nodes / "linked").symlink_to(tmp_path / "unmounted")

    async def refuse(_: web.BaseRequest) -> web.StreamResponse | None:
        return web.Response(status=429, headers={"Retry-After": "7200"})

    registry.respond = refuse
    done = audit("ComfyUI", "--json", code=1)
    assert {verdict for _, verdict in verdicts(done)} == {"unknown"}
    assert {one["error"] for one in document(done)["errors"]} == {
        "linked: its link leads nowhere",
        "odd: pyproject.toml is not valid TOML",
        "the registry asked to wait 2h (429)",
    }


@pytest.mark.parametrize("fault", ["html_200", ""])
def test_a_registry_that_gives_no_answer(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, fault: str
) -> None:
    """Where nothing can be checked no pack is banned or gone, each is unknown with the reason; it is said once."""
    names = [f"pack-{number}" for number in range(60)]
    for name in names:
        comfyui.registry(name, "1.0.0")
    env = {"COMFY_WATCH_TIMEOUT": "0.5" if fault == "hang" else "10"}
    if fault:
        inflict(registry, fault)
    else:
        env["COMFY_WATCH_REGISTRY_URL"] = "http://127.0.0.1:1"
    done = audit("ComfyUI", "--json", code=1, **env)
    assert verdicts(done) == [(name, "unknown") for name in sorted(names)]
    found = document(done)
    assert all(
        one["reason"].startswith("it could not be checked: ") for one in found["packs"]
    )
    assert done.err.count("\n") == len({one["error"] for one in found["errors"]}) < 3


def test_which_installs(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """A TARGET that cannot be read is exit code 2, an install of the settings 1; without either one is found."""
    registry.catalog.publish("pack", "1.0.0")
    comfyui.registry("pack", "1.0.0")
    (tmp_path / "music").mkdir()
    done = audit("music", "ComfyUI", "missing", "--json", code=2)
    assert verdicts(done) == [("pack", "ok")]
    unread = [error["install"] for error in document(done)["errors"]]
    assert unread == ["music", "missing"]
    assert done.err.startswith("error: music: no ComfyUI: looked for custom_nodes in ")
    done = audit("--json", code=1, COMFY_WATCH_INSTALLS="ComfyUI,missing")
    assert verdicts(done) == [("pack", "ok")]
    assert document(done)["errors"][0]["install"] == "missing"
    done = audit("--json", COMFYUI_PATH=str(comfyui.root))
    assert verdicts(done) == [("pack", "ok")]
    assert done.err.startswith(f"found {comfyui.root} (")


DOCKERFILE = """FROM x
ARG EXTRA
RUN comfy-node-install evil@1.0.0 \\
    fine \\
    ann/clone
RUN comfy node install $EXTRA
RUN git clone https://github.com/comfyanonymous/ComfyUI
"""


def test_a_repository(audit: Audit, registry: FakeRegistry, tmp_path: Path) -> None:
    """Each reference has its file and line; what is not pinned, not known or not to be read is said.

    In a folder such a file is exit code 1, as a TARGET 2. What a file only names is not to be installed.
    """
    for pack in ("evil", "fine"):
        registry.catalog.publish(pack, "1.0.0", created_at=LONG_AGO)
    registry.catalog.set_status("evil", "1.0.0", "banned", REASON)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    nodes = [{"type": "Sharpen\u202e Me", "properties": {}}, {"type": "KSampler"}]
    (tmp_path / "flow.json").write_text(json.dumps({"nodes": nodes, "cnr_id": ""}))
    (tmp_path / "cut.json").write_text('{"nodes": [{"properties": {"cnr_id":')
    done = audit(".", code=3)
    built = "audit what is built"
    assert _rows(done) == [
        "WHERE PACK VERSION VERDICT WHAT TO DO WHY",
        f"Dockerfile:3 evil 1.0.0 banned do not install it reason: {SHOWN}",
        f"Dockerfile:5 clone - unknown - a repository without an id: {built}",
        f"Dockerfile:6 comfy node - unknown - the line does not say what is installed: {built}",
        "flow.json Sharpen Me - unknown - a type of nodes that name no pack",
        f"Dockerfile:4 fine - ok {NEWEST} 1.0.0 not pinned: judged by 1.0.0, the newest active version",
        "",
        _rows(done)[-1],
    ]
    assert done.out.endswith("1 pack not pinned; 1 file could not be read\n")
    assert done.err == "error: cut.json: is not valid JSON\n"
    audit(".", "--fail-on", "none", code=1)
    assert "is not valid JSON" in audit("cut.json", code=2).err
    audit("flow.json", "--fail-on", "unknown", code=3)
    (tmp_path / "repo").mkdir()
    assert "nor is there a Dockerfile" in audit("repo", code=2).err
    (tmp_path / "repo" / "Dockerfile").write_text("FROM x\n")
    assert audit("repo").out == "no pack was found\n"


def test_hostile_text_stays_text(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Nothing of a pack, or of the registry's answer, controls the terminal, breaks its line or becomes a command.

    What can be no id is never sent to the registry.
    """
    hostile = "x\x1b[31m\u202e\r\n::error::@everyone"
    comfyui.registry(hostile, "1.0.0", folder="::set-output name=x::y")
    comfyui.claimed("../../etc/passwd", "1.0.0", folder="odd")
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
    sent = {name for one in registry.requests for name in one.query.get("nodeId", ())}
    assert sent <= {"pack", "pack-2"}
