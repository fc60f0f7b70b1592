"""Lives of a registry that is refused, fails, turns empty and comes back, each judged by the models of random lives."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from tests.chaos.readers import is_plainest
from tests.chaos.state_machine import PACKS, ROCK, WatcherMachine, living
from tests.chaos.subscriber import Fact
from tests.support.parameters import one_of
from watcher.model.channel import Grouping
from watcher.model.version import STATUSES

POLL = [Grouping.POLL]
ALL = len(PACKS)


def reported(life: WatcherMachine) -> Counter[Fact]:
    """Return what was reported so far beside the baselines."""
    return Counter(fact for fact in life.facts.values() if fact[0] != "baseline")


def for_each(kind: str, count: int = ALL) -> Counter[Fact]:
    """Return an event of this kind for each of so many packs."""
    return Counter((kind, pack, None) for pack in PACKS[:count])


def publish(life: WatcherMachine, *texts: str, status: str = "active") -> None:
    """Publish versions of the pack alpha before its baseline, or move them, and poll."""
    for text in texts:
        life.publish_or_move("alpha", text, status)
    life.poll(0)


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
        assert reported(life) == for_each("banned")
        life.poll(0)
        assert reported(life) == for_each("banned") + for_each("reinstated")


def test_a_row_of_failures_counts_whatever_their_kind() -> None:
    """A node that could not be read in three polls is failing, though the reason was another in each."""
    with living(POLL, threshold=3) as life:
        life.poll(0)
        life.break_in_turn([{"alpha": "status_404_json"}, {"alpha": "status_500_json"}])
        life.break_registry({})
        assert not reported(life)
        life.hide("alpha", "1.0.0", "active", {ROCK}, counted=True)
        assert reported(life) == {
            ("failing", "alpha", None): 1,
            ("new", "alpha", "1.0.0"): 1,
        }


def test_a_failure_of_all_that_was_one_nodes_before_is_that_nodes() -> None:
    """A node whose threshold is reached in the first poll of an outage is one event, and the outage another."""
    with living(POLL, threshold=3, watched=ALL) as life:
        life.poll(0)
        life.break_in_turn([{"alpha": "status_404_json"}] * 2)
        life.build_a_wall("status_500_json", polls=1)
        assert reported(life) == {("failing", "alpha", None): 1}
        life.build_a_wall("rate_limited_missing", polls=1)
        assert reported(life) == {("failing", "alpha", None): 1}
        life.build_a_wall("closed_unanswered", polls=1)
        assert reported(life) == {
            ("failing", "alpha", None): 1,
            ("failing", "", None): 1,
        }


def test_many_nodes_that_are_due_in_an_outage_are_one_event() -> None:
    """Three nodes whose threshold is reached while the registry is down are one event, of the registry."""
    with living(POLL, threshold=3, watched=ALL) as life:
        life.poll(0)
        life.break_in_turn([dict.fromkeys(PACKS[:3], "status_404_json")] * 2)
        life.build_a_wall("html_502", polls=3)
        assert reported(life) == {("failing", "", None): 1}


def test_what_is_refused_for_what_it_is_lets_the_rest_pass() -> None:
    """Once in its usual form, then in its plainest, then daily: meanwhile the other pack's news come."""
    with living([Grouping.EVENT]) as life:
        life.poll(0)
        life.refuse(0, "alpha", 422, True, [0, 0, 0, 2, 25])
        came = life.receiver.attempts
        first = next(one.events for one in came if one.status == 422)
        refused = [
            bool(is_plainest(one.text))
            for one in came
            if one.status == 422 and one.events == first
        ]
        assert refused == [False, True, True]
        assert (
            sum(one.status == 200 and "`beta` `1.1.0`" in one.text for one in came) == 5
        )


def test_a_dead_channel_is_said_once() -> None:
    """Others hear of it at the poll after its first 404, or after a day of 500, and when it takes alerts again."""
    with living([Grouping.POLL] * 2) as life:
        life.poll(0)
        life.vanish(0, 404, 3)
        life.vanish(0, 404, 0)
        life.poll(2)
        life.poll(0)
        dead: Counter[Fact] = Counter(
            {("failing", "ops", None): 1, ("recovered", "ops", None): 1}
        )
        assert dead <= reported(life)
        life.outage(1)
        life.publish_or_move("alpha", "2.0.0", "active")
        life.poll(0)
        life.poll(2)
        assert ("failing", "mail", None) not in reported(life)
        life.poll(24)
        life.poll(24)
        assert reported(life)["failing", "mail", None] == 1


def test_a_version_may_be_missed_the_second_time_in_an_empty_listing() -> None:
    """A version absent from two complete listings is removed, though the second of them has no version at all."""
    with living(POLL) as life:
        publish(life, "1.0.0")
        life.take_away("alpha", "1.0.0")
        life.poll(0)
        life.turn_empty("alpha")
        life.poll(0)
        assert reported(life) == {("removed", "alpha", "1.0.0"): 1}
        life.turn_empty("alpha")
        life.poll(0)
        assert reported(life) == {("removed", "alpha", "1.0.0"): 1}


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


def test_a_row_without_an_id_is_the_version_that_was_there_last() -> None:
    """Of two versions of one text, one of which has left the watched statuses, it is the other, missed once or not."""
    with living(POLL) as life:
        publish(life, "1.0.0", "2.0.0", status="banned")
        life.choose_statuses(("flagged", "banned"))
        life.republish("alpha", "2.0.0", "banned", polls=0, named=False)
        life.empty_and_fill("alpha", lost=True, polls=1, hours=0)
        life.poll(0)
        assert reported(life) == {("banned", "alpha", "2.0.0"): 1}


def test_a_listing_whose_numbers_disagree_removes_nothing() -> None:
    """What such listings do not show is not removed, what they show counts, and the node is failing."""
    with living(POLL) as life:
        publish(life, "1.0.0", "1.1.0")
        for status in ("flagged", "active"):
            life.hide("alpha", "1.0.0", status, {"1.1.0"}, counted=False, torn=True)
        kinds = Counter(kind for kind, _, _ in reported(life).elements())
        assert kinds == {"flagged": 1, "reinstated": 1, "failing": 1}


def test_a_pardon_by_way_of_pending_is_a_reinstatement() -> None:
    """A version that was flagged and waits again is reinstated; one that only ever waited is new."""
    with living(POLL) as life:
        life.poll(0)
        for status in ("pending", "active", "flagged", "pending", "active"):
            publish(life, "1.0.0", status=status)
        kinds = [kind for kind, _, version in reported(life).elements() if version]
        assert kinds == ["pending", "new", "flagged", "changed", "reinstated"]


def test_leaving_the_watched_statuses_is_not_reported() -> None:
    """A version that leaves them is no removal; that it is back is a change."""
    with living(POLL) as life:
        publish(life, "1.0.0")
        life.choose_statuses(("active", "pending", "flagged"))
        for status in ("banned", "banned", "active"):
            publish(life, "1.0.0", status=status)
        life.choose_statuses(STATUSES)
        life.poll(0)
        assert reported(life) == {("reinstated", "alpha", "1.0.0"): 1}


def test_leaving_the_watched_statuses_without_an_id_is_a_leaving_too() -> None:
    """A version whose row has no id any more, and then another status, has left; that it is back is a change."""
    with living(POLL) as life:
        publish(life, "1.0.0", status="flagged")
        life.choose_statuses(("active", "pending", "flagged"))
        life.name_or_not("alpha")
        for status in ("banned", "flagged"):
            publish(life, "1.0.0", status=status)
        assert reported(life) == {("flagged", "alpha", "1.0.0"): 1}


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


def test_what_was_on_its_way_when_the_program_died_has_come() -> None:
    """What a receiver takes only after the crash is repeated by the next poll, as what was in flight may be."""
    is_repeated = threading.Event()

    def meet(path: str, is_whole: bool) -> None:
        """Let a message on its way wait for the next one."""
        if path == "/path2" and not is_whole and not waiting:
            waiting.append(path)
            is_repeated.wait(0.5)
        elif path == "/path2":
            is_repeated.set()

    with living([Grouping.EVENT] * 2) as life:
        publish(life, "1.0.0")
        for at in (7, 8, 9, 10):  # which step is whose channel's is not certain
            waiting: list[str] = []
            is_repeated.clear()
            life.receiver.meeting = meet
            life.publish_or_move("alpha", "1.0.0", "banned" if at % 2 else "flagged")
            life.crash_while_saving(at, after=True)
            life.poll(0)
