"""`comfy-watch installed FOLDER` beside git, `cm-cli show` and `comfy node show` in that folder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.installs.listings import shown
from tests.installs.ours import Ours, Row
from tests.installs.tools import Tools

pytestmark = pytest.mark.installs

_GITHUB = "https://github.com"
_ANN = f"{_GITHUB}/ann/ComfyUI"
_BOB = f"{_GITHUB}/bob/ComfyUI"
_EXPECTED = (
    Row(folder="alpha", kind="registry", id="alpha", version="1.2.0", repository=f"{_ANN}-Alpha"),
    Row(folder="bravo", kind="registry", id="bravo", version="2.5", repository=f"{_ANN}-Bravo"),
    Row(folder=".disabled/charlie@1_0_0", kind="registry", id="charlie", version="1.0.0", enabled=False,
        repository=f"{_ANN}-Charlie"),
    Row(folder="Delta-Pack", kind="registry", id="Delta-Pack", version="0.3.1", repository=f"{_ANN}-Delta"),
    Row(folder="echo", kind="registry", id="echo", version="2.0.0-alpha.21", repository=f"{_ANN}-Echo"),
    Row(folder="foxtrot", kind="registry", id="foxtrot", version="4.0.0", repository=f"{_ANN}-Foxtrot"),
    Row(folder="golf", kind="claimed", id="golf", version="1.4.0", repository=f"{_ANN}-Golf"),
    Row(folder="hotel", kind="git", id="hotel", repository=f"{_ANN}-Hotel"),
    Row(folder="papa", kind="git", id="papa", repository=f"{_ANN}-Papa"),
    Row(folder=".disabled/papa@1_0_0", kind="registry", id="papa", version="1.0.0", enabled=False,
        repository=f"{_ANN}-Papa"),
    Row(folder="ComfyUI-Alpha-Fork", kind="git", id="alpha",
        repository=f"{_GITHUB}/mallory/ComfyUI-Alpha-Fork.git"),
    Row(folder="ComfyUI-India", kind="git", repository=f"{_BOB}-India"),
    Row(folder=".disabled/ComfyUI-Juliet", kind="git", enabled=False, repository=f"{_BOB}-Juliet"),
    Row(folder="ComfyUI-Kilo", kind="git", repository=f"{_BOB}-Kilo.git"),
    Row(folder="ComfyUI-Lima", kind="git", repository=f"{_BOB}-Lima.git"),
    Row(folder="ComfyUI-Mike.disabled", kind="git", enabled=False, repository=f"{_BOB}-Mike.git"),
    Row(folder="ComfyUI-Manager", kind="git", id="comfyui-manager",
        repository=f"{_GITHUB}/Comfy-Org/ComfyUI-Manager.git"),
    Row(folder="ComfyUI-Sierra", kind="git", repository=f"{_BOB}-Sierra"),
    Row(folder="ComfyUI-Tango", kind="git"),
    Row(folder="november.py", kind="file"),
    Row(folder="oscar.py.disabled", kind="file", enabled=False),
    Row(folder="romeo", kind="unknown"),
)  # fmt: skip
"""What is to be said of the folder of `tree`, but for the commits."""

_UNLISTED = {
    "echo": "its version is not of numbers only, so that the Manager takes it for no pack of the registry",
    "foxtrot": "the registry lists it no more: the very pack that somebody has to hear of",
    "golf": "comfy-cli unpacked it without the Manager's mark",
    ".disabled/papa@1_0_0": "a copy that runs hides one that is disabled",
    "ComfyUI-Alpha-Fork": "no pack of the registry has that repository; the id is what its pyproject claims",
    "ComfyUI-India": "no pack of the registry, and not in the Manager's own list",
    ".disabled/ComfyUI-Juliet": "likewise",
    "ComfyUI-Kilo": "likewise",
    "ComfyUI-Lima": "likewise",
    "ComfyUI-Mike.disabled": "likewise",
    "ComfyUI-Sierra": "likewise",
    "ComfyUI-Tango": "likewise",
    "november.py": "a file has no id",
    "oscar.py.disabled": "likewise",
    "romeo": "a folder without any mark",
}
"""What the Manager's list leaves out, and why; we do not."""

_ELSEWHERE = "ComfyUI-Tango"
"""A clone whose `.git` is a file that leads out of the folder: git follows; the Manager does not."""


def test_everything(built: Tools, installed: Ours) -> None:
    """Every pack is named as it was built, a clone with the commit that git itself says, and nothing besides."""
    rows = installed(built.root)
    assert {replace(row, commit=None) for row in rows} == set(_EXPECTED)
    assert len(rows) == len(_EXPECTED)
    for row in rows:
        if row.kind == "git" and row.folder != _ELSEWHERE:
            path = built.root / "custom_nodes" / row.folder
            assert (
                row.commit == built.run("git", "rev-parse", "HEAD", cwd=path).strip()
            ), row
            assert (
                row.repository
                == built.run("git", "config", "remote.origin.url", cwd=path).strip()
            )
        else:
            assert row.commit is None, row


def test_manager(built: Tools, installed: Ours) -> None:
    """What the Manager lists we list, with the same version and state; what it leaves out has a reason each."""
    rows = installed(built.root)
    assert _UNLISTED.keys() <= {row.folder for row in rows}
    ours = {
        (row.id, "nightly" if row.kind == "git" else row.three, row.enabled)
        for row in rows
        if row.folder not in _UNLISTED
    }
    assert ours == shown(built.cm_cli("show", "installed"))
    for state in (True, False):
        listed = shown(built.comfy("node", "show", "enabled" if state else "disabled"))
        assert listed == {row for row in ours if row[2] is state}


def test_workspace(built: Tools, installed: Ours) -> None:
    """The workspace that comfy-cli was given as its default is found where no TARGET is named."""
    built.comfy("set-default", str(built.root))
    home = {"HOME": str(built.home), "XDG_CONFIG_HOME": str(built.home / ".config")}
    rows, said = installed.found(env=home)
    assert rows == installed(built.root)
    assert said == f"found {built.root} (comfy-cli's workspace)\n"
