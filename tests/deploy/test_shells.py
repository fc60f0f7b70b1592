"""docs/install.md in real shells: somebody follows its lines, opens a new shell and presses the tab key."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.support.person import Person, marked
from tests.deploy.support.tools import lack, tool

pytestmark = pytest.mark.deployment

_PATIENCE = 60.0
_SKELETON = Path("/etc/skel/.bashrc")
"""What a new account gets as its `.bashrc`: it turns the package `bash-completion` on."""
_BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")


class _Shell:
    """A shell on a terminal of its own, in which somebody types."""

    def __init__(self, ours: int) -> None:
        self._ours = ours
        self._said = ""

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._ours, keys.encode())

    def until(self, pattern: str) -> str:
        """Read until a pattern has come that had not come before, and return the group in it."""
        while not (found := re.search(pattern, self._said)):
            readable, _, _ = select.select([self._ours], [], [], _PATIENCE)
            assert readable, f"{pattern!r} never came: {self._said!r}"
            self._said += os.read(self._ours, 65536).decode("utf-8", "replace")
        self._said = self._said[found.end() :]
        return found[1]

    def completes(self, begun: str, rest: str) -> None:
        """See that the tab key at the end of a line puts the rest of its last word there."""
        self.type(f"{begun}\t")
        self.until(f"({re.escape(rest)})")
        # At the beginning of the line: print its words instead of running them.
        self.type("\x01printf '<%s>' \r")
        assert self.until(r"((?:<[^<>%]*>)+)") == "".join(
            f"<{word}>" for word in (begun + rest).split()
        )


@contextlib.contextmanager
def _open(person: Person, *command: str) -> Iterator[_Shell]:
    ours, theirs = pty.openpty()
    env = person.environment(
        {
            "TERM": "dumb",
            "PATH": f"{person.home}/.local/bin:{person.environment()['PATH']}",
        }
    )
    process = subprocess.Popen(
        [tool("setsid"), "--ctty", *command],
        cwd=person.home,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield _Shell(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.fixture
def installed(person: Person) -> Person:
    """Somebody who has the program."""
    person.installs()
    return person


def _follow(person: Person, marker: str) -> None:
    """Carry out a block of the page, with what `pipx ensurepath` has put on the PATH."""
    env = {"PATH": f"{person.home}/.local/bin:{person.environment()['PATH']}"}
    done = person.shell(marked("install.md", marker), env=env)
    assert (done.code, done.err) == (0, "")


def _completes(shell: _Shell) -> None:
    shell.completes("comfy-watch sta", "tus")
    shell.completes("comfy-watch check --fail-on banned,fl", "agged")


def test_bash(installed: Person) -> None:
    """In a new account's bash the tab key completes commands and kinds."""
    if not _SKELETON.is_file() or not _BASH_COMPLETION.is_file():
        lack("bash-completion, or Debian's /etc/skel/.bashrc, is not installed")
    shutil.copy(_SKELETON, installed.home)
    _follow(installed, "bash")
    with _open(installed, tool("bash"), "-i") as shell:
        _completes(shell)


def test_zsh(installed: Person) -> None:
    """The same in zsh."""
    zsh = tool("zsh")
    _follow(installed, "zsh")
    with _open(installed, zsh, "-i") as shell:
        _completes(shell)


def test_fish(installed: Person) -> None:
    """fish, asked what it would complete a line with, has the same; after a comma it has nothing."""
    fish = tool("fish")
    _follow(installed, "fish")
    env = {
        "PATH": f"{installed.home}/.local/bin:{installed.environment()['PATH']}",
        "TERM": "dumb",
    }

    def offers(line: str) -> list[str]:
        done = installed.shell(
            f"{fish} --command \"complete --do-complete '{line}'\"", env=env
        )
        assert (done.code, done.err) == (0, "")
        return [row.partition("\t")[0] for row in done.out.splitlines()]

    assert offers("comfy-watch sta") == ["status"]
    assert offers("comfy-watch check --fail-on ban") == ["banned"]
    assert offers("comfy-watch check --fail-on banned,fl") == []
