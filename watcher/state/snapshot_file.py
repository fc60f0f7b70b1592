"""`snapshot.json`: its layout, read node by node and written with only the changed nodes encoded anew."""

from __future__ import annotations

import json
import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter

from watcher.model.exposure import Exposure, Installed
from watcher.model.snapshot import Node, Snapshot, Whole
from watcher.model.version import Version
from watcher.state.codec import FIRST_FORMAT, UnreadableFormError, decode, format_of

FORMAT = 2
"""Since it notes which channels are failing."""

Refuse = Callable[[UnreadableFormError], Exception]
"""Turns a decoding error into the caller's error."""


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


def read_snapshot(text: bytes, refuse: Refuse | None = None) -> Snapshot:
    """Decode `snapshot.json`; raises UnreadableFormError.

    In the program's own layout a node is decoded when it is looked up (`LazyNodes`), which needs a third of the memory
    at 35,000 versions; `refuse` makes the error for a node that is broken. Any other layout is decoded as a whole.
    """
    head = _LAYOUT.match(text)
    if head is None or not text.endswith(_FOOT):
        return _read_whole(text)
    try:
        nodes = LazyNodes(text, head.end(), len(text) - len(_FOOT), refuse)
        channels = _channels(head["channels"])
        installed = decode(Installed, head["installed"]) if head["installed"] else Installed()
        whole = decode(Whole, head["whole"]) if head["whole"] else Whole()
    except UnreadableFormError as error:
        raise (refuse(error) if refuse else error) from None
    except ValueError:
        return _read_whole(text)
    return Snapshot(
        revision=int(head["revision"]),
        registry_failing=head["failing"] == b"true",
        registry_seen=int(head["seen"]),
        channels_failing=channels,
        channels_seen=int(head["channels_seen"] or 0),
        installed=installed,
        whole=whole,
        nodes=nodes,
    )


def _channels(text: bytes | None) -> dict[str, str]:
    """Return the channels in a line of the program's own layout; ValueError for anything else."""
    found = json.loads(text or b"{}")
    if not all(isinstance(digest, str) for digest in found.values()):
        raise ValueError("the digest of a URL is no text")
    return dict(found)


def _read_whole(text: bytes) -> Snapshot:
    try:
        form = decode(_SnapshotForm, text, FORMAT)
    except UnreadableFormError:
        if format_of(text) != FIRST_FORMAT:
            raise
        second = {"channels_failing": {}, "channels_seen": 0, **json.loads(text), "format": FORMAT}
        form = decode(_SnapshotForm, json.dumps(second).encode(), FORMAT)
    for key, node in form.nodes.items():
        _check_key(node, key)
    return Snapshot(**{item.name: getattr(form, item.name) for item in fields(Snapshot)})


def _check_key(node: Node, key: str) -> Node:
    if key != node.node.lower():
        raise UnreadableFormError(f"the entry {key!r} holds another node")
    return node


class LazyNodes(Mapping[str, Node]):
    """The nodes of a snapshot's text, each decoded whenever it is looked up.

    Looking up one that cannot be decoded raises UnreadableFormError, or what `refuse` makes of it. A node that nobody
    looks up is not checked.
    """

    def __init__(self, text: bytes, begin: int, end: int, refuse: Refuse | None = None) -> None:
        """Find the blocks of `_snapshot_lines`, where only a node's key begins a line; else ValueError."""
        self._text = text
        self._refuse = refuse
        self._places: dict[str, tuple[int, int]] = {}
        while begin < end:
            found = text.find(_BETWEEN, begin, end)
            stop = found if found >= 0 else end
            colon = text.index(b": ", begin, stop)
            key, name = _text(text[begin:colon]), _NAMED.match(text, colon + 2, stop)
            if name is None or _text(name[1]).lower() != key:
                raise ValueError(key)  # the node would be missing under its own key
            self._places[key] = (colon + 2, stop)
            begin = stop + len(_BETWEEN) - 1

    def __getitem__(self, key: str) -> Node:
        block = self.block(key)
        try:
            return _check_key(decode(Node, block), key)
        except UnreadableFormError as error:
            raise (self._refuse(error) if self._refuse else error) from None

    def __contains__(self, key: object) -> bool:
        return key in self._places  # `Mapping` would decode the node

    def block(self, key: str) -> bytes:
        """Return a node's own text."""
        begin, end = self._places[key]
        return self._text[begin:end]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _text(quoted: bytes) -> str:
    """Return the text in JSON quotes; ValueError for anything else."""
    if _PLAIN.fullmatch(quoted):  # decoding it takes three times as long
        return quoted[1:-1].decode("ascii")
    found = json.loads(quoted)
    if not isinstance(found, str):
        raise ValueError(quoted)
    return found


_PLAIN = re.compile(rb'"[A-Za-z0-9._-]*"')
_LAYOUT = re.compile(
    rb'\{\n"format": (?:1|(?P<second>2)),\n"revision": (?P<revision>[0-9]+),\n'
    rb'"registry_failing": (?P<failing>true|false),\n"registry_seen": (?P<seen>[0-9]+),\n'
    rb'(?(second)"channels_failing": (?P<channels>\{.*\}),\n"channels_seen": (?P<channels_seen>[0-9]+),\n)'
    rb'(?:"installed": (?P<installed>\{\n(?: [^\n]*\n)*\}),\n)?(?:"whole": (?P<whole>\{.*\}),\n)?"nodes": \{\n?'
)
_BETWEEN = b',\n"'
_NAMED = re.compile(rb'\{\n "node": ("(?:[^"\\]|\\.)*")')
_FOOT = b"\n}\n}\n"


def read_revision(text: bytes) -> int:
    """Return the revision of a `snapshot.json`, without decoding the rest in the program's own layout."""
    found = _LAYOUT.match(text)
    return int(found["revision"]) if found else read_snapshot(text).revision


def write_snapshot(snapshot: Snapshot) -> bytes:
    """Encode `snapshot.json`: sorted, one version a line, empty fields left out."""
    return b"".join(_snapshot_lines(snapshot))


def _snapshot_lines(snapshot: Snapshot) -> Iterator[bytes]:
    failing, channels = json.dumps(snapshot.registry_failing), json.dumps(dict(snapshot.channels_failing))
    yield (
        f'{{\n"format": {FORMAT},\n"revision": {snapshot.revision},\n"registry_failing": {failing},\n'
        f'"registry_seen": {snapshot.registry_seen},\n"channels_failing": {channels},\n'
        f'"channels_seen": {snapshot.channels_seen},\n{_installed(snapshot.installed)}'
        f'{_whole(snapshot.whole)}"nodes": {{'
    ).encode()
    for number, key in enumerate(sorted(snapshot.nodes)):
        yield b"%s\n%s: " % (b"," if number else b"", json.dumps(key).encode())
        yield _block(snapshot.nodes, key)
    yield _FOOT


def _installed(found: Installed) -> str:
    """Return what was reported of installs, one pack a line; "" while there was nothing."""
    if found == Installed():
        return ""
    exposures = {key: dict(_kept(one, _EXPOSURE_FIELDS)) for key, one in found.exposures.items()}
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
    lines = [f"\n  {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(found.items())]
    return "{" + ",".join(lines) + ("\n }" if lines else "}")


def _block(nodes: Mapping[str, Node], key: str) -> bytes:
    """Return a node's text: as it was read, if the node did not change since."""
    layers = nodes.maps if isinstance(nodes, ChainMap) else [nodes]
    holder = next(layer for layer in layers if key in layer)
    if isinstance(holder, LazyNodes):
        return holder.block(key)
    node = holder[key]
    head = ",\n ".join(
        f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in _kept(node, _NODE_HEAD)
    )
    rows = ",\n  ".join(_encode(_version(version)) for version in node.versions)
    versions = f',\n "versions": [\n  {rows}\n ]' if rows else ""
    return f"{{\n {head}{versions}}}".encode()


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
