"""A webhook that keeps account: which alerts each channel's path has taken, message by message."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from tests.support.fakes.webhook import Answer, Message, Webhook

_SETTLE = "/settle"
_MORE = re.compile(r"^\+ .*", re.MULTILINE)
_COUNT = re.compile(r"(?:\+|,) ([0-9,]+) [a-z]")
_WATCHED = "now watched: "
"""How a first message says what it does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A message that came, in the order of answers; one without an answer is followed by another if it was taken."""

    path: str
    status: int
    """Of the answer; 0 if there is none in time."""
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
        """Return the ids of its alerts, less those of which nobody can read in its text what they are about.

        `facts` gives kind, node and version by id; an id without a fact stays. As many as the text counts may be
        missing: which these are, nobody can tell.
        """
        text = self.text.lower()
        missing = [
            event
            for event in self.events
            if event in facts
            and not _names(text, facts[event][1])
            and not (facts[event][0] == "baseline" and _WATCHED in text)
        ]
        counted = sum(
            int(count.replace(",", ""))
            for line in _MORE.findall(text)
            for count in _COUNT.findall(line)
        )
        if len(missing) <= counted:
            return self.events
        return tuple(event for event in self.events if event not in missing)


def _names(text: str, node: str | None) -> bool:
    """Return whether a text names a node; without one, the registry, a channel or an install."""
    words = ("the registry", "node packs", "alerts ", "install ")
    return node.lower() in text if node else any(word in text for word in words)


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
        self._taken: list[Taken] = []
        self._accepted: list[Message] = []
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
    def accepted(self) -> tuple[Message, ...]:
        """The messages that `taken` is about, whole."""
        with self._account:
            return tuple(self._accepted)

    def forget(self) -> None:
        """Begin a new account."""
        with self._account:
            self._taken.clear()
            self._accepted.clear()
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
