"""What `audit` prints: a table, worst first, and a summary; or the JSON document of `--json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from watcher import timestamps
from watcher.alerts.words.remedy import instead, remedy
from watcher.cli.commands.installs.names import shown_name
from watcher.cli.terminal import colour, table, to_json
from watcher.model.pack import PackKind, Verdict
from watcher.polling.audit import Audit, Finding, Scanned
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, escape_invisible, safe_line, sanitize_line

_SHOWN = 50
"""Packs that a terminal gets if they are not in order, and a fifth as many of the others."""
_TEXT = 300
"""Characters of a reason."""
_TERMINAL_TEXT = 160
"""The same on a terminal."""
_VERSION = 100
_COMMIT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One audit."""

    started: str
    finished: str
    scanned: Sequence[Scanned]
    audit: Audit


def as_json(result: Result) -> str:
    """Return the document of `audit --json` (docs/audit.md, JSON)."""
    errors: list[dict[str, str]] = [
        {"install": one.install, "error": sanitize_line(one.error, _TEXT)} for one in result.scanned if one.error
    ]
    errors += [{"node": one.node, "error": sanitize_line(one.error, _TEXT)} for one in result.audit.unread]
    return to_json(
        {
            "started": result.started,
            "finished": result.finished,
            "packs": [_form(finding) for finding in result.audit.findings],
            "errors": errors,
        }
    )


def _form(finding: Finding) -> dict[str, object]:
    pack, judgement = finding.pack, finding.judgement
    listed = judgement.listed
    form: dict[str, object] = {
        "install": finding.install,
        "id": pack.id,
        "kind": pack.kind,
        "version": pack.version,
        "enabled": pack.enabled,
        "folder": pack.folder,
        "verdict": finding.verdict,
        "status": listed.status if listed else None,
        "deprecated": listed.deprecated if listed else None,
        "reason": finding.reason,
    }
    if judgement.safe_version != "":
        form["safe_version"] = judgement.safe_version
    return {**form, "url": finding.url}


def lines(result: Result, width: int | None = None) -> list[str]:
    """Return the tables and the summary; `width` is the terminal's, or None for a pipe, which gets all."""
    findings = result.audit.findings
    shown: list[str] = []
    for named in (False, True):
        rows = [one for one in findings if one.named is named]
        fitting = rows if width is None else _fitting(rows)
        if fitting:
            shown += _table(fitting, result, width, named=named)
        if more := len(rows) - len(fitting):
            shown += _wrapped(f"and {plural(more, 'more pack')}; --json has all", width)
        shown += [""] if rows else []
    return [*shown, *_wrapped(_summary(result), width)]


def _wrapped(line: str, width: int | None) -> list[str]:
    return [line] if width is None else table((), [(line,)], width)


def _table(rows: Sequence[Finding], result: Result, width: int | None, *, named: bool) -> list[str]:
    places = {one.install for one in result.scanned if one.named is named}
    first = "WORKFLOW" if named else "INSTALL"
    head = [*([first] if len(places) > 1 else []), "PACK", "VERSION", "VERDICT", "WHAT TO DO"]
    cells = [[*([_name(one.install)] if len(places) > 1 else []), *_cells(one)] for one in rows]
    below = [] if width is None else [_why(one, _TERMINAL_TEXT) for one in rows]
    if width is None:  # so that a row is a line
        head.append("WHY")
        cells = [[*row, _why(one, _TEXT) or "-"] for row, one in zip(cells, rows, strict=True)]
    title = "these workflows name" if len(places) > 1 else f"{_name(*places)}: this workflow names"
    return [*(_wrapped(title, width) if named else []), *table(head, cells, width, below)]


def _name(install: str) -> str:
    """Return an install's name, which a person chose, as it is."""
    return safe_line(Trusted(install))


def _fitting(rows: Sequence[Finding]) -> list[Finding]:
    """Return the rows that a terminal gets; of many, more of those that are not in order, which are the first."""
    if len(rows) <= _SHOWN:
        return list(rows)
    bad = [row for row in rows if row.verdict is not Verdict.OK]
    return bad[:_SHOWN] + [row for row in rows if row.verdict is Verdict.OK][: _SHOWN // 5]


def _cells(finding: Finding) -> tuple[str, ...]:
    pack = finding.pack
    marks = ["disabled"] if not pack.enabled else []
    marks += ["accepted"] if finding.accepted else []
    return (
        shown_name(pack) if pack.id is None or _only_claims(finding) else sanitize_line(pack.id),
        _version(finding),
        " ".join([colour(finding.verdict), *(f"({mark})" for mark in marks)]),
        "".join(safe_line(word, _VERSION) for word in _to_do(finding)) or "-",
    )


def _only_claims(finding: Finding) -> bool:
    """Return whether the id is no more than a claim, so that the folder says better which pack it is."""
    return finding.pack.kind is PackKind.GIT and finding.verdict is Verdict.UNKNOWN and not finding.named


def _version(finding: Finding) -> str:
    pack = finding.pack
    if pack.version is not None:
        return sanitize_line(pack.version, _VERSION)
    return f"commit {sanitize_line(pack.commit[:_COMMIT])}" if pack.commit else "-"


def _to_do(finding: Finding) -> Iterable[str]:
    safe = finding.judgement.safe_version
    if finding.named:
        return instead(finding.verdict, safe)
    return remedy(finding.verdict, safe, finding.reason, enabled=finding.pack.enabled)


def _why(finding: Finding, limit: int) -> str:
    """Return the reason, shortened. Evidence is shown as `installed` shows it: its words are this program's."""
    is_evidence = finding.reason == finding.pack.evidence
    reason = escape_invisible(finding.reason) if is_evidence else sanitize_line(finding.reason, limit)
    if finding.judgement.of_pack and finding.verdict is not Verdict.DELISTED:
        return f"the whole pack{': ' if reason else ''}{reason}"
    if finding.verdict is Verdict.FLAGGED:
        return f"{reason}{'; ' if reason else ''}not reviewed yet"
    return reason


def _summary(result: Result) -> str:
    """Return the last line: how many packs were checked, and how many have which verdict, worst first."""
    findings = result.audit.findings
    counts = Counter(one.verdict for one in findings)
    parts = [f"{counts[verdict]} {colour(verdict)}" for verdict in Verdict if counts[verdict]]
    seconds = max(timestamps.seconds_between(result.started, result.finished), 0)
    failed = sum(bool(one.error) for one in result.scanned)
    line = (
        f"{plural(len(findings), 'pack')} checked ({seconds:.1f} s): {', '.join(parts)}"
        if findings
        else "no pack was found"
    )
    if accepted := sum(one.accepted for one in findings):
        line += f"; {accepted} accepted"
    if failed:
        line += "; " + click.style(f"{plural(failed, 'install')} could not be read", fg="red")
    if unread := len(result.audit.unread):
        line += "; " + click.style(f"{plural(unread, 'pack')} could not be checked", fg="red")
    return line
