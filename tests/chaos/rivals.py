"""Side by side: the same kills and the same dead channel for Comfy Watch, urlwatch and nvchecker.

Each watches three packs of the loopback registry and tells a webhook which versions are new: Comfy Watch as it comes,
urlwatch with a webhook reporter, nvchecker with `nvcmp`, a post and `nvtake` one after the other, taken only when the
post was accepted. The kills are `strace`'s, at the system calls that change the contender's folder or send something,
and the webhook's, when a message has begun to arrive and when it has arrived and is not yet answered.

`python -m tests.chaos.rivals` prints its figures as one JSON line. It needs `.venv-bench` (made by `make chaos`).
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

from tests.chaos.receiver import Receiver, killing
from tests.chaos.syscalls import TRACING, is_killed, killed_at, may_trace, points, traced
from tests.chaos.trial import Result
from tests.support import program
from tests.support.fakes.webhook import Message
from watcher.fake_registry.server import FakeRegistry

BENCH = program.ROOT / ".venv-bench" / "bin"
PACKS = ("alpha", "beta", "gamma")
KILLS = 40
"""At most so many for each contender at its system calls, evenly over them."""
UNANSWERED = "unanswered"
MOMENTS = ("begun", UNANSWERED)
"""When a message's head has arrived, and when all of it has; see `tests.chaos.receiver.killing`."""

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
    """One program that watches and tells; `folder` holds all that it keeps."""

    name: str

    def set_up(self, folder: Path, registry: str, receiver: Receiver, paths: Sequence[str]) -> None:
        """Write its settings: the packs, and a channel to each path."""

    def poll(self, folder: Path) -> Sequence[Sequence[str]]:
        """Give the commands of one poll, each run only if the one before it succeeded."""

    def news(self, message: Message) -> list[str]:
        """Give the versions that a message calls new."""

    def let_time_pass(self, folder: Path) -> None:
        """End whatever it waits for before it tries again."""


@dataclass(slots=True)
class Ours:
    """Comfy Watch."""

    name: str = "comfy-watch"

    def set_up(self, folder: Path, registry: str, receiver: Receiver, paths: Sequence[str]) -> None:
        """Write its settings."""
        lines = [f"nodes = {json.dumps(PACKS)}", f'registry_url = "{registry}"', "retries = 0", 'state_dir = "state"']
        for path in paths:
            lines += ["[[channels]]", f'name = "{path[1:]}"', f'url = "{receiver.apprise_url(path)}"']
        (folder / "comfy-watch.toml").write_text("\n".join(lines), "utf-8")

    def poll(self, folder: Path) -> Sequence[Sequence[str]]:
        """Give its one command."""
        return [[sys.executable, "-m", "watcher", "check", "--config", os.fspath(folder / "comfy-watch.toml")]]

    def news(self, message: Message) -> list[str]:
        """Look into the message's text; a summary of what is watched calls nothing new."""
        lines = str(message.json["message"]).splitlines()
        return _MARK.findall("\n".join(line for line in lines if "new" in line))

    def let_time_pass(self, folder: Path) -> None:
        """End the rest that each failed channel takes."""
        path = folder / "state" / "outbox.json"
        if path.exists():
            outbox = json.loads(path.read_bytes())
            for queue in outbox["queues"].values():
                queue["not_before"] = ""
            path.write_text(json.dumps(outbox), "utf-8")


@dataclass(slots=True)
class Urlwatch:
    """urlwatch, with its Slack and Mattermost reporters, which post JSON to any address."""

    name: str = "urlwatch"

    def set_up(self, folder: Path, registry: str, receiver: Receiver, paths: Sequence[str]) -> None:
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
            reporter: {"enabled": True, "webhook_url": f"{receiver.url}{path}"} for reporter, path in reporters.items()
        }
        settings = {
            "display": {"new": True, "error": True, "unchanged": False},
            "report": {"stdout": {"enabled": False}, "text": {"details": True, "line_length": 75}, **report},
        }
        (folder / "urlwatch.yaml").write_text(json.dumps(settings), "utf-8")

    def poll(self, folder: Path) -> Sequence[Sequence[str]]:
        """Give its one command."""
        files = {"--urls": "urls.yaml", "--config": "urlwatch.yaml", "--cache": "cache.db", "--hooks": "hooks.py"}
        given = [part for option, name in files.items() for part in (option, os.fspath(folder / name))]
        return [[os.fspath(BENCH / "urlwatch"), *given]]

    def news(self, message: Message) -> list[str]:
        """Look at the added lines of the difference."""
        added = [line for line in str(message.json["text"]).splitlines() if line.startswith("+")]
        return _MARK.findall("\n".join(added))

    def let_time_pass(self, folder: Path) -> None:
        """Make what it has seen an hour older: it takes what it saw within the same second in any order."""
        if (folder / "cache.db").exists():
            with contextlib.closing(sqlite3.connect(folder / "cache.db")) as cache, cache:
                cache.execute("UPDATE CacheEntry SET timestamp = timestamp - 3600")


@dataclass(slots=True)
class Nvchecker:
    """nvchecker, with `nvcmp`, a post to each path, and `nvtake` once all were accepted."""

    name: str = "nvchecker"
    _posts: str = ""

    def set_up(self, folder: Path, registry: str, receiver: Receiver, paths: Sequence[str]) -> None:
        """Write its settings."""
        self._posts = ",".join((str(receiver.port), *paths))
        lines = ["[__config__]", f'oldver = "{folder / "old.json"}"', f'newver = "{folder / "new.json"}"']
        for pack in PACKS:
            lines += [f'["{pack}"]', 'source = "jq"', "filter = '[.versions[].version]|tojson'"]
            lines += [f'url = "{registry}/versions?nodeId={pack}&pageSize=100"']
        (folder / "nvchecker.toml").write_text("\n".join(lines), "utf-8")

    def poll(self, folder: Path) -> Sequence[Sequence[str]]:
        """Give its steps."""
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


CONTENDERS: tuple[Contender, ...] = (Ours(), Urlwatch(), Nvchecker())


class Arena:
    """One contender with a registry and a webhook around it."""

    def __init__(
        self, contender: Contender, registry: FakeRegistry, receiver: Receiver, root: Path, paths: Sequence[str]
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

    def poll(self, *, cut: tuple[int, str, int] | None = None) -> bool:
        """Poll once; `cut` kills the command of that number at a system call of that name and number. Say if it did.

        In the place of a system call may stand a moment of the message of that number, one of `MOMENTS`.
        """
        self.contender.let_time_pass(self.folder)
        for number, command in enumerate(self.contender.poll(self.folder)):
            if cut is None or cut[0] != number:
                code = self._run(command)
            elif cut[1] in MOMENTS:
                with killing(self.receiver, cut[2], whole=cut[1] == UNANSWERED) as victim:
                    code = self._run(command, victim=victim)
            else:
                code = self._run(command, *killed_at(*cut[1:]))
            if is_killed(code):
                self.receiver.settle()
                return True
            if code != 0:
                break
        return False

    def points(self) -> tuple[list[tuple[int, str, int]], list[tuple[int, str, int]]]:
        """Poll once and give the calls that change the folder or send, each as `cut` of `poll` wants it.

        Behind them come the moments of each message.
        """
        self.contender.let_time_pass(self.folder)
        calls: list[tuple[int, str, int]] = []
        moments: list[tuple[int, str, int]] = []
        for number, command in enumerate(self.contender.poll(self.folder)):
            before = len(self.receiver.messages())
            self._run(command, *TRACING)
            calls += [(number, *point) for point in points(self.trace, self.folder)]
            messages = len(self.receiver.messages()) - before
            moments += [(number, moment, at + 1) for at in range(messages) for moment in MOMENTS]
        return calls, moments

    def _run(self, command: Sequence[str], *options: str, victim: Future[int] | None = None) -> int:
        env = program.surroundings(self._home)
        if options:
            return traced(command, *options, folder=self.folder, env=env, out=self.trace)
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

    def told(self, path: str) -> Counter[str]:
        """Count how often each version was called new in what the path accepted since the last `forget`."""
        return Counter(
            version
            for message in self.receiver.accepted
            if message.path == path
            for version in self.contender.news(message)
        )


def killed(arena: Arena, result: Result) -> None:
    """Publish something in every pack, kill the poll that sees it at each point in turn, and let it recover."""
    arena.poll()
    arena.poll()
    for number, pack in enumerate(PACKS):
        arena.registry.catalog.publish(pack, f"9.0.{number}", created_at="2025-02-01T00:00:00Z")
    due = {f"9.0.{number}" for number in range(len(PACKS))}
    shutil.copytree(arena.folder, arena.saved)
    arena.receiver.forget()
    calls, moments = arena.points()
    undisturbed = arena.told(arena.paths[0])
    assert undisturbed == Counter(due), f"{arena.contender.name} undisturbed: {undisturbed}"
    for cut in (*calls[:: -(-len(calls) // KILLS)], *moments):
        shutil.rmtree(arena.folder)
        shutil.copytree(arena.saved, arena.folder)
        arena.receiver.forget()
        if arena.poll(cut=cut):
            _count(result, arena.contender.name, "killed", kills=1)
        else:
            assert cut not in moments, f"{arena.contender.name} was not killed at {cut}"
        for _ in range(3):
            arena.poll()
        got = arena.told(arena.paths[0])
        _count(result, arena.contender.name, "killed", **_balance(due, got))


def dead_channel(arena: Arena, result: Result, rounds: int = 3) -> None:
    """Publish something before each of some polls while one of two channels is dead; then it works again."""
    arena.poll()
    arena.receiver.forget()
    dead = arena.paths[1]
    arena.receiver.down = {dead}
    for number in range(rounds):
        pack = PACKS[number % len(PACKS)]
        arena.registry.catalog.publish(pack, f"9.1.{number}", created_at="2025-03-01T00:00:00Z")
        arena.poll()
    arena.receiver.down = set()
    for _ in range(3):
        arena.poll()
    due = {f"9.1.{number}" for number in range(rounds)}
    for path in arena.paths:
        balance = _balance(due, arena.told(path))
        _count(result, arena.contender.name, "dead channel" if path == dead else "beside it", **balance)


def _balance(due: set[str], got: Counter[str]) -> dict[str, int]:
    return {
        "due": len(due),
        "delivered": len(due & got.keys()),
        "lost": len(due - got.keys()),
        "repeated": got.total() - len(got),
    }


def _count(result: Result, name: str, test: str, **counts: int) -> None:
    for figure, count in counts.items():
        result.figures.add(f"{name}, {test}: {figure}", count)


def everything(result: Result) -> None:
    """Let each contender through both tests."""
    for contender in CONTENDERS:
        for test, paths in ((killed, ("/one",)), (dead_channel, ("/one", "/two"))):
            with tempfile.TemporaryDirectory() as root, FakeRegistry() as registry, Receiver() as receiver:
                test(Arena(contender, registry, receiver, Path(root), paths), result)
    for figure, count in list(result.figures.counts.items()):
        if figure.startswith(Ours().name) and figure.endswith(": lost"):
            result.figures.add("lost", count)


def main() -> None:
    """Let all of them through both tests and print the figures."""
    result = Result()
    if not may_trace():
        result.said.append("there is no strace here that may trace: left out")
    elif not (BENCH / "urlwatch").exists() or not (BENCH / "nvchecker").exists():
        result.said.append("there is no .venv-bench with urlwatch and nvchecker ('make chaos' makes it): left out")
    else:
        everything(result)
    result.figures.show("rivals", result.said)


if __name__ == "__main__":
    main()
