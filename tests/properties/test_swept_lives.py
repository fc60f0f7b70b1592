"""Lives of a whole registry that is swept, each judged by the models of random lives, which know nothing of sweeps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.chaos.subscriber import Fact
from tests.chaos.swept_lives import WATCHED, SweptMachine


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
def test_what_a_poll_has_no_question_left_for_counts_all_the_same() -> None:
    """More packs differ than a poll may ask about: one never asked comes first, and of the rest the rows count."""
    with living(many=True) as life:
        life.poll(0)
        life.serve_records_or_not()
        life.move_others("banned")
        life.publish_or_move("delta", "1.0.0", "active")
        life.poll(25)
        found = reported(life)
        assert ("new", "delta", "1.0.0") in found
        assert "delta" in life.witness.asked
        banned = {node for kind, node, _ in found if kind == "banned"}
        assert len(banned - life.witness.asked) > 20


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
