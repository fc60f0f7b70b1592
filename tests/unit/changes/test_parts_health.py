"""When incomplete sweeps are reported: at the threshold, once, and not while the registry as a whole is failing."""

from __future__ import annotations

from dataclasses import replace

from tests.support.factories import NOW, committed
from watcher.changes.health import Turn
from watcher.model.event import INCOMPLETE, About
from watcher.model.snapshot import Snapshot


def lived(*sweeps: str | None, down: tuple[int, ...] = ()) -> list[Turn]:
    """Return what each poll says; a poll is why its sweep was incomplete, "" or None. In some the registry is down."""
    after = Turn({}, Snapshot(), 3, NOW)
    found = []
    for number, lacking in enumerate(sweeps):
        of = dict(after.snapshot.failing.get(About.REGISTRY, {}))
        of.pop("failing", None)
        of |= {"failing": "failing"} if number in down else {}
        snapshot = replace(after.snapshot, failing={About.REGISTRY: of})
        after = Turn(after.streaks, committed(snapshot), 3, NOW)
        after.take_others(About.REGISTRY, {INCOMPLETE: lacking})
        found.append(after)
    return found


def kinds(found: list[Turn]) -> list[str]:
    """Return the kinds of each poll's events."""
    return [" ".join(event.kind for event in one.events) for one in found]


def test_sweeps_fail_at_the_threshold_and_recover_once() -> None:
    """Three in a row are one event, whatever they lack; the first complete one ends that."""
    found = lived("page 2: HTTP 500", "", "a", "b", "page 2: HTTP 500", "a", "", "")
    assert kinds(found) == ["", "", "", "", "failing", "", "recovered", ""]
    failing, recovered = found[4].events[0], found[6].events[0]
    assert (failing.node, failing.after, recovered.before) == (
        None,
        "incomplete",
        "incomplete",
    )
    assert failing.reason.startswith("page 2: HTTP 500; in 3 polls in a row, since ")
    assert not found[7].snapshot.is_failing(About.REGISTRY, INCOMPLETE)


def test_a_poll_without_a_sweep_changes_nothing() -> None:
    """It neither counts, nor is it the end of those in a row, nor does it end what was reported."""
    assert kinds(lived("a", "a", None, "a", None, "")) == [
        "",
        "",
        "",
        "failing",
        "",
        "recovered",
    ]


def test_an_outage_is_not_reported_twice() -> None:
    """While the registry as a whole is reported failing its sweeps are not; if they still lack something, they are."""
    assert kinds(lived("a", "a", "a", "a", "", down=(1, 2))) == [
        "",
        "",
        "",
        "failing",
        "recovered",
    ]
    assert kinds(lived("a", "a", "a", "", down=(1, 2))) == ["", "", "", ""]


def test_no_two_events_share_an_id() -> None:
    """What fails again is another event."""
    found = lived(*("a", "a", "a", "") * 3)
    ids = [event.id for one in found for event in one.events]
    assert len(set(ids)) == len(ids) == 6
