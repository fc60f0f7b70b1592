"""What `audit` prints: a table, worst first, and a summary; or the JSON document of `--json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import click

from watcher.alerts.advice import advice_on_copy, advice_on_reference, commands
from watcher.changes.transitions import node_url
from watcher.cli.commands.installs.names import (
    VERSION,
    base_name,
    shown_name,
    version_cell,
    wrapped,
)
from watcher.cli.documents import AuditDocument, ErrorForm, PackForm
from watcher.cli.terminal import colour, table, to_json
from watcher.model.failure import ReadFailure
from watcher.model.finding import Finding
from watcher.model.pack import PackKind, Verdict
from watcher.polling.audit import Audit
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, escape_invisible, safe_line, sanitize_line

_SHOWN = 50
"""Packs that a terminal gets."""
_TEXT = 300
"""Characters of a reason."""
_TERMINAL_TEXT = 160
"""The same on a terminal."""


def error_text(problem: ReadFailure) -> str:
    """Return why something could not be read, safe to print: names of files stay, if it is of an install."""
    if problem.install is not None:
        return escape_invisible(problem.line)
    return sanitize_line(problem.line, _TEXT)


def as_json(
    audit: Audit, started: str, finished: str, *, only_problems: bool = False
) -> str:
    """Return the document of `audit --json` (docs/audit.md, JSON)."""
    findings = _listed(audit, only_problems=only_problems)
    return to_json(
        AuditDocument(
            started=started,
            finished=finished,
            packs=tuple(map(_form, findings)),
            errors=tuple(map(_error_form, audit.problems)),
        )
    )


def _error_form(problem: ReadFailure) -> ErrorForm:
    if problem.install is not None:
        return ErrorForm(install=problem.install, error=error_text(problem))
    return ErrorForm(node=problem.node, error=error_text(problem))


def _listed(audit: Audit, *, only_problems: bool) -> list[Finding]:
    """Return the findings to show."""
    return [
        one
        for one in audit.findings
        if not (only_problems and one.verdict is Verdict.OK)
    ]


def _form(finding: Finding) -> PackForm:
    pack, listed, safe = finding.pack, finding.listed, finding.safe_version
    return PackForm(
        install=finding.install,
        id=finding.id or pack.id,
        kind=pack.kind,
        version=pack.version,
        enabled=pack.enabled,
        folder=pack.folder,
        verdict=finding.verdict,
        status=listed.status if listed else None,
        deprecated=listed.deprecated if listed else None,
        reason=finding.reason,
        safe_version=safe.version if safe else "",
        url=node_url(finding.node) if finding.node else None,
    )


def lines(
    audit: Audit,
    seconds: float,
    width: int | None = None,
    *,
    only_problems: bool = False,
) -> list[str]:
    """Return the tables and the summary; `width` is the terminal's, or None for a pipe, which gets all.

    On a terminal the packs that are fine are only counted.
    """
    findings = _listed(audit, only_problems=only_problems or width is not None)
    shown: list[str] = []
    for named in (False, True):
        rows = [one for one in findings if one.named is named]
        fitting = rows if width is None else rows[:_SHOWN]
        if fitting:
            shown += _table(fitting, audit, width, named=named)
        if more := len(rows) - len(fitting):
            shown += wrapped(f"and {plural(more, 'more pack')}; --json has all", width)
        shown += [""] if rows else []
    return [*shown, *wrapped(_summary(audit, seconds), width)]


def _table(
    rows: Sequence[Finding], audit: Audit, width: int | None, *, named: bool
) -> list[str]:
    places = {one.install for one in audit.inventories if one.named is named}
    by_place = len(places) > 1
    head = ["PACK", "VERSION", "VERDICT", "WHAT TO DO"]
    cells = [_cells(one) for one in rows]
    if by_place:
        head.insert(0, "WORKFLOW" if named else "INSTALL")
        cells = [[_name(one.install), *of] for one, of in zip(rows, cells, strict=True)]
    # comfy-cli knows packs by their ids alone, and uninstalls every copy: of several copies nothing is to be typed.
    copies = Counter(
        (one.install, one.id) for one in audit.findings if not _only_claims(one)
    )
    typed = [_commands(one) if copies[one.install, one.id] == 1 else () for one in rows]
    below: list[str] = []
    if width is None:  # so that a row is a line
        head += ["WHY", "COMMAND"]
        for row, one, of in zip(cells, rows, typed, strict=True):
            row += [_why(one, _TEXT) or "-", " && ".join(of) or "-"]
    else:
        for one, of in zip(rows, typed, strict=True):
            why = _why(one, _TERMINAL_TEXT)
            commands = [f"$ {command}" for command in of]
            below.append("\n".join([why, *commands] if why else commands))
    found = table(head, cells, width, below)
    if not named:
        return found
    whose = (
        "these workflows name" if by_place else f"{_name(*places)}: this workflow names"
    )
    return [*wrapped(whose, width), *found]


def _name(install: str) -> str:
    """Return an install's name, which a person chose, as it is."""
    return safe_line(Trusted(install))


def _commands(finding: Finding) -> tuple[str, ...]:
    """Return what to type about a pack that came from the registry, as comfy-cli takes it."""
    pack, name = finding.pack, finding.id
    is_from_registry = pack.kind is PackKind.REGISTRY and not finding.named
    if name is None or name != pack.id or not is_from_registry:
        return ()
    safe = finding.safe_version
    return commands(name, finding.verdict, safe, enabled=pack.enabled)


def _cells(finding: Finding) -> list[str]:
    marks = [
        "" if finding.pack.enabled else " (disabled)",
        " (accepted)" if finding.accepted else "",
    ]
    return [
        _pack_cell(finding),
        version_cell(finding.pack),
        colour(finding.verdict) + "".join(marks),
        "".join(safe_line(word, VERSION) for word in _to_do(finding)) or "-",
    ]


def _pack_cell(finding: Finding) -> str:
    """Return which pack it is, and its folder where that has another name."""
    pack, name = finding.pack, finding.id or finding.pack.id
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


def _to_do(finding: Finding) -> Iterable[str]:
    safe = finding.safe_version
    if finding.named:
        return advice_on_reference(finding.verdict, safe)
    return advice_on_copy(
        finding.verdict, safe, finding.reason, enabled=finding.pack.enabled
    )


def _why(finding: Finding, limit: int) -> str:
    """Return the reason, shortened. Evidence is shown as `installed` shows it: its words are this program's."""
    if finding.reason and finding.reason == finding.pack.evidence:
        return escape_invisible(finding.reason)
    reason = sanitize_line(finding.reason, limit)
    if finding.verdict is Verdict.FLAGGED:
        return f"{reason}{'; ' if reason else ''}not reviewed yet"
    return reason


def _summary(audit: Audit, seconds: float) -> str:
    """Return the last line: how many packs were looked at, how many have which verdict, and what it rests on."""
    findings = audit.findings
    counts = Counter(one.verdict for one in findings)
    verdicts = [
        f"{counts[verdict]} {colour(verdict)}" for verdict in Verdict if counts[verdict]
    ]
    parts = ["no pack was found"]
    if findings:
        packs = plural(len(findings), "pack")
        parts = [f"{packs} ({seconds:.1f} s): {', '.join(verdicts)}"]
    parts += _basis(findings)
    if accepted := sum(one.accepted for one in findings):
        parts.append(f"{accepted} accepted")
    missing: list[str] = []
    for in_full in ("", " in full"):
        unread = [one for one in audit.inventories if one.failure]
        count = sum(bool(one.packs) is bool(in_full) for one in unread)
        if count:
            missing.append(f"{plural(count, 'install')} could not be read{in_full}")
    if unread_packs := sum(bool(one.gaps) for one in findings):
        packs = plural(unread_packs, "pack")
        missing.append(f"{packs} could not be checked in full")
    if unnamed := sum(len(one.unnamed) for one in audit.inventories):
        missing.append(f"{plural(unnamed, 'type')} of nodes that name no pack")
    return "; ".join([*parts, *(click.style(one, fg="red") for one in missing)])


def _basis(findings: Sequence[Finding]) -> list[str]:
    """Return how many were judged by their version, by what a clone's file says, and not; nothing if all were."""
    unjudged = sum(one.verdict is Verdict.UNKNOWN for one in findings)
    clones = sum(
        one.pack.kind is PackKind.GIT and one.listed is not None for one in findings
    )
    if not unjudged + clones:
        return []
    parts = [f"{len(findings) - unjudged - clones} judged"]
    if clones:
        whose = "its" if clones == 1 else "their"
        parts.append(f"{plural(clones, 'clone')} by {whose} file's version")
    if unjudged:
        parts.append(f"{unjudged} not")
    return [", ".join(parts)]
