"""The state as a branch with one chain of commits, each of them a whole state: what git does to read and extend it.

Nothing is checked out: objects are read and made in a repository of their own, and files have no attributes, filters
or hooks. The token goes to git in an environment variable, and is in no command line and no file.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import state_files

_NO_SUCH_REF = 2
_PLAIN_FILE = "100644"
_SECONDS = 120
_LONGEST_REASON = 1000
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "github-actions[bot]"),
        ("EMAIL", "41898282+github-actions[bot]@users.noreply.github.com"),
    )
}


class GitError(Exception):
    """Git could not do it; says why."""


class ForeignBranchError(Exception):
    """The branch holds something that is no state; says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateBranch:
    """A branch of a remote repository; `objects` is where this machine's copy is kept.

    Every method may raise GitError.
    """

    url: str
    name: str
    objects: Path
    token: str = field(repr=False)

    def tip(self) -> str:
        """Ask the remote for the branch's last commit; "" if there is no such branch."""
        done = self._run(
            "ls-remote",
            "--exit-code",
            self.url,
            f"refs/heads/{self.name}",
            allowed=(0, _NO_SUCH_REF),
        )
        return done.split()[0] if done else ""

    def read(self, commit: str, folder: Path) -> None:
        """Write the files of a commit into a new folder; ForeignBranchError if they are not all a state's."""
        self._run(
            "fetch",
            "--quiet",
            "--no-tags",
            "--depth=1",
            self.url,
            f"+refs/heads/{self.name}:refs/read/tip",
        )
        # It may have moved on since it was asked for.
        self._run("cat-file", "-e", f"{commit}^{{commit}}")
        entries = [
            entry for entry in self._run("ls-tree", "-z", commit).split("\0") if entry
        ]
        files = [
            (*about.split(), name)
            for about, _, name in (entry.partition("\t") for entry in entries)
        ]
        for mode, _, _, name in files:
            if mode != _PLAIN_FILE or not state_files.STATE_FILE.fullmatch(name):
                raise ForeignBranchError(f"{name!r} is no file of a state")
        folder.mkdir(parents=True, mode=0o700)
        for _, _, blob, name in files:
            (folder / name).write_bytes(self._bytes("cat-file", "blob", blob))

    def commit(self, folder: Path, parent: str, message: str) -> str:
        """Return a new commit with the state files of a folder; without a `parent` it is the first of its branch."""
        entries = []
        for name in state_files.names(folder):
            blob = self._run(
                "hash-object", "-w", "--no-filters", "--", str(folder / name)
            ).strip()
            entries.append(f"{_PLAIN_FILE} blob {blob}\t{name}\0")
        tree = self._run("mktree", "-z", given="".join(entries)).strip()
        parents = ("-p", parent) if parent else ()
        return self._run(
            "commit-tree", tree, *parents, "-F", "-", given=message, env=_AUTHOR
        ).strip()

    def push(self, commit: str) -> None:
        """Make a commit the branch's last; GitError if the branch is not at the commit's parent any more."""
        self._run("push", "--quiet", self.url, f"{commit}:refs/heads/{self.name}")

    def _run(
        self,
        *args: str,
        given: str = "",
        env: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (0,),
    ) -> str:
        return self._bytes(*args, given=given, env=env, allowed=allowed).decode(
            "utf-8", "surrogateescape"
        )

    def _bytes(
        self,
        *args: str,
        given: str = "",
        env: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (0,),
    ) -> bytes:
        if not self.objects.exists():
            self.objects.mkdir(parents=True, mode=0o700)
            self._bytes("init", "--quiet", "--bare", "--template=", str(self.objects))
        try:
            done = subprocess.run(
                ("git", *args),
                env={**os.environ, **self._surroundings(), **(env or {})},
                input=given.encode(),
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise GitError(f"git {args[0]} took more than {_SECONDS} s") from None
        if done.returncode not in allowed:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [
                "it said nothing"
            ]
            raise GitError(
                f"git {args[0]}: {' · '.join(line.strip() for line in lines)[:_LONGEST_REASON]}"
            )
        return done.stdout

    def _surroundings(self) -> dict[str, str]:
        basic = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            "GIT_DIR": str(self.objects),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
            "LC_ALL": "C",
        }
