"""Somebody who follows a page: an empty home, a shell, and what the page had them install."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.deploy.support.tools import ended
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


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language in a page of `docs/`, in their order."""
    found: list[str] = []
    inside = False
    for line in (
        (program.ROOT / "docs" / page).read_text("utf-8").splitlines(keepends=True)
    ):
        if inside and line.strip() == "```":
            inside = False
        elif inside:
            found[-1] += line
        elif line.strip() == f"```{language}":
            found.append("")
            inside = True
    return found


def marked(page: str, marker: str) -> str:
    """Return the fenced block under `<!-- marker -->` in a page of `docs/`."""
    text = (program.ROOT / "docs" / page).read_text("utf-8")
    found = re.findall(
        rf"^<!-- {re.escape(marker)} -->\n```\w*\n(.*?)^```$",
        text,
        re.MULTILINE | re.DOTALL,
    )
    assert len(found) == 1, f"{page} has {len(found)} blocks marked {marker!r}"
    return str(found[0])
