"""The tools of the places that it runs in: where each is, and what becomes of a test that lacks one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, NoReturn

import pytest

from tests.support import program
from tests.support.fakes.webhook import Webhook
from tests.support.program import Completed

REQUIRED = "DEPLOYMENTS_REQUIRED"
"""The variable that makes a missing tool a failure: continuous integration has all of them."""
PACKAGES = program.ROOT / ".venv-deploy" / "npm" / "node_modules"
"""Where packages of the npm registry are."""
_OURS = (program.ROOT / ".venv-deploy" / "bin", PACKAGES / ".bin")
_SYSTEM = ("/usr/sbin", "/sbin")
_PATIENCE = 840.0
"""Seconds that a command may take: a build on a busy machine. CI ends the whole run a little later."""


def tool(name: str) -> str:
    """Return the path of a program; where it is missing the test is skipped, or fails where all have to be there."""
    found = shutil.which(name, path=search_path())
    if found is None:
        lack(f"{name} is not installed")
    return found


def package(name: str) -> Path:
    """Return the folder of a package of the npm registry, under the same rule as `tool`."""
    folder = PACKAGES / name
    if not folder.is_dir():
        lack(f"{name} is not installed (make deployments does, with npm)")
    return folder


def need_root() -> None:
    """Skip the test without root's rights, or fail it where nothing may be lacking."""
    if os.geteuid() != 0:
        lack("only root may do this")


def lack(why: str) -> NoReturn:
    """Skip the test for what the machine lacks, or fail it where nothing may be lacking."""
    if os.environ.get(REQUIRED):
        pytest.fail(why)
    pytest.skip(why)


def until(true: Callable[[], bool], what: str, patience: float = 60.0) -> None:
    """Wait until something is true; AssertionError when it has not come in `patience` seconds."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.05)  # between two looks at what another process does


def search_path() -> str:
    """Return the PATH on which tools are looked for: what `make deployments` installs comes first."""
    return os.pathsep.join(
        (*map(str, _OURS), os.environ.get("PATH", os.defpath), *_SYSTEM)
    )


def ended(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> Completed:
    """Run a command to its end."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=_PATIENCE,
        check=False,
    )
    return Completed(code=done.returncode, out=done.stdout, err=done.stderr)


def checked(*command: str, cwd: Path | None = None) -> str:
    """Run a tool to its end and return what it said; AssertionError, with that, if it ends with another code than 0."""
    env = {"PATH": search_path(), "LANG": "C.UTF-8", "HOME": "/nonexistent"}
    done = ended(tool(command[0]), *command[1:], cwd=cwd, env=env)
    assert done.code == 0, f"{' '.join(command)}: {done}"
    return done.out + done.err


def alerted(webhook: Webhook, count: int = 1) -> list[str]:
    """Wait until so many messages have come, and return the kinds of the last one's events."""
    message = webhook.wait_for(count, timeout=60)[count - 1]
    return [event["kind"] for event in message.json["events"]]
