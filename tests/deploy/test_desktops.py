"""Windows and macOS: the plist as Python reads it, and what the pages name."""

from __future__ import annotations

import plistlib
import re

import pytest

from tests.support import program
from watcher.cli.main import cli

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


@pytest.mark.parametrize("page", ["windows.md", "macos.md"])
def test_the_pages_name_what_there_is(page: str) -> None:
    """Each command of the program that a page shows exists."""
    text = (program.ROOT / "docs" / page).read_text("utf-8")
    shown = re.findall(r"^\s*comfy-watch ([a-z-]+)", text, re.MULTILINE)
    assert shown
    assert set(shown) <= set(cli.commands)
