"""Somebody who follows a page: an empty home, a shell, and what the page had them install."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.cli.test_links import REPOSITORY
from tests.deploy.support.tools import ended, lack, tool
from tests.support import program
from tests.support.program import Completed

_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Person:
    """Somebody with an empty home folder, in which their shell begins, and the PATH of a new account."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True)

    def installs(self) -> Path:
        """Put the program where `pipx install` does, and return that: a link in `~/.local/bin`, which is on no PATH."""
        command = self.home / ".local" / "bin" / "comfy-watch"
        command.parent.mkdir(parents=True)
        command.symlink_to(program.ROOT / ".venv" / "bin" / "comfy-watch")
        return command

    def finds_the_repository(self) -> Path:
        """Have the address of Comfy Watch's repository lead to a copy of this checkout, and return the copy."""
        if not (program.ROOT / ".git").exists():
            lack("this is no checkout")
        copy = self.home.parent / "repository"
        (self.home / ".gitconfig").write_text(
            f'[url "{copy.as_uri()}"]\n\tinsteadOf = {REPOSITORY}\n[safe]\n\tdirectory = *\n'
            "[user]\n\tname = a\n\temail = a@example.org\n"
        )
        clone = ("clone", "--quiet", program.ROOT.as_uri(), str(copy))
        done = ended(tool("git"), *clone, env=self.environment())
        assert done.code == 0, done
        return copy

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return what a login gives them, and then `env`: none of the caller's settings, secrets or proxies."""
        return {
            "HOME": str(self.home),
            "PATH": _SYSTEM,
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
            **(env or {}),
        }

    def shell(
        self,
        words: str,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Carry out a page's words in a shell that stops at the first command that fails, and return how it ended."""
        bash = ("/bin/bash", "-euo", "pipefail", "-c", words)
        return ended(*bash, cwd=cwd or self.home, env=self.environment(env))
