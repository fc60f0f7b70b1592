"""A digest says the worst first, by node, and counts what it does not show."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from watcher.alerts.digest import LINES, Digest, compose, not_shown, sample, shorter
from watcher.alerts.words.wording import SYMBOLS, Label, Line, counted, more
from watcher.model.event import Change, Event, Kind, Severity, event_id, rank
from watcher.model.version import SafeVersion


def _event(
    kind: Kind, node: str | None = "pack", version: str | None = "1.0.0", **fields: Any
) -> Event:
    given = {"node": node, "version": version, "before": None, "after": None}
    return event(event_id(kind, node, version), kind, **given | fields)


def _said(line: Line) -> str:
    """Return a line as it is said where there is room for everything, without marks."""
    parts = [" ".join(filter(None, (line.lead, line.pack, line.version))) + line.about]
    parts += [f"({''.join(line.history)})"] if line.history else []
    parts += [" ".join(line.advice), "".join(line.details), "".join(line.reason)]
    return " · ".join(filter(None, parts))


def _words(digest: Digest) -> str:
    return " | ".join(_said(line) for group in digest.groups for line in group.lines)


def _counts(digest: Digest) -> str:
    return counted(not_shown(digest))


def _total(digest: Digest) -> int:
    return digest.lines + sum(number for _, number in not_shown(digest))


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
    assert [group.lines[0].pack for group in digest.groups] == ["Worse", "bad", "calm"]
    assert [line.kind for line in digest.groups[0].lines] == [Kind.BANNED, Kind.NEW]
    assert (digest.worst.kind, digest.severity) == (Kind.BANNED, Severity.CRITICAL)
    assert digest.titles[0] == "BANNED Worse 1.0.0 and 3 more"


def test_a_line_says_what_happened() -> None:
    """What happened to which version, what it was before, since when it is public, and why."""
    digest = compose(
        (
            _event(
                Kind.BANNED,
                before="flagged",
                published="2026-01-31T12:34:56.7Z",
                reason="malware",
            ),
            _event(
                Kind.NEW, "b", before="pending", published="no time", changelog="Faster"
            ),
            _event(Kind.PENDING, "c", published="2026-01-31T12:34:00Z"),
            _event(Kind.DEPRECATED, "d", after="deprecated"),
        )
    )
    assert _words(digest) == (
        "BANNED pack 1.0.0 · (was flagged, public since 2026-01-31 12:34 UTC) · reason: malware"
        " | deprecated d 1.0.0"
        " | new b 1.0.0 · (was pending) · changelog: Faster"
        " | pending c 1.0.0 · (uploaded 2026-01-31 12:34 UTC)"
    )


def test_a_replaced_archive_is_loud() -> None:
    """It is worse than a deprecation, and has words and a symbol of its own."""
    changes = (Change(field="downloadUrl", before="https://a", after="https://b"),)
    replaced = _event(Kind.CHANGED, "swapped", changes=changes)
    added = _event(
        Kind.CHANGED,
        "added",
        changes=(Change(field="downloadUrl", before="", after="https://b"),),
    )
    digest = compose((_event(Kind.DEPRECATED, "old"), added, replaced))
    first, _, last = (group.lines[0] for group in digest.groups)
    assert digest.titles[0] == "ARCHIVE REPLACED swapped 1.0.0 and 2 more"
    assert _said(first) == (
        "ARCHIVE REPLACED swapped 1.0.0"
        " · the archive of a published version was replaced; archive: https://a → https://b"
    )
    assert first.symbol not in SYMBOLS.values()
    assert _said(last) == "changed added 1.0.0 · archive: now https://b"


def test_events_of_the_node_the_registry_and_a_channel_are_sentences() -> None:
    """What is not about a version is said in words, and the registry and each channel have a group of their own."""
    digest = compose(
        (
            _event(Kind.BANNED, version=None, before="active", after="banned"),
            _event(Kind.REMOVED, "gone", version=None),
            _event(
                Kind.FAILING,
                None,
                version=None,
                reason="timed out",
                url="https://registry.comfy.org",
            ),
            _event(
                Kind.FAILING,
                "typo",
                version=None,
                after="empty",
                reason="is the id right?",
            ),
            _event(Kind.FAILING, "broken", version=None, reason="HTTP 500"),
            _event(Kind.FAILING, None, version=None, channel="ops", reason="HTTP 404"),
            _event(Kind.REINSTATED, "pardoned", version=None, before="banned"),
            _event(Kind.REINSTATED, "relisted", version=None, before="removed"),
            _event(Kind.RECOVERED, "late", version=None, before="empty"),
            _event(Kind.RECOVERED, "mended", version=None, before="failing"),
            _event(Kind.RECOVERED, None, version=None),
            _event(
                Kind.FAILING,
                None,
                version=None,
                after="incomplete",
                reason="page 2: HTTP 500",
            ),
            _event(Kind.RECOVERED, None, version=None, before="incomplete"),
            _event(Kind.RECOVERED, None, version=None, channel="mail"),
        )
    )
    assert _words(digest).split(" | ") == [
        "BANNED pack, the whole node pack",
        "removed gone, of which no version is listed any more",
        "the registry cannot be read · timed out",
        "the registry cannot be read in full · page 2: HTTP 500",
        "the registry can be read again",
        "the registry can be read in full again",
        "failing typo, of which no version was ever found · is the id right?",
        "failing broken, which cannot be read · HTTP 500",
        "channel failing ops, which takes no alerts · HTTP 404",
        "reinstated pardoned, which is no longer banned",
        "reinstated relisted, which is listed again",
        "recovered late, which has versions now",
        "recovered mended, which can be read again",
        "channel recovered mail, which takes alerts again",
    ]
    assert len(digest.groups) == 11


def test_many_baselines_are_one_group_with_the_troubled_first() -> None:
    """The first poll of many nodes is one compact group; nodes with problem versions lead it, the worst first."""
    events = [
        _event(Kind.BASELINE, f"n{i}", None, reason="3 versions") for i in range(40)
    ]
    for number, after in ((10, "deprecated"), (20, "flagged"), (30, "banned")):
        events[number] = _event(Kind.BASELINE, f"n{number}", None, after=after)
    digest = compose(tuple(events))
    assert digest.titles[0] == "BANNED versions in n30 and 39 more"
    assert digest.severity is Severity.CRITICAL
    assert [group.heading for group in digest.groups] == ["Now watched: 40 node packs"]
    lines = digest.groups[0].lines
    assert [(line.symbol, line.lead, line.pack) for line in lines[:4]] == [
        ("⛔", "BANNED versions in", "n30"),
        ("🚩", "flagged versions in", "n20"),
        ("📉", "deprecated versions in", "n10"),
        ("👀", "now watched", "n0"),
    ]
    assert _total(digest) == 40
    assert (
        _counts(shorter(digest, 1))
        == "1 with flagged versions, 1 with deprecated versions, 37 now watched"
    )


def test_no_version_text_makes_a_baseline_seem_troubled() -> None:
    """Untrusted version texts that a summary quotes do not move its node up."""
    events = [
        _event(Kind.BASELINE, f"n{i}", None, reason="1 version") for i in range(4)
    ]
    events[3] = _event(Kind.BASELINE, "n3", None, reason="1 version; newest banned: 1")
    events[2] = _event(Kind.BASELINE, "n2", None, after="flagged")
    assert [line.pack for line in compose(tuple(events)).groups[0].lines] == [
        "n2",
        "n0",
        "n1",
        "n3",
    ]


def test_of_many_releases_the_newest_are_shown() -> None:
    """Among equals the version that was published last comes first, also where only some have room."""
    digest = compose(
        tuple(
            _event(
                Kind.NEW, "pack", f"1.{i}.0", published=f"2026-01-{i + 1:02}T00:00:00Z"
            )
            for i in range(30)
        )
    )
    shown = [line.version for line in digest.groups[0].lines]
    assert shown == [f"1.{i}.0" for i in range(29, 4, -1)]
    assert [line.version for line in shorter(digest, 2).groups[0].lines] == shown[:2]
    assert digest.titles[0] == "New pack 1.29.0 and 29 more"


def test_a_burst_is_counted_past_the_cap() -> None:
    """A message has 25 lines, shared evenly by nodes with equally bad news; every event beyond is in a count."""
    events = tuple(_event(Kind.NEW, f"n{i % 10}", f"1.{i}.0") for i in range(200))
    digest = compose(events)
    assert digest.lines == LINES
    assert {len(group.lines) for group in digest.groups} == {2, 3}
    assert _total(digest) == 200


def test_what_is_worse_is_never_hidden_behind_what_is_milder() -> None:
    """Twenty flags of one node take all the room before a release of another gets any."""
    flagged = [_event(Kind.FLAGGED, "bad", f"1.{i}.0") for i in range(20)]
    fresh = [_event(Kind.NEW, f"n{i}", "1.0.0") for i in range(12)]
    digest = compose((*fresh, *flagged))
    shown = [line.kind for group in digest.groups for line in group.lines]
    assert (shown.count(Kind.FLAGGED), shown.count(Kind.NEW)) == (20, 5)
    assert counted(digest.hidden) == "7 new"


def test_a_message_about_one_node_may_use_all_lines() -> None:
    """Where there are no others to share with, one node has all the room."""
    digest = compose(tuple(_event(Kind.NEW, version=f"1.{i}.0") for i in range(30)))
    assert len(digest.groups[0].lines) == LINES
    assert counted(digest.groups[0].hidden) == "5 new"


def test_when_the_events_were_seen() -> None:
    """A message of one poll says when that was; one of several polls says from when to when."""
    one = _event(Kind.NEW, at="2026-11-25T17:32:10.123Z")
    other = _event(Kind.NEW, version="2", at="2026-11-26T03:00:00.000Z")
    assert compose((one,)).seen == "seen 2026-11-25 17:32 UTC"
    assert (
        compose((other, one)).seen
        == "seen 2026-11-25 17:32 UTC to 2026-11-26 03:00 UTC"
    )


_EVENTS = st.lists(
    st.builds(
        lambda kind, node, number: _event(
            kind, node, str(number) if number else None, reason="r"
        ),
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
    while digest.lines:
        assert shorter(digest, digest.lines) == digest
        fewer = shorter(digest, digest.lines - 1)
        assert _total(fewer) == len(events)
        assert fewer.lines == digest.lines - 1
        digest = fewer


@given(_EVENTS)
def test_groups_and_lines_stand_in_order(events: list[Event]) -> None:
    """Lines of a group, and the groups by their first line, never get worse on the way down."""
    groups = compose(tuple(events)).groups
    for group in groups:
        ranks = [line.label[0] for line in group.lines]
        assert ranks == sorted(ranks)
    leads = [group.lines[0].label[0] for group in groups]
    assert leads == sorted(leads)
    assert leads[0] == min(map(rank, events))


def test_the_reference_shows_a_repeat() -> None:
    """The same events have the same reference, in any order; others have another one."""
    one, two = (_event(Kind.NEW),), (_event(Kind.NEW), _event(Kind.BANNED))
    assert compose(one).reference == compose(one).reference != compose(two).reference
    assert compose(two).reference == compose(two[::-1]).reference


def test_counts_are_said() -> None:
    """Counts name their kinds, and a single kind is not named twice."""
    assert (
        counted((_label("banned", 1), _label("now watched", 2)))
        == "1 banned, 2 now watched"
    )
    assert (
        more((_label("new", 30), _label("pending", 7)))
        == "… and 37 more: 30 new, 7 pending"
    )
    assert (
        more((_label("new", 30), _label("pending", 7)), in_short=True)
        == "… and 37 more"
    )
    assert more((_label("new", 4),)) == "… and 4 more new"


def _label(words: str, number: int) -> tuple[Label, int]:
    return ((0, 0, 0, 0), words), number


def test_the_sample_says_that_it_is_a_test() -> None:
    """Nobody can take the sample for an alert."""
    events = sample("2026-01-01T00:00:00Z")
    digest = compose(events)
    assert "only-a-test" in digest.titles[0]
    assert "a test of your alerts" in _words(digest)
    assert {event.url for event in events} == {""}
    assert (
        len(
            {event.id for event in events}
            | {event.id for event in sample("2026-01-02T00:00:00Z")}
        )
        == 4
    )


# Advice


def _advised(*events: Event) -> list[str]:
    return [
        " ".join(line.advice)
        for group in compose(events).groups
        for line in group.lines
    ]


def test_a_warning_says_what_to_do() -> None:
    """The version to move to, that there is none, or nothing where that is not known; and nothing beside good news."""
    assert _advised(
        _event(Kind.BANNED, "a", safe_version=SafeVersion("0.9")),
        _event(Kind.FLAGGED, "b", safe_version=SafeVersion(None)),
        _event(Kind.FLAGGED, "c", safe_version=None),
        _event(Kind.NEW, "d", safe_version=SafeVersion("1.0.0")),
    ) == ["newest safe version: 0.9", "no safe version", "", ""]


def test_a_node_is_advised_once() -> None:
    """Several warnings about a node have one piece of advice, at the worst; so has a baseline in a group."""
    assert _advised(
        _event(Kind.FLAGGED, "a", "1", safe_version=SafeVersion("0.9")),
        _event(Kind.BANNED, "A", "2", safe_version=SafeVersion("0.9")),
        _event(Kind.DEPRECATED, "a", "3", safe_version=SafeVersion("0.9")),
    ) == ["newest safe version: 0.9", "", ""]
    baselines = [
        _event(
            Kind.BASELINE,
            f"n{i}",
            None,
            after="flagged",
            safe_version=SafeVersion(str(i)),
        )
        for i in range(4)
    ]
    assert _advised(*baselines) == [f"newest safe version: {i}" for i in range(4)]


def test_the_newest_advice_counts() -> None:
    """Of a message that several polls make up, the last word counts; a version with a warning is not advised."""
    earlier = _event(
        Kind.FLAGGED,
        "a",
        "1",
        at="2026-01-01T00:00:00.000Z",
        safe_version=SafeVersion("2"),
    )
    later = _event(
        Kind.FLAGGED,
        "a",
        "3",
        at="2026-01-02T00:00:00.000Z",
        safe_version=SafeVersion("1.9"),
    )
    unknowing = _event(Kind.BANNED, "a", "2", at="2026-01-03T00:00:00.000Z")
    assert _advised(later, earlier) == ["newest safe version: 1.9", ""]
    assert _advised(earlier, unknowing) == ["", ""]
    swapped = (Change(field="downloadUrl", before="https://a", after="https://b"),)
    assert _advised(
        _event(Kind.CHANGED, "a", "2", changes=swapped, safe_version=SafeVersion("2"))
    ) == [""]
