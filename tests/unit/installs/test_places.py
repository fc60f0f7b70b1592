"""Where a ComfyUI is looked for when nobody names one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.comfyui import ComfyUI
from watcher.installs import places
from watcher.installs.places import Place

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="each system has its own folders; these are Linux's"
)


def test_the_working_folder(tmp_path: Path) -> None:
    """Within a ComfyUI that one counts and no other."""
    ComfyUI(tmp_path / "home" / "ComfyUI")
    here = ComfyUI(tmp_path / "work")
    for folder in (here.root, here.nodes, here.root / "comfy"):
        found = places.here({}, folder, tmp_path / "home")
        assert found == (Place(path=here.root, by="the working folder"),)


def test_everywhere_else(tmp_path: Path) -> None:
    """Else all count that installers left: comfy-cli's workspaces, the home folder, both generations of Desktop."""
    home = tmp_path / "home"
    names = ("env", "cli", "recent", "comfy/ComfyUI", "ComfyUI", "desktop")
    made = {name: ComfyUI(home / name).root for name in (*names, "portable/ComfyUI")}
    installs = [home / "portable", made["cli"], "/gone"]
    listed = json.dumps([5, *({"installPath": str(path)} for path in installs)])
    for name, text in {
        "home/.config/comfy-cli/config.ini": "[DEFAULT]\n"
        f"default_workspace = {made['cli']}\nrecent_workspace = {made['recent']}\n",
        "home/.config/ComfyUI/config.json": json.dumps(
            {"basePath": str(made["desktop"])}
        ),
        "data/comfyui-desktop-2/installations.json": listed,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    environ = {
        "COMFYUI_PATH": str(made["env"]),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    found = places.here(environ, tmp_path, home)
    assert [(place.path, place.by) for place in found] == [
        (made["env"], "COMFYUI_PATH"),
        (made["cli"], "comfy-cli's workspace"),
        (made["recent"], "comfy-cli's workspace"),
        (made["comfy/ComfyUI"], "comfy-cli's usual workspace"),
        (made["ComfyUI"], "the home folder"),
        (made["desktop"], "ComfyUI Desktop"),
        (home / "portable", "Comfy Desktop"),
    ]


@pytest.mark.parametrize("text", ["[DEFAULT", "\0", "[" * 5000])
def test_configurations_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    """What other programs left broken is passed over."""
    for name in ("comfy-cli/config.ini", "ComfyUI/config.json"):
        path = tmp_path / ".config" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    assert places.here({}, tmp_path, tmp_path) == ()
