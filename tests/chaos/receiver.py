"""A webhook that keeps account: which alerts each channel's path has taken, message by message."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from tests.support.fakes.webhook import Answer, Message, Webhook

_SETTLE = "/settle"
_MORE = re.compile(r"^\+ .*", re.MULTILINE)
_COUNT = re.compile(r"(?:\+|,) ([0-9,]+) [a-z]")
_ADVICE = re.compile(r"(?:newest good version is|not banned:) `[^`]*`", re.IGNORECASE)
_ALIKE = re.compile(r"^[^`\n]*`[^`]*` `[^`]*`((?:, `[^`]*`)+)", re.MULTILINE)
"""A line of several events of one kind, with the versions beside the first."""
_WATCHED = re.compile(r"now watched: ([0-9,]+) packs", re.IGNORECASE)
_SAID = {
    "baseline": ("now watched", "versions in"),
    "changed": ("changed", "archive replaced"),
    "failing": ("failing", "cannot be", "has no versions", "no longer reach"),
    "recovered": ("recovered", " again", "has versions now"),
    "exposed": ("you run",),
    "removed": ("removed", "not listed any more"),
    "reinstated": ("active again", "no longer banned", "listed again"),
    "cleared": ("no longer a problem", "you do not run"),
}
"""How a kind is said, where that is not its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A message that came, in the order of answers; one without an answer is followed by another if it was taken."""

    path: str
    status: int
    """Of the answer; 0 if there is none in time."""
    at: float
    """By the monotonic clock."""
    events: tuple[str, ...]
    text: str
    critical: frozenset[str]
    """Those of its events that are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One whole message that was answered with a 2xx, or would have been had the sender still been there.

    An answer without end counts: its head says so.
    """

    path: str
    events: tuple[str, ...]
    """The ids of its events, as many as there is room for."""
    more: int = 0
    """How many events it has besides."""
    topic: str = ""
    """What it calls itself where a service has several targets (ntfy)."""
    text: str = ""

    def shown(
        self, facts: Mapping[str, tuple[str, str | None, str | None]]
    ) -> tuple[str, ...]:
        """Return the ids of its alerts, less those that nobody can read in its text.

        `facts` gives kind, node and version by id; an id without a fact stays. A version has to stand in the text once
        for each alert about it, so has what happened, and its node. Each of the three may be missing for as many alerts
        as the text counts instead of showing: which these are, nobody can tell.
        """
        text = _ADVICE.sub("", self.text)
        nowhere, unsaid, unnamed = set[str](), set[str](), set[str]()
        asked: Counter[str] = Counter()
        found = _WATCHED.search(text)
        watched = int(found[1].replace(",", "")) if found else 0
        if watched:  # beside those that have a block of their own
            watched += text.lower().count("versions in")
        for event in self.events:
            if event in facts:
                kind, node, version = facts[event]
                asked.update([f"kind {kind}", version or ""])
                is_summed_up = kind == "baseline" and watched >= asked["kind baseline"]
                if not (is_summed_up or _names(text, node)):
                    nowhere.add(event)
                words = _SAID.get(kind, (kind,))
                said = sum(map(text.lower().count, words)) + sum(
                    alike[1].count(", ")
                    for alike in _ALIKE.finditer(text)
                    if any(word in alike[0].lower() for word in words)
                )
                if said < asked[f"kind {kind}"] and not is_summed_up:
                    unsaid.add(event)
                if version and text.count(version) < asked[version]:
                    unnamed.add(event)
        counted = sum(
            int(count.replace(",", ""))
            for line in _MORE.findall(self.text)
            for count in _COUNT.findall(line)
        )
        if max(map(len, (nowhere, unsaid, unnamed))) <= counted:
            return self.events
        return tuple(
            event for event in self.events if event not in nowhere | unsaid | unnamed
        )


def _names(text: str, node: str | None) -> bool:
    """Return whether a text names a node; without one, the registry, a channel or an install."""
    if node:
        return node in text
    words = ("the registry", "node packs", "alerts ", "install ")
    return any(word in text.lower() for word in words)


class Receiver(Webhook):
    """A webhook whose `taken` lists, in order, every message it has accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.down: set[str] = set()
        """Paths that answer 500."""
        self.gone: dict[str, int] = {}
        """Paths that answer with this status: their address, or the right to use it, is gone."""
        self.refuses: Callable[[Message], bool] = lambda _: False
        """Whether a single message is answered with 500."""
        self.rejects: Callable[[Message], bool] = lambda _: False
        """Whether a single message is answered with `rejection`."""
        self.rejection = 400
        self.once: dict[str, Answer] = {}
        """The answer to the next message on a path only."""
        self.played: list[Answer] = []
        """The answers of `once` that were given."""
        self.meeting: Callable[[str, bool], None] = _nothing
        """Called with each message's path when its head has come (False), and before it is answered (True)."""
        self.gate = threading.Event()
        """While it is not set a message is taken, or refused, but not answered."""
        self.gate.set()
        self.gated: frozenset[str] = frozenset()
        """The paths that the gate is for; empty for all."""
        self._taken: list[Taken] = []
        self._accepted: list[Message] = []
        self._refusals: list[str] = []
        self._attempts: list[Attempt] = []
        self._account = threading.Lock()

    def meet(self, path: str) -> None:
        """Call `meeting` for a message that has begun."""
        self.meeting(path, False)

    def remember(self, message: Message) -> Answer | None:
        """Keep account of what is about to be accepted; a message that was cut off is none."""
        answer = self._decide(message)
        if answer is not None:
            self.meeting(message.path, True)
        if not self.gated or message.path in self.gated:
            self.gate.wait()
        return Answer(status=500) if answer is None else self.play(message, answer)

    def _decide(self, message: Message) -> Answer | None:
        """Return the answer to a message, None where it is refused."""
        with self._account:
            if (once := self.once.pop(message.path, None)) is not None:
                self.played.append(once)
            elif message.path in self.gone:
                self._note(message, self.gone[message.path])
                return Answer(status=self.gone[message.path])
            elif message.path in self.down or self.refuses(message):
                self._refusals.append(message.path)
                self._note(message, 500)
                return None
            elif self.rejects(message):
                self._note(message, self.rejection)
                return Answer(status=self.rejection)
            answer = once or self.answer_for(message.path)
            if answer.status < 300 and not (answer.hang or answer.reset):
                self._take(message)
            else:
                self._note(message, answer.status if answer.status >= 300 else 0)
        return answer

    def _note(self, message: Message, status: int) -> None:
        if isinstance(said := message.json, dict):
            events = tuple(event["id"] for event in said.get("events", ()))
            attempt = Attempt(
                path=message.path,
                status=status,
                at=time.monotonic(),
                events=events,
                text=str(said.get("message", "")),
                critical=frozenset(
                    event["id"]
                    for event in said.get("events", ())
                    if event["severity"] == "critical"
                ),
            )
            self._attempts.append(attempt)

    def _take(self, message: Message) -> None:
        self._note(message, 200)
        if isinstance(message.json, dict):
            said = message.json
            events = tuple(event["id"] for event in said.get("events", ()))
            taken = Taken(
                path=message.path,
                events=events,
                more=said.get("event_count", len(events)) - len(events),
                topic=str(said.get("topic", "")),
                text=str(said.get("message", "")),
            )
            self._taken.append(taken)
            self._accepted.append(message)

    def __exit__(self, *exc_info: object) -> None:
        """Close, and let go of whom the gate held."""
        self.gate.set()
        super().__exit__(*exc_info)

    def settle(self) -> None:
        """Wait until everything that was sent to it so far, by programs that are gone, has been taken or dropped."""
        # Connections are accepted in order: once this one is answered, no earlier one is still waiting to be.
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(
                f"POST {_SETTLE} HTTP/1.0\r\nContent-Length: 0\r\n\r\n".encode()
            )
            while last.recv(1024):
                pass
        for handling in list(self._servers[0][0]._threads):  # type: ignore[attr-defined]  # the standard library's own
            handling.join()

    @property
    def taken(self) -> tuple[Taken, ...]:
        """What was accepted so far."""
        with self._account:
            return tuple(self._taken)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What has come so far, and the answers."""
        with self._account:
            return tuple(self._attempts)

    @property
    def refusals(self) -> tuple[str, ...]:
        """The paths of the messages that were refused so far."""
        with self._account:
            return tuple(self._refusals)

    @property
    def accepted(self) -> tuple[Message, ...]:
        """The messages that `taken` is about, whole."""
        with self._account:
            return tuple(self._accepted)

    def forget(self) -> None:
        """Begin a new account."""
        with self._account:
            self._taken.clear()
            self._accepted.clear()
            self._refusals.clear()
            self._attempts.clear()
        with self._arrived:
            self._messages.clear()


@contextlib.contextmanager
def killing(receiver: Receiver, number: int, *, whole: bool) -> Iterator[Future[int]]:
    """Kill a process, whose id is to be set, when its message of that number has begun to arrive, or has been taken."""
    victim: Future[int] = Future()
    counting = threading.Lock()
    left = number

    def meet(path: str, is_whole: bool) -> None:
        nonlocal left
        if path != _SETTLE and is_whole is whole:
            with counting:
                left -= 1
                now = left == 0
            if now:
                os.kill(victim.result(), signal.SIGKILL)

    receiver.meeting = meet
    try:
        yield victim
    finally:
        receiver.meeting = _nothing


def _nothing(_path: str, _whole: bool) -> None:
    """Let a message pass."""
