"""Hypothesis strategies that make up versions, snapshots, events and outboxes.

Words are few, so that made-up facts meet; texts are untrusted, so that files have something to hold.
"""

from __future__ import annotations

import builtins
import types
import typing
from collections import abc
from dataclasses import is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from tests.support.factories import BEFORE, URL, known
from watcher import timestamps
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.ownership import Addresses
from watcher.alerts.queues.queue import Message, Queue
from watcher.model.event import Event, Kind
from watcher.model.finding import Exposure, Installed
from watcher.model.pack import Pack
from watcher.model.snapshot import Node, Publisher, Snapshot
from watcher.model.version import Version, in_order
from watcher.state.model import Checks, State
from watcher.timestamps import Moment

_WORDS = st.sampled_from(["", "a", "b"])
_LISTS = st.lists(st.sampled_from(["x", "y"]), max_size=2).map(tuple)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
_DIGESTS = st.text("0123456789abcdef", min_size=32, max_size=32)
_TIMES = st.integers(0, 2_000_000_000_000).map(
    lambda number: timestamps.show(
        datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)
    )
)
_STATUSES = st.sampled_from(
    [
        "active",
        "pending",
        "flagged",
        "banned",
        "deleted",
        "NodeVersionStatusQuarantined",
    ]
)


@st.composite
def facts(draw: st.DrawFn, text: str) -> Version:
    """Make up what the registry says of one version: any status, any of the fields that are compared."""
    return Version(
        version=text,
        id=f"id-{text}",
        status=draw(_STATUSES),
        deprecated=draw(st.booleans()),
        created_at=BEFORE,
        download_url=draw(_WORDS),
        dependencies=draw(_LISTS),
    )


@st.composite
def pictures(draw: st.DrawFn) -> tuple[Version, ...]:
    """Make up what the registry says of one node: some of the versions 1.0 to 4.0."""
    texts = draw(st.sets(st.sampled_from([f"{number}.0" for number in range(1, 5)])))
    return in_order([draw(facts(text)) for text in sorted(texts)])


def made(form: Any, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Make up a value of a type: of a dataclass all fields that are not `given`, each as its annotation says."""
    if form is Moment:
        return _TIMES
    if form is Any or form is str:
        return _TEXTS
    if isinstance(form, type) and is_dataclass(form):
        hints = get_type_hints(form, include_extras=True)
        return st.builds(
            form, **{name: made(hint) for name, hint in hints.items()} | given
        )
    of = get_args(form)
    match get_origin(form):
        case types.UnionType | typing.Union:
            return st.one_of(*map(made, of))
        case typing.Literal:
            return st.sampled_from(of)
        case builtins.tuple:
            return st.lists(made(of[0]), max_size=2).map(tuple)
        case abc.Mapping:
            keys = _NAMES if of[0] is str else made(of[0])
            return st.dictionaries(keys, made(of[1]), max_size=2)
        case _:
            pass
    if form is float:
        return st.floats(
            allow_nan=False
        )  # no state has one, which no parser finds equal
    return st.integers(0, 2**40) if form is int else st.from_type(form)


def installs() -> st.SearchStrategy[dict[str, tuple[Pack, ...]]]:
    """Make up what the last good scans found."""
    return st.dictionaries(_NAMES, st.lists(made(Pack), max_size=3).map(tuple))


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Make up a snapshot."""
    names = draw(st.lists(_NAMES, max_size=3, unique_by=str.lower))
    nodes = {name.lower(): draw(made(Node, node=st.just(name))) for name in names}
    publishers = {
        name.lower(): draw(made(Publisher, publisher=st.just(name)))
        for name in draw(st.lists(_NAMES, max_size=2, unique_by=str.lower))
    }
    snapshot: Snapshot = draw(
        made(Snapshot, nodes=st.just(nodes), publishers=st.just(publishers))
    )
    return snapshot


def events(name: str = "e1") -> st.SearchStrategy[Event]:
    """Make up an event with this id, untrusted text in it."""
    return made(Event, id=st.just(name), url=st.just(URL))


@st.composite
def outboxes(draw: st.DrawFn) -> Outbox:
    """Make up an outbox whose messages have their events."""
    names = draw(st.sets(st.sampled_from(["e1", "e2", "e3"])))
    ids = st.lists(st.sampled_from(sorted(names) or ["e0"]), min_size=1, max_size=3)
    messages = st.lists(
        made(Message, events=ids.map(tuple)),
        max_size=3 if names else 0,
        unique_by=lambda message: message.id,
    )
    queue = made(Queue, messages=messages.map(tuple))
    waiting: Outbox = draw(
        made(
            Outbox,
            queues=st.dictionaries(_NAMES, queue, max_size=3),
            events=st.just({name: draw(events(name)) for name in names}),
            unrecorded=st.just(tuple(sorted(names)[:1])),
        )
    )
    return waiting


@st.composite
def states(draw: st.DrawFn) -> State:
    """Make up a whole state: what polls, scans and deliveries could have left, and more."""
    snapshot = draw(snapshots())
    counts = st.dictionaries(st.sampled_from(Kind), st.integers(1, 2**40), max_size=3)
    graded = made(Exposure)
    installed = made(Installed, exposures=st.dictionaries(_NAMES, graded, max_size=2))
    return State(
        snapshot=replace(
            snapshot,
            installed=draw(installed),
            counts=draw(counts),
            nodes={
                key: replace(node, versions=known(*draw(pictures())).versions)
                for key, node in snapshot.nodes.items()
            },
        ),
        outbox=draw(outboxes()),
        checks=draw(checks()),
        installs=draw(installs()),
    )


def checks() -> st.SearchStrategy[Checks]:
    """Make up how polls went."""
    return made(Checks)


def addresses() -> st.SearchStrategy[Addresses]:
    """Make up what is remembered of alert URLs."""
    return made(Addresses, salt=_DIGESTS)
