"""The JSON forms of the state: plain, versioned, diff-friendly. Text to value and back; no files here.

The schemas in `state/` describe the same forms. A form that a newer program wrote is refused, not guessed at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from watcher.events import Event
from watcher.health import Health
from watcher.outbox import Outbox, Queue
from watcher.snapshot import Node, Snapshot
from watcher.state import Addresses, Checks
from watcher.versions import Version

FORMAT = 1
"""Of every file; it grows when an older program could not read the file any more."""

_Form = TypeVar("_Form")


class UnreadableFormError(Exception):
    """The text is not what this program wrote. The message says why, to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _SnapshotForm:
    format: int
    revision: int
    registry_failing: bool
    registry_seen: int
    nodes: dict[str, Node]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutboxForm:
    format: int
    revision: int
    prepared: int
    queues: dict[str, Queue]
    unrecorded: tuple[str, ...]
    events: dict[str, Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChecksForm:
    format: int
    revision: int
    polled_at: str
    health: Health
    checked: dict[str, str]
    etags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AddressesForm:
    format: int
    salt: str
    apprise: str
    accepted: tuple[str, ...]


@cache
def _reader(form: Hashable) -> TypeAdapter[Any]:
    """Build a form's decoder once: it takes milliseconds."""
    return TypeAdapter(cast("type[Any]", form))


def _read(form: type[_Form], text: bytes) -> _Form:
    """Decode one file's text; raises UnreadableFormError."""
    try:
        value: _Form = _reader(cast("Hashable", form)).validate_json(text)
    except ValidationError as error:
        _refuse_newer(_format_of(text))
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableFormError(f"{first['msg']}{f' (at {place})' if place else ''}") from None
    _refuse_newer(getattr(value, "format", FORMAT))
    return value


def _refuse_newer(found: int) -> None:
    if found > FORMAT:
        raise UnreadableFormError(f"it was written by a newer version of comfy-watch (format {found}, known: {FORMAT})")


def _format_of(text: bytes) -> int:
    try:
        found = json.loads(text).get("format")
    except (ValueError, AttributeError, RecursionError):
        return 0
    return found if isinstance(found, int) else 0


def read_snapshot(text: bytes) -> Snapshot:
    """Decode `snapshot.json`; raises UnreadableFormError.

    A file laid out as this program does is decoded node by node, which needs half the memory of decoding it whole;
    whatever does not fit that, a reformatted file or a broken one, is decoded whole.
    """
    snapshot = _read_blocks(text) or _read_whole(text)
    for key, node in snapshot.nodes.items():
        if key != node.node.lower():
            raise UnreadableFormError(f"the entry {key!r} holds another node")
    return snapshot


def _read_whole(text: bytes) -> Snapshot:
    form = _read(_SnapshotForm, text)
    return Snapshot(
        revision=form.revision,
        registry_failing=form.registry_failing,
        registry_seen=form.registry_seen,
        nodes=form.nodes,
    )


def _read_blocks(text: bytes) -> Snapshot | None:
    """Decode a snapshot in the layout of `_snapshot_lines`, where only a node's key stands at a line's beginning."""
    head = _LAYOUT.match(text)
    if head is None or not text.endswith(_FOOT):
        return None
    reader = _reader(Node)
    nodes: dict[str, Node] = {}
    begin, end = head.end(), len(text) - len(_FOOT)
    try:
        while begin < end:
            stop = text.find(_BETWEEN, begin, end)
            key, found, block = text[begin : stop if stop >= 0 else end].partition(b": ")
            if not found:
                return None
            nodes[json.loads(key)] = reader.validate_json(block)
            begin = stop + len(_BETWEEN) - 1 if stop >= 0 else end
    except ValueError:
        return None
    return Snapshot(revision=int(head[1]), registry_failing=head[2] == b"true", registry_seen=int(head[3]), nodes=nodes)


_LAYOUT = re.compile(
    rb'\{\n"format": 1,\n"revision": ([0-9]+),\n"registry_failing": (true|false),\n"registry_seen": ([0-9]+),\n'
    rb'"nodes": \{\n'
)
_BETWEEN = b',\n"'
_FOOT = b"\n}\n}\n"
_HEAD = re.compile(rb'\s*\{\s*"format":\s*1,\s*"revision":\s*([0-9]+),')


def read_revision(text: bytes) -> int:
    """Give the revision of a `snapshot.json`, without decoding the rest where it is laid out as this program does."""
    found = _HEAD.match(text)
    return int(found[1]) if found else read_snapshot(text).revision


def write_snapshot(snapshot: Snapshot) -> bytes:
    """Encode `snapshot.json`: sorted, one version a line, empty fields left out."""
    return "".join(_snapshot_lines(snapshot)).encode()


def _snapshot_lines(snapshot: Snapshot) -> Iterator[str]:
    yield f'{{\n"format": {FORMAT},\n"revision": {snapshot.revision},\n'
    yield f'"registry_failing": {json.dumps(snapshot.registry_failing)},\n"registry_seen": {snapshot.registry_seen},\n'
    yield '"nodes": {'
    for number, key in enumerate(sorted(snapshot.nodes)):
        node = snapshot.nodes[key]
        head = ",\n ".join(
            f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in _told(node, _NODE_HEAD)
        )
        rows = ",\n  ".join(json.dumps(dict(_told(version, _VERSION_FIELDS))) for version in node.versions)
        yield f"{',' if number else ''}\n{json.dumps(key)}: {{\n {head}"
        yield f',\n "versions": [\n  {rows}\n ]}}' if rows else "}"
    yield "\n}\n}\n"


_VERSION_FIELDS = tuple(item.name for item in fields(Version))
_NODE_HEAD = tuple(item.name for item in fields(Node) if item.name != "versions")


def _told(value: object, names: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    for name in names:
        told = getattr(value, name)
        if told or name == "status":
            yield name, told


def read_outbox(text: bytes) -> tuple[int, Outbox]:
    """Decode `outbox.json`: the snapshot's revision it was written at, and the outbox; raises UnreadableFormError."""
    form = _read(_OutboxForm, text)
    for queue in form.queues.values():
        for message in queue.messages:
            if missing := set(message.events) - form.events.keys():
                raise UnreadableFormError(f"the event {min(missing)} is missing")
    if missing := set(form.unrecorded) - form.events.keys():
        raise UnreadableFormError(f"the event {min(missing)} is missing")
    outbox = Outbox(queues=form.queues, events=form.events, unrecorded=form.unrecorded, prepared=form.prepared)
    return form.revision, outbox


def write_outbox(revision: int, outbox: Outbox) -> bytes:
    """Encode `outbox.json`."""
    form = _OutboxForm(
        format=FORMAT,
        revision=revision,
        prepared=outbox.prepared,
        queues=dict(outbox.queues),
        unrecorded=outbox.unrecorded,
        events=dict(outbox.events),
    )
    return _pretty(form)


def read_checks(text: bytes) -> tuple[int, Checks]:
    """Decode `checks.json` like `read_outbox`."""
    form = _read(_ChecksForm, text)
    return form.revision, Checks(polled_at=form.polled_at, health=form.health, checked=form.checked, etags=form.etags)


def write_checks(revision: int, checks: Checks) -> bytes:
    """Encode `checks.json`."""
    return _pretty(
        _ChecksForm(
            format=FORMAT,
            revision=revision,
            polled_at=checks.polled_at,
            health=checks.health,
            checked=dict(checks.checked),
            etags=dict(checks.etags),
        )
    )


def read_addresses(text: bytes) -> Addresses:
    """Decode `addresses.json`; raises UnreadableFormError."""
    form = _read(_AddressesForm, text)
    return Addresses(salt=form.salt, apprise=form.apprise, accepted=form.accepted)


def write_addresses(addresses: Addresses) -> bytes:
    """Encode `addresses.json`."""
    return _pretty(
        _AddressesForm(format=FORMAT, salt=addresses.salt, apprise=addresses.apprise, accepted=addresses.accepted)
    )


def _pretty(form: object) -> bytes:
    plain = _reader(cast("Hashable", type(form))).dump_python(form, mode="json")
    head = {"format": plain.pop("format")}
    return json.dumps({**head, **plain}, indent=1).encode() + b"\n"


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
    return _read(Event, line)
