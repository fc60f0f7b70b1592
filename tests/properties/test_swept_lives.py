"""Lives of a whole registry that is swept, each judged by the models of random lives, which know nothing of sweeps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.chaos.subscriber import Fact
from tests.chaos.swept_lives import WATCHED, SweptMachine
from tests.support.parameters import one_of


@contextlib.contextmanager
def living(
    watch: int = 0, threshold: int = 1, *, many: bool = False
) -> Iterator[SweptMachine]:
    """Return one life to play, and close its books in the end."""
    life = SweptMachine()
    life.begin(threshold, WATCHED[watch], many)
    yield life
    life.teardown()


def reported(life: SweptMachine) -> list[Fact]:
    """Return what was reported so far beside the baselines."""
    return [fact for fact in life.facts.values() if fact[0] != "baseline"]


def test_an_answer_that_fails_ends_no_ban() -> None:
    """What pages show of a pack that its own answer calls banned waits for another answer, in whichever poll."""
    with living() as life:
        life.poll(0)
        life.publish_or_move("alpha", "1.0.0", "active")
        life.ban({"alpha"}, "answer", 0)
        life.break_packs({"alpha": "html_200"})
        life.unsettle(tied=True, repeating=set(), missing=set(), moving="")
        life.ban({"alpha"}, "record", 25)
        life.poll(0)
        assert ("new", "alpha", "1.0.0") not in reported(life)
        life.break_packs({})
        life.ban({"alpha"}, "", 25)
        events = [fact for fact in reported(life) if fact[0] in ("new", "reinstated")]
        assert sorted(events, key=str) == [
            ("new", "alpha", "1.0.0"),
            ("reinstated", "alpha", None),
        ]


def test_a_ban_shows_while_the_baseline_of_all_waits() -> None:
    """Packs that are known are asked about once a day, though no sweep was complete yet."""
    with living(1) as life:
        life.unsettle(tied=True, repeating=set(), missing=set(), moving="more")
        life.poll(0)
        life.ban({"alpha"}, "record", 25)
        assert reported(life) == [("failing", "", None), ("banned", "alpha", None)]


@pytest.mark.bounded
def test_a_banned_pack_that_could_not_be_asked_has_not_recovered() -> None:
    """More packs differ than a poll may ask about; one that is banned and failed waits for its next answer."""
    with living(many=True) as life:
        life.poll(0)
        life.ban({"beta"}, "record", 25)
        life.break_packs({"beta": "truncated_body"})
        life.refuse(403, 2)
        life.ban({"beta"}, "", 25)
        life.move_others("deleted")
        life.poll(0)
        assert "beta" not in life.witness.asked
        assert ("failing", "beta", None) in reported(life)
        assert ("recovered", "beta", None) not in reported(life)


def test_a_page_past_the_end_says_nothing_of_those_before_it() -> None:
    """All rows came on full pages, and one was taken away before the empty page that is read after them."""
    with living() as life:
        life.publish_or_move("alpha", "1.0.0", "active")
        life.publish_or_move("gamma", "2.0.0", "active")
        life.poll(0)
        life.shift([(7, "gamma", "2.0.0", "")])
        assert [(page.total, len(page.ids)) for page in life.witness.pages] == [
            (30, 5)
        ] * 6 + [(29, 0)]
        assert reported(life) == []


@pytest.mark.bounded
def test_a_later_pack_is_news_though_a_poll_has_no_question_left_for_it() -> None:
    """More packs differ, and by worse, than a poll may ask about; its turn is no question more, and its row counts."""
    with living(many=True) as life:
        life.poll(0)
        life.serve_records_or_not()
        life.move_others("banned")
        life.publish_or_move("delta", "1.0.0", "active")
        life.poll(25)
        assert "delta" not in life.witness.asked
        assert ("new", "delta", "1.0.0") in reported(life)


@pytest.mark.parametrize("watch", one_of(1, 0, 2, 3, 4))
def test_pages_that_do_not_fit_together_hide_nothing(watch: int) -> None:
    """What unsettled pages show counts, what they lack is asked for, and the baseline waits; that it does is said."""
    failing, recovered = ("failing", "", None), ("recovered", "", None)
    with living(watch) as life:
        life.unsettle(tied=True, repeating={3}, missing={2, 5}, moving="")
        life.break_pages({4}, "status_500_json")
        life.poll(0)
        life.settle()
        life.poll(0)
        life.unsettle(tied=True, repeating={3}, missing={2, 5}, moving="between pages")
        life.publish_or_move("alpha", "1.0.0", "banned")
        life.poll(0)
        assert sorted(reported(life)) == [
            ("banned", "alpha", "1.0.0"),
            failing,
            failing,
            recovered,
        ]
        life.shift([(3, "delta", "1.0.0", "flagged"), (5, "alpha", "1.0.0", "active")])


def test_a_pack_that_vanishes_and_returns_is_one_event_each() -> None:
    """Its rows are missed twice before it is gone, though no page ever says so, and it is back as it was."""
    with living() as life:
        life.poll(0)
        life.vanish_or_return("alpha")
        life.poll(0)
        life.crash_and_poll(at=2, after=False, hours=0)
        life.vanish_or_return("alpha")
        life.poll(0)
        assert reported(life) == [
            ("removed", "alpha", None),
            ("reinstated", "alpha", None),
        ]


@pytest.mark.parametrize("has_records", one_of(True, False))
@pytest.mark.parametrize("how", one_of("answer", "record"))
def test_a_ban_and_what_happens_under_it(how: str, has_records: bool) -> None:
    """A ban shows in its turn, what changes under it when it ends, at the latest, and both are said once."""
    with living() as life:
        life.poll(0)
        life.ban({"alpha"}, how, 25)
        life.publish_or_move("alpha", "1.0.0", "flagged")
        life.poll(0)
        life.registry.serves_nodes = has_records
        life.ban({"alpha"}, "", 25)
        life.registry.serves_nodes = True
        life.poll(25)
        events = [
            ("banned", "alpha", None),
            ("flagged", "alpha", "1.0.0"),
            ("reinstated", "alpha", None),
        ]
        assert sorted(reported(life), key=str) == sorted(events, key=str)


@pytest.mark.bounded
def test_more_changes_than_a_poll_may_ask_about_are_all_reported() -> None:
    """A change of every pack is reported in its poll, though the questions take two."""
    with living(many=True) as life:
        life.poll(0)
        life.move_others("banned")
        life.crash_and_poll(at=3, after=True, hours=0)
        life.poll(0)
        assert len(reported(life)) == len(life.others)


def test_a_first_page_that_comes_ends_an_outage() -> None:
    """Pages were refused, and the one pack that is named broke off: the next first page shows that one alone fails."""
    failing, recovered = ("failing", "", None), ("recovered", "", None)
    with living(1) as life:
        life.break_packs({"alpha": "closed_unanswered"})
        life.break_pages({2}, "status_500_json")
        life.refuse(403, 1)
        assert reported(life) == [failing]
        life.poll(0)
        assert sorted(reported(life)) == [
            failing,
            failing,
            ("failing", "alpha", None),
            recovered,
        ]
