"""`snapshot.json`: its layout, one version a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter

from watcher.model.exposure import Exposure, Installed
from watcher.model.snapshot import Node, Snapshot, Whole
from watcher.model.version import Version
from watcher.state.codec import FIRST_FORMAT, UnreadableFormError, decode, format_of

FORMAT = 2
"""Since it notes which channels are failing."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _SnapshotForm:
    """What the file holds."""

    format: int
    revision: int
    registry_failing: bool
    registry_seen: int
    channels_failing: dict[str, str]
    channels_seen: int
    nodes: dict[str, Node]
    installed: Installed = field(default_factory=Installed)
    whole: Whole = field(default_factory=Whole)


def read_snapshot(text: bytes) -> Snapshot:
    """Decode `snapshot.json`, every node of it; raises UnreadableFormError."""
    try:
        form = decode(_SnapshotForm, text, FORMAT)
    except UnreadableFormError:
        if format_of(text) != FIRST_FORMAT:
            raise
        second = {
            "channels_failing": {},
            "channels_seen": 0,
            **json.loads(text),
            "format": FORMAT,
        }
        form = decode(_SnapshotForm, json.dumps(second).encode(), FORMAT)
    for key, node in form.nodes.items():
        if key != node.node.lower():
            raise UnreadableFormError(f"the entry {key!r} holds another node")
    return Snapshot(
        **{item.name: getattr(form, item.name) for item in fields(Snapshot)}
    )


def write_snapshot(snapshot: Snapshot) -> bytes:
    """Encode `snapshot.json`: sorted, one version a line, empty fields left out."""
    return "".join(_snapshot_lines(snapshot)).encode()


def _snapshot_lines(snapshot: Snapshot) -> Iterator[str]:
    failing, channels = (
        json.dumps(snapshot.registry_failing),
        json.dumps(dict(snapshot.channels_failing)),
    )
    yield (
        f'{{\n"format": {FORMAT},\n"revision": {snapshot.revision},\n"registry_failing": {failing},\n'
        f'"registry_seen": {snapshot.registry_seen},\n"channels_failing": {channels},\n'
        f'"channels_seen": {snapshot.channels_seen},\n{_installed(snapshot.installed)}'
        f'{_whole(snapshot.whole)}"nodes": {{'
    )
    for number, (key, node) in enumerate(sorted(snapshot.nodes.items())):
        yield f"{',' if number else ''}\n{json.dumps(key)}: {_block(node)}"
    yield "\n}\n}\n"


def _installed(found: Installed) -> str:
    """Return what was reported of installs, one pack a line; "" while there was nothing."""
    if found == Installed():
        return ""
    exposures = {
        key: dict(_kept(one, _EXPOSURE_FIELDS)) for key, one in found.exposures.items()
    }
    return (
        f'"installed": {{\n "failing": {json.dumps(found.failing)},\n "seen": {found.seen},\n'
        f' "offered": {_entries(found.offered)},\n "exposures": {_entries(exposures)}\n}},\n'
    )


def _whole(found: Whole) -> str:
    """Return the baseline of all as a line; "" while there is nothing to say of it."""
    if found == Whole():
        return ""
    others = {"statuses": found.statuses, "failing": found.failing}
    kept = {name: value for name, value in others.items() if value}
    return f'"whole": {json.dumps({"globs": found.globs, "baseline_at": found.baseline_at} | kept)},\n'


def _entries(found: Mapping[str, object]) -> str:
    """Return an object's text, sorted, one entry a line."""
    lines = [
        f"\n  {json.dumps(key)}: {json.dumps(value)}"
        for key, value in sorted(found.items())
    ]
    return "{" + ",".join(lines) + ("\n }" if lines else "}")


def _block(node: Node) -> str:
    """Return a node's text."""
    head = ",\n ".join(
        f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}"
        for name, value in _kept(node, _NODE_HEAD)
    )
    rows = ",\n  ".join(_encode(_version(version)) for version in node.versions)
    versions = f',\n "versions": [\n  {rows}\n ]' if rows else ""
    return f"{{\n {head}{versions}}}"


def _version(version: Version) -> dict[str, object]:
    """Return the fields of a version to write, as `_kept`, in half the time."""
    values = zip(_VERSION_FIELDS, _of_version(version), strict=True)
    return {name: value for name, value in values if value or name == "status"}


_EXPOSURE_FIELDS = tuple(item.name for item in fields(Exposure))
_VERSION_FIELDS = tuple(item.name for item in fields(Version))
_encode = json.JSONEncoder().encode
_of_version = attrgetter(*_VERSION_FIELDS)
_NODE_HEAD = tuple(item.name for item in fields(Node) if item.name != "versions")


def _kept(value: object, names: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    """Return the fields to write: those that are not empty, and the status."""
    for name in names:
        found = getattr(value, name)
        if found or name == "status":
            yield name, found
