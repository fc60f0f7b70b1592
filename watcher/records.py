"""The JSON forms of the state: plain, versioned, diff-friendly. Text to value and back; no files here.

The schemas in `state/` describe the same forms. A form that a newer program wrote is refused, not guessed at.
"""

from __future__ import annotations

import json
import re
from collections import ChainMap
from collections.abc import Callable, Hashable, Iterator, Mapping
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


Refuse = Callable[[UnreadableFormError], Exception]
"""Makes the error that its caller wants to see of one that the text gives."""


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
    asked: str = ""
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


def read_snapshot(text: bytes, refuse: Refuse | None = None) -> Snapshot:
    """Decode `snapshot.json`; raises UnreadableFormError.

    Of a file laid out as this program does, a node is decoded when it is asked for (`Blocks`): that holds 35,000
    versions in a third of the memory, and `refuse` makes the error of one that is broken. A reformatted file, or one
    whose outside is broken, is decoded whole.
    """
    head = _LAYOUT.match(text)
    if head is None or not text.endswith(_FOOT):
        return _read_whole(text)
    try:
        nodes = Blocks(text, head.end(), len(text) - len(_FOOT), refuse)
    except ValueError:
        return _read_whole(text)
    return Snapshot(revision=int(head[1]), registry_failing=head[2] == b"true", registry_seen=int(head[3]), nodes=nodes)


def _read_whole(text: bytes) -> Snapshot:
    form = _read(_SnapshotForm, text)
    for key, node in form.nodes.items():
        _see_that_it_is(node, key)
    return Snapshot(
        revision=form.revision,
        registry_failing=form.registry_failing,
        registry_seen=form.registry_seen,
        nodes=form.nodes,
    )


def _see_that_it_is(node: Node, key: str) -> Node:
    if key != node.node.lower():
        raise UnreadableFormError(f"the entry {key!r} holds another node")
    return node


class Blocks(Mapping[str, Node]):
    """The nodes of a snapshot in its own text, each decoded when it is asked for, and not kept.

    Asking for one that cannot be decoded raises UnreadableFormError, or what `refuse` makes of it; what is not asked
    for stays as it is.
    """

    def __init__(self, text: bytes, begin: int, end: int, refuse: Refuse | None = None) -> None:
        """Find the blocks of `_snapshot_lines`, where only a node's key begins a line; ValueError if it isn't so."""
        self._text = text
        self._refuse = refuse
        self._places: dict[str, tuple[int, int]] = {}
        while begin < end:
            found = text.find(_BETWEEN, begin, end)
            stop = found if found >= 0 else end
            colon = text.index(b": ", begin, stop)
            key, name = json.loads(text[begin:colon]), _NAMED.match(text, colon + 2, stop)
            if name is None or json.loads(name[1]).lower() != key:
                raise ValueError(key)  # under another key the node would be one that nothing is known of
            self._places[key] = (colon + 2, stop)
            begin = stop + len(_BETWEEN) - 1

    def __getitem__(self, key: str) -> Node:
        block = self.block(key)
        try:
            return _see_that_it_is(_read(Node, block), key)
        except UnreadableFormError as error:
            raise (self._refuse(error) if self._refuse else error) from None

    def block(self, key: str) -> bytes:
        """Give a node's own text."""
        begin, end = self._places[key]
        return self._text[begin:end]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


_LAYOUT = re.compile(
    rb'\{\n"format": 1,\n"revision": ([0-9]+),\n"registry_failing": (true|false),\n"registry_seen": ([0-9]+),\n'
    rb'"nodes": \{\n?'
)
_BETWEEN = b',\n"'
_NAMED = re.compile(rb'\{\n "node": ("(?:[^"\\]|\\.)*")')
_FOOT = b"\n}\n}\n"


_HEAD = re.compile(rb'\s*\{\s*"format":\s*1,\s*"revision":\s*([0-9]+),')


def read_revision(text: bytes) -> int:
    """Give the revision of a `snapshot.json`, without decoding the rest where it is laid out as this program does."""
    found = _HEAD.match(text)
    return int(found[1]) if found else read_snapshot(text).revision


def write_snapshot(snapshot: Snapshot) -> bytes:
    """Encode `snapshot.json`: sorted, one version a line, empty fields left out."""
    return b"".join(_snapshot_lines(snapshot))


def _snapshot_lines(snapshot: Snapshot) -> Iterator[bytes]:
    failing = json.dumps(snapshot.registry_failing)
    yield (
        f'{{\n"format": {FORMAT},\n"revision": {snapshot.revision},\n"registry_failing": {failing},\n'
        f'"registry_seen": {snapshot.registry_seen},\n"nodes": {{'
    ).encode()
    for number, key in enumerate(sorted(snapshot.nodes)):
        yield b"%s\n%s: " % (b"," if number else b"", json.dumps(key).encode())
        yield _block(snapshot.nodes, key)
    yield _FOOT


def _block(nodes: Mapping[str, Node], key: str) -> bytes:
    """Give a node's text, which is at hand where the node did not change since it was read."""
    layers = nodes.maps if isinstance(nodes, ChainMap) else [nodes]
    holder = next(layer for layer in layers if key in layer)
    if isinstance(holder, Blocks):
        return holder.block(key)
    node = holder[key]
    head = ",\n ".join(
        f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in _told(node, _NODE_HEAD)
    )
    rows = ",\n  ".join(json.dumps(dict(_told(version, _VERSION_FIELDS))) for version in node.versions)
    versions = f',\n "versions": [\n  {rows}\n ]' if rows else ""
    return f"{{\n {head}{versions}}}".encode()


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
    return form.revision, Checks(
        polled_at=form.polled_at, health=form.health, checked=form.checked, asked=form.asked, etags=form.etags
    )


def write_checks(revision: int, checks: Checks) -> bytes:
    """Encode `checks.json`."""
    return _pretty(
        _ChecksForm(
            format=FORMAT,
            revision=revision,
            polled_at=checks.polled_at,
            health=checks.health,
            checked=dict(checks.checked),
            asked=checks.asked,
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
