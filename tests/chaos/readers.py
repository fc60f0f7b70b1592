"""A simple model of whom alerts are owed to: what is owed follows a channel's URL, else its name to a new URL.

A *reader* is who is behind a channel. A reader goes on where its URL does, whatever the channel is called and wherever
it stands. Where its URL is gone it goes on with the channel of its name, if the state does not know the URL of that. It
shares no code with the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_SHORT = 160
_UNANSWERED_TO_DEFER = 5


def is_plainest(text: str) -> bool:
    """Return whether a message is in its plainest form, short and ASCII; in its usual one it begins with a symbol."""
    return text.isascii() and len(text) <= _SHORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A channel as it is configured in one poll."""

    name: str
    path: str


@dataclass(slots=True, kw_only=True)
class Alert:
    """An event that a reader is owed."""

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
    """The channel's, unless another channel has it by now."""
    alerts: dict[str, Alert] = field(default_factory=dict)
    in_flight: set[tuple[str, ...]] = field(default_factory=set)
    """Messages whose acknowledgement a crash may have cost: each may come once more, before any other of its queue."""
    failures: int = 0
    repeats: int = 0
    rejected: dict[tuple[str, ...], int] = field(default_factory=dict)
    """Messages that were refused for what they are, and how often, in their usual form and their plainest in turn."""
    critical: frozenset[str] = frozenset()
    """Events that are, as far as a message has shown them."""
    aside: dict[tuple[str, ...], datetime] = field(default_factory=dict)
    """When the plainest form of a message was refused."""
    takes_nothing: bool = False
    """It has failed, or refused a message, since it took one."""
    has_taken: bool = False
    """A message was taken in this round."""
    crashes: int = 0
    """Each may have cost the program the knowledge of a refusal, or of what was taken since."""
    unanswered: int = 0
    """Crashes since it took a message in which one was on its way."""
    deferred: set[tuple[str, ...]] = field(default_factory=set)
    """Messages in flight that had so many of them that they come once a day, after all others."""
    is_unsure: bool = False
    """A crash, or a move, may have put a message first that is not the worst, until all is sent."""
    has_passed: bool = False
    """A message without a ban was taken in this round."""

    def named_of(self, events: tuple[str, ...], text: str) -> tuple[str, ...]:
        """Return the events of a message that are not left to a further one: in its plainest form it names the worst.

        What is milder than critical it counts.
        """
        if not is_plainest(text):
            return events
        return tuple(
            event
            for event in events
            if event == events[0] or event not in self.critical
        )

    def message_of(self, events: tuple[str, ...], text: str) -> tuple[str, ...]:
        """Return the events of a message; in its plainest form it shows only the worst, and its time has come.

        AssertionError if it comes in that form too early, or in its usual form too often.
        """
        if not is_plainest(text):
            is_usual = not self.rejected.get(events, 0) % 2 or self.crashes
            assert is_usual, f"{self.path}: not in the plainest form: {events}"
            return events
        [*_, known] = [
            (),
            *(message for message in self.rejected if message[:1] == events),
        ]
        is_time = self.rejected.get(known, 0) % 2 or self.crashes
        assert is_time, f"{self.path}: in the plainest form too early: {known}"
        return known

    def reject(
        self, events: tuple[str, ...], now: datetime, expiry: timedelta, *, plain: bool
    ) -> bool:
        """A message was refused for what it is; after its plainest form it waits, twice as long each time.

        Return whether that tells that the channel fails: the first time, if nothing was taken before in the round.
        """
        for event in events:
            assert event in self.alerts, f"{self.path}: invented {event}"
        times = self.rejected.get(events, 0)
        self.rejected[events] = times + 1
        if not plain:
            before = self.aside.get(events)
            doubled = timedelta(seconds=30) * 2 ** min(max(times // 2 - 1, 0), 20)
            wait = min(doubled, timedelta(days=1))
            is_early = before is not None and timedelta() <= now - before < wait
            assert not is_early or self.crashes, (
                f"{self.path}: tried again before {wait} were over: {events}"
            )
            return False
        self.aside[events] = now
        if self.failures:
            self.expire(now, expiry)
        self._expire_rejected(now, expiry)
        is_failure = times == 1 and not self.has_taken
        self.takes_nothing = self.takes_nothing or is_failure
        return is_failure

    def _is_owed(self, message: tuple[str, ...]) -> bool:
        alerts = [self.alerts[event] for event in message if event in self.alerts]
        return any(not alert.sent for alert in alerts)

    def _expire_rejected(self, now: datetime, expiry: timedelta) -> None:
        """What was refused twice in both forms may expire when it is too old, whichever message is refused now."""
        for message, times in self.rejected.items():
            if times // 2 > 1:
                self._expire(message, now, expiry)

    def end_round(self) -> None:
        """In the next round there may be a worse message than all that came before it."""
        self.has_passed = self.has_taken = False
        self.is_unsure = self.is_unsure and any(
            not alert.sent for alert in self.alerts.values()
        )

    def inherit(self, other: Reader) -> None:
        """The other one's channel goes on at this path: what it was not sent is owed here, once."""
        for event, alert in other.alerts.items():
            mine = self.alerts.get(event)
            if mine is not None and not mine.sent:
                mine.expendable = mine.expendable or alert.expendable
            elif not alert.sent or any(event in message for message in other.in_flight):
                self.alerts[event] = alert
        self.in_flight |= other.in_flight
        self.critical |= other.critical
        self.rejected = {**other.rejected, **self.rejected}
        self.aside = {**other.aside, **self.aside}
        self.crashes += other.crashes + 1
        self.unanswered += other.unanswered
        self.is_unsure = True

    def take(self, events: tuple[str, ...], *, has_ban: bool) -> None:
        """A message has come; AssertionError unless it was owed, its turn, and new to it or in flight.

        A message may have alerts of several polls, of all that waited. What is in flight comes first, as it was; then
        what has a ban; and last what was refused for what it is.
        """
        is_repeat = any(
            self.alerts[event].sent for event in events if event in self.alerts
        )
        whole = self._in_flight_with(events)
        if is_repeat:
            assert whole, f"{self.path}: repeated needlessly {events}"
            self.repeats += len(events)
        if self.unanswered >= _UNANSWERED_TO_DEFER:
            self.deferred |= self.in_flight
        late = {
            message
            for message in self.in_flight
            if message in self.deferred or self._was_refused(message)
        }
        self.in_flight = (self.in_flight if len(self.in_flight) > 1 else late) - {whole}
        if rest := tuple(event for event in whole if event not in events):
            self.in_flight.add(rest)
        assert len(set(events)) == len(events), (
            f"{self.path}: twice in one message {events}"
        )
        for event in events:
            assert event in self.alerts, f"{self.path}: invented {event}"
            alert = self.alerts[event]
            alert.sent = True
        if not (is_repeat or self.is_unsure or self._was_refused(events)):
            assert not (has_ban and self.has_passed), (
                f"{self.path}: {events} came out of turn"
            )
            self.has_passed = self.has_passed or not has_ban
        if self.takes_nothing:
            self.aside.clear()
        self.takes_nothing = False
        self.has_taken = True
        self.failures = self.unanswered = 0
        if not any(self._is_owed(message) for message in self.rejected):
            self.crashes = (
                0  # of no refusal does it matter any more whether it is known
            )

    def _was_refused(self, message: tuple[str, ...]) -> bool:
        """Return whether a message was refused; in its plainest form it may have left some of its events to others."""
        return any(
            message[0] == whole[0] and set(message) <= set(whole)
            for whole in self.rejected
        )

    def _in_flight_with(self, events: tuple[str, ...]) -> tuple[str, ...]:
        """Return the message in flight that these events are all of, or if it was refused some of; () if there is none.

        Its repeat may be refused: then its plainest form comes, and what that leaves in further messages.
        """
        return next(
            (
                message
                for message in self.in_flight
                if message == events
                or (message in self.rejected and set(events) < set(message))
            ),
            (),
        )

    def refuse(self, now: datetime, expiry: timedelta) -> None:
        """A message was refused: with another refusal on record, what is too old may expire.

        So may what went out, or was about to, in two crashes: no answer came to it.
        """
        if self.failures or self.unanswered > 1:
            self.expire(now, expiry)
        self._expire_rejected(now, expiry)
        self.failures += 1
        self.takes_nothing = True

    def expire(self, now: datetime, expiry: timedelta) -> None:
        """What is too old may expire."""
        self._expire(self.alerts, now, expiry)

    def _expire(self, events: Iterable[str], now: datetime, expiry: timedelta) -> None:
        for alert in (self.alerts[event] for event in events if event in self.alerts):
            alert.expendable = alert.expendable or (
                not alert.sent and now - alert.at > expiry
            )

    @property
    def waiting(self) -> list[str]:
        """The events that it is owed and that were not refused for what they are."""
        rejected = {event for message in self.rejected for event in message}
        return [event for event in self.lost if event not in rejected]

    @property
    def lost(self) -> list[str]:
        """The events that it was owed and never sent."""
        return [
            event
            for event, alert in self.alerts.items()
            if not alert.sent and not alert.expendable
        ]


Known = Mapping[str, frozenset[str]]
"""The paths that the state knows, each with the channels that had it in the last poll, and "" if something is owed."""


@dataclass(slots=True)
class Readers:
    """All readers there ever were."""

    everyone: list[Reader] = field(default_factory=list)

    def follow(self, wired: Sequence[Wired], known: Known) -> Mapping[str, Reader]:
        """Return, by path, who is behind each channel of a poll, where the state had `known` some paths."""
        at = {reader.path: reader for reader in self.everyone}
        return {
            w.path: at.get(w.path)
            or self._moved(w, wired, known)
            or Reader(path=w.path)
            for w in wired
        }

    def _moved(self, wired: Wired, now: Sequence[Wired], known: Known) -> Reader | None:
        """Return who had the channel's name and has lost its URL, if the channel's is a new one."""
        if known.get(wired.path, frozenset()) - {wired.name}:
            return None
        configured = {w.path for w in now}
        gone = (reader for reader in self.everyone if reader.path not in configured)
        return next(
            (reader for reader in gone if reader.name and reader.name == wired.name),
            None,
        )

    def take_in(
        self,
        wired: Sequence[Wired],
        readers: Mapping[str, Reader],
        known: Known,
    ) -> None:
        """The program has noted this poll's channels."""
        inherited = {w.path: self._moved(w, wired, known) for w in wired}
        names = {w.name for w in wired}
        for one in self.everyone:
            one.name = "" if one.name in names else one.name
        for w in wired:
            reader, moved = readers[w.path], inherited[w.path]
            if moved is not None and moved is not reader:
                reader.inherit(moved)
                self.everyone.remove(moved)
            if reader.path != w.path:
                reader.path, reader.failures = w.path, 0
            reader.name = w.name
            if all(reader is not one for one in self.everyone):
                self.everyone.append(reader)

    def expire(
        self, configured: Iterable[str], now: datetime, expiry: timedelta
    ) -> None:
        """What a removed channel is owed may expire when it is too old."""
        for reader in self.everyone:
            if reader.path not in configured:
                reader.expire(now, expiry)
