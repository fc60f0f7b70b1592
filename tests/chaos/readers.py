"""A simple model of whom alerts are owed to: what is owed follows a channel's URL, else its own name.

A *reader* is who is behind a channel. A reader goes on where its URL does, whatever the channel is called and wherever
it stands. Where its URL is gone it goes on with the channel of its own name; one from `alert_urls` has none. It shares
no code with the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A channel as it is configured in one poll; without a `name` it stands in `alert_urls`."""

    name: str
    path: str


@dataclass(slots=True, kw_only=True)
class Alert:
    """An event that a reader is owed."""

    poll: int
    """The number of the poll that found it."""
    at: datetime
    """The program's time then."""
    sent: bool = False
    expendable: bool = False
    """It may have expired since."""


@dataclass(slots=True, kw_only=True)
class Reader:
    """Who is behind a channel."""

    path: str
    name: str = ""
    """The channel's own, if it has one."""
    alerts: dict[str, Alert] = field(default_factory=dict)
    in_flight: set[tuple[str, ...]] = field(default_factory=set)
    """Messages whose acknowledgement a crash may have cost: each may come once more, before any other of its queue."""
    latest: int = 0
    failures: int = 0
    repeats: int = 0

    def inherit(self, other: Reader) -> None:
        """The other one's channel goes on at this path: what it was not sent is owed here, once."""
        for event, alert in other.alerts.items():
            mine = self.alerts.get(event)
            if mine is not None and not mine.sent:
                mine.expendable = mine.expendable or alert.expendable
            elif not alert.sent or any(event in message for message in other.in_flight):
                self.alerts[event] = alert
        self.in_flight |= other.in_flight
        self.latest = 0

    def take(self, events: tuple[str, ...]) -> None:
        """A message has come; AssertionError unless it was owed, its turn, and new to it or in flight.

        A message may have alerts of several polls, of all that waited. What is in flight comes first, as it was.
        """
        is_repeat = any(self.alerts[event].sent for event in events if event in self.alerts)
        if is_repeat:
            assert events in self.in_flight, f"{self.path}: repeated needlessly {events}"
            self.repeats += len(events)
        self.in_flight = self.in_flight - {events} if len(self.in_flight) > 1 else set()
        assert len(set(events)) == len(events), f"{self.path}: twice in one message {events}"
        for event in events:
            assert event in self.alerts, f"{self.path}: invented {event}"
            alert = self.alerts[event]
            alert.sent = True
            assert is_repeat or alert.poll >= self.latest, f"{self.path}: {event} came out of turn"
        self.latest = max([self.latest, *(self.alerts[event].poll for event in events)])
        self.failures = 0

    def refuse(self, now: datetime, expiry: timedelta) -> None:
        """A message was refused: with another refusal on record, what is too old may expire."""
        if self.failures:
            self.expire(now, expiry)
        self.failures += 1

    def expire(self, now: datetime, expiry: timedelta) -> None:
        """What is too old may expire."""
        for alert in self.alerts.values():
            alert.expendable = alert.expendable or (not alert.sent and now - alert.at > expiry)

    @property
    def lost(self) -> list[str]:
        """The events that it was owed and never sent."""
        return [event for event, alert in self.alerts.items() if not alert.sent and not alert.expendable]


@dataclass(slots=True)
class Readers:
    """All readers there ever were."""

    everyone: list[Reader] = field(default_factory=list)

    def follow(self, wired: Sequence[Wired]) -> Mapping[str, Reader]:
        """Return, by path, who is behind each channel of a poll; nothing is changed by it."""
        at = {reader.path: reader for reader in self.everyone}
        return {w.path: at.get(w.path) or self._moved(w, wired) or Reader(path=w.path) for w in wired}

    def _moved(self, wired: Wired, now: Sequence[Wired]) -> Reader | None:
        """Return who had the channel's own name and has lost its URL."""
        configured = {w.path for w in now}
        gone = (reader for reader in self.everyone if reader.path not in configured)
        return next((reader for reader in gone if reader.name and reader.name == wired.name), None)

    def take_in(self, wired: Sequence[Wired], readers: Mapping[str, Reader]) -> None:
        """The program has noted this poll's channels."""
        for w in wired:
            reader, moved = readers[w.path], self._moved(w, wired)
            if moved is not None and moved is not reader:
                reader.inherit(moved)
                self.everyone.remove(moved)
            if reader.path != w.path:
                reader.path, reader.failures = w.path, 0
            reader.name = w.name
            if all(reader is not one for one in self.everyone):
                self.everyone.append(reader)

    def expire(self, configured: Iterable[str], now: datetime, expiry: timedelta) -> None:
        """What a removed channel is owed may expire when it is too old."""
        for reader in self.everyone:
            if reader.path not in configured:
                reader.expire(now, expiry)
