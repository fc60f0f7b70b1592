"""Windows and macOS: the plist as Python reads it, and what the pages name."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from tests.support import program
from tests.support.markdown import blocks
from watcher.cli.main import cli
from watcher.settings.loading import load

pytestmark = pytest.mark.deployment

_PLIST = program.ROOT / "deploy" / "launchd" / "comfy-watch.plist"


def test_the_plist() -> None:
    """It is a property list that starts a command of the program, and is named as launchd expects."""
    job = plistlib.loads(_PLIST.read_bytes())
    path, *arguments = job["ProgramArguments"]
    assert (job["Label"], path.endswith("/bin/comfy-watch")) == (_PLIST.stem, True)
    assert set(arguments) <= set(cli.commands)
    assert job["StartInterval"] == 900
    assert {key for key in job if key.startswith("Standard")} == {
        "StandardOutPath",
        "StandardErrorPath",
    }


def test_the_settings_of_the_page_for_windows(tmp_path: Path) -> None:
    """The settings that it shows are valid, and the path in single quotes comes as it is written."""
    (settings,) = blocks("windows.md", "toml")
    path = tmp_path / "comfy-watch.toml"
    path.write_text(settings, "utf-8")
    loaded = load(
        config=path,
        overrides={},
        environ={},
        cwd=tmp_path,
        container_secrets=tmp_path / "none",
    )
    (install,) = loaded.settings.installs
    assert install.where.endswith(r"C:\ComfyUI_windows_portable\ComfyUI")
