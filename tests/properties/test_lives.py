"""Lives of a registry that is refused, fails, turns empty and comes back, each judged by the models of random lives."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.chaos.state_machine import PACKS, WatcherMachine, living
from tests.chaos.subscriber import Fact
from tests.support.parameters import one_of
from watcher.model.channel import Grouping

POLL = [Grouping.POLL]
ALL = len(PACKS)


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


@pytest.mark.parametrize("fault", one_of("status_403_forbidden", "status_403_html"))
def test_a_wall_bans_no_pack(fault: str) -> None:
    """A 403 that does not say that a node is banned is a failure of the registry, reported once, and it recovers."""
    with living(POLL, watched=ALL) as life:
        life.poll(0)
        life.build_a_wall(fault, polls=3)
        life.poll(0)
        assert reported(life) == {("failing", "", None): 1, ("recovered", "", None): 1}


def test_a_wall_before_one_pack_is_a_failure_of_that_pack() -> None:
    """Where other nodes are read, the node that met a wall is reported failing, and no ban."""
    with living(POLL, watched=ALL) as life:
        for _ in range(3):
            life.break_registry({"alpha": "status_403_forbidden"})
            life.poll(0)
        assert reported(life) == {("failing", "alpha", None): 1}


def test_many_bans_are_reported_in_their_poll() -> None:
    """Bans of all nodes at once are believed at once, and so is their end."""
    with living(POLL, watched=ALL) as life:
        life.poll(0)
        life.ban_once(set(PACKS))
        life.poll(0)
        banned: Counter[Fact] = Counter(("banned", pack, None) for pack in PACKS)
        assert reported(life) == banned
        life.poll(0)
        back: Counter[Fact] = Counter(("reinstated", pack, None) for pack in PACKS)
        assert reported(life) == banned + back


@pytest.mark.parametrize("polls", one_of(1, 0, 2))
def test_a_version_published_again_is_known_without_an_id(polls: int) -> None:
    """A row without an id is the version of its text that is there, and no version of that text is removed by it."""
    with living(POLL) as life:
        publish(life, "1.0.0")
        life.republish("alpha", "1.0.0", "active", polls, named=False)
        for _ in range(3):
            life.poll(0)
        publish(life, "1.0.0", status="banned")
        before: list[Fact] = [("new", "alpha", "1.0.0"), ("banned", "alpha", "1.0.0")]
        removed: Fact = ("removed", "alpha", "1.0.0")
        assert reported(life) == Counter([*before, removed] if polls else before)
        life.name_or_not("alpha")
        life.poll(0)
        life.poll(0)
        assert reported(life) == Counter([*before, removed])
