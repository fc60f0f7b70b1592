"""A difference is said in words: what was added and removed, not both lists whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from watcher.alerts.phrasing import phrasing
from watcher.alerts.words import Item, difference
from watcher.model.event import FieldChange, Kind
from watcher.text.sanitize import Trusted

_Value = str | tuple[str, ...]


def _said(*changes: tuple[str, _Value, _Value]) -> str:
    return "".join(
        difference(
            tuple(
                FieldChange(field=field, before=old, after=new)
                for field, old, new in changes
            )
        )
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("dependencies", ("numpy", "torch"), ("torch", "scipy")),
            "dependencies: adds scipy; drops numpy",
        ),
        (("dependencies", (), ("a", "b")), "dependencies: adds a, b"),
        (
            ("dependencies", ("a", "b"), ("b", "a")),
            "dependencies: the same in another order or number",
        ),
        (("dependencies", ("a",), ("a", "")), "dependencies: adds (empty)"),
        (
            ("downloadUrl", "https://u:p@a.b/c.zip?s=1", "https://d:8/c.zip#e"),
            "archive: https://u:p@a.b/c.zip?s=1 → https://d:8/c.zip#e",
        ),
        (("downloadUrl", "https://a/b", ""), "archive: no longer https://a/b"),
        (("downloadUrl", "", "https://[a"), "archive: now https://[a"),
        (("status", "active", "Odd"), "status: active → Odd"),
        (("strange", "[1]", "[2]"), "a field: [1] → [2]"),
    ],
)
def test_words(change: tuple[str, _Value, _Value], words: str) -> None:
    """Lists show what was added and removed, other fields both values."""
    assert _said(change) == words


def test_long_lists_are_counted() -> None:
    """A few items are shown of what was added and of what was removed; the others are counted."""
    old, new = (tuple(f"{name}{i}" for i in range(20)) for name in "ab")
    assert _said(("dependencies", old, new)) == (
        "dependencies: adds b0, b1, b2, b3, b4, b5 and 14 more; drops a0, a1, a2, a3, a4, a5 and 14 more"
    )
    assert _said(("dependencies", old[:1], new[:6])) == (
        "dependencies: adds b0, b1, b2, b3, b4, b5; drops a0"
    )


_LISTS = st.lists(st.text(max_size=5), max_size=12)


@given(_LISTS, _LISTS)
def test_what_is_untrusted_stays_so(before: list[str], after: list[str]) -> None:
    """No item of a list becomes one of our own words."""
    words = difference(
        (FieldChange(field="dependencies", before=tuple(before), after=tuple(after)),)
    )
    ours = "".join(word for word in words if isinstance(word, Trusted))
    assert {str(word) for word in words if isinstance(word, Item)} <= {*before, *after}
    assert set(ours) <= set(
        "dependencies: ,; (empty)addsdropsandmorethesameinanotherorderornumber0123456789"
    )


def test_a_status_is_said_once() -> None:
    """A status that this program does not know is a difference, and is not said beside it too."""
    for before, after in (("active", "Odd"), ("Odd", "active")):
        change = FieldChange(field="status", before=before, after=after)
        changed = event(
            kind=Kind.CHANGED, before=before, after=after, changes=(change,), reason=""
        )
        [details] = phrasing([changed]).details
        assert "".join(details) == f"status: {before} → {after}"


def test_what_was_changed_still_has_its_status() -> None:
    """Of a banned version whose dependencies differ nothing says that it was banned: it is."""
    change = FieldChange(field="dependencies", before=(), after=("a",))
    changed = event(
        kind=Kind.CHANGED, before="banned", after="banned", changes=(change,), reason=""
    )
    [details] = phrasing([changed]).details
    assert "".join(details) == "dependencies: adds a"
