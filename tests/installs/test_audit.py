"""`comfy-watch audit` of the folder that the programs built: its packs, as they are there, and a registry's answers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.installs.tools import Tools
from tests.installs.tree import GONE, PACKS
from tests.support.fake_registry.server import FakeRegistry
from tests.support.program import Completed

pytestmark = pytest.mark.installs


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
    catalog.publish("Delta-Pack", "0.4.0")
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
    """comfy-cli takes the commands of a table as they are, and afterwards nothing that it can mend is bad."""
    root = tmp_path / "ComfyUI"
    shutil.copytree(built.root, root, symlinks=True)
    for pack in PACKS:
        for version in pack.versions:
            registry.catalog.publish(pack.id, version)
        registry.catalog.edit_pack(pack.id, repository=pack.repository)
    registry.catalog.set_status("alpha", "1.2.0", "banned")
    registry.catalog.set_status("Delta-Pack", "0.3.1", "flagged")
    registry.catalog.set_status("bravo", "2.5", "banned")
    env = {"COMFY_WATCH_REGISTRY_URL": registry.url}

    def bad() -> tuple[dict[str, str], list[str]]:
        """Return the verdicts of what is run and bad, by folder, and the commands against it."""
        done = run("audit", str(root), env=env)
        typed = re.findall(r"comfy node .*", done.out)
        packs = json.loads(run("audit", str(root), "--json", env=env).out)["packs"]
        found = {one["folder"]: one["verdict"] for one in packs if one["enabled"]}
        return {
            name: verdict
            for name, verdict in found.items()
            if verdict in {"banned", "flagged"}
        }, typed

    before, typed = bad()
    assert before == {"alpha": "banned", "bravo": "banned", "Delta-Pack": "flagged"}
    assert sorted(typed) == [
        "comfy node disable Delta-Pack",
        "comfy node uninstall alpha && comfy node install alpha@1.0.0",
        "comfy node uninstall bravo",
    ]
    tools = built.at(root)
    for line in typed:
        for command in line.split(" && "):
            program, *words = command.split()
            assert program == "comfy"
            tools.comfy(*words)
    assert bad() == ({}, [])
