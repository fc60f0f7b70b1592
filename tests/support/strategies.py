"""Hypothesis strategies that make up versions, snapshots, events, outboxes and channels.

Words are few, so that made-up facts meet; texts are untrusted, so that files have something to hold.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tests.support.factories import BEFORE, URL, channel
from watcher import timestamps
from watcher.alerts.queues.channel_identity import Addresses
from watcher.alerts.queues.outbox import Outbox
from watcher.alerts.queues.queue import Message, Queue
from watcher.changes.health import FailureStreak, Health
from watcher.model.channel import Channel, Grouping, Scope
from watcher.model.event import DEFAULT_KINDS, BadVersion, Change, Event, Kind
from watcher.model.exposure import Exposure, Installed
from watcher.model.pack import Claim, Copy, Identity, Pack, PackKind, PackRecord
from watcher.model.snapshot import Mark, Node, Snapshot, Whole
from watcher.model.version import STATUSES, SafeVersion, Version, in_order
from watcher.state.model import Checks

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
_COUNTS = st.integers(1, 10_000)
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
def facts(draw: st.DrawFn, text: str, *, ids: bool = True) -> Version:
    """Make up what the registry says of one version: any status, any of the fields that are compared."""
    return Version(
        version=text,
        id=f"id-{text}" if ids else "",
        status=draw(_STATUSES),
        deprecated=draw(st.booleans()),
        created_at=BEFORE,
        download_url=draw(_WORDS),
        dependencies=draw(_LISTS),
        tags_admin=draw(_LISTS),
    )


@st.composite
def pictures(draw: st.DrawFn, most: int = 4, least: int = 0) -> tuple[Version, ...]:
    """Make up what the registry says of one node: some of the versions 1.0 to 4.0."""
    texts = draw(
        st.sets(
            st.sampled_from([f"{number}.0" for number in range(1, most + 1)]),
            min_size=least,
        )
    )
    return in_order([draw(facts(text)) for text in sorted(texts)])


def watched_statuses() -> st.SearchStrategy[tuple[str, ...]]:
    """Make up the setting `statuses`, in their order."""
    some = st.sets(st.sampled_from(STATUSES), min_size=1)
    return some.map(
        lambda chosen: tuple(status for status in STATUSES if status in chosen)
    )


def shown(
    picture: tuple[Version, ...], statuses: tuple[str, ...]
) -> tuple[Version, ...]:
    """Return what the registry lists of a picture when asked for these statuses."""
    return tuple(
        one
        for one in picture
        if set(statuses) >= set(STATUSES) or one.status in statuses
    )


@st.composite
def _any_version(draw: st.DrawFn, number: int) -> Version:
    text = draw(_TEXTS)
    return replace(
        draw(facts(text, ids=False)),
        id=f"id-{number}",
        created_at=draw(_TEXTS),
        download_url=draw(_TEXTS),
        dependencies=tuple(draw(st.lists(_TEXTS, max_size=2))),
        supported_os=draw(_LISTS),
        supported_accelerators=draw(_LISTS),
        supported_comfyui_version=draw(_TEXTS),
        supported_comfyui_frontend_version=draw(_TEXTS),
        tags=draw(_LISTS),
    )


@st.composite
def _any_node(draw: st.DrawFn, name: str) -> Node:
    versions = in_order(
        [draw(_any_version(number)) for number in range(draw(st.integers(0, 3)))]
    )
    marked = [one.key for one in versions if draw(st.booleans())]
    return Node(
        node=name,
        baseline_at=draw(_TIMES | st.just("")),
        empty_since=draw(_TIMES | st.just("")),
        left_out_at=draw(_TIMES | st.just("")),
        statuses=draw(watched_statuses() | st.just(())),
        banned=draw(st.booleans()),
        ban_recorded=draw(st.booleans()),
        emptied=draw(st.booleans()),
        failing=draw(st.booleans()),
        seen_floor=draw(st.just(0) | _COUNTS),
        decided=tuple(one.key for one in versions if draw(st.booleans())),
        seen=draw(st.dictionaries(st.sampled_from(["", "id-0", "=1.0"]), _COUNTS)),
        marks={key: draw(st.sampled_from(Mark)) for key in marked},
        versions=versions,
    )


def _installed() -> st.SearchStrategy[Installed]:
    verdicts = st.sampled_from(
        ["banned", "flagged", "deleted", "deprecated", "delisted"]
    )
    names = st.lists(_NAMES, min_size=1, max_size=2, unique=True).map(tuple)
    exposure = st.builds(
        Exposure, verdict=verdicts, installs=names, accepted=verdicts | st.just("")
    )
    return st.builds(
        Installed,
        failing=st.lists(_NAMES, max_size=2, unique=True).map(tuple),
        seen=st.integers(0, 2**40),
        offered=st.dictionaries(_NAMES, _TEXTS, max_size=2),
        exposures=st.dictionaries(_NAMES, exposure, max_size=2),
    )


def _whole() -> st.SearchStrategy[Whole]:
    names = st.lists(_NAMES, max_size=2, unique=True).map(tuple)
    return st.builds(
        Whole,
        globs=names,
        baseline_at=st.just("") | _TIMES,
        statuses=names,
        failing=st.booleans(),
    )


def installs() -> st.SearchStrategy[dict[str, tuple[Pack, ...]]]:
    """Make up what the last good scans found."""
    maybe = st.none() | _TEXTS
    pack = st.builds(
        Pack,
        folder=_TEXTS,
        place=_TEXTS,
        kind=st.sampled_from(PackKind),
        id=maybe,
        version=maybe,
        claimed_version=maybe,
        others=st.lists(
            st.builds(Identity, id=_TEXTS, by=st.sampled_from(Claim)), max_size=2
        ).map(tuple),
        damaged=st.booleans(),
        commit=maybe,
        enabled=st.booleans(),
        repository=maybe,
    )
    return st.dictionaries(_NAMES, st.lists(pack, max_size=3).map(tuple), max_size=2)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Make up a snapshot."""
    names = draw(st.lists(_NAMES, max_size=3, unique_by=str.lower))
    return Snapshot(
        revision=draw(st.integers(0, 2**40)),
        registry_failing=draw(st.booleans()),
        registry_seen=draw(st.integers(0, 2**40)),
        channels_failing=draw(st.dictionaries(_NAMES, _DIGESTS, max_size=2)),
        channels_seen=draw(st.integers(0, 2**40)),
        installed=draw(st.just(Installed()) | _installed()),
        whole=draw(st.just(Whole()) | _whole()),
        nodes={name.lower(): draw(_any_node(name)) for name in names},
    )


@st.composite
def events(draw: st.DrawFn, name: str = "e1") -> Event:
    """Make up an event with this id, untrusted text in it."""
    maybe = st.none() | _TEXTS
    return Event(
        id=name,
        kind=draw(st.sampled_from(Kind)),
        node=draw(maybe),
        version=draw(maybe),
        version_id=draw(maybe),
        before=draw(maybe),
        after=draw(maybe),
        reason=draw(_TEXTS),
        bad_versions=tuple(
            draw(
                st.lists(
                    st.builds(BadVersion, node=_TEXTS, version=_TEXTS, status=_TEXTS),
                    max_size=2,
                )
            )
        ),
        changes=tuple(
            draw(
                st.lists(
                    st.builds(Change, field=_TEXTS, before=_TEXTS, after=_TEXTS),
                    max_size=2,
                )
            )
        ),
        at=draw(_TIMES),
        url=URL,
        published=draw(_TEXTS),
        safe_version=draw(st.none() | st.builds(SafeVersion, maybe)),
        changelog=draw(_TEXTS),
        channel=draw(maybe),
        install=draw(maybe),
        installed=tuple(
            draw(
                st.lists(
                    st.builds(
                        Copy, install=_TEXTS, version=maybe, enabled=st.booleans()
                    ),
                    max_size=2,
                )
            )
        ),
    )


@st.composite
def outboxes(draw: st.DrawFn) -> Outbox:
    """Make up an outbox whose messages have their events."""
    all_events = {
        name: draw(events(name))
        for name in draw(st.sets(st.sampled_from(["e1", "e2", "e3"])))
    }
    some_events = st.lists(
        st.sampled_from(sorted(all_events) or ["e0"]), min_size=1, max_size=3
    ).map(tuple)
    message = st.builds(
        Message,
        id=st.text("0123456789abcdef", min_size=20, max_size=20),
        revision=_COUNTS,
        queued_at=_TIMES,
        events=some_events,
        reached=st.lists(
            _DIGESTS.map(lambda text: text[:16]) | _DIGESTS, max_size=2
        ).map(tuple),
        unanswered=st.integers(0, 9),
        refusals=st.integers(0, 9),
        retry_at=_TIMES | st.just(""),
        error=_TEXTS,
        singled_out=st.booleans(),
    )
    queue = st.builds(
        Queue,
        messages=st.lists(message, max_size=3 if all_events else 0).map(tuple),
        attempts=st.integers(0, 10_000),
        retry_at=_TIMES | st.just(""),
        error=_TEXTS,
        url_digest=_DIGESTS | st.just(""),
        named=st.booleans(),
        counted=st.integers(0, 10_000),
        asked_to_wait=st.booleans(),
        failing_since=_TIMES | st.just(""),
        gone=st.booleans(),
    )
    return Outbox(
        queues=draw(st.dictionaries(_NAMES, queue, max_size=3)),
        events=all_events,
        unrecorded=dict.fromkeys(sorted(all_events)[:1], 1),
        prepared=draw(_COUNTS),
    )


def checks() -> st.SearchStrategy[Checks]:
    """Make up how polls went."""
    failure = st.builds(FailureStreak, count=_COUNTS, since=_TIMES, error=_TEXTS)
    record = st.builds(
        PackRecord, id=_TEXTS, status=_TEXTS, status_detail=_TEXTS, repository=_TEXTS
    )
    return st.builds(
        Checks,
        polled_at=_TIMES | st.just(""),
        polled_before=_TIMES | st.just(""),
        watched=st.lists(_NAMES, max_size=2).map(tuple),
        health=st.builds(
            Health,
            nodes=st.dictionaries(_NAMES, failure, max_size=2),
            installs=st.dictionaries(_NAMES, failure, max_size=2),
            sweep=st.none() | failure,
        ),
        checked=st.dictionaries(_NAMES, _TIMES, max_size=2),
        etags=st.dictionaries(_NAMES, _NAMES, max_size=2),
        etag_scope=_TEXTS,
        scanned=st.dictionaries(_NAMES, _TIMES, max_size=2),
        unknown=st.lists(_NAMES, max_size=2).map(tuple),
        packs=st.dictionaries(_NAMES, st.none() | record, max_size=2),
        packs_at=_TIMES | st.just(""),
        packs_error=_TEXTS,
    )


def addresses() -> st.SearchStrategy[Addresses]:
    """Make up what is remembered of alert URLs."""
    return st.builds(
        Addresses,
        salt=_DIGESTS,
        apprise=_NAMES,
        url_digests=st.dictionaries(_NAMES, _DIGESTS, max_size=3),
    )


def channels() -> st.SearchStrategy[tuple[Channel, ...]]:
    """Make up channels of every grouping."""
    one = st.builds(
        channel,
        st.sampled_from(["ops", "chat", "mail"]),
        kinds=st.sampled_from(
            [DEFAULT_KINDS, frozenset({Kind.FLAGGED}), frozenset(Kind)]
        ),
        nodes=st.sampled_from([(), ("some-*",), ("other",)]),
        scope=st.sampled_from(Scope),
        grouping=st.sampled_from(Grouping),
    )
    return st.lists(one, max_size=3, unique_by=lambda made: made.name).map(tuple)
