"""The bookkeeping of what is undelivered: one queue per channel, in order, until acknowledged or expired. Pure.

An *alert* is one event for one channel; a *message* carries one or more alerts. Contract: section Alerts.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from watcher import timestamps
from watcher.model.channel import Channel, grouped
from watcher.model.event import Event, event_id

FIRST_WAIT = 30.0
LONGEST_WAIT = 3600.0
"""Seconds that a channel rests after a failure: doubled with each one in a row, up to the longest."""

FAILURES_TO_EXPIRE = 2
"""In a row, before an old alert is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Events that go out together. `revision` is the snapshot's that they came with: below it, nothing was seen.

    `reached` names, unreadably, those targets of the channel's URL that have taken the message already.
    """

    id: str
    revision: int
    queued_at: str
    events: tuple[str, ...]
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What one channel has not acknowledged, oldest first, and how the channel fares.

    `attempts` counts failures in a row, `error` is why the last one failed, `not_before` when to try again.
    `address` is a keyed digest of the channel's URL, which lets a renamed channel keep its queue.
    """

    messages: tuple[Message, ...] = ()
    attempts: int = 0
    not_before: str = ""
    error: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A message that a channel has taken, as the journal tells it."""

    channel: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """A failed attempt at a channel's first message, the so manieth in a row, as the journal tells it; see `failed`.

    `address` is the one that it was made at: what is said of it holds for no other.
    """

    channel: str
    message: str
    attempts: int
    error: str
    at: str
    address: str = ""
    reached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """Queues by channel name, and the events that they refer to by id.

    `unrecorded` are events that the history may not have yet, with the revisions they came with; `prepared` is the
    last of these revisions.
    """

    queues: Mapping[str, Queue] = field(default_factory=dict)
    events: Mapping[str, Event] = field(default_factory=dict)
    unrecorded: Mapping[str, int] = field(default_factory=dict)
    prepared: int = 0

    def alerts(self, channel: str) -> int:
        """Count the undelivered alerts of a channel."""
        queue = self.queues.get(channel)
        return sum(len(message.events) for message in queue.messages) if queue else 0


def enqueue(outbox: Outbox, channels: Iterable[Channel], events: tuple[Event, ...], revision: int, now: str) -> Outbox:
    """Add one poll's events to the queue of each channel that wants them."""
    queues = dict(outbox.queues)
    for channel in channels:
        added = tuple(
            Message(
                id=event_id(channel.name, revision, *(event.id for event in group)),
                revision=revision,
                queued_at=now,
                events=tuple(event.id for event in group),
            )
            for group in grouped(channel, events)
        )
        if added:
            queue = queues.get(channel.name, Queue())
            queues[channel.name] = replace(queue, messages=queue.messages + added)
    known = {**outbox.events, **{event.id: event for event in events}}
    unrecorded = {**outbox.unrecorded, **{event.id: revision for event in events}}
    return _tidy(replace(outbox, queues=queues, events=known, unrecorded=unrecorded, prepared=revision))


def recorded(outbox: Outbox) -> Outbox:
    """Note that the history has every event."""
    return _tidy(replace(outbox, unrecorded={}))


def drop_uncommitted(outbox: Outbox, revision: int) -> Outbox:
    """Drop what was prepared for a snapshot that never became durable: nothing of it was sent, and its changes will be
    seen again.
    """
    queues = {
        name: replace(queue, messages=tuple(m for m in queue.messages if m.revision <= revision))
        for name, queue in outbox.queues.items()
    }
    if outbox.prepared <= revision:
        return outbox
    unrecorded = {event: of for event, of in outbox.unrecorded.items() if of <= revision}
    return _tidy(replace(outbox, queues=queues, unrecorded=unrecorded, prepared=revision))


def replay(outbox: Outbox, outcomes: Iterable[Acknowledgement | FailedAttempt]) -> Outbox:
    """Take in what came of deliveries, in the order in which it came: delivered messages leave their queues, which then
    fare well, and a failed attempt counts if the outbox does not have it yet (`failed`).

    A message belongs to the queue that holds it: to one of an older name where the channel got its name in the very
    poll that sent it. One that no queue holds changes nothing. The work grows with the messages and the outcomes, not
    with their product.
    """
    holders: dict[str, list[str]] = {}
    for name, queue in outbox.queues.items():
        for message in queue.messages:
            holders.setdefault(message.id, []).append(name)
    taken: dict[str, set[str]] = {}
    for outcome in outcomes:
        if not (names := holders.get(outcome.message)):
            continue
        name = outcome.channel if outcome.channel in names else names[0]
        if isinstance(outcome, FailedAttempt):
            outbox = _refused(_without(outbox, taken), replace(outcome, channel=name))
            taken = {}
        else:
            taken.setdefault(name, set()).add(outcome.message)
            names.remove(name)
    return _tidy(_without(outbox, taken))


def _without(outbox: Outbox, taken: Mapping[str, Container[str]]) -> Outbox:
    """Take messages off their queues, which need not rest any more."""
    queues = dict(outbox.queues)
    for name, ids in taken.items():
        left = tuple(message for message in queues[name].messages if message.id not in ids)
        queues[name] = replace(queues[name], messages=left, attempts=0, not_before="", error="")
    return replace(outbox, queues=queues)


def failed(outbox: Outbox, channel: str, error: str, now: str, reached: Iterable[str] = ()) -> Outbox:
    """Note a failed attempt at the first message: the channel rests, its queue stays but for what was `reached`."""
    queue = outbox.queues[channel]
    first, *rest = queue.messages
    tried = replace(
        queue,
        messages=(replace(first, reached=tuple(sorted(reached))), *rest),
        attempts=queue.attempts + 1,
        not_before=backoff_until(queue.attempts, now),
        error=error,
    )
    return replace(outbox, queues={**outbox.queues, channel: tried})


def backoff_until(failures: int, now: str) -> str:
    """Give until when a channel rests after one more failure than these in a row."""
    return timestamps.later(now, min(FIRST_WAIT * 2.0 ** min(failures, 20), LONGEST_WAIT))


def expired(
    outbox: Outbox, channel: str, now: str, expiry: float, *, configured: bool = True
) -> tuple[Outbox, tuple[Message, ...]]:
    """Give up what the channel did not take within `expiry` seconds, and say what it was.

    Only after two failed attempts in a row: a clock that jumps, be it during the first, may not cost an alert that
    nobody tried to send since. A channel that is configured no more can't be tried, and with its last alert it is
    forgotten.
    """
    queue = outbox.queues[channel]
    if configured and queue.attempts < FAILURES_TO_EXPIRE:
        return outbox, ()
    left: list[Message] = []
    old: list[Message] = []
    for message in queue.messages:
        (old if timestamps.seconds_between(message.queued_at, now) > expiry else left).append(message)
    if configured and not old:
        return outbox, ()
    attempts = queue.attempts if configured else 0
    rested = replace(queue, messages=tuple(left), attempts=attempts)
    return _tidy(replace(outbox, queues={**outbox.queues, channel: rested})), tuple(old)


def _refused(outbox: Outbox, refusal: FailedAttempt) -> Outbox:
    """Take in a failed attempt, unless it is not the next one at this queue's first message and this address."""
    queue = outbox.queues[refusal.channel]
    first = queue.messages[0].id if queue.messages else ""
    if first != refusal.message or queue.attempts != refusal.attempts - 1 or refusal.address != queue.address:
        return outbox
    return failed(outbox, refusal.channel, refusal.error, refusal.at, refusal.reached)


def is_due(queue: Queue, now: str) -> bool:
    """Tell whether a channel has something to send and may be tried now."""
    return bool(queue.messages) and not backoff_left(queue.not_before, now)


def backoffs_of(outbox: Outbox, channel: str, address: str) -> dict[str, str]:
    """Give by name until when those queues rest that wait for a channel, known by its address, else by its name."""
    return {
        name: queue.not_before
        for name, queue in outbox.queues.items()
        if queue.messages and queue.not_before and (queue.address == address if queue.address else name == channel)
    }


def end_backoffs(outbox: Outbox, until: Mapping[str, str]) -> Outbox:
    """Let those queues be due that rest `until` exactly that time, by name: one that failed since then rests on."""
    queues = {
        name: replace(queue, not_before="") if queue.not_before == until.get(name) else queue
        for name, queue in outbox.queues.items()
    }
    return replace(outbox, queues=queues)


def backoff_left(until: str, now: str) -> float:
    """Give the seconds for which a channel still rests; `until` is a time, or empty where it does not.

    A wait longer than the longest can only come from a clock set back, and is not kept.
    """
    wait = timestamps.seconds_between(now, until) if until else 0.0
    return wait if 0 < wait <= LONGEST_WAIT else 0.0


def renamed(
    outbox: Outbox, addresses: Mapping[str, str], earlier: Mapping[str, tuple[str, ...]] | None = None
) -> Outbox:
    """Let each queue follow its address to the name that the address goes by now; what moves on need not rest.

    `addresses` has the address of each configured channel by its name, `earlier` those that the channel had before
    (`watcher.alerts.channel_identity.follow`); None where they are lost, and then a queue stays with its
    name. A queue that no channel has the address of is a former channel's: where its name is another's
    by now it gets one of its own. Queues become one only if they have come to one address.
    """
    names = {addresses[name]: name for name in reversed(list(addresses))}
    homes = {name: _home(name, queue.address, addresses, names, earlier or {}) for name, queue in outbox.queues.items()}
    taken = set(addresses) if earlier is not None else {home for home in homes.values() if home}
    queues: dict[str, Queue] = {}
    for name, queue in outbox.queues.items():
        home = homes[name] or (name if name not in taken else _aside(name, {*taken, *homes, *queues}))
        moved = _at(queue, addresses.get(home, queue.address))
        queues[home] = _merged(queues[home], moved) if home in queues else moved
    return replace(outbox, queues=queues)


def _home(
    name: str,
    address: str,
    addresses: Mapping[str, str],
    names: Mapping[str, str],
    earlier: Mapping[str, tuple[str, ...]],
) -> str:
    """Give the name of the channel that a queue belongs to; empty if there is none."""
    if address in names:
        return name if addresses.get(name) == address else names[address]
    heirs = [heir for heir, line in earlier.items() if address in line]
    return name if name in heirs else next(iter(heirs), "")


def _aside(name: str, taken: Container[str]) -> str:
    """Give a name that nobody has to the queue of a channel that is gone."""
    numbers = (f"{name} (former{f' {number}' if number > 1 else ''})" for number in count(1))
    return next(one for one in numbers if one not in taken)


def _merged(one: Queue, other: Queue) -> Queue:
    """Make one queue of two that go to one address: it rests as long as either would."""
    rests = max(one, other, key=lambda queue: queue.attempts)
    return replace(rests, messages=tuple(sorted(one.messages + other.messages, key=lambda m: m.revision)))


def addressed(outbox: Outbox, addresses: Mapping[str, str]) -> Outbox:
    """Note the address of each queue's channel, for the day it is renamed."""
    queues = {name: _at(queue, addresses.get(name, queue.address)) for name, queue in outbox.queues.items()}
    return replace(outbox, queues=queues)


def _at(queue: Queue, address: str) -> Queue:
    moved = queue.address not in {"", address}
    return replace(queue if not moved else replace(queue, attempts=0, not_before="", error=""), address=address)


def _tidy(outbox: Outbox) -> Outbox:
    """Forget empty queues that fare well, and events that nothing refers to."""
    queues = {name: queue for name, queue in outbox.queues.items() if queue.messages or queue.attempts}
    needed = {event for queue in queues.values() for message in queue.messages for event in message.events}
    needed.update(outbox.unrecorded)
    events = {key: event for key, event in outbox.events.items() if key in needed}
    return replace(outbox, queues=queues, events=events)
