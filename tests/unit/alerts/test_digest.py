"""A digest has the worst first, in a block for each event, and in short a line for those that are alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event, minute
from watcher.alerts.digest import MOST, Digest, compose, counted, sample
from watcher.alerts.render import Format, render
from watcher.model.event import Event, Kind, event_id
from watcher.model.pack import Copy


def _event(
    kind: Kind, node: str | None = "pack", version: str | None = "1.0.0", **fields: Any
) -> Event:
    given = {"node": node, "version": version, "before": None, "after": None}
    return event(event_id(kind, node, version), kind, **given | fields)


def _names(digest: Digest) -> list[str | None]:
    return [line.name for line in digest.blocks]


def _versions(digest: Digest) -> list[tuple[str, ...]]:
    return [line.versions for line in digest.lines]


def _said(*events: Event) -> list[str]:
    """Return the lines of a message, without the foot."""
    body = render(compose(events), Format.TEXT, 3000, 100).body
    return [line for line in body.splitlines()[:-2] if line]


def test_the_worst_comes_first() -> None:
    """Whatever the pack; among equals the version that was published last."""
    digest = compose(
        (
            _event(Kind.NEW, "calm", published="2026-01-01T00:00:00Z"),
            _event(Kind.FLAGGED, "bad"),
            _event(Kind.NEW, "worse", "2.0.0", published="2026-01-02T00:00:00Z"),
            _event(Kind.BANNED, "Worse"),
        )
    )
    assert _names(digest) == ["Worse", "bad", "worse", "calm"]
    assert digest.worst.kind is Kind.BANNED


def test_events_of_one_kind_about_a_pack_are_one_line() -> None:
    """It names up to five versions; what is run stands apart, since something else is to be done about it."""
    copy = Copy(install="pc", version="1.9", enabled=True)
    bans = [
        _event(Kind.BANNED, node, f"1.{number}", installed=(copy,))
        for number, node in enumerate(("a", "A", "a", "a", "a", "a", "a", "b", "a"))
    ]
    run = _event(Kind.BANNED, "a", "1.9", installed=(copy,))
    digest = compose((*bans, run, _event(Kind.FLAGGED, "a", "1.0")))
    assert len(digest.blocks) == 11
    assert _versions(digest) == [
        ("1.9",),
        ("1.0", "1.1", "1.2", "1.3", "1.4"),
        ("1.7",),
        ("1.0",),
    ]
    # The others of the pack are counted.
    named = [one.id for line in digest.lines for one in line.events]
    assert len(set(named)) == len(named) == 8


def test_no_version_text_makes_a_baseline_seem_troubled() -> None:
    """Untrusted version texts that a summary quotes do not move its node up."""
    calm = [_event(Kind.BASELINE, f"n{i}", None, reason="1 version") for i in range(3)]
    banned = _event(Kind.BASELINE, "n3", None, after="banned")
    forged = _event(Kind.BASELINE, "n4", None, reason="1 version; newest banned: 1")
    assert _names(compose((*calm, forged, banned))) == ["n3", None]


@pytest.mark.parametrize(
    ("runs", "node", "owed"),
    [(True, "other", True), (False, "NAMED", True), (False, "other", False)],
)
def test_what_is_never_only_counted(runs: bool, node: str, owed: bool) -> None:
    """It is critical, and about a pack that is named, or run in whatever version; each message has the worst anyway."""
    copies = (Copy(install="pc", version="0.9", enabled=True),) if runs else ()
    worst = _event(Kind.BANNED, "a", installed=copies, at=minute(1))
    ban = _event(Kind.BANNED, node, installed=copies)
    flag = _event(Kind.FLAGGED, node, installed=copies)
    for events in ((worst, ban, flag), (worst, flag, ban)):
        digest = compose(events, named=frozenset({"named"}))
        assert digest.owed == ({ban.id} if owed else set())
    assert compose((worst, ban, flag)).owed == {ban.id}


def test_a_burst_is_counted_past_the_cap() -> None:
    """However roomy a service is, a message shows so many events, the worst of them."""
    events = tuple(_event(Kind.NEW, f"n{i}") for i in range(MOST + 90))
    digest = compose((*events, _event(Kind.FLAGGED)))
    assert len(digest.blocks) == MOST
    assert digest.worst.kind is Kind.FLAGGED
    assert "+ 91 new" in render(digest, Format.TEXT, 10**6, 0).body


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([Kind.FLAGGED, Kind.NEW, Kind.FLAGGED, Kind.NEW], "2 flagged, 2 other"),
        ([Kind.NEW, Kind.PENDING, Kind.NEW], "2 new, 1 pending"),
        ([*Kind], "1 banned, 1 exposed, 1 flagged, 5 more bad, 8 other"),
        ([], ""),
    ],
)
def test_counts(kinds: list[Kind], words: str) -> None:
    """The worst kinds are named, and the rest of what is bad is one count; if nothing is bad, all kinds are."""
    assert counted([_event(kind, after=None) for kind in kinds]) == words


_EVENTS = st.lists(
    st.builds(
        lambda kind, node, number: _event(kind, node, str(number) if number else None),
        st.sampled_from(list(Kind)),
        st.sampled_from([None, "a", "B", "b", "c", ""]),
        st.integers(min_value=0, max_value=60),
    ),
    min_size=1,
    max_size=120,
    unique_by=lambda one: one.id,
)


@given(_EVENTS)
def test_all_events_are_there(events: list[Event]) -> None:
    """Each has one block, and no event is in two lines."""
    digest = compose(events)
    shown = [one.id for line in digest.blocks for one in line.events]
    assert sorted(shown) == sorted(one.id for one in events)
    named = [one.id for line in digest.lines for one in line.events]
    assert len(set(named)) == len(named)
    assert digest.owed <= set(shown)


def test_the_sample_says_that_it_is_a_test() -> None:
    """Nobody can take the sample for an alert, and two samples are no repeat of each other."""
    events = sample("2026-01-01T00:00:00Z")
    assert compose(events).titles[0].startswith("Deprecated this-is-only-a-test")
    assert all(one.reason.startswith("a test of your alerts") for one in events)
    assert {one.url for one in events} == {""}
    others = sample("2026-01-02T00:00:00Z")
    assert len({one.id for one in (*events, *others)}) == 4


def test_what_a_later_poll_says_of_a_pack_is_advised() -> None:
    """The message of several polls has the last word of each pack in all of its blocks."""
    copy = Copy(install="pc", version="1.0.0", enabled=True)
    flag = _event(Kind.FLAGGED, "a", installed=(copy,), url="")
    later = replace(flag, id="later", version="0.9", at=minute(15), installed=())
    ban = replace(later, kind=Kind.BANNED)
    assert not any("good version" in line for line in _said(flag, ban))
