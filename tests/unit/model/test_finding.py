"""How bad a verdict on an installed pack is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import HARMLESS, event
from watcher.model.event import Grade, Kind, grade_of
from watcher.model.finding import is_worse


@pytest.mark.parametrize(
    "kind", [Kind.BANNED, Kind.FLAGGED, Kind.DELETED, Kind.DEPRECATED, Kind.PENDING]
)
def test_a_verdict_has_the_severity_of_the_event_of_its_name(kind: Kind) -> None:
    """Whether or not what the scanner found is informational and known."""
    for scan in (None, HARMLESS, replace(HARMLESS, is_known=False)):
        is_deprecated = kind is Kind.DEPRECATED
        status = "active" if is_deprecated else kind
        grade = grade_of(status, deprecated=is_deprecated, scan=scan)
        assert grade.severity is event(kind=kind, scan=scan).severity
        assert grade.verdict.value == kind.value


def test_verdicts_without_an_event() -> None:
    """What is not known, or gone without a word, is a warning."""
    assert {
        one: Grade(one).severity.value
        for one in ("delisted", "unknown", "outdated", "ok")
    } == {
        "delisted": "warning",
        "unknown": "warning",
        "outdated": "info",
        "ok": "info",
    }


@pytest.mark.parametrize(
    ("grade", "than", "worse"),
    [
        ("banned", "flagged", True),
        ("deleted", "flagged", False),
        ("deleted", "flagged-info", True),
        ("flagged", "deleted", True),
        ("flagged-info", "deleted", False),
        ("flagged", "flagged-info", False),
        ("flagged-info", "flagged", False),
        ("deprecated", "flagged-info", True),
    ],
)
def test_what_is_worse(grade: str, than: str, worse: bool) -> None:
    """Another verdict is, by its severity and then the order; that a reason can be read no more is not."""
    assert is_worse(Grade(grade), Grade(than)) is worse
