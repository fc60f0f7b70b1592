"""What an accepted finding covers, and how long it lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from watcher.model.event import VERDICTS, Grade
from watcher.model.finding import Acceptance, Finding, in_force
from watcher.model.pack import Pack, PackKind

COMMIT = "0123abcdef" * 4


def finding(verdict: str = "flagged", **pack: Any) -> Finding:
    """Make a finding about a copy of some-pack."""
    made = Pack(folder="x", kind=PackKind.GIT, id="Some-Pack", **pack)
    return Finding(install="studio", pack=made, id=made.id, grade=Grade(verdict))


VERSION, CLONE, NEITHER = (
    finding(version="1.2.0"),
    finding(commit=COMMIT),
    finding(),
)


@pytest.mark.parametrize(
    ("copy", "covered"),
    [
        ("1.2.0", [VERSION]),
        ("v1.2", [VERSION]),
        ("1.2.1", []),
        ("", [CLONE, NEITHER]),
        ("0123ABCDEF", [CLONE]),
        (f"{COMMIT}0", []),
        ("0123abd", []),
        ("0123ab", []),
    ],
)
def test_which_copy_is_covered(copy: str, covered: list[Finding]) -> None:
    """A version covers its copies, seven digits of a commit a clone, and a pack what has no version."""
    one = Acceptance(node="some-PACK", copy=copy)
    copies = (VERSION, CLONE, NEITHER)
    assert [each for each in copies if one.covers(each)] == covered
    assert not any(map(replace(one, node="other").covers, copies))


def test_a_number_may_be_a_version_and_a_commit() -> None:
    """Seven digits mean a version where a copy has one, and a commit where a clone begins so."""
    one = Acceptance(node="some-pack", copy="1234567")
    assert one.covers(finding(version="1234567"))
    assert one.covers(finding(commit="1234567890"))
    assert not one.covers(finding(version="1.2.0", commit="1234567890"))


@pytest.mark.parametrize(
    ("worst", "covered"),
    [
        ("banned", [*VERDICTS]),
        ("flagged", [*VERDICTS][1:]),
        ("flagged-info", [*VERDICTS][4:]),
        ("deprecated", [*VERDICTS][6:]),
    ],
)
def test_how_bad_it_may_be(worst: str, covered: list[Grade]) -> None:
    """A verdict covers itself and milder ones, and a flag is the worst without one; what is fine is not accepted."""
    assert Acceptance(node="some-pack").worst is Grade.FLAGGED
    one = Acceptance(node="some-pack", worst=Grade(worst))
    for verdict in VERDICTS:
        is_covered = finding(verdict).accepted_by([one]).acceptance is not None
        assert is_covered == (verdict in covered and verdict is not Grade.OK)


def test_a_ban_of_the_whole_pack() -> None:
    """It is accepted for the whole pack alone, for whichever version."""
    banned = replace(finding("banned", version="1.2.0"), of_pack=True)
    whole = Acceptance(node="some-pack", worst=Grade.BANNED)
    assert whole.covers(banned)
    assert whole.covers(replace(banned, pack=CLONE.pack))
    for other in (replace(whole, copy="1.2.0"), replace(whole, worst=Grade.FLAGGED)):
        assert not other.covers(banned)
    # Only that ban: what is wrong with the version is another finding.
    assert not whole.covers(replace(banned, of_pack=False))
    assert not whole.covers(replace(banned, grade=Grade.DELETED))


def test_the_last_day_is_included() -> None:
    """It is over with the first moment of the next day, in UTC."""
    one, other = (Acceptance(node="p", until=day) for day in (date(2026, 11, 30), None))
    assert in_force([one, other], "2026-11-30T23:59:59.999Z") == (one, other)
    assert in_force([one, other], "2026-12-01T00:00:00.000Z") == (other,)


def test_the_one_that_lasts_longest_counts() -> None:
    """Of several that cover a finding one without an end counts, else the one that ends last."""
    early, late = (
        Acceptance(node="some-pack", copy="1.2.0", until=date(2026, 11, day))
        for day in (29, 30)
    )
    for_ever = replace(early, until=None)
    assert VERSION.accepted_by([early, late, Acceptance(node="x")]).acceptance == late
    assert VERSION.accepted_by([late, for_ever, early]).acceptance == for_ever
    assert VERSION.accepted_by([Acceptance(node="x")]).acceptance is None
    assert (late.in_words, for_ever.in_words) == (
        "accepted until 2026-11-30",
        "accepted",
    )
