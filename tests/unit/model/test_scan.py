"""What the scanner found, and when a flag is harmless."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.support.factories import event
from watcher.model.event import Kind
from watcher.model.scan import Scan, ScanFinding, badness, shortened


def finding(severity: str = "info", rule: str = "a", file: str = "x.py") -> ScanFinding:
    """Return a finding."""
    return ScanFinding(rule=rule, severity=severity, file=file, line=1)


def scan(*items: ScanFinding, **fields: Any) -> Scan:
    """Return a scan whose findings were read and are known."""
    known: dict[str, Any] = {"count": len(items), "is_whole": True, "is_known": True}
    return Scan(items=items, **(known | fields))


HARMLESS = scan(finding())
_HARMFUL = {
    "cut off": replace(HARMLESS, is_whole=False),
    "unknown": replace(HARMLESS, is_known=False),
    "empty": scan(),
    "another severity": scan(finding(), finding("low", "b")),
    "no severity": scan(finding(), finding("", "b")),
    "no rule": scan(finding(rule="")),
    "no file": scan(finding(file="")),
}


@pytest.mark.parametrize("found", [*_HARMFUL.values(), None])
def test_a_flag_is_a_warning_unless_it_is_harmless(found: Scan | None) -> None:
    """The same holds for what somebody runs that is flagged."""
    for kind in (Kind.FLAGGED, Kind.EXPOSED):
        flag = event(kind=kind, after="flagged", scan=found)
        assert flag.severity.value == "warning"
        assert replace(flag, scan=HARMLESS).severity.value == "info"


@pytest.mark.parametrize(
    ("kind", "after", "severity"),
    [
        (Kind.BANNED, "banned", "critical"),
        (Kind.EXPOSED, "banned", "critical"),
        (Kind.EXPOSED, "deleted", "warning"),
        (Kind.DELETED, "deleted", "warning"),
    ],
)
def test_a_harmless_scan_excuses_nothing_but_a_flag(
    kind: Kind, after: str, severity: str
) -> None:
    """A person has decided on anything else."""
    assert event(kind=kind, after=after, scan=HARMLESS).severity.value == severity


def test_findings_have_an_order() -> None:
    """What is unknown stands before what is surely harmless."""
    order = [finding(name) for name in ("critical", "high", "medium", "odd", "low", "")]
    order += [finding()]
    assert all(badness(one) < badness(other) for one, other in pairwise(order))
    assert badness(finding(file="")) < badness(finding())


def test_a_shortened_scan_is_as_bad() -> None:
    """The worst comes first, so that the others need not be there."""
    bad = scan(finding("critical"), *[finding(file=f"{n}.py") for n in range(9)])
    short = shortened(bad, 3)
    assert (len(short.items), short.count) == (3, 10)
    assert not short.is_harmless
    assert shortened(scan(*bad.items[1:]), 3).is_harmless
