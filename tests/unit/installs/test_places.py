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


@pytest.mark.parametrize("chosen", [False, True])
def test_everywhere_else(tmp_path: Path, chosen: bool) -> None:
    """Else all count that installers left: comfy-cli's workspaces, the home folder, both generations of Desktop."""
    home = tmp_path / "home"
    names = (
        "env",
        "cli",
        "recent",
        "comfy/ComfyUI",
        "ComfyUI",
        "desktop",
        "portable/ComfyUI",
    )
    made = {name: ComfyUI(home / name).root for name in names}
    config = home / ".config" / "comfy-cli" / "config.ini"
    config.parent.mkdir(parents=True)
    config.write_text(
        f"[DEFAULT]\ndefault_workspace = {made['cli']}\nrecent_workspace = {made['recent']}\n"
    )
    (home / ".config" / "ComfyUI").mkdir()
    (home / ".config" / "ComfyUI" / "config.json").write_text(
        json.dumps({"basePath": str(made["desktop"])})
    )
    data = tmp_path / "data" if chosen else home / ".local" / "share"
    desktop_2 = data / "comfyui-desktop-2"
    desktop_2.mkdir(parents=True)
    installs = [
        {"installPath": str(home / "portable")},
        {"installPath": str(made["cli"])},
        {"installPath": "/gone"},
        5,
    ]
    (desktop_2 / "installations.json").write_text(json.dumps(installs))
    environ = {"COMFYUI_PATH": str(made["env"])}
    if chosen:
        environ["XDG_DATA_HOME"] = str(data)
    assert [
        (place.path, place.by) for place in places.here(environ, tmp_path, home)
    ] == [
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
