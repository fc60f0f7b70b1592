"""Three programs beside each other: the same kills and the same dead channel for Comfy Watch, urlwatch and nvchecker.

Each watches three packs of the loopback registry and posts new versions to a webhook: Comfy Watch as it comes,
urlwatch with a webhook reporter, nvchecker with `nvcmp`, a post and `nvtake` one after the other, taken only when the
post was accepted. The kills are by `strace`, at the system calls that change the contender's folder or send something,
and by the webhook, when a message has begun to arrive and when it has arrived and is not yet answered.

`python -m bench.reliability`, a part of `make bench`, prints one table and fails nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.measure import ContenderError
from tests.chaos.receiver import Receiver, killing
from tests.chaos.syscalls import (
    TRACING,
    is_killed,
    killed_at,
    may_trace,
    points,
    traced,
)
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Message
from tests.support.harness import end_backoffs, write_settings

BENCH = program.ROOT / ".venv-bench" / "bin"
PACKS = ("alpha", "beta", "gamma")
KILLS = 40
"""At most so many for each contender at its system calls, evenly over them."""
UNANSWERED = "unanswered"
MOMENTS = ("begun", UNANSWERED)
"""When a message's head has arrived, and when all of it has; see `tests.chaos.receiver.killing`."""
FIGURES = ("kills", "due", "delivered", "lost", "repeated")
Figures = Counter[tuple[str, str]]
"""Counts by test and figure."""
Cut = tuple[int, str, int]
"""The number of a command, the name of a system call or a moment of a message, and which of that name."""

_MARK = re.compile(r"\b9\.\d+\.\d+\b")
"""Every version that is published while somebody watches is a 9, so that an alert is known by it."""

_POST = """
import http.client, json, subprocess, sys
news = json.loads(subprocess.run(sys.argv[2:], capture_output=True, text=True, check=True).stdout)
news = [entry for entry in news if entry["delta"] != "equal"]
for path in sys.argv[1].split(",")[1:] if news else []:
    link = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1].split(",")[0]))
    link.request("POST", path, json.dumps({"text": json.dumps(news)}), {"Content-Type": "application/json"})
    if link.getresponse().status >= 300:
        sys.exit(1)
"""


class Contender(Protocol):
    """One program that watches and sends; `folder` holds all that it keeps."""

    name: str

    def set_up(
        self, folder: Path, registry: str, receiver: Receiver, paths: Sequence[str]
    ) -> None:
        """Write its settings: the packs, and a channel to each path."""

    def poll(self, folder: Path) -> Sequence[Sequence[str]]:
        """Return the commands of one poll; each is run only if the one before it succeeded."""

    def news(self, message: Message) -> list[str]:
        """Return the versions that a message calls new."""

    def let_time_pass(self, folder: Path) -> None:
        """End whatever it waits for before it tries again."""


@dataclass(slots=True)
class ComfyWatch:
    """Comfy Watch."""

    name: str = "comfy-watch"

    def set_up(
        self, folder: Path, registry: str, receiver: Receiver, paths: Sequence[str]
    ) -> None:
        """Write its settings."""
        channels = [
            {"name": path[1:], "url": receiver.apprise_url(path)} for path in paths
        ]
        write_settings(
            folder,
            channels,
            nodes=PACKS,
            registry_url=registry,
            retries=0,
            state_dir="state",
        )

    def poll(self, folder: Path) -> Sequence[Sequence[str]]:
        """Return its one command."""
        return [
            [
                sys.executable,
                "-m",
                "watcher",
                "check",
                "--config",
                os.fspath(folder / "comfy-watch.toml"),
            ]
        ]

    def news(self, message: Message) -> list[str]:
        """Look into the message's text; a summary of what is watched calls nothing new."""
        lines = str(message.json["message"]).splitlines()
        return _MARK.findall("\n".join(line for line in lines if "new" in line))

    def let_time_pass(self, folder: Path) -> None:
        """End each failed channel's backoff."""
        end_backoffs(folder / "state")


@dataclass(slots=True)
class Urlwatch:
    """urlwatch, with its Slack and Mattermost reporters, which post JSON to any address."""

    name: str = "urlwatch"

    def set_up(
        self, folder: Path, registry: str, receiver: Receiver, paths: Sequence[str]
    ) -> None:
        """Write its jobs and settings."""
        jobs = [
            f"name: {pack}\nurl: {registry}/versions?nodeId={pack}&pageSize=100\n"
            "filter:\n  - jq:\n      query: '[.versions[].version]|tojson'\n  - re.sub:\n      pattern: ','\n"
            '      repl: "\\n"\n'
            for pack in PACKS
        ]
        (folder / "urls.yaml").write_text("---\n".join(jobs), "utf-8")
        reporters = dict(zip(("slack", "mattermost"), paths, strict=False))
        report = {
            reporter: {"enabled": True, "webhook_url": f"{receiver.url}{path}"}
            for reporter, path in reporters.items()
        }
        settings = {
            "display": {"new": True, "error": True, "unchanged": False},
            "report": {
                "stdout": {"enabled": False},
                "text": {"details": True, "line_length": 75},
                **report,
            },
        }
        (folder / "urlwatch.yaml").write_text(json.dumps(settings), "utf-8")

    def poll(self, folder: Path) -> Sequence[Sequence[str]]:
        """Return its one command."""
        files = {
            "--urls": "urls.yaml",
            "--config": "urlwatch.yaml",
            "--cache": "cache.db",
            "--hooks": "hooks.py",
        }
        given = [
            part
            for option, name in files.items()
            for part in (option, os.fspath(folder / name))
        ]
        return [[os.fspath(BENCH / "urlwatch"), *given]]

    def news(self, message: Message) -> list[str]:
        """Look at the added lines of the difference."""
        added = [
            line
            for line in str(message.json["text"]).splitlines()
            if line.startswith("+")
        ]
        return _MARK.findall("\n".join(added))

    def let_time_pass(self, folder: Path) -> None:
        """Make what it has seen an hour older: it takes what it saw within the same second in any order."""
        if (folder / "cache.db").exists():
            with (
                contextlib.closing(sqlite3.connect(folder / "cache.db")) as cache,
                cache,
            ):
                cache.execute("UPDATE CacheEntry SET timestamp = timestamp - 3600")


@dataclass(slots=True)
class Nvchecker:
    """nvchecker, with `nvcmp`, a post to each path, and `nvtake` once all were accepted."""

    name: str = "nvchecker"
    _posts: str = ""

    def set_up(
        self, folder: Path, registry: str, receiver: Receiver, paths: Sequence[str]
    ) -> None:
        """Write its settings."""
        self._posts = ",".join((str(receiver.port), *paths))
        lines = [
            "[__config__]",
            f'oldver = "{folder / "old.json"}"',
            f'newver = "{folder / "new.json"}"',
        ]
        for pack in PACKS:
            lines += [
                f'["{pack}"]',
                'source = "jq"',
                "filter = '[.versions[].version]|tojson'",
            ]
            lines += [f'url = "{registry}/versions?nodeId={pack}&pageSize=100"']
        (folder / "nvchecker.toml").write_text("\n".join(lines), "utf-8")

    def poll(self, folder: Path) -> Sequence[Sequence[str]]:
        """Return its steps."""
        given = ["--file", os.fspath(folder / "nvchecker.toml")]
        nvcmp = [os.fspath(BENCH / "nvcmp"), "--json", "--all", *given]
        return [
            [os.fspath(BENCH / "nvchecker"), *given],
            [os.fspath(BENCH / "python"), "-c", _POST, self._posts, *nvcmp],
            [os.fspath(BENCH / "nvtake"), "--all", *given],
        ]

    def news(self, message: Message) -> list[str]:
        """Take away from each pack's new list what was in its old one."""
        return [
            version
            for entry in json.loads(message.json["text"])
            for version in _MARK.findall(str(entry["newver"]))
            if version not in _MARK.findall(str(entry["oldver"]))
        ]

    def let_time_pass(self, folder: Path) -> None:
        """It waits for nothing."""


class Arena:
    """One contender with a registry and a webhook around it."""

    def __init__(
        self,
        contender: Contender,
        registry: FakeRegistry,
        receiver: Receiver,
        root: Path,
        paths: Sequence[str],
    ) -> None:
        self.contender = contender
        self.registry = registry
        self.receiver = receiver
        self.paths = paths
        self.folder = root / contender.name
        self.saved = root / f"{contender.name}-saved"
        self.trace = root / "trace"
        self.folder.mkdir()
        self._home = root / f"{contender.name}-home"
        self._home.mkdir()
        for pack in PACKS:
            registry.catalog.publish(pack, "1.0.0", created_at="2025-01-01T00:00:00Z")
        contender.set_up(self.folder, registry.url, receiver, paths)

    def poll(self, cut: Cut | None = None) -> bool:
        """Poll once and be killed at `cut`; return whether it was."""
        self.contender.let_time_pass(self.folder)
        for number, command in enumerate(self.contender.poll(self.folder)):
            if cut is None or cut[0] != number:
                code = self._run(command)
            elif cut[1] in MOMENTS:
                with killing(
                    self.receiver, cut[2], whole=cut[1] == UNANSWERED
                ) as victim:
                    code = self._run(command, victim=victim)
            else:
                code = self._run(command, *killed_at(*cut[1:]))
            if is_killed(code):
                self.receiver.settle()
                return True
            if code != 0:
                break
        return False

    def points(self) -> tuple[list[Cut], list[Cut]]:
        """Poll once; return the calls that change the folder or send, and the moments of each message."""
        self.contender.let_time_pass(self.folder)
        calls: list[Cut] = []
        moments: list[Cut] = []
        for number, command in enumerate(self.contender.poll(self.folder)):
            before = len(self.receiver.messages())
            self._run(command, *TRACING)
            calls += [(number, *point) for point in points(self.trace, self.folder)]
            messages = len(self.receiver.messages()) - before
            moments += [
                (number, moment, at + 1) for at in range(messages) for moment in MOMENTS
            ]
        return calls, moments

    def _run(
        self, command: Sequence[str], *options: str, victim: Future[int] | None = None
    ) -> int:
        env = program.surroundings(self._home)
        if options:
            return traced(
                command,
                *options,
                folder=self.folder,
                env=env,
                out=self.trace,
                follow=True,
            )
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as running:
            if victim is not None:
                victim.set_result(running.pid)
            return running.wait(120)

    def sent(self, path: str) -> Counter[str]:
        """Return how often each version was called new in what the path accepted since the last `forget`."""
        accepted = (
            message for message in self.receiver.accepted if message.path == path
        )
        return Counter(
            version for message in accepted for version in self.contender.news(message)
        )


def killed(arena: Arena, figures: Figures) -> None:
    """Publish something in every pack, kill the poll that sees it at each point in turn, and let it recover."""
    arena.poll()
    arena.poll()
    due = {f"9.0.{number}" for number in range(len(PACKS))}
    for pack, version in zip(PACKS, sorted(due), strict=True):
        arena.registry.catalog.publish(pack, version, created_at="2025-02-01T00:00:00Z")
    shutil.copytree(arena.folder, arena.saved)
    arena.receiver.forget()
    calls, moments = arena.points()
    first = arena.sent(arena.paths[0])
    if first != Counter(due):
        raise ContenderError(f"{arena.contender.name} first: {first}")
    for cut in (*calls[:: -(-len(calls) // KILLS)], *moments):
        shutil.rmtree(arena.folder)
        shutil.copytree(arena.saved, arena.folder)
        arena.receiver.forget()
        was_killed = arena.poll(cut)
        if not was_killed and cut in moments:
            raise ContenderError(f"{arena.contender.name} was not killed at {cut}")
        figures["killed", "kills"] += was_killed
        for _ in range(3):
            arena.poll()
        _count(figures, "killed", due, arena.sent(arena.paths[0]))


def dead_channel(arena: Arena, figures: Figures) -> None:
    """Publish something before each of some polls while one of two channels is dead; then it works again."""
    arena.poll()
    arena.receiver.forget()
    beside, dead = arena.paths
    arena.receiver.down = {dead}
    due = {f"9.1.{number}" for number, _ in enumerate(PACKS)}
    for pack, version in zip(PACKS, sorted(due), strict=True):
        arena.registry.catalog.publish(pack, version, created_at="2025-03-01T00:00:00Z")
        arena.poll()
    arena.receiver.down = set()
    for _ in range(3):
        arena.poll()
    _count(figures, "dead channel", due, arena.sent(dead))
    _count(figures, "beside it", due, arena.sent(beside))


def _count(figures: Figures, test: str, due: set[str], got: Counter[str]) -> None:
    figures[test, "due"] += len(due)
    figures[test, "delivered"] += len(due & got.keys())
    figures[test, "lost"] += len(due - got.keys())
    figures[test, "repeated"] += got.total() - len(got)


def main() -> None:
    """Let each contender through both tests and print the table."""
    if not may_trace():
        sys.exit("reliability: not measured, there is no strace here that may trace")
    print(f"{'':<26}" + "".join(f"{figure:>11}" for figure in FIGURES))
    for contender in (ComfyWatch(), Urlwatch(), Nvchecker()):
        figures: Figures = Counter()
        for test, paths in ((killed, ("/one",)), (dead_channel, ("/one", "/two"))):
            with (
                tempfile.TemporaryDirectory() as root,
                FakeRegistry() as registry,
                Receiver() as receiver,
            ):
                test(Arena(contender, registry, receiver, Path(root), paths), figures)
        for name in ("killed", "dead channel", "beside it"):
            cells = "".join(f"{figures[name, figure]:>11}" for figure in FIGURES)
            print(f"{f'{contender.name}, {name}':<26}{cells}", flush=True)


if __name__ == "__main__":
    main()
