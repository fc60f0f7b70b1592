"""A simple model of whom alerts are owed to: what is owed follows an address, else a channel's own name.

A *reader* is who is behind a channel. He goes on where his address does, whatever the channel is called and wherever it
stands. Where his address is gone he goes on with the channel of his own name; one from `alert_urls` has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A channel as one poll is told of it; without a `name` it stands in `alert_urls`."""

    name: str
    address: str


@dataclass(slots=True, kw_only=True)
class Alert:
    """An event that a reader is owed since the poll of that number, `at` the program's time.

    `expendable` is one that may have been given up since.
    """

    poll: int
    at: datetime
    told: bool = False
    expendable: bool = False


@dataclass(slots=True, kw_only=True)
class Reader:
    """Who is behind a channel."""

    address: str
    name: str = ""
    """The channel's own, if it has one."""
    alerts: dict[str, Alert] = field(default_factory=dict)
    in_flight: set[tuple[str, ...]] = field(default_factory=set)
    """Messages whose acknowledgement a crash may have cost: each may come once more, before any other of its queue."""
    latest: int = 0
    failures: int = 0
    repeats: int = 0

    def inherit(self, other: Reader) -> None:
        """The other one's channel goes on at this address: what he was not told is owed here, once."""
        for event, alert in other.alerts.items():
            mine = self.alerts.get(event)
            if mine is not None and not mine.told:
                mine.expendable = mine.expendable or alert.expendable
            elif not alert.told or any(event in message for message in other.in_flight):
                self.alerts[event] = alert
        self.in_flight |= other.in_flight
        self.latest = 0

    def take(self, events: tuple[str, ...]) -> None:
        """A message has come; AssertionError unless it was owed, its turn, and new to him or in flight."""
        if any(self.alerts[event].told for event in events if event in self.alerts):
            assert events in self.in_flight, f"{self.address}: repeated needlessly {events}"
            self.repeats += len(events)
        self.in_flight = self.in_flight - {events} if len(self.in_flight) > 1 else set()
        for event in events:
            assert event in self.alerts, f"{self.address}: invented {event}"
            alert = self.alerts[event]
            alert.told = True
            assert alert.poll >= self.latest, f"{self.address}: {event} came out of turn"
            self.latest = alert.poll
        self.failures = 0

    def refuse(self, now: datetime, expiry: timedelta) -> None:
        """A message was refused: with another refusal on record, what is too old may be given up."""
        if self.failures:
            self.despair(now, expiry)
        self.failures += 1

    def despair(self, now: datetime, expiry: timedelta) -> None:
        """What is too old may be given up."""
        for alert in self.alerts.values():
            alert.expendable = alert.expendable or (not alert.told and now - alert.at > expiry)

    @property
    def lost(self) -> list[str]:
        """The events that he was owed and never told."""
        return [event for event, alert in self.alerts.items() if not alert.told and not alert.expendable]


@dataclass(slots=True)
class Readers:
    """All readers there ever were."""

    everyone: list[Reader] = field(default_factory=list)

    def follow(self, wired: Sequence[Wired]) -> Mapping[str, Reader]:
        """Say, by address, who is behind each channel of a poll; nothing is changed by it."""
        at = {reader.address: reader for reader in self.everyone}
        return {w.address: at.get(w.address) or self._moved(w, wired) or Reader(address=w.address) for w in wired}

    def _moved(self, wired: Wired, now: Sequence[Wired]) -> Reader | None:
        """Give who had the channel's own name and has lost his address."""
        configured = {w.address for w in now}
        gone = (reader for reader in self.everyone if reader.address not in configured)
        return next((reader for reader in gone if reader.name and reader.name == wired.name), None)

    def take_in(self, wired: Sequence[Wired], readers: Mapping[str, Reader]) -> None:
        """The program has noted this poll's channels."""
        for w in wired:
            reader, moved = readers[w.address], self._moved(w, wired)
            if moved is not None and moved is not reader:
                reader.inherit(moved)
                self.everyone.remove(moved)
            if reader.address != w.address:
                reader.address, reader.failures = w.address, 0
            reader.name = w.name
            if all(reader is not one for one in self.everyone):
                self.everyone.append(reader)

    def despair(self, configured: Iterable[str], now: datetime, expiry: timedelta) -> None:
        """What a channel that is there no more is owed may be given up when it is too old."""
        for reader in self.everyone:
            if reader.address not in configured:
                reader.despair(now, expiry)
