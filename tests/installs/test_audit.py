"""`comfy-watch audit` of the folder that the programs built: its packs, as they are there, and a registry's answers."""

from __future__ import annotations

import json
from collections.abc import Callable

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
