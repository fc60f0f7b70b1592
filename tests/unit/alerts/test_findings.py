"""Why a version is flagged, in words."""

from __future__ import annotations

from typing import Any

from tests.golden.samples import READS, STARTS, STEALS
from tests.support.factories import event
from watcher.alerts.digest import compose
from watcher.alerts.render import Format, render
from watcher.alerts.words import in_a_sentence
from watcher.model.event import Event, Kind
from watcher.model.scan import Scan, ScanFinding


def _scan(*items: ScanFinding, **fields: Any) -> Scan:
    given: dict[str, Any] = {"items": items, "count": len(items), "is_whole": True}
    return Scan(**given | fields)


def _body(*events: Event) -> str:
    return render(compose(events), Format.TEXT, 3000, 100).body


def test_a_rule_is_named_once() -> None:
    """Of many findings of one rule the first one is named, so that they hide no other rule; the rest is a count."""
    often = [
        ScanFinding(rule=READS.rule, severity="info", file=f"{n}.py", line=n)
        for n in range(20)
    ]
    words = "".join(in_a_sentence(_scan(*often, STARTS, count=158)))
    assert words.count("environment") == 1
    assert "starts other programs" in words
    assert words.endswith(", and 156 more")


def test_the_summary_of_findings_is_not_said_twice() -> None:
    """Beside the plain words there is no reason; it stays where the findings could not be read, and of a ban."""
    reason = "9 critical findings: odd_rule"
    scan = _scan(STEALS)
    assert "Reason:" not in _body(event(scan=scan, reason=reason))
    unread = _scan(STEALS, is_whole=False)
    assert f"; reason: `{reason}`." in _body(event(scan=unread, reason=reason))
    ban = event(kind=Kind.BANNED, scan=scan, reason=reason)
    assert f"Reason: `{reason}`." in _body(ban)
