"""Lives of ComfyUIs whose copies hide what they are, each judged by the model of random lives."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tests.chaos.installed_lives import NEVER_LISTED, PACKS, Fact, InstallsMachine


@contextlib.contextmanager
def living() -> Iterator[InstallsMachine]:
    """Return one life to play, and close its books in the end."""
    life = InstallsMachine()
    life.begin(before=False, nodes=PACKS)
    yield life
    life.teardown()


def of_runs(life: InstallsMachine) -> list[Fact]:
    """Return what was reported so far of what is run."""
    return [
        fact for fact in life.model.due.elements() if fact[0] in {"exposed", "cleared"}
    ]


def test_a_clone_that_is_well_again_is_cleared_beside_one_that_nobody_can_judge() -> (
    None
):
    """Of what one install cannot say nothing follows for the copies of another."""
    with living() as life:
        life.put("studio", "alpha", "1.1.0", is_clone=True)
        life.put("laptop", "alpha", NEVER_LISTED, is_clone=True)
        for status in ("flagged", "active"):
            life.tell_where("alpha", "1.1.0", status)
        assert of_runs(life) == [
            ("exposed", "alpha", None, None),
            ("cleared", "alpha", None, None),
        ]


def test_a_clone_that_nobody_could_judge_for_a_while_is_no_news() -> None:
    """What was exposed and not cleared is not exposed again when all versions are bad again."""
    with living() as life:
        life.put("studio", "alpha", NEVER_LISTED, is_clone=True)
        life.move("alpha", "1.0.0", "flagged")
        for status in ("flagged", "active", "flagged"):
            life.tell_where("alpha", "1.1.0", status)
        assert of_runs(life) == [("exposed", "alpha", None, None)]


def test_a_copy_that_was_never_readable_has_the_mildest_verdict_of_all_versions() -> (
    None
):
    """It is the pack that its folder is named after, of any version, and an event on that pack shows it."""
    with living() as life:
        life.deprecate("alpha", "1.0.0", on=True)
        life.put("studio", "alpha", "1.0.0", is_clone=False)
        life.spoil_or_mend("studio", "alpha")
        life.move("alpha", "1.1.0", "flagged")
        life.poll()
        assert of_runs(life) == [("exposed", "alpha", None, None)]
        assert life.model.bad == {
            ("alpha", None): ("deprecated", frozenset({"studio"}))
        }
        life.tell_where("alpha", "1.1.0", "banned")
