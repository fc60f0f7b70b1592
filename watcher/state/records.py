"""The JSON forms of the state beside the snapshot. Text to value and back; no files here.

The schemas in `state/` describe the same forms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from watcher import timestamps
from watcher.alerts.channel_identity import Addresses
from watcher.alerts.outbox import Acknowledgement, FailedAttempt, Outbox, Queue
from watcher.changes.health import Health
from watcher.model.event import Event
from watcher.state.codec import FORMAT, UnreadableFormError, decode, encode
from watcher.state.model import Checks


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutboxForm:
    format: int
    revision: int
    prepared: int
    queues: dict[str, Queue]
    unrecorded: dict[str, int]
    events: dict[str, Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChecksForm:
    format: int
    revision: int
    polled_at: str
    health: Health
    checked: dict[str, str]
    asked: str
    watched: tuple[str, ...]
    etags: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AddressesForm:
    format: int
    salt: str
    apprise: str
    accepted: dict[str, str]
    placed: tuple[str, ...]
    earlier: dict[str, tuple[str, ...]]
    former: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RetryForm:
    format: int
    queues: dict[str, str]


_SENDING, _ARRIVED, _REFUSED = "sending", "arrived", "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    channel: str
    message: str
    state: str


def read_outbox(text: bytes) -> tuple[int, Outbox]:
    """Decode `outbox.json`: the snapshot's revision it was written at, and the outbox; raises UnreadableFormError."""
    form = decode(_OutboxForm, text)
    _see_that_they_are_times(*(event.at for event in form.events.values()))
    for queue in form.queues.values():
        _see_that_they_are_times(*(message.queued_at for message in queue.messages))
        _see_that_they_are_times(*filter(None, [queue.not_before]))
        for message in queue.messages:
            _see_that_they_are_there(message.events, form.events)
    _see_that_they_are_there(form.unrecorded, form.events)
    outbox = Outbox(queues=form.queues, events=form.events, unrecorded=form.unrecorded, prepared=form.prepared)
    return form.revision, outbox


def _see_that_they_are_there(ids: Iterable[str], events: Container[str]) -> None:
    for event in ids:
        if event not in events:
            raise UnreadableFormError(f"the event {event} is missing")


def _see_that_they_are_times(*texts: str) -> None:
    """Raise UnreadableFormError where a text is no time."""
    for text in texts:
        try:
            timestamps.read(text)
        except ValueError:
            raise UnreadableFormError(f"{text!r} is no time") from None


def write_outbox(revision: int, outbox: Outbox) -> bytes:
    """Encode `outbox.json`."""
    form = _OutboxForm(
        format=FORMAT,
        revision=revision,
        prepared=outbox.prepared,
        queues=dict(outbox.queues),
        unrecorded=dict(outbox.unrecorded),
        events=dict(outbox.events),
    )
    return encode(form)


def read_checks(text: bytes) -> tuple[int, Checks]:
    """Decode `checks.json` like `read_outbox`."""
    form = decode(_ChecksForm, text)
    failures = [*form.health.nodes.values(), *filter(None, [form.health.registry])]
    times_of = [form.polled_at, *form.checked.values(), *(failure.since for failure in failures)]
    _see_that_they_are_times(*filter(None, times_of))
    return form.revision, Checks(
        polled_at=form.polled_at,
        health=form.health,
        checked=form.checked,
        asked=form.asked,
        etags=form.etags,
        watched=form.watched,
        said=form.said,
    )


def write_checks(revision: int, checks: Checks) -> bytes:
    """Encode `checks.json`."""
    return encode(
        _ChecksForm(
            format=FORMAT,
            revision=revision,
            polled_at=checks.polled_at,
            health=checks.health,
            checked=dict(checks.checked),
            asked=checks.asked,
            watched=checks.watched,
            etags=dict(checks.etags),
            said=dict(checks.said),
        )
    )


def read_addresses(text: bytes) -> Addresses:
    """Decode `addresses.json`; raises UnreadableFormError."""
    form = decode(_AddressesForm, text)
    if not re.fullmatch("(?:[0-9a-f]{2})*", form.salt):
        raise UnreadableFormError("the salt is not hexadecimal")
    return Addresses(
        salt=form.salt,
        apprise=form.apprise,
        accepted=form.accepted,
        placed=form.placed,
        earlier=form.earlier,
        former=form.former,
    )


def write_addresses(addresses: Addresses) -> bytes:
    """Encode `addresses.json`."""
    return encode(
        _AddressesForm(
            format=FORMAT,
            salt=addresses.salt,
            apprise=addresses.apprise,
            accepted=dict(addresses.accepted),
            placed=addresses.placed,
            earlier=dict(addresses.earlier),
            former=addresses.former,
        )
    )


def read_retry(text: bytes) -> dict[str, str]:
    """Decode `retry.json`: until when queues rest that need not, by name. One that cannot be read says nothing."""
    try:
        return decode(_RetryForm, text).queues
    except UnreadableFormError:
        return {}


def write_retry(queues: Mapping[str, str]) -> bytes:
    """Encode `retry.json`."""
    return encode(_RetryForm(format=FORMAT, queues=dict(sorted(queues.items()))))


def event_form(event: Event) -> dict[str, Any]:
    """Give the public JSON form of an event (contract, `check --json`)."""
    return {
        "id": event.id,
        "kind": event.kind.value,
        "node": event.node,
        "version": event.version,
        "version_id": event.version_id,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
        "changes": [{"field": c.field, "before": c.before, "after": c.after} for c in event.changes],
        "at": event.at,
        "url": event.url,
    }


def write_event(event: Event) -> bytes:
    """Encode an event as one line of `history.jsonl`."""
    return json.dumps(event_form(event)).encode() + b"\n"


def read_event(line: bytes) -> Event:
    """Decode one line of `history.jsonl`; raises UnreadableFormError."""
    event = decode(Event, line)
    _see_that_they_are_times(event.at)
    return event


def write_acknowledgement(channel: str, message: str, *, arrived: bool) -> bytes:
    """Encode the line of `acks.jsonl` about a message, before it goes out or once it has `arrived`.

    Both have the same length, so that one can be written over the other.
    """
    state = _ARRIVED if arrived else _SENDING
    return json.dumps({"channel": channel, "message": message, "state": state}).encode() + b"\n"


def write_refusal(refusal: FailedAttempt) -> bytes:
    """Encode a failed attempt as a line of `acks.jsonl`."""
    return json.dumps(asdict(refusal) | {"state": _REFUSED}).encode() + b"\n"


def read_outcome(line: bytes) -> Acknowledgement | FailedAttempt | None:
    """Decode one line of `acks.jsonl`; None where it tells of a message that has not arrived. UnreadableFormError."""
    entry = decode(_Entry, line)
    if entry.state == _REFUSED:
        refusal = decode(FailedAttempt, line)
        _see_that_they_are_times(refusal.at)
        return refusal
    return Acknowledgement(channel=entry.channel, message=entry.message) if entry.state == _ARRIVED else None
