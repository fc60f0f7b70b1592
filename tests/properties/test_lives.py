"""Lives of a registry that is refused, fails, turns empty and comes back, each judged by the models of random lives."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos.state_machine import WatcherMachine, living
from tests.chaos.subscriber import Fact
from tests.support.parameters import one_of
from watcher.model.channel import Grouping
from watcher.model.version import STATUSES

POLL = [Grouping.POLL]


def reported(life: WatcherMachine) -> Counter[Fact]:
    """Return what was reported so far beside the baselines."""
    return Counter(fact for fact in life.facts.values() if fact[0] != "baseline")


def publish(life: WatcherMachine, *texts: str, status: str = "active") -> None:
    """Publish versions of the pack alpha before its baseline, or move them, and poll."""
    for text in texts:
        life.publish_or_move("alpha", text, status)
    life.poll(0)


@pytest.mark.parametrize("at", one_of(3, 0, 1, 2, 4, 5, 6))
def test_a_node_that_turned_empty_and_is_back_is_one_event_each(at: int) -> None:
    """It comes back with what differs from what was known, whichever poll on the way was killed at whatever step."""
    with living(POLL) as life:
        publish(life, "1.0.0", "1.1.0", "2.0.0")
        life.turn_empty("alpha")
        life.poll(0)
        life.crash_while_saving(at or 20, after=False)
        life.poll(0)
        assert reported(life) == {("removed", "alpha", None): 1}
        life.turn_empty("alpha")
        life.take_away("alpha", "1.0.0")
        life.publish_or_move("alpha", "1.1.0", "flagged")
        life.crash_while_saving(at or 20, after=True)
        life.poll(0)
        life.poll(0)
        back: list[Fact] = [
            ("reinstated", "alpha", None),
            ("flagged", "alpha", "1.1.0"),
            ("removed", "alpha", "1.0.0"),
        ]
        assert reported(life) == Counter([("removed", "alpha", None), *back])


def test_what_was_removed_before_its_node_turned_empty_is_new_when_it_is_back() -> None:
    """Only what went with the node comes back with it."""
    with living(POLL) as life:
        publish(life, "1.0.0")
        life.hide("alpha", "1.1.0", "active", {"1.0.0"}, counted=False)
        life.hide("alpha", "1.1.0", "active", {"1.0.0"}, counted=False)
        life.empty_and_fill("alpha", lost=False, polls=2, hours=0)
        before = reported(life)
        life.poll(0)
        assert reported(life) - before == {
            ("reinstated", "alpha", None): 1,
            ("new", "alpha", "1.0.0"): 1,
        }


@pytest.mark.parametrize("hours", one_of(-48, -200, -1, 0, 48))
def test_a_clock_that_was_wrong_at_first_hides_nothing(hours: int) -> None:
    """What was published after the last poll is reported once it is watched, however wrong the clock was before."""
    with living(POLL) as life:
        life.choose_statuses(("active",))
        life.set_clock(hours)
        life.poll(0)
        life.set_clock(0)
        life.poll(0)
        life.publish_or_move("alpha", "1.0.0", "banned")
        life.choose_statuses(STATUSES)
        life.poll(0)
        assert reported(life) == {("banned", "alpha", "1.0.0"): 1}
