"""The tables that `audit` prints for people. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

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
from watcher.model.pack import Verdict
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
    """Return tables of what is installed and of what files name, and a summary.

    `width` is the terminal's, on which packs that are fine are only counted; None for a pipe, which gets all.
    """
    chosen = rows(done, only_problems=only_problems or width is not None)
    text: list[str] = []
    for named in (False, True):
        of_kind = [one for one in chosen if one.named is named]
        if not of_kind:
            continue
        fitting = of_kind if width is None else of_kind[:_SHOWN]
        text += _table(fitting, done, width, named=named)
        if more := len(of_kind) - len(fitting):
            text.append(f"and {plural(more, 'more pack')}; --json has all")
        text.append("")
    return [*text, summary(done, seconds)]


def _table(
    findings: Sequence[Finding], done: Audit, width: int | None, *, named: bool
) -> list[str]:
    places = {one.install for one in done.inventories if one.named is named}
    # On a terminal an install that all rows share is said once, above them.
    shared = places if width is None else {one.install for one in findings}
    by_place = len(shared) > 1
    head = ["PACK", "VERSION", "VERDICT", "WHAT TO DO"]
    cells = [_cells(one, width) for one in findings]
    if by_place:
        head.insert(0, "FILE" if named else "INSTALL")
        cells = [[_place(one), *of] for one, of in zip(findings, cells, strict=True)]
    found: list[Row] = []
    if width is None:  # so that a row is a line
        head += ["WHY"]
    for row, one in zip(cells, findings, strict=True):
        found.append(row)
        if width is None:
            row += [why(one, _REASON) or "-"]
            continue
        reason = why(one, _TERMINAL_REASON)
        if reason and not _is_said_of_all(done, one):
            found.append(INDENT + reason)
        if one.acceptance:
            accepted = acceptance_in_words(one.acceptance)
            if accepted != _ACCEPTED:  # which the row says already
                found.append(INDENT + accepted)
    return [*_whose(shared, places, named=named), *table(head, found, width)]


def _whose(
    shared: Collection[str], places: Collection[str], *, named: bool
) -> list[str]:
    """Return the line above a table: whose packs they are, unless a column says it or nothing has to."""
    if len(shared) > 1:
        return ["these files name"] if named else []
    [name] = map(_name, shared)
    if named:
        return [f"{name}: this file names"]
    return [f"{name}:"] if len(places) > 1 else []


def _name(install: str) -> str:
    """Return an install's name, which a person chose, as it is."""
    return safe_line(Trusted(install))


def _place(finding: Finding) -> str:
    """Return which install it is in, or where it is named."""
    line = finding.pack.line
    is_shown = finding.named and line is not None
    return _name(finding.install) + (f":{line}" if is_shown else "")


def _cells(finding: Finding, width: int | None) -> list[str]:
    accepted = acceptance(finding)
    if width is not None:
        accepted = f"({_ACCEPTED})" if finding.is_accepted else ""
    return [
        pack_cell(finding),
        version_cell(finding.pack),
        " ".join(filter(None, (verdict(finding), accepted))),
        advice(finding) or "-",
    ]


def _is_said_of_all(done: Audit, finding: Finding) -> bool:
    """Return whether an error says for all packs at once why this one could not be checked."""
    is_unread = any(gap.node is not None for gap in finding.gaps)
    return bool(done.cause) and is_unread and finding.verdict is Verdict.UNKNOWN
