"""A digest says the worst first, by node, and counts what it does not show."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from watcher.alerts.digest import LINES, Digest, compose, counted, more, sample, shorter
from watcher.model.event import SEVERITY, Change, Event, Kind, event_id
from watcher.text.sanitize import Trusted


def _event(kind: Kind, node: str | None = "pack", version: str | None = "1.0.0", **fields: Any) -> Event:
    given = {"node": node, "version": version, "before": None, "after": None}
    return event(event_id(kind, node, version), kind, **given | fields)


def _words(digest: Digest) -> str:
    return " | ".join(
        f"{line.lead} {line.subject}{''.join(line.notes)}" for group in digest.groups for line in group.lines
    )


def _total(digest: Digest) -> int:
    hidden = [digest.hidden, *(group.hidden for group in digest.groups)]
    return sum(len(group.lines) for group in digest.groups) + sum(n for counts in hidden for _, n in counts)


def test_the_worst_comes_first_and_takes_its_node_with_it() -> None:
    """A node stands where its worst event stands, with its other events under it, worst first."""
    digest = compose(
        (
            _event(Kind.NEW, "calm"),
            _event(Kind.FLAGGED, "bad"),
            _event(Kind.NEW, "worse", "2.0.0"),
            _event(Kind.BANNED, "Worse"),
        )
    )
    assert [group.heading for group in digest.groups] == ["Worse", "bad", "calm"]
    assert [line.kind for line in digest.groups[0].lines] == [Kind.BANNED, Kind.NEW]
    assert digest.worst is Kind.BANNED
    assert digest.titles[0] == "Comfy Watch: 1 banned, 1 flagged, 2 new"


def test_a_line_says_what_changed() -> None:
    """The status before, the changed fields and the reason are said."""
    digest = compose(
        (
            _event(Kind.BANNED, before="flagged", after="banned", reason="malware"),
            _event(
                Kind.CHANGED, before="active", after="active", changes=(Change(field="tags", before="", after="x"),)
            ),
            _event(Kind.NEW, before="pending", after="active"),
            _event(Kind.DEPRECATED, after="deprecated"),
        )
    )
    assert _words(digest) == (
        "banned 1.0.0 (was flagged): malware | deprecated 1.0.0 | changed 1.0.0: tags (empty) → x"
        " | new 1.0.0 (was pending)"
    )


def test_many_changed_fields_are_counted() -> None:
    """At most four fields are shown; the others are counted."""
    changes = tuple(Change(field=f"f{'x' * i}", before="a", after="b") for i in range(6))
    assert _words(compose((_event(Kind.CHANGED, changes=changes),))).endswith("; and 2 more fields")


def test_events_of_the_node_and_of_the_registry_are_sentences() -> None:
    """What is not about a version is said in words, and the registry has a group of its own."""
    digest = compose(
        (
            _event(Kind.BANNED, version=None, before="active", after="banned"),
            _event(Kind.REMOVED, "gone", version=None),
            _event(Kind.FAILING, None, version=None, reason="timed out", url="https://registry.comfy.org"),
            _event(Kind.FAILING, "typo", version=None, after="empty", reason="is the id right?"),
            _event(Kind.REINSTATED, "pardoned", version=None, before="banned"),
            _event(Kind.REINSTATED, "relisted", version=None, before="removed"),
            _event(Kind.RECOVERED, "late", version=None, before="empty"),
        )
    )
    assert _words(digest) == (
        "the whole node pack is banned None | no version is listed any more None"
        " | the registry cannot be read None: timed out | no version was ever found None: is the id right?"
        " | the node pack is no longer banned None | the node pack is listed again None | has versions now None"
    )
    assert digest.groups[2].heading == "Comfy Registry"
    assert [isinstance(group.heading, Trusted) for group in digest.groups] == [number == 2 for number in range(7)]


def test_many_baselines_are_one_group_with_the_troubled_first() -> None:
    """The first poll of many nodes is one compact group; nodes with problem versions lead it, the worst first."""
    events = [_event(Kind.BASELINE, f"n{i}", None, reason="3 versions") for i in range(40)]
    for number, after in ((10, "deprecated"), (20, "flagged"), (30, "banned")):
        events[number] = _event(Kind.BASELINE, f"n{number}", None, after=after)
    digest = compose(tuple(events))
    assert digest.titles[0] == "Comfy Watch: 40 now watched"
    assert [group.heading for group in digest.groups] == ["Now watched: 40 node packs"]
    assert [line.subject for line in digest.groups[0].lines[:4]] == ["n30", "n20", "n10", "n0"]
    assert _total(digest) == 40


def test_no_version_text_makes_a_baseline_seem_troubled() -> None:
    """Untrusted version texts that a summary quotes do not move its node up."""
    events = [_event(Kind.BASELINE, f"n{i}", None, reason="1 version") for i in range(4)]
    events[3] = _event(Kind.BASELINE, "n3", None, reason="1 version; newest banned: 1")
    events[2] = _event(Kind.BASELINE, "n2", None, after="flagged")
    assert [line.subject for line in compose(tuple(events)).groups[0].lines] == ["n2", "n0", "n1", "n3"]


def test_a_burst_is_counted_past_the_cap() -> None:
    """A message has 25 lines, shared evenly by nodes with equally bad news; every event beyond is in a count."""
    events = tuple(_event(Kind.NEW, f"n{i % 10}", f"1.{i}.0") for i in range(200))
    digest = compose(events)
    assert sum(len(group.lines) for group in digest.groups) == LINES
    assert {len(group.lines) for group in digest.groups} == {2, 3}
    assert _total(digest) == 200


def test_what_is_worse_is_never_hidden_behind_what_is_milder() -> None:
    """Twenty flags of one node take all the room before a release of another gets any."""
    flagged = [_event(Kind.FLAGGED, "bad", f"1.{i}.0") for i in range(20)]
    fresh = [_event(Kind.NEW, f"n{i}", "1.0.0") for i in range(12)]
    digest = compose((*fresh, *flagged))
    shown = [line.kind for group in digest.groups for line in group.lines]
    assert (shown.count(Kind.FLAGGED), shown.count(Kind.NEW)) == (20, 5)
    assert digest.hidden == ((Kind.NEW, 7),)


def test_a_message_about_one_node_may_use_all_lines() -> None:
    """Where there are no others to share with, one node has all the room."""
    digest = compose(tuple(_event(Kind.NEW, version=f"1.{i}.0") for i in range(30)))
    assert len(digest.groups[0].lines) == LINES
    assert digest.groups[0].hidden == ((Kind.NEW, 5),)


_EVENTS = st.lists(
    st.builds(
        lambda kind, node, number: _event(kind, node, str(number) if number else None, reason="r"),
        st.sampled_from(list(Kind)),
        st.sampled_from([None, "a", "B", "b", "c", ""]),
        st.integers(min_value=0, max_value=60),
    ),
    min_size=1,
    max_size=120,
)


@given(_EVENTS)
def test_nothing_is_silently_cut(events: list[Event]) -> None:
    """Shown and counted events add up to all of them, also while the digest gets shorter."""
    digest = compose(tuple(events))
    assert _total(digest) == len(events)
    while lines := sum(len(group.lines) for group in digest.groups):
        assert shorter(digest, lines) == digest
        digest = shorter(digest, lines - 1)
        assert _total(digest) == len(events)
        assert sum(len(group.lines) for group in digest.groups) == lines - 1


@given(_EVENTS)
def test_groups_and_lines_stand_in_order(events: list[Event]) -> None:
    """Lines of a group, and the groups by their first line, never get worse on the way down."""
    groups = [group for group in compose(tuple(events)).groups if not group.heading.startswith("Now watched")]
    for group in groups:
        ranks = [SEVERITY[line.kind] for line in group.lines]
        assert ranks == sorted(ranks)
    leads = [SEVERITY[group.lines[0].kind] for group in groups]
    assert leads == sorted(leads)


def test_the_title_names_a_single_node_only_where_its_id_is_harmless() -> None:
    """A title has no escaping, so only plain letters, digits and single joints get into it."""
    for node in ("ComfyUI_x_y", "rgthree-comfy", "a--b", "x1", "x" * 60):
        assert compose((_event(Kind.NEW, node),)).titles[0] == f"Comfy Watch: {node}: 1 new"
    for node in ("evil.com", "_x_", "a__b__c", "x-_evil_-y", "a_-b", "a-_b", "a_", "@here", "a b", "-x", "x" * 61, ""):
        assert compose((_event(Kind.NEW, node),)).titles[0] == "Comfy Watch: 1 new"


def test_the_reference_shows_a_repeat() -> None:
    """The same events have the same reference, others another one."""
    one, two = (_event(Kind.NEW),), (_event(Kind.NEW), _event(Kind.BANNED))
    assert compose(one).reference == compose(one).reference != compose(two).reference


def test_counts_are_said() -> None:
    """Counts name their kinds, and a single kind is not named twice."""
    assert counted(((Kind.BANNED, 1), (Kind.BASELINE, 2))) == "1 banned, 2 now watched"
    assert more(((Kind.NEW, 30), (Kind.PENDING, 7))) == "… and 37 more: 30 new, 7 pending"
    assert more(((Kind.NEW, 4),)) == "… and 4 more new"


def test_the_sample_says_that_it_is_a_test() -> None:
    """Nobody can take the sample for an alert."""
    events = sample("2026-01-01T00:00:00Z")
    digest = compose(events)
    assert "only-a-test" in digest.titles[0]
    assert "a test of your alerts" in _words(digest)
    assert {event.url for event in events} == {""}
    assert len({event.id for event in events} | {event.id for event in sample("2026-01-02T00:00:00Z")}) == 4
