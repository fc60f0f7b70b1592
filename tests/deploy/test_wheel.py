"""The wheel: what it says of itself, what is in it, and that it works where pip has installed it."""

from __future__ import annotations

import email
import email.message
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.support.tools import lack, tool
from tests.support import program
from watcher import __version__

pytestmark = pytest.mark.deployment

_ROOT = program.ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this folder with the build backend of the project, which refuses wrong classifiers."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        str(folder),
    ]
    subprocess.run(build, cwd=_ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def _metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as opened:
        return email.message_from_bytes(
            opened.read(f"comfy_watch-{__version__}.dist-info/METADATA")
        )


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(
        (_ROOT / "pyproject.toml").read_text("utf-8")
    )["project"]
    return project


def test_metadata(wheel: Path) -> None:
    """Version, addresses, classifiers, Python and license are those of the project."""
    said, project = _metadata(wheel), _project()
    assert (said["Name"], said["Version"], said["License-Expression"]) == (
        "comfy-watch",
        __version__,
        "MIT",
    )
    assert said["Requires-Python"] == project["requires-python"]
    assert said.get_all("Classifier") == project["classifiers"]
    urls = dict(url.split(", ") for url in said.get_all("Project-URL") or [])
    assert urls == project["urls"]
    pythons = [
        row.rpartition(" ")[2] for row in project["classifiers"] if row.count(".") == 1
    ]
    assert pythons[0] == project["requires-python"].removeprefix(">=")


def test_the_long_description(wheel: Path) -> None:
    """What a package page shows is the README, as Markdown; tests/cli/test_links.py holds its links."""
    said = _metadata(wheel)
    assert said["Description-Content-Type"] == "text/markdown"
    payload = said.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode() == (_ROOT / "README.md").read_text("utf-8")


def test_contents(wheel: Path) -> None:
    """It has every module, what modules read, the mark of typed packages, its license, and nothing else."""
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    parts = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    about = {f"comfy_watch-{__version__}.dist-info/{part}" for part in parts}
    package = {
        path.relative_to(_ROOT).as_posix()
        for path in (_ROOT / "watcher").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert names == about | package
    assert {"watcher/py.typed", "watcher/installs/comfyui_nodes.txt"} < names


def _install(what: str, site: Path) -> None:
    """Have pip install something into a folder, without what it depends on."""
    options = [
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--disable-pip-version-check",
    ]
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        *options,
        "--target",
        str(site),
        what,
    ]
    subprocess.run(command, cwd=site.parent, check=True, capture_output=True)


def _says(*args: str, site: Path) -> str:
    done = program.run(*args, cwd=site.parent, env={"PYTHONPATH": str(site)})
    assert (done.code, done.err) == (0, "")
    return done.out


def test_what_pip_installs(wheel: Path, tmp_path: Path) -> None:
    """The installed wheel knows its version and no commit, and prints its schemas."""
    site = tmp_path / "site"
    _install(str(wheel), site)
    assert _says("--version", site=site) == f"comfy-watch, version {__version__}\n"
    assert '"$schema"' in _says("schema", "snapshot", site=site)


def test_what_pip_installs_from_git(tmp_path: Path) -> None:
    """Installed from a git repository it names the commit, wherever it runs."""
    if not (_ROOT / ".git").exists():
        lack("this is no checkout")
    git = tool("git")
    commit = subprocess.run(
        [git, "rev-parse", "HEAD"],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    site = tmp_path / "site"
    _install(f"git+{_ROOT.as_uri()}@{commit.strip()}", site)
    assert f"(commit {commit[:12]})" in _says("--version", site=site)
