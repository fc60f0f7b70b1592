"""Hostile findings: however many, deep, long or odd they are, what is kept and sent of them is small, and is text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hostile import parsers
from tests.hostile.corpus import BROKEN, FORMS, LARGE, TEXTS, findings
from tests.support.fake_registry.server import FakeRegistry
from tests.support.parameters import one_of
from tests.support.polls import Watcher, reported
from watcher.alerts.payload import MOST_BYTES, event_objects
from watcher.cli.report import findings_table
from watcher.cli.terminal import unstyle
from watcher.text.status_reason import read_reason

_LONGEST = 300
"""Characters of a text of a finding that are kept."""
_SHORT = [text for text in (*TEXTS, *BROKEN) if len(text) < 5000]


@pytest.mark.parametrize("form", one_of(*range(FORMS), fast=3))
def test_findings_are_text_that_is_bounded(form: int) -> None:
    """Whatever the texts of findings, what is kept of each can be written, and a table has a line for each."""
    for text in _SHORT[:: 20 if form in LARGE else 1]:
        scan = read_reason(findings(form, text, text, text)).scan
        if scan is None:
            continue
        for one in scan.items:
            kept = (one.rule, one.severity, one.file)
            assert max(map(len, kept)) <= _LONGEST
            assert "".join(kept).encode().decode("utf-8") == "".join(kept)
        lines = findings_table(scan)
        is_more = scan.count > len(scan.items)
        said = unstyle("\n".join(lines))
        assert list(parsers.in_lines(said, 1 + len(scan.items) + is_more)) == []


def test_no_findings_flood_the_state(registry: FakeRegistry, tmp_path: Path) -> None:
    """Of many versions with many long findings each, a few are kept and sent: the files stay small."""
    flood = json.dumps(
        [
            {
                "issue_type": f"{number} {'evil' * 60}",
                "severity": "info",
                "file_path": f"{'x/' * 90}{number}.py",
            }
            for number in range(150)
        ]
    )
    versions = [f"1.{number}.0" for number in range(24)]
    for version in versions:
        registry.catalog.publish("pack", version)
    watch = Watcher(registry, tmp_path / "state")
    watch.poll()
    for version in versions:
        registry.catalog.set_status("pack", version, "flagged", flood)
    report = watch.poll()
    assert len(reported(report)) == len(versions)
    sizes = {file.name: file.stat().st_size for file in (tmp_path / "state").iterdir()}
    assert sizes["snapshot.json"] < 2_000_000
    assert sizes["history.jsonl"] < 600_000
    assert len(json.dumps(event_objects(report.events))) <= MOST_BYTES
