"""What `audit` prints: a table, worst first, and a summary; or the JSON document of `--json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from watcher import timestamps
from watcher.alerts.words.remedy import commands, instead, remedy
from watcher.cli.commands.installs.names import base_name, shown_name
from watcher.cli.documents import AuditDocument, ErrorForm, PackForm
from watcher.cli.terminal import colour, table, to_json
from watcher.model.failure import ReadFailure
from watcher.model.pack import PackKind, Verdict
from watcher.polling.audit import Audit, Finding, Scanned
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, escape_invisible, safe_line, sanitize_line

_SHOWN = 50
"""Packs that a terminal gets."""
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


def as_json(result: Result, *, only_problems: bool) -> str:
    """Return the document of `audit --json` (docs/audit.md, JSON)."""
    unscanned = [
        ErrorForm(install=one.install, error=sanitize_line(one.error, _TEXT))
        for one in result.scanned
        if one.error
    ]
    return to_json(
        AuditDocument(
            started=result.started,
            finished=result.finished,
            packs=tuple(
                _form(one)
                for one in result.audit.findings
                if not (only_problems and _is_fine(one))
            ),
            errors=(*unscanned, *map(_error, result.audit.problems)),
        )
    )


def _error(failure: ReadFailure) -> ErrorForm:
    if failure.install is not None:
        return ErrorForm(install=failure.install, error=escape_invisible(failure.error))
    return ErrorForm(node=failure.node, error=sanitize_line(failure.error, _TEXT))


def _is_fine(finding: Finding) -> bool:
    return finding.verdict is Verdict.OK


def _form(finding: Finding) -> PackForm:
    pack, judgement = finding.pack, finding.judgement
    listed = judgement.listed
    return PackForm(
        install=finding.install,
        id=judgement.id or pack.id,
        kind=pack.kind,
        version=pack.version,
        enabled=pack.enabled,
        folder=pack.folder,
        verdict=finding.verdict,
        status=listed.status if listed else None,
        deprecated=listed.deprecated if listed else None,
        reason=finding.reason,
        safe_version=judgement.safe_version,
        url=finding.url,
    )


def lines(
    result: Result, width: int | None = None, *, only_problems: bool = False
) -> list[str]:
    """Return the tables and the summary; `width` is the terminal's, or None for a pipe, which gets all.

    On a terminal the packs that are fine are only counted.
    """
    left_out = only_problems or width is not None
    findings = [
        one for one in result.audit.findings if not (left_out and _is_fine(one))
    ]
    shown: list[str] = []
    for named in (False, True):
        rows = [one for one in findings if one.named is named]
        fitting = rows if width is None else rows[:_SHOWN]
        if fitting:
            shown += _table(fitting, result, width, named=named)
        if more := len(rows) - len(fitting):
            shown += _wrapped(f"and {plural(more, 'more pack')}; --json has all", width)
        shown += [""] if rows else []
    return [*shown, *_wrapped(_summary(result), width)]


def _wrapped(line: str, width: int | None) -> list[str]:
    return [line] if width is None else table((), [(line,)], width)


def _table(
    rows: Sequence[Finding], result: Result, width: int | None, *, named: bool
) -> list[str]:
    places = {one.install for one in result.scanned if one.named is named}
    first = "WORKFLOW" if named else "INSTALL"
    head = [
        *([first] if len(places) > 1 else []),
        "PACK",
        "VERSION",
        "VERDICT",
        "WHAT TO DO",
    ]
    cells = [
        [*([_name(one.install)] if len(places) > 1 else []), *_cells(one)]
        for one in rows
    ]
    copies = Counter(
        (one.install, one.judgement.id)
        for one in result.audit.findings
        if not _only_claims(one)
    )
    typed = [
        _commands(one) if copies[one.install, one.judgement.id] == 1 else ()
        for one in rows
    ]
    below = (
        []
        if width is None
        else ["\n".join(_below(one, of)) for one, of in zip(rows, typed, strict=True)]
    )
    if width is None:  # so that a row is a line
        head += ["WHY", "COMMAND"]
        more = [
            [_why(one, _TEXT) or "-", " && ".join(of) or "-"]
            for one, of in zip(rows, typed, strict=True)
        ]
        cells = [[*row, *rest] for row, rest in zip(cells, more, strict=True)]
    title = (
        "these workflows name"
        if len(places) > 1
        else f"{_name(*places)}: this workflow names"
    )
    return [
        *(_wrapped(title, width) if named else []),
        *table(head, cells, width, below),
    ]


def _name(install: str) -> str:
    """Return an install's name, which a person chose, as it is."""
    return safe_line(Trusted(install))


def _below(finding: Finding, typed: Iterable[str]) -> list[str]:
    """Return the lines below a row on a terminal: why, and what to type."""
    why = _why(finding, _TERMINAL_TEXT)
    return [*([why] if why else []), *(f"$ {command}" for command in typed)]


def _commands(finding: Finding) -> tuple[str, ...]:
    """Return what to type about a pack that came from the registry, as comfy-cli takes it.

    It knows packs by their ids alone, and uninstalls every copy: where there are several nothing is to be typed.
    """
    pack, judgement = finding.pack, finding.judgement
    if (
        finding.named
        or pack.kind is not PackKind.REGISTRY
        or judgement.id is None
        or judgement.id != pack.id
    ):
        return ()
    return commands(
        judgement.id, finding.verdict, judgement.safe_version, enabled=pack.enabled
    )


def _cells(finding: Finding) -> tuple[str, ...]:
    pack = finding.pack
    marks = ["disabled"] if not pack.enabled else []
    marks += ["accepted"] if finding.accepted else []
    return (
        _pack_cell(finding),
        _version(finding),
        " ".join([colour(finding.verdict), *(f"({mark})" for mark in marks)]),
        "".join(safe_line(word, _VERSION) for word in _to_do(finding)) or "-",
    )


def _pack_cell(finding: Finding) -> str:
    """Return which pack it is, and its folder where that has another name."""
    pack, name = finding.pack, finding.judgement.id or finding.pack.id
    if name is None or _only_claims(finding):
        return shown_name(pack)
    is_elsewhere = not finding.named and base_name(pack).lower() != name.lower()
    return (
        f"{sanitize_line(name)} (folder {shown_name(pack)})"
        if is_elsewhere
        else sanitize_line(name)
    )


def _only_claims(finding: Finding) -> bool:
    """Return whether the id is no more than a claim, so that the folder says better which pack it is."""
    return (
        finding.pack.kind is PackKind.GIT
        and finding.verdict is Verdict.UNKNOWN
        and not finding.named
    )


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
    reason = (
        escape_invisible(finding.reason)
        if is_evidence
        else sanitize_line(finding.reason, limit)
    )
    if finding.judgement.of_pack and finding.verdict is not Verdict.DELISTED:
        return f"the whole pack{': ' if reason else ''}{reason}"
    if finding.verdict is Verdict.FLAGGED:
        return f"{reason}{'; ' if reason else ''}not reviewed yet"
    return reason


def _summary(result: Result) -> str:
    """Return the last line: how many packs were looked at, how many have which verdict, and what it rests on."""
    findings = result.audit.findings
    counts = Counter(one.verdict for one in findings)
    parts = [
        f"{counts[verdict]} {colour(verdict)}" for verdict in Verdict if counts[verdict]
    ]
    seconds = max(timestamps.seconds_between(result.started, result.finished), 0)
    line = (
        f"{plural(len(findings), 'pack')} ({seconds:.1f} s): {', '.join(parts)}"
        if findings
        else "no pack was found"
    )
    line += _basis(findings)
    if accepted := sum(one.accepted for one in findings):
        line += f"; {accepted} accepted"
    missing = [
        f"{plural(count, 'install')} could not be read{in_full}"
        for in_full, count in Counter(
            " in full" if one.packs else "" for one in result.scanned if one.error
        ).items()
    ]
    if unread := result.audit.unread:
        missing.append(f"{plural(unread, 'pack')} could not be checked in full")
    if unnamed := sum(len(one.unnamed) for one in result.scanned):
        missing.append(f"{plural(unnamed, 'type')} of nodes that name no pack")
    return "; ".join([line, *(click.style(one, fg="red") for one in missing)])


def _basis(findings: Sequence[Finding]) -> str:
    """Return how many were judged by their version, by what a clone's file says, and not; "" if all were."""
    unjudged = sum(one.verdict is Verdict.UNKNOWN for one in findings)
    clones = sum(
        one.pack.kind is PackKind.GIT and one.judgement.listed is not None
        for one in findings
    )
    if not unjudged + clones:
        return ""
    parts = [f"{len(findings) - unjudged - clones} judged"]
    if clones:
        parts.append(
            f"{plural(clones, 'clone')} by {'its' if clones == 1 else 'their'} file's version"
        )
    if unjudged:
        parts.append(f"{unjudged} not")
    return f"; {', '.join(parts)}"
