"""The tables that `audit` prints for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.cli.formats.words import (
    acceptance,
    advice,
    pack_cell,
    rows,
    summary,
    verdict,
    why,
)
from watcher.cli.pack_names import version_cell
from watcher.cli.report import acceptance_in_words
from watcher.cli.terminal import INDENT, Row, table
from watcher.model.finding import Finding
from watcher.polling.audit import Audit
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, safe_line

_ACCEPTED = "accepted"
"""The mark of what is accepted. On a terminal until when and why is a line of its own."""
_SHOWN = 50
"""Packs that a terminal gets."""
_REASON = 300
"""Characters of a reason."""
_TERMINAL_REASON = 160
"""The same on a terminal."""


def lines(
    done: Audit,
    seconds: float | None,
    width: int | None,
    *,
    only_problems: bool = False,
) -> list[str]:
    """Return a table of what is installed and of what files name, and a summary.

    `width` is the terminal's, on which packs that are fine are only counted; None for a pipe, which gets all.
    """
    chosen = rows(done, only_problems=only_problems or width is not None)
    fitting = chosen if width is None else chosen[:_SHOWN]
    text = _table(fitting, done, width) if fitting else []
    if more := len(chosen) - len(fitting):
        text.append(f"and {plural(more, 'more pack')}; --json has all")
    return [*text, *([""] if text else []), summary(done, seconds)]


def _table(findings: Sequence[Finding], done: Audit, width: int | None) -> list[str]:
    head = ["PACK", "VERSION", "VERDICT", "WHAT TO DO"]
    by_place = len(done.inventories) > 1 or any(one.named for one in findings)
    if by_place:
        head.insert(0, "WHERE")
    if width is None:  # so that a row is a line
        head.append("WHY")
    found: list[Row] = []
    above = ""
    for one in findings:
        row = [_place(one)] * by_place + _cells(one, width)
        found.append(row)
        if width is None:
            row.append(why(one, _REASON) or "-")
            continue
        reason = why(one, _TERMINAL_REASON)
        if reason and reason != above:  # which may hold for all packs
            found.append(INDENT + reason)
        above = reason
        if one.acceptance:
            accepted = acceptance_in_words(one.acceptance)
            if accepted != _ACCEPTED:  # which the row says already
                found.append(INDENT + accepted)
    return table(head, found, width)


def _place(finding: Finding) -> str:
    """Return which install it is in, or where it is named."""
    name = safe_line(Trusted(finding.install))  # which a person chose
    return f"{name}:{finding.pack.line}" if finding.pack.line else name


def _cells(finding: Finding, width: int | None) -> list[str]:
    accepted = acceptance(finding)
    if width is not None:
        accepted = f"({_ACCEPTED})" if finding.acceptance else ""
    return [
        pack_cell(finding),
        version_cell(finding.pack),
        " ".join(filter(None, (verdict(finding), accepted))),
        advice(finding) or "-",
    ]
