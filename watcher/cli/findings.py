"""The table of what the registry's scanner found in a version."""

from __future__ import annotations

import json

from watcher.cli.terminal import INDENT, Row, styled, table
from watcher.model.scan import INFO, Scan, ScanFinding
from watcher.text.sanitize import Trusted, sanitize_line
from watcher.text.status_reason import in_words, place

_COLOURS = {"critical": "red", INFO: None}
_TEXT = 60
_SEVERITY = 12


def findings_table(scan: Scan, width: int | None) -> list[str]:
    """Return the lines of the table: how bad, what the rule sees, and where; last, how many of them have a row.

    A rule that is not known is in quotation marks, so that it cannot be taken for our own words. `width` is the
    terminal's, None for a pipe.
    """
    rows: list[Row] = [_row(one) for one in scan.items]
    if scan.count > len(scan.items):
        rows.append(_left_out(scan))
    return table(("SEVERITY", "FINDING", "WHERE"), rows, width)


def _left_out(scan: Scan) -> str:
    """Return how many findings have no row, and why: of a rule in a file only one has, and of many rows only some."""
    at_least = "" if scan.is_whole else "at least "
    of_all = f"{len(scan.items):,} of {at_least}{scan.count:,} findings"
    return f"{of_all}; a rule is shown once for each file"


def findings_below(scan: Scan | None, width: int | None) -> list[str]:
    """Return the same lines to stand below the row of a version; none without findings."""
    if scan is None:
        return []
    room = None if width is None else width - len(INDENT)
    return [INDENT + line for line in findings_table(scan, room)]


def _row(finding: ScanFinding) -> tuple[str, str, str]:
    severity = sanitize_line(finding.severity, _SEVERITY)
    return (
        styled(severity, _COLOURS.get(severity, "yellow")) if severity else "-",
        words_of(finding),
        place(finding) or "-",
    )


def words_of(finding: ScanFinding) -> str:
    """Return what the rule sees; one that is not known is in quotation marks."""
    words = in_words(finding.rule)
    if isinstance(words, Trusted):
        return words
    return json.dumps(sanitize_line(words, _TEXT), ensure_ascii=False)
