"""A long list keeps what was added to it and removed from it: its length hides nothing."""

from __future__ import annotations

from tests.support.factories import event
from watcher.alerts.payload import public_form
from watcher.alerts.words import difference
from watcher.model.event import LONGEST_TEXT, Cut, FieldChange, bounded
from watcher.text.sanitize import Trusted

_NONE = Cut(left=0, whole="")
_LONG = [f"package-number-{number}=={number}.0.0" for number in range(60)]


def _cut(change: FieldChange, longest: int) -> FieldChange:
    [cut] = bounded(event(changes=(change,)), longest).changes
    return cut


def _change(before: list[str], after: list[str]) -> FieldChange:
    return FieldChange(field="dependencies", before=tuple(before), after=tuple(after))


def _said(before: list[str], after: list[str]) -> str:
    return "".join(difference((_cut(_change(before, after), LONGEST_TEXT),)))


def test_what_was_added_to_a_long_list_is_said() -> None:
    """Also at its end, and with what was removed; not with what it still has."""
    assert _said(_LONG, [*_LONG, "evil==6.6"]) == "dependencies: adds evil==6.6"
    assert (
        _said(_LONG, ["evil==6.6", *_LONG[:40], *_LONG[41:]])
        == f"dependencies: adds evil==6.6; drops {_LONG[40]}"
    )
    reordered = "dependencies: the same in another order or number"
    assert _said(_LONG, _LONG[::-1]) == reordered
    shown = ", ".join(_LONG[:6])
    assert _said(["a"], ["a", *_LONG]) == f"dependencies: adds {shown} and 54 more"
    assert _said([*_LONG, "evil"], []) == f"dependencies: drops {shown} and 55 more"


def test_the_last_item_counts_what_is_left_out() -> None:
    """For a program both are lists of what differs; the length and a digest tell one list from another."""
    change = _change(_LONG, [*_LONG, "evil==6.6"])
    [cut] = public_form(bounded(event(changes=(change,)))).changes
    assert cut.before.startswith('["… (0 more removed; 1720 characters, sha256 ')
    start = '["evil==6.6", "… (0 more added; 1733 characters, sha256 '
    assert cut.after.startswith(start)


def test_a_long_list_can_be_shortened_twice() -> None:
    """What was left out the first time is still counted, and nothing is counted that was not."""
    new = [f"x{number}" for number in range(400)]
    once = _cut(_change(_LONG, [*_LONG[1:], *new]), 1000)
    for longest in (1000, 300):
        twice = _cut(once, longest)
        counted = [(twice.before, twice.before_cut), (twice.after, twice.after_cut)]
        assert [len(items) + (cut or _NONE).left for items, cut in counted] == [1, 400]
    [least] = public_form(event(changes=(_cut(once, 80),))).changes
    assert max(len(least.before), len(least.after)) <= 80 + 100
    assert _cut(once, 1000) == once


def test_the_shortest_form_shows_what_was_added() -> None:
    """Short items as many as fit, and of a long one the beginning."""
    [few] = public_form(
        event(changes=(_cut(_change([], ["evil", *_LONG]), 80),))
    ).changes
    assert few.after.startswith('["evil", "package-number-0==0.0.0", "… (59 more added')
    [one] = public_form(event(changes=(_cut(_change([], ["y" * 500]), 80),))).changes
    assert one.after.startswith('["yyyyyyyy')


def test_a_list_that_says_it_was_cut_is_quoted() -> None:
    """An item that reads like our own count is an item as any other: nothing of it is said in our words."""
    mark = f"… (9 more added; 5 characters, sha256 {'0' * 16})"
    for many in ([], _LONG):
        assert _said(many, [*many, "evil", mark]) == f"dependencies: adds evil, {mark}"
    [_, shown] = difference((_change(["a"], ["a", mark]),))[1:]
    assert (str(shown), isinstance(shown, Trusted)) == (mark, False)
