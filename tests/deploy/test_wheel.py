"""The wheel: what is in it, and that it works where pip has installed it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support import program
from watcher import __version__

pytestmark = pytest.mark.deployment

_ROOT = program.ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this folder with the build backend of the project, which refuses wrong classifiers."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*build, "--directory", folder], cwd=_ROOT, check=True, capture_output=True
    )
    (built,) = folder.glob("*.whl")
    return built


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


def test_what_pip_installs(wheel: Path, tmp_path: Path) -> None:
    """The installed wheel knows its version and no commit, and prints its schemas."""
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", site, wheel], check=True, capture_output=True)
    for words, said in (
        (["--version"], f"comfy-watch, version {__version__}\n"),
        (["schema", "snapshot"], '"$schema"'),
    ):
        done = program.run(*words, cwd=tmp_path, env={"PYTHONPATH": str(site)})
        assert (done.code, done.err) == (0, "")
        assert said in done.out
