"""A difference is said in words: what was added and removed, not both lists whole."""

from __future__ import annotations

import pytest

from watcher.alerts.words import difference
from watcher.model.event import FieldChange

_Value = str | tuple[str, ...]


def _said(field: str, before: _Value, after: _Value) -> str:
    change = FieldChange(field=field, before=before, after=after)
    return "".join(difference((change,)))


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
    assert _said(*change) == words


def test_long_lists_are_counted() -> None:
    """A few items are shown of what was added and of what was removed; the others are counted."""
    old, new = (tuple(f"{name}{i}" for i in range(20)) for name in "ab")
    assert _said("dependencies", old, new) == (
        "dependencies: adds b0, b1, b2, b3, b4, b5 and 14 more; drops a0, a1, a2, a3, a4, a5 and 14 more"
    )
    few = "dependencies: adds b0, b1, b2, b3, b4, b5; drops a0"
    assert _said("dependencies", old[:1], new[:6]) == few
