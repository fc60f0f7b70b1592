"""comfy-cli and the Manager's `cm-cli`, run as programs: off the network, without telemetry, in a home of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support import program

REQUIRED = "INSTALLS_REQUIRED"
"""The variable that makes a missing program a failure: continuous integration has all of them."""
ENVIRONMENT = program.ROOT / ".venv-installs"
_PATIENCE = 60.0


def lack(why: str) -> NoReturn:
    """Skip the test for what the machine lacks, or fail it where nothing may be lacking."""
    if os.environ.get(REQUIRED):
        pytest.fail(why)
    pytest.skip(why)


class Tools:
    """The programs of `.venv-installs`, for one ComfyUI folder (`root`) and one home."""

    def __init__(self, root: Path, home: Path, surrounding: Mapping[str, str]) -> None:
        self.root = root
        self.home = home
        self._surrounding = dict(surrounding)

    @property
    def environment(self) -> dict[str, str]:
        """What they are started with: none of the caller's settings, and nowhere to go but loopback."""
        own = {
            "PATH": os.pathsep.join((str(ENVIRONMENT / "bin"), os.environ["PATH"])),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "COLUMNS": "400",  # rich breaks no line of theirs
            "PYTHONPATH": str(program.ROOT / "tests" / "support" / "offline"),
            "VIRTUAL_ENV": str(ENVIRONMENT),  # comfy-cli looks for the Manager there
            "COMFYUI_PATH": str(self.root),
            "DO_NOT_TRACK": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "UV_OFFLINE": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"),
        }
        return own | self._surrounding

    def cm_cli(self, *words: str) -> str:
        """Run the Manager's program to its end and return its stdout; AssertionError if it fails."""
        return self.run("cm-cli", *words)

    def comfy(self, *words: str) -> str:
        """Run comfy-cli on the folder, likewise."""
        return self.run("comfy", "--skip-prompt", "--workspace", str(self.root), *words)

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run a program to its end and return its stdout; AssertionError if it fails."""
        done = subprocess.run(
            [program_of(command[0]), *command[1:]],
            cwd=cwd or self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout


def program_of(name: str) -> str:
    """Return the path of a program in `.venv-installs`; any other name is left for the PATH."""
    found = ENVIRONMENT / "bin" / name
    return str(found) if found.exists() else name
