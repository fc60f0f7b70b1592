"""The order of versions: as semantic versioning has it, and total for any text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.model.version import is_prerelease, precedence

_TEXTS = st.text(max_size=12) | st.from_regex(
    r"v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}(-[a-z0-9.-]{1,6})?(\+[a-z]+)?"
)


@pytest.mark.parametrize(
    "ordered",
    [
        [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
        ],
        ["1.0.0-rc.1", "1.0.0", "1.0.1", "1.2", "1.10", "v2", "2.0.1"],
        ["nightly", "0.0.1"],
        ["9" * 5000, "1.0"],
        ["1." + "9" * 100, "1.1" + "0" * 100],
    ],
)
def test_versions_are_in_their_order(ordered: list[str]) -> None:
    """Numbers count as numbers of any length, a pre-release precedes its release, and any other text is the oldest."""
    shuffled = random.Random(1).sample(ordered, len(ordered))
    assert sorted(shuffled, key=precedence) == ordered


@pytest.mark.parametrize(
    "same", [("1.10", "1.10.0"), ("v1.2", "1.2.0+build"), ("01.2", "1.2")]
)
def test_versions_that_mean_the_same_are_neighbours(same: tuple[str, str]) -> None:
    """Only their text tells them apart."""
    first, second = (precedence(text)[:-1] for text in same)
    assert first == second


@given(_TEXTS, _TEXTS)
def test_any_two_texts_have_an_order(one: str, other: str) -> None:
    """No two different texts are equal, and none cannot be compared."""
    assert (precedence(one) < precedence(other)) == (
        one != other and not precedence(other) < precedence(one)
    )


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("1.0-rc1", True), ("1.0+a-b", False), ("1.0", False), ("main-2", False)],
)
def test_a_prerelease_has_a_hyphen(text: str, *, is_one: bool) -> None:
    """Build metadata may have one too, and what is no version has none that counts."""
    assert is_prerelease(text) == is_one
