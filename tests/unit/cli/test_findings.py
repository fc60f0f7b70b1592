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
    assert (
        _lines(replace(SCAN, count=2000))[-1]
        == "2 of 2,000 findings; a rule is shown once for each file"
    )
    cut = replace(SCAN, count=9, is_whole=False)
    assert (
        _lines(cut)[-1]
        == "2 of at least 9 findings; a rule is shown once for each file"
    )


def test_what_the_scanner_does_not_say() -> None:
    """Without severity and file there are dashes, and a file without a line stands alone."""
    bare = replace(STARTS, severity="", file="", line=None)
    assert _lines(replace(SCAN, items=(bare,), count=1))[-1].split("  ")[-1] == "-"
    alone = replace(STARTS, line=None)
    assert _lines(replace(SCAN, items=(alone,), count=1))[-1].endswith("  run.py")


def test_hostile_findings_fit_a_terminal() -> None:
    """Of a very long file name the end is shown; nothing in a finding can steer a terminal or ping."""
    hostile = ScanFinding(
        rule="::error::\x1b[31m@everyone",
        severity="\u202ecritical" * 99,
        file="x" * 4000 + "/\u202eevil.py",
        line=1,
    )
    lines = findings_table(replace(SCAN, items=(hostile,)))
    text = click.unstyle("\n".join(lines))
    assert max(map(len, text.split("\n"))) <= 120
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "@" not in text
    assert "::error" not in text
