"""A Debian in a folder, as small as Debian's own image: made once, until `make clean`, and changed by no test."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.deploy.support.tools import lack, need_root, search_path, tool
from tests.support import program

_FOLDER = program.ROOT / ".venv-deploy"
_SOURCES = Path("/etc/apt")
_MIRROR = re.compile(r"^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(https?://\S+)", re.MULTILINE)
_CODENAME = re.compile(r"^VERSION_CODENAME=(\w+)$", re.MULTILINE)
_PATIENCE = 300.0


def bootstrap() -> Path:
    """Return the root folder of a minimal Debian, made by whichever process needs it first.

    It is of the release and from the mirror of this machine. Without root or debootstrap the test is skipped, or fails
    where nothing may be lacking.
    """
    need_root()
    debootstrap, (mirror, release) = tool("debootstrap"), _source()
    _FOLDER.mkdir(exist_ok=True)
    root, made = _FOLDER / "debian", _FOLDER / "debian.made"
    with (_FOLDER / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(root, ignore_errors=True)  # one whose making was stopped
            done = subprocess.run(
                [debootstrap, "--variant=minbase", release, str(root), mirror],
                env={**os.environ, "PATH": search_path()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                timeout=_PATIENCE,
                check=False,
            )
            assert done.returncode == 0, f"debootstrap failed:\n{done.stdout[-2000:]}"
            made.touch()
    return root


def _source() -> tuple[str, str]:
    """Return the mirror and the release that this machine's own packages come from."""
    lists = [*_SOURCES.glob("sources.list"), *sorted(_SOURCES.glob("sources.list.d/*"))]
    mirrors = [
        found for path in lists for found in _MIRROR.findall(path.read_text("utf-8"))
    ]
    release = _CODENAME.search(Path("/etc/os-release").read_text("utf-8"))
    if not mirrors or release is None:
        lack("this machine is no Debian with a mirror")
    return mirrors[0], release[1]
