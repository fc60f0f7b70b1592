"""The table of what the registry's scanner found."""

from __future__ import annotations

from dataclasses import replace

import click

from watcher.cli.report import findings_table
from watcher.model.scan import Scan, ScanFinding

STARTS = ScanFinding(
    rule="python_command_injection_risk", severity="info", file="run.py", line=7
)
ODD = ScanFinding(
    rule="starts other programs", severity="critical", file="nodes/glow.py", line=42
)
SCAN = Scan(items=(ODD, STARTS), count=2, is_whole=True)


def _lines(scan: Scan) -> list[str]:
    return [*map(click.unstyle, findings_table(scan))]


def test_rule_file_and_line() -> None:
    """Each finding is a row; a rule that is not known is in quotation marks, even if it has words of ours."""
    assert _lines(SCAN) == [
        "SEVERITY  FINDING                  WHERE",
        'critical  "starts other programs"  nodes/glow.py:42',
        "info      starts other programs    run.py:7",
    ]


def test_findings_that_are_not_shown_are_counted() -> None:
    """The last line says how many there are in all, at least so many if not all could be read."""
    ends = {
        replace(SCAN, count=2000): "2 of 2,000 findings",
        replace(SCAN, count=9, is_whole=False): "2 of at least 9 findings",
    }
    for scan, said in ends.items():
        assert _lines(scan)[-1] == f"{said}; a rule is shown once for each file"


def test_a_long_file_name_fits_a_terminal() -> None:
    """Its line is shown; a finding without a file has a mark in its place."""
    deep = replace(ODD, file="x" * 4000)
    lines = _lines(replace(SCAN, items=(deep, replace(STARTS, file="", line=None))))
    assert max(map(len, lines)) <= 120
    assert lines[1].endswith("…:42")
    assert lines[-1].endswith("  -")
