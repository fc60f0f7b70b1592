"""A long list keeps what was added to it and removed from it: its length hides nothing."""

from __future__ import annotations

import json

from tests.support.factories import event
from watcher.alerts.differences import difference
from watcher.model.bounds import bounded, cut_values, items_of
from watcher.model.event import LONGEST_TEXT, FieldChange

_LONG = [f"package-number-{number}=={number}.0.0" for number in range(60)]


def _said(before: list[str], after: list[str]) -> str:
    change = FieldChange(
        field="dependencies", before=json.dumps(before), after=json.dumps(after)
    )
    return "".join(difference(bounded(event(changes=(change,))).changes))


def test_what_was_added_to_a_long_list_is_said() -> None:
    """Also at its end, and with what was removed; not with what it still has."""
    assert _said(_LONG, [*_LONG, "evil==6.6"]) == "dependencies: adds evil==6.6"
    assert (
        _said(_LONG, ["evil==6.6", *_LONG[:40], *_LONG[41:]])
        == f"dependencies: adds evil==6.6; drops {_LONG[40]}"
    )
    assert (
        _said(_LONG, _LONG[::-1]) == "dependencies: the same in another order or number"
    )
    shown = ", ".join(_LONG[:6])
    assert _said([], [*_LONG, "evil"]) == f"dependencies: adds {shown} and 55 more"
    assert _said([*_LONG, "evil"], []) == f"dependencies: drops {shown} and 55 more"


def test_the_last_item_counts_what_is_left_out() -> None:
    """For a program both are lists of what differs; the length and a digest tell one list from another."""
    before, after = cut_values(
        json.dumps(_LONG), json.dumps([*_LONG, "evil==6.6"]), LONGEST_TEXT
    )
    assert json.loads(before)[0].startswith(
        "… (0 more removed, 60 in both; 1720 characters, sha256 "
    )
    assert json.loads(after)[0] == "evil==6.6"
    assert json.loads(after)[1].startswith(
        "… (0 more added, 60 in both; 1733 characters, sha256 "
    )


def test_a_long_list_can_be_shortened_twice() -> None:
    """What was left out the first time is still counted."""
    once = cut_values(
        json.dumps(_LONG), json.dumps([f"x{number}" for number in range(400)]), 1000
    )
    found = [items_of(text) for text in cut_values(*once, 300)]
    assert [
        (items.same, len(items.shown) + items.more) for items in found if items
    ] == [(0, 60), (0, 400)]
    assert all(items and items.shown for items in found)


def test_a_list_that_says_it_was_cut_hides_nothing() -> None:
    """A list with such an item at its end differs by its other items as any other."""
    mark = f"… (9 more added, 1 in both; 5 characters, sha256 {'0' * 16})"
    for many in ([], _LONG):
        assert "adds evil" in _said(many, [*many, "evil", mark])
    assert _said(["a"], ["a", mark]) == "dependencies: adds 9 more"
