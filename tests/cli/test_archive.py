"""The source archive: what is in it, so that what works from the repository works from there."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

from tests.support import program

_WHOLE = (
    ".ci",
    ".github",
    "bench",
    "deploy",
    "docs",
    "requirements",
    "tests",
    "watcher",
)
_FILES = (
    *(
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "SECURITY.md",
    ),
    *(".containerignore", "Containerfile", "action.yml", "audit/action.yml"),
    "pyproject.toml",
)
_SCRIPTS = {".in", ".json", ".md", ".py", ".sh", ".txt", ".yaml", ".yml", ""}


def test_the_archive_has_all_that_make_needs(tmp_path: Path) -> None:
    """Code, tests, pinned requirements and documents are in it, and no state of anybody's."""
    build = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "sdist",
        "--directory",
        str(tmp_path),
    ]
    subprocess.run(build, cwd=program.ROOT, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    wanted = {
        path.relative_to(program.ROOT).as_posix()
        for folder in _WHOLE
        for path in (program.ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in _SCRIPTS
    }
    assert (wanted | {*_FILES, "state/README.md"}) - names == set()
    assert {name for name in names if name.startswith("state/")} == {"state/README.md"}
