"""A simple model of whom alerts are owed to, written from the contract alone: what is owed follows an address.

A *reader* is who is behind a channel. He goes on where his address does, whatever the channel is called and wherever it
stands. With another address he goes on only by an edit that leaves no doubt: the same name as in the poll before, or,
in `alert_urls`, one address gone and one come; and an address that nobody else ever had.
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
    """Who is behind a channel, with all the addresses that were his and nobody else's.

    `in_flight` is the message whose acknowledgement a crash may have cost: it may come once more, before any other.
    """

    address: str
    addresses: set[str] = field(default_factory=set)
    alerts: dict[str, Alert] = field(default_factory=dict)
    in_flight: tuple[str, ...] = ()
    latest: int = 0
    failures: int = 0
    repeats: int = 0

    def take(self, events: tuple[str, ...]) -> None:
        """A message has come; AssertionError unless it was owed, its turn, and new to him or in flight."""
        if any(self.alerts[event].told for event in events if event in self.alerts):
            assert events == self.in_flight, f"{self.address}: repeated needlessly {events}"
            self.repeats += len(events)
        self.in_flight = ()
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
    """All readers there ever were, and who had which channel in the last poll that took the settings in."""

    everyone: list[Reader] = field(default_factory=list)
    _last: dict[Wired, Reader] = field(default_factory=dict)

    def follow(self, wired: Sequence[Wired]) -> Mapping[str, Reader]:
        """Say, by address, who is behind each channel of a poll; nothing is changed by it."""
        at = {reader.address: reader for reader in self.everyone}
        edited = {w: reader for w in wired if (reader := self._before_the_edit(w, wired)) is not None}
        return {w.address: at.get(w.address) or edited.get(w) or Reader(address=w.address) for w in wired}

    def _before_the_edit(self, wired: Wired, now: Sequence[Wired]) -> Reader | None:
        """Give whose new address this is, if it is one's."""
        configured = {w.address for w in now}
        if wired.name:
            gone = [reader for w, reader in self._last.items() if w.name == wired.name]
        else:
            gone = [reader for w, reader in self._last.items() if not w.name and reader.address not in configured]
            came = [w for w in now if not w.name and w.address not in {w.address for w in self._last}]
            gone = gone if came == [wired] else []
        if len(gone) != 1 or gone[0].address in configured:
            return None
        others = (reader for reader in self.everyone if reader is not gone[0])
        return None if any(wired.address in reader.addresses for reader in others) else gone[0]

    def take_in(self, wired: Sequence[Wired], readers: Mapping[str, Reader]) -> None:
        """The program has noted this poll's channels."""
        for address, reader in readers.items():
            for other in self.everyone:
                if other is not reader:
                    other.addresses.discard(address)
            if reader.address != address:
                reader.address, reader.failures = address, 0
            reader.addresses.add(address)
            if all(reader is not one for one in self.everyone):
                self.everyone.append(reader)
        self._last = {w: readers[w.address] for w in wired}

    def despair(self, configured: Iterable[str], now: datetime, expiry: timedelta) -> None:
        """What a channel that is there no more is owed may be given up when it is too old."""
        for reader in self.everyone:
            if reader.address not in configured:
                reader.despair(now, expiry)
