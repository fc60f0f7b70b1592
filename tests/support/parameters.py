"""What the fast tests take of a test's many values and examples; CI takes them all."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet
from hypothesis import settings


def one_of(*values: object, fast: int = 1) -> list[ParameterSet]:
    """Return the values for `parametrize`: the first, or so many, are for the fast tests, the others bounded.

    A value may be a `pytest.param` with an id.
    """
    given = [
        value if isinstance(value, ParameterSet) else pytest.param(value)
        for value in values
    ]
    return [
        pytest.param(
            *one.values,
            id=one.id,
            marks=[*one.marks, *([pytest.mark.bounded] if at >= fast else [])],
        )
        for at, one in enumerate(given)
    ]


def one_row_of(*rows: tuple[object, ...]) -> list[ParameterSet]:
    """Return the rows for a `parametrize` of several parameters, as `one_of` does."""
    return [
        pytest.param(*row, marks=pytest.mark.bounded if at else ())
        for at, row in enumerate(rows)
    ]


def examples(count: int) -> settings:
    """Return the settings of a test of so many examples in CI, and as much fewer in the fast tests as others have."""
    profile = settings()
    return settings(
        profile,
        max_examples=max(1, count * profile.max_examples // 100),
    )
