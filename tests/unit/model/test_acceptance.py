"""What an accepted finding covers, and how long it lasts."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support.factories import accepted
from watcher.model.acceptance import Acceptance, End, Wrong, in_order, longest

COMMIT = "0123abcdef" * 4
VERSION = Wrong(node="Some-Pack", version="1.2.0")
CLONE = Wrong(node="Some-Pack", version=None, commit=COMMIT)
BANNED = Wrong(node="Some-Pack", version="1.2.0", is_ban_of_pack=True)


@pytest.mark.parametrize(
    ("finding", "covered"),
    [
        ("some-pack@1.2.0", [VERSION, BANNED]),
        ("SOME-PACK@v1.2", [VERSION, BANNED]),
        ("some-pack@1.2.1", []),
        ("some-pack", [CLONE, BANNED]),
        ("some-pack@0123abc", [CLONE]),
        ("some-pack@0123ABCDEF", [CLONE]),
        (f"some-pack@{COMMIT}", [CLONE]),
        (f"some-pack@{COMMIT}0", []),
        ("some-pack@0123abd", []),
        ("some-pack@0123ab", []),
        ("other", []),
        ("other@1.2.0", []),
        ("other@0123abc", []),
    ],
)
def test_what_is_covered(finding: str, covered: list[Wrong]) -> None:
    """A version covers its copies, seven digits of a commit a clone, a pack what has no version and its own ban."""
    one = Acceptance(finding=finding)
    assert [wrong for wrong in (VERSION, CLONE, BANNED) if one.covers(wrong)] == covered


def test_an_unknown_commit_is_not_covered() -> None:
    """A clone whose commit is not known is accepted with its pack alone."""
    unknown = Wrong(node="some-pack", version=None)
    assert not Acceptance(finding="some-pack@0123abc").covers(unknown)
    assert Acceptance(finding="some-pack").covers(unknown)


def test_a_number_may_be_a_version_and_a_commit() -> None:
    """Seven digits mean a version where a copy has one, and a commit where a clone begins so."""
    one = Acceptance(finding="p@1234567")
    assert one.covers(Wrong(node="p", version="1234567"))
    assert one.covers(Wrong(node="p", version=None, commit="1234567890"))
    assert not one.covers(Wrong(node="p", version="1.2.0", commit="1234567890"))


def test_the_last_day_is_included() -> None:
    """It is over with the first moment of the next day, in UTC."""
    one = Acceptance(finding="p", until=date(2026, 11, 30))
    assert not one.is_over("2026-11-30T23:59:59.999Z")
    assert one.is_over("2026-12-01T00:00:00.000Z")
    assert not Acceptance(finding="p").is_over("9999-12-31T00:00:00.000Z")


def test_the_one_that_lasts_longest_counts() -> None:
    """Of several that cover a finding one without an end counts, else the one that ends last."""
    early, late = (
        Acceptance(finding="p@1.0", until=date(2026, 11, day)) for day in (29, 30)
    )
    other = Acceptance(finding="p@2.0", until=date(2027, 1, 1))
    for_ever = Acceptance(finding="P@1.0")
    wrong = Wrong(node="p", version="1.0")
    assert longest([early, late, other], wrong) == late
    assert longest([late, for_ever, early], wrong) == for_ever
    assert longest([other], wrong) is None
    assert in_order([for_ever, late, early, late]) == (early, late, for_ever)


@pytest.mark.parametrize(
    ("until", "ended", "words"),
    [
        ("", None, "accepted"),
        ("2026-11-30", None, "accepted until 2026-11-30"),
        ("2026-11-30", End.DAY, "was accepted until 2026-11-30"),
        ("2026-11-30", End.WORSE, "was accepted as flagged"),
    ],
)
def test_how_it_is_said(until: str, ended: End | None, words: str) -> None:
    """The words say until when it is accepted, or until when or as what it was."""
    assert accepted("flagged-info", until=until, ended=ended).in_words == words
