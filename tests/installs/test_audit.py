"""`comfy-watch audit` of the folder that the programs built: its packs, as they are there, and a registry's answers."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installs.tools import Tools
from tests.installs.tree import GONE, PACKS
from tests.support.fake_registry.server import FakeRegistry
from tests.support.program import Completed

pytestmark = pytest.mark.installs
LONG_AGO = "2026-01-01T00:00:00Z"


def test_audit(
    built: Tools, registry: FakeRegistry, run: Callable[..., Completed]
) -> None:
    """Each pack gets the verdict of what is installed, by whichever of the programs, and under the name that it has.

    The version 2.5 is the registry's 2.5.0; a clone of the Manager is banned with the pack, although the registry has
    the address before its move; a pack that is listed no more is found; a fork is not what it claims to be.
    """
    catalog = registry.catalog
    for pack in PACKS:
        if pack.id != GONE:
            for version in pack.versions:
                catalog.publish(pack.id, "2.5.0" if version == "2.5" else version)
            catalog.edit_pack(pack.id, repository=pack.repository)
    catalog.set_status("alpha", "1.2.0", "banned")
    catalog.set_status("golf", "1.4.0", "flagged")
    catalog.deprecate("charlie", "1.0.0")
    catalog.publish("Delta-Pack", "0.4.0", created_at=LONG_AGO)
    catalog.ban_node("comfyui-manager")

    done = run(
        "audit",
        str(built.root),
        "--json",
        env={"COMFY_WATCH_REGISTRY_URL": registry.url},
    )
    assert done.code == 3, done.err
    packs = json.loads(done.out)["packs"]
    verdicts = {
        pack["folder"]: pack["verdict"]
        for pack in packs
        if pack["verdict"] != "unknown"
    }
    assert verdicts == {
        "alpha": "banned",
        "ComfyUI-Manager": "banned",
        "golf": "flagged",
        ".disabled/charlie@1_0_0": "deprecated",
        "foxtrot": "delisted",
        "Delta-Pack": "outdated",
        "bravo": "ok",
        "echo": "ok",
        "hotel": "ok",
        "papa": "ok",
        ".disabled/papa@1_0_0": "ok",
    }
    assert {pack["safe_version"] for pack in packs if pack["folder"] == "alpha"} == {
        "1.0.0"
    }
    (fork,) = (pack for pack in packs if pack["folder"] == "ComfyUI-Alpha-Fork")
    assert fork["verdict"] == "unknown"
    assert fork["reason"] == "claims to be alpha, whose repository is ann/comfyui-alpha"


def test_what_it_says_to_type(
    built: Tools, registry: FakeRegistry, run: Callable[..., Completed], tmp_path: Path
) -> None:
    """comfy-cli and a shell take the commands of a table as they are, and afterwards nothing is bad any more.

    A copy that comfy-cli does not handle by its id alone is moved away: a clone, the Manager, one without the Manager's
    mark, a disabled one, and each of several copies; what is good of those stays.
    """
    root = tmp_path / "Comfy UI"
    shutil.copytree(built.root, root, symlinks=True)
    nodes = root / "custom_nodes"
    shutil.copytree(nodes / "echo", nodes / "echo again")
    (nodes / "bravo").rename(nodes / "another name")
    catalog = registry.catalog
    for pack in PACKS:
        for version in pack.versions:
            catalog.publish(pack.id, version)
        catalog.edit_pack(pack.id, repository=pack.repository)
    catalog.set_status("alpha", "1.2.0", "banned")
    catalog.set_status("bravo", "2.5", "banned")
    catalog.set_status("charlie", "1.0.0", "banned")
    catalog.set_status("Delta-Pack", "0.3.1", "flagged")
    catalog.set_status("echo", "2.0.0-alpha.21", "banned")
    catalog.set_status("golf", "1.4.0", "deleted")
    catalog.ban_node("hotel")
    catalog.publish("papa", "1.1.0")
    catalog.set_status("papa", "1.0.0", "banned")
    catalog.ban_node("comfyui-manager")
    env = {"COMFY_WATCH_REGISTRY_URL": registry.url}

    def bad() -> tuple[dict[str, str], list[str]]:
        """Return the verdicts of what is bad, by folder, and the commands against it."""
        done = run("audit", str(root), env=env)
        typed = re.findall(r"  ((?:comfy node|cd) .*)", done.out)
        packs = json.loads(run("audit", str(root), "--json", env=env).out)["packs"]
        wrong = {"banned", "flagged", "deleted"}
        found = {one["folder"]: one["verdict"] for one in packs}
        return {
            name: verdict for name, verdict in found.items() if verdict in wrong
        }, typed

    def moved(folder: str) -> str:
        base = folder.rpartition("/")[2]
        path, away = shlex.quote(f"./{folder}"), shlex.quote(f"../{base}.removed")
        return f"cd '{nodes}' && mkdir {away} && mv {path} {away}"

    before, typed = bad()
    assert sorted(before) == [
        *(".disabled/charlie@1_0_0", ".disabled/papa@1_0_0", "ComfyUI-Manager"),
        *("Delta-Pack", "alpha", "another name", "echo", "echo again", "golf"),
        *("hotel", "papa"),
    ]
    assert sorted(typed) == sorted(
        [
            "comfy node disable Delta-Pack",
            "comfy node uninstall alpha && comfy node install alpha@1.0.0",
            "comfy node uninstall bravo",
            "comfy node uninstall charlie",
            *map(moved, ("echo", "echo again", "golf", "hotel", "ComfyUI-Manager")),
            *map(moved, (".disabled/papa@1_0_0", "papa")),
        ]
    )
    tools = built.at(root)
    for line in typed:
        if not line.startswith("comfy "):
            tools.run("sh", "-c", line)
            continue
        for command in line.split(" && "):
            program, *words = command.split()
            assert program == "comfy"
            tools.comfy(*words)
    # What is disabled, and has no good version, may stay.
    assert bad() == ({".disabled/Delta-Pack@0_3_1": "flagged"}, [])
    assert (root / "papa@1_0_0.removed" / "papa@1_0_0" / "pyproject.toml").is_file()
    assert (nodes / "alpha" / "pyproject.toml").read_text("utf-8").count('"1.0.0"') == 1


def test_what_comfy_cli_does_by_an_id(built: Tools, tmp_path: Path) -> None:
    """The facts under the commands: it takes one spelling, removes all copies, and leaves what it cannot see."""
    root = tmp_path / "ComfyUI"
    shutil.copytree(built.root, root, symlinks=True)
    nodes, more = root / "custom_nodes", root / "more"
    tools = built.at(root)
    tools.comfy("node", "uninstall", "delta-pack")
    assert (nodes / "Delta-Pack").is_dir()
    tools.comfy("node", "uninstall", "comfyui-manager")
    assert (nodes / "ComfyUI-Manager").is_dir()
    tools.comfy("node", "uninstall", "papa")
    assert not (nodes / "papa").exists()
    assert not (nodes / ".disabled" / "papa@1_0_0").exists()
    more.mkdir()
    (nodes / "bravo").rename(more / "bravo")
    (root / "extra_model_paths.yaml").write_text("a:\n  custom_nodes: more\n")
    tools.comfy("node", "uninstall", "bravo")
    assert (more / "bravo").is_dir()
    (nodes / "alpha").rename(nodes / "alpha.disabled")
    tools.comfy("node", "uninstall", "alpha")
    assert not (nodes / "alpha.disabled").exists()
