"""A digest has the worst first, by node, and counts what it does not show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event, minute
from tests.unit.alerts.test_advice import STOP
from watcher.alerts.digest import LINES, Digest, compose, sample
from watcher.alerts.phrasing import Part, counts, label
from watcher.alerts.render import Format, render
from watcher.model.event import BadVersion, Event, Kind, Tally, event_id
from watcher.model.pack import Copy


def _event(
    kind: Kind, node: str | None = "pack", version: str | None = "1.0.0", **fields: Any
) -> Event:
    given = {"node": node, "version": version, "before": None, "after": None}
    return event(event_id(kind, node, version), kind, **given | fields)


def _names(digest: Digest) -> list[str | None]:
    return [line.phrasing.name for line in digest.lines]


def _versions(digest: Digest) -> list[str | None]:
    return [line.phrasing.version for line in digest.lines]


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
    groups = list(dict.fromkeys(line.group.key for line in digest.lines))
    assert groups == [("node", "worse"), ("node", "bad"), ("node", "calm")]
    assert digest.worst.kind is Kind.BANNED


def test_channels_installs_and_the_registry_have_groups_of_their_own() -> None:
    """What is not about a node stands by itself."""
    given: dict[str, Any] = {"node": None, "version": None}
    events = (
        _event(Kind.FAILING, **given),
        _event(Kind.RECOVERED, **given),
        _event(Kind.FAILING, **given, channel="ops"),
        _event(Kind.FAILING, **given, install="ops"),
    )
    assert len({line.group for line in compose(events).lines}) == 3


def test_many_baselines_are_one_group_with_the_troubled_first() -> None:
    """One line says what is watched; what is banned has a line of its own; the baseline of all stands beside them."""
    events = [_event(Kind.BASELINE, f"n{i}", None) for i in range(40)]
    for number, after in ((10, "deprecated"), (20, "flagged"), (30, "banned")):
        events[number] = _event(Kind.BASELINE, f"n{number}", None, after=after)
    digest = compose(tuple(events))
    assert _names(digest) == ["n30", None]
    assert {line.group.key for line in digest.lines} == {("kind", "baseline")}
    assert counts(map(label, digest.lines[-1].events)) == (
        "1 with flagged versions, 1 with deprecated versions, 37 now watched"
    )
    beside = compose((*events[:4], _event(Kind.BASELINE, None, None)))
    assert len({line.group for line in beside.lines}) == 2


def _look(node: str, *banned: str, flagged: int = 0, **fields: Any) -> Event:
    """Make the baseline of a node with banned versions, and so many flagged ones."""
    given: dict[str, Any] = {
        "after": "banned" if banned else "flagged" if flagged else None,
        "bad_versions": tuple(
            BadVersion(node=node, version=one, status="banned") for one in banned
        ),
        "tally": Tally(versions=9, banned=len(banned), flagged=flagged),
    }
    return _event(Kind.BASELINE, node, None, **given | fields)


def _exposed(node: str, version: str, after: str) -> Event:
    return _event(Kind.EXPOSED, node, version, after=after)


def _on_pc(one: Event, **fields: Any) -> Event:
    copy = Copy(install="pc", version=one.version, enabled=True)
    return replace(one, installed=(copy,), **fields)


def _said(*events: Event, part: int = 0) -> list[str]:
    """Return the lines of a message, without the foot."""
    body = render(compose(tuple(events), part), Format.TEXT, 3000, 100).body
    return [line for line in body.splitlines()[:-2] if line]


def test_a_first_message_says_each_thing_once() -> None:
    """What you run and is bad comes first; then what is watched, in one line; then other banned versions, by name."""
    looks = [_look(f"calm-{number}") for number in range(9)]
    looks += [_look("run", "v1.0", flagged=1), _look("wild", "3.0", "2.0", flagged=3)]
    assert _said(
        *looks, _exposed("Run", "1.0.0", "banned"), _exposed("run", "1.1", "flagged")
    ) == [
        "⛔ You run BANNED `Run` `1.0.0`",
        STOP,
        "https://registry.comfy.org/nodes/Some-Pack",
        "- 🚩 You run flagged `1.1`.",
        "👀 Now watched: 11 packs, with 3 flagged versions",
        "- ⛔ Already BANNED: `wild` `3.0`. Also banned: `2.0`. https://registry.comfy.org/nodes/Some-Pack",
    ]


def test_of_few_packs_the_names_are_said() -> None:
    """Up to three are named; what several baselines say is one line all the same."""
    assert _said(_look("a")) == ["👀 Now watched: `a`"]
    assert _said(_look("a"), _look("b")) == ["👀 Now watched: 2 packs (`a`, `b`)"]
    assert _said(*map(_look, "abcd")) == ["👀 Now watched: 4 packs"]


def test_what_a_baseline_cannot_name_is_a_count() -> None:
    """A pack has three banned versions by name, and the others as a count."""
    (_, line) = _said(_look("a", *(f"1.{number}" for number in range(7))))
    assert "`1.0`. Also banned: `1.1`, `1.2` and 4 more." in line
    many = _look("a", "1.0", tally=Tally(versions=900, banned=70))
    assert "Also banned: 69 more." in _said(many)[1]


def test_what_is_watched_is_said_beside_any_burst() -> None:
    """Its line takes the place of no event, and no event takes its place; where room is short it is a count."""
    flags = [_event(Kind.FLAGGED, f"n{number}") for number in range(LINES)]
    digest = compose((*flags, *map(_look, "abc")))
    assert (len(digest.lines), digest.rest.total()) == (LINES + 1, 0)
    assert "\n👀 Now watched: 3 packs" in render(digest, Format.TEXT, 3000, 0).body
    assert ", 3 now watched" in render(digest, Format.TEXT, 600, 0).body


def test_what_a_later_poll_says_is_not_taken_from_a_baseline() -> None:
    """In a merged message a flag of another version leaves the count as it was."""
    flagged = (BadVersion(node="a", version="0.9", status="flagged"),)
    look = _look("a", flagged=1, bad_versions=flagged)
    for version, found in (("1.0", ", with 1 flagged version"), ("v0.9.0", "")):
        later = _event(Kind.FLAGGED, "a", version, at=minute(15))
        assert _said(look, later)[-1] == f"👀 Now watched: `a`{found}"


def test_the_title_counts_no_first_look_beside_what_happened() -> None:
    """What is watched from now on has a line of its own. It counts by its flags where its ban is said elsewhere."""
    events = [_look("a", "1.0", flagged=1), _look("b", flagged=2), _look("c")]
    digest = compose((_exposed("a", "1.0", "banned"), *events))
    assert digest.titles[0] == "You run BANNED a 1.0"
    assert (
        counts(map(label, digest.lines[-1].events))
        == "2 with flagged versions, 1 now watched"
    )


def test_what_is_run_and_bad_comes_before_first_looks() -> None:
    """A version that is banned, and that nobody runs, is no news beside one that is run, however mild that is."""
    exposed = _on_pc(_exposed("a", "1.0", "deprecated"))
    assert [line.split(" `")[0] for line in _said(_look("b", "2.0"), exposed)] == [
        "📉 You run deprecated",
        "👀 Now watched:",
        "- ⛔ Already BANNED:",
    ]


def test_a_further_message_does_not_say_again_what_is_watched() -> None:
    """It names the banned versions that the first one had no room for."""
    assert _said(_look("a", "1.0"), _look("b", "1.0"), part=1)[0].startswith(
        "⛔ Already BANNED: `a` `1.0`"
    )


def test_no_version_text_makes_a_baseline_seem_troubled() -> None:
    """Untrusted version texts that a summary quotes do not move its node up."""
    calm = [_event(Kind.BASELINE, f"n{i}", None, reason="1 version") for i in range(3)]
    banned = _event(Kind.BASELINE, "n3", None, after="banned")
    forged = _event(Kind.BASELINE, "n4", None, reason="1 version; newest banned: 1")
    assert _names(compose((*calm, forged, banned))) == ["n3", None]


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
    assert _versions(digest) == [f"1.{i}.0" for i in range(29, 4, -1)]
    assert digest.worst.version == "1.29.0"


def test_a_burst_is_counted_past_the_cap() -> None:
    """A message has 25 lines, shared evenly by nodes with equally bad news; one node alone has all of them."""
    events = tuple(_event(Kind.NEW, f"n{i % 10}", f"1.{i}.0") for i in range(200))
    digest = compose(events)
    names = _names(digest)
    assert len(names) == LINES
    assert {names.count(name) for name in names} == {2, 3}
    assert digest.rest.total() == 175
    alone = compose(tuple(_event(Kind.NEW, version=f"1.{i}.0") for i in range(30)))
    assert len(alone.lines) == LINES


def test_what_is_worse_is_never_hidden_behind_what_is_milder() -> None:
    """Twenty flags of one node take all the room before a release of another gets any."""
    flagged = [_event(Kind.FLAGGED, "bad", f"1.{i}.0") for i in range(20)]
    fresh = [_event(Kind.NEW, f"n{i}", "1.0.0") for i in range(12)]
    digest = compose((*fresh, *flagged))
    assert _names(digest).count("bad") == 20
    assert counts(digest.rest) == "7 new"


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
def test_all_events_are_there_in_order(events: list[Event]) -> None:
    """Shown and counts events add up to all of them, and lines never get worse on the way down."""
    digest = compose(tuple(events))
    shown = [key for line in digest.lines for key in line.events]
    assert len(shown) + digest.rest.total() == len(events)
    ranks = [line.rank for line in digest.lines]
    assert ranks == sorted(ranks)


def test_the_sample_says_that_it_is_a_test() -> None:
    """Nobody can take the sample for an alert, and two samples are no repeat of each other."""
    events = sample("2026-01-01T00:00:00Z")
    digest = compose(events)
    assert all(title.startswith("Test") for title in digest.titles)
    assert digest.titles[0].startswith("Test of your alerts: Deprecated this-is-only")
    text = render(digest, Format.TEXT, 2000, 100)
    assert "ref" not in text.body  # no history has it
    assert all(one.reason.startswith("a test of your alerts") for one in events)
    assert {one.url for one in events} == {""}
    others = sample("2026-01-02T00:00:00Z")
    assert len({one.id for one in (*events, *others)}) == 4


def _advised(*events: Event) -> list[str]:
    """Return the version that each line advises."""
    return [
        next((p.words[-1] for p in line.phrasing.pieces if p.part is Part.ADVICE), "")
        for line in compose(events).lines
    ]
