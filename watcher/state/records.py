"""The JSON forms of the state beside the snapshot, as `watcher/state/schemas` describes them. No files here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cached_property, partial
from typing import Any, Generic, Literal, TypeVar, get_type_hints

from watcher.alerts.queues.channel_identity import Addresses
from watcher.alerts.queues.outbox import Outbox
from watcher.model.event import Event
from watcher.state.codec import (
    FIRST_FORMAT,
    UnreadableFormError,
    check_time,
    decode,
    decoder,
    each,
    encode,
    format_of,
    renamed,
)
from watcher.state.model import Checks, History

FORMAT = 2
"""Of the files below but the outbox."""

OUTBOX_FORMAT = 4
"""Since a `failing` event may be about an install: an older program would report that the registry cannot be read."""

_IDLE = 200
"""Bytes: more than an outbox has in which nothing is."""

_Value = TypeVar("_Value")


class _Document(Generic[_Value]):
    """The JSON form of one file: `format`, `revision` if the file has one, then the fields of the value."""

    def __init__(
        self,
        value: type[_Value],
        upgrade: Callable[[dict[str, Any]], dict[str, Any]],
        *head: str,
        newest: int = FORMAT,
        added: Container[str] = (),
    ) -> None:
        """Describe the form. `upgrade` turns a document of the first format into one of the second.

        `newest` is the format that is written. A format between needs no change: what it lacks has a default. `added`
        are fields that some files of the newest format lack; programs that do not know them ignore them.
        """
        self._value = value
        self._upgrade = upgrade
        self._head = head
        self._format = newest
        self._added = added
        self._names = [one.name for one in fields(value)]  # type: ignore[arg-type]  # each is a dataclass

    @cached_property
    def _form(self) -> type[Any]:
        """The dataclass that is decoded: made when it is needed, since few polls need that of each file."""
        hints, empty = get_type_hints(self._value), self._value()
        numbers = dict.fromkeys(self._head, int)
        types = {
            "format": Literal[self._format],
            **numbers,
            **{name: hints[name] for name in self._names},
        }
        forms = [
            (name, hint, field(default_factory=partial(getattr, empty, name)))
            if name in self._added
            else (name, hint)
            for name, hint in types.items()
        ]
        name, doc = f"{self._value.__name__}Form", {"__doc__": "What the file holds."}
        # With all methods of a dataclass, and one that makes the docstring, it takes four times as long.
        return make_dataclass(
            name, forms, kw_only=True, eq=False, repr=False, namespace=doc
        )

    def read(self, text: bytes) -> tuple[int, _Value]:
        """Decode the snapshot's revision that the text was written at, and the value; raises UnreadableFormError."""
        try:
            form: Any = decode(self._form, text, self._format)
        except UnreadableFormError:
            if not FIRST_FORMAT <= (found := format_of(text)) < self._format:
                raise
            document = json.loads(text)
            upgraded = self._upgrade(document) if found == FIRST_FORMAT else document
            form = decode(
                self._form,
                json.dumps(upgraded | {"format": self._format}).encode(),
                self._format,
            )
        return getattr(form, "revision", 0), self._value(
            **{name: getattr(form, name) for name in self._names}
        )

    def write(self, value: _Value, **head: int) -> bytes:
        """Encode the value."""
        return encode(
            self._form(
                format=self._format,
                **head,
                **{name: getattr(value, name) for name in self._names},
            )
        )


def _upgraded_outbox(found: dict[str, Any]) -> dict[str, Any]:
    """The first format did not record whether a queue is `named`."""
    if isinstance(queues := found.get("queues"), dict):
        found["queues"] = {
            name: _upgraded_queue(queue) for name, queue in queues.items()
        }
    return found


def _upgraded_queue(found: object) -> object:
    if not isinstance(found, dict):
        return found  # to be refused
    return {"named": True} | renamed(found, not_before="retry_at", address="url_digest")


def _upgraded_checks(found: dict[str, Any]) -> dict[str, Any]:
    """The first format could lack `reported`, and had `trouble` for a failure's `untried`."""
    health = found.get("health")
    nodes = health.get("nodes") if isinstance(health, dict) else None
    for failure in nodes.values() if isinstance(nodes, dict) else ():
        if isinstance(failure, dict):
            failure["untried"] = failure.pop("trouble", None) == "untried"
    return {"reported": {}} | renamed(found, asked="etag_scope", said="reported")


def _upgraded_addresses(found: dict[str, Any]) -> dict[str, Any]:
    """The first format had the digests of earlier URLs too."""
    found = renamed(found, accepted="url_digests")
    return {
        key: value
        for key, value in found.items()
        if key not in {"placed", "earlier", "former"}
    }


_OUTBOX = _Document(Outbox, _upgraded_outbox, "revision", newest=OUTBOX_FORMAT)
ADDED = frozenset(
    {
        "polled_before",
        "terminal_closed_at",
        "scanned",
        "unknown",
        "packs",
        "packs_at",
        "packs_error",
    }
) | {
    "total",
    "way",
    "requests",
    "pages",
    "turn",
    "turn_error",
    "server_times",
    "stale_since",
}
"""What earlier versions did not write into `checks.json`."""
_CHECKS = _Document(Checks, _upgraded_checks, "revision", added=ADDED)
_ADDRESSES = _Document(Addresses, _upgraded_addresses)


def read_outbox(text: bytes) -> tuple[int, Outbox]:
    """Decode `outbox.json`: the snapshot's revision it was written at, and the outbox; raises UnreadableFormError."""
    numbers = [int(number) for number in re.findall(rb": (\d+)", text[:_IDLE])]
    if len(numbers) == 3 and text == _idle_outbox(*numbers[1:]):
        return numbers[1], Outbox(prepared=numbers[2])
    revision, outbox = _OUTBOX.read(text)
    for event in outbox.events.values():
        check_time(event.at)
    for queue in outbox.queues.values():
        for time in (queue.retry_at, queue.failing_since):
            check_time(time or None)
        for message in queue.messages:
            check_time(message.queued_at)
            check_time(message.retry_at or None)
            _check_events(message.events, outbox.events)
    _check_events(outbox.unrecorded, outbox.events)
    return revision, outbox


def write_outbox(revision: int, outbox: Outbox) -> bytes:
    """Encode `outbox.json`."""
    if not (outbox.queues or outbox.unrecorded or outbox.events):
        return _idle_outbox(revision, outbox.prepared)
    return _OUTBOX.write(outbox, revision=revision)


def _idle_outbox(revision: int, prepared: int) -> bytes:
    """Encode an outbox in which nothing is, as in most polls: to build what encodes all others takes 10 ms."""
    head = {"format": OUTBOX_FORMAT, "revision": revision, "prepared": prepared}
    return (
        json.dumps(
            head | {"queues": {}, "unrecorded": {}, "events": {}}, indent=1
        ).encode()
        + b"\n"
    )


def read_checks(text: bytes) -> tuple[int, Checks]:
    """Decode `checks.json` like `read_outbox`."""
    revision, checks = _CHECKS.read(text)
    health = checks.health
    failures = [
        *health.nodes.values(),
        *health.installs.values(),
        *filter(None, [health.registry, health.sweep]),
    ]
    polls = (
        checks.terminal_closed_at,
        checks.polled_at,
        checks.polled_before,
        checks.packs_at,
        checks.turn.at,
        *checks.scanned.values(),
    )
    of_nodes = (
        *checks.checked.values(),
        *checks.server_times.values(),
        *checks.stale_since.values(),
    )
    for time in (*polls, *of_nodes, *(failure.since for failure in failures)):
        check_time(time or None)
    return revision, checks


def write_checks(revision: int, checks: Checks) -> bytes:
    """Encode `checks.json`."""
    return _CHECKS.write(checks, revision=revision)


def read_addresses(text: bytes) -> Addresses:
    """Decode `addresses.json`; raises UnreadableFormError."""
    _, addresses = _ADDRESSES.read(text)
    if not re.fullmatch("(?:[0-9a-f]{2})*", addresses.salt):
        raise UnreadableFormError("the salt is not hexadecimal")
    return addresses


def write_addresses(addresses: Addresses) -> bytes:
    """Encode `addresses.json`."""
    return _ADDRESSES.write(addresses)


def _check_events(ids: Iterable[str], events: Container[str]) -> None:
    for event in ids:
        if event not in events:
            raise UnreadableFormError(f"the event {event} is missing")


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _RetryForm:
    """What the file holds."""

    format: int
    queues: dict[str, str]


def read_retry(text: bytes) -> dict[str, str]:
    """Decode `retry.json`: the `retry_at` of ended backoffs, by queue name; empty if it cannot be read."""
    try:
        return decode(_RetryForm, text).queues
    except UnreadableFormError:
        return {}


def write_retry(queues: Mapping[str, str]) -> bytes:
    """Encode `retry.json`."""
    return encode(_RetryForm(format=FIRST_FORMAT, queues=dict(sorted(queues.items()))))


def write_event(event: Event) -> bytes:
    """Encode an event as one line of `history.jsonl`."""
    return json.dumps(decoder(Event).dump_python(event, mode="json")).encode() + b"\n"


def read_event(line: bytes) -> Event:
    """Decode one line of `history.jsonl`; raises UnreadableFormError."""
    event = decode(Event, line)
    check_time(event.at)
    return event


def read_history(text: bytes) -> History:
    """Decode `history.jsonl`; a damaged line is counted, and a last line without its end is ignored."""
    whole, _, _ = text.rpartition(b"\n")
    lines = whole.splitlines()
    events = tuple(each(lines, read_event))
    return History(events=events, unreadable=len(lines) - len(events))
