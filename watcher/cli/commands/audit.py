"""`audit`: what the registry says of installed packs, from targets to exit code. Nothing is kept."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from watcher import timestamps
from watcher.alerts.advice import advice_on_copy, commands
from watcher.alerts.findings import in_a_sentence
from watcher.changes.transitions import node_url
from watcher.cli.commands.installs import (
    base_name,
    scan_all,
    shown_name,
    targets_of,
    version_cell,
)
from watcher.cli.documents import AuditDocument, PackForm
from watcher.cli.progress_line import progress_line
from watcher.cli.report import error_form, failure_lines, safe_words
from watcher.cli.terminal import (
    INDENT,
    Row,
    colour,
    echo,
    echo_result,
    styled,
    table,
    to_json,
)
from watcher.errors import StateError
from watcher.model.exposure import Exposure, exposure_key
from watcher.model.finding import Finding, Grade
from watcher.model.pack import PackKind, Verdict
from watcher.polling.audit import Audit, audit, fails, is_limit
from watcher.polling.clock import clock
from watcher.polling.model import request_limits
from watcher.progress import Progress
from watcher.registry import transport
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.streams import width
from watcher.text.columns import display_width
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, escape_invisible, safe_line, sanitize_line

_SHOWN = 50
"""Packs that a terminal gets."""
_REASON = 300
"""Characters of a reason."""
_TERMINAL_REASON = 160
"""The same on a terminal."""


def run_audit(
    *,
    settings: Callable[[], Loaded],
    targets: tuple[str, ...],
    accept: Collection[str],
    fail_on: Collection[Grade],
    only_problems: bool,
    as_json: bool,
) -> int:
    """Audit installs, print the result and return the exit code. ConfigError as `transport.check_usable`."""
    loaded = settings()
    chosen = targets_of(targets, lambda: loaded)
    known = loaded.settings
    transport.check_usable(known.registry_url)
    if chosen.note:
        echo(chosen.note, error=True)
    started = clock()

    async def look(progress: Progress) -> Audit:
        return await audit(
            await scan_all(chosen.sources, known.timeout, progress, workflows=True),
            registry_url=known.registry_url,
            limits=request_limits(known),
            accept={*known.accept, *accept},
            reported=_reported(known, accept),
            clock=clock,
            progress=progress,
        )

    with progress_line(known) as progress:
        done = asyncio.run(look(progress))
    finished = clock()
    for one in filter(is_limit, done.problems):
        echo(f"warning: {sanitize_line(one.line, _REASON)}", error=True)
    unread = [one for one in done.problems if not is_limit(one)]
    for line in failure_lines(unread, " could not be checked"):
        echo(line, error=True)
    if as_json:
        document = AuditDocument(
            started=started,
            finished=finished,
            packs=tuple(map(_form, _rows(done, only_problems=only_problems))),
            errors=tuple(map(error_form, done.problems)),
        )
        echo_result([to_json(document)])
    else:
        seconds = max(timestamps.seconds_between(started, finished), 0)
        columns = width(sys.stdout)
        echo_result(lines(done, seconds, columns, only_problems=only_problems))
    if fails(done, fail_on):
        return 3
    if chosen.are_named and any(one.failure for one in done.inventories):
        return 2
    return 1 if unread else 0


def _reported(settings: Settings, accept: Collection[str]) -> Mapping[str, Exposure]:
    """Return what a watch with these settings has reported, but for what is accepted just now; nothing without one.

    The state is only read, also while another process works on it. Where it cannot be read, nothing is known of
    what was before.
    """
    if not settings.accept:
        return {}
    from watcher.state.store import StateFolder

    try:
        exposures = StateFolder(settings.state_dir).load().snapshot.installed.exposures
    except StateError:
        return {}
    now = {
        exposure_key(node, version)
        for node, _, version in (text.rpartition("@") for text in accept)
    }
    return {key: one for key, one in exposures.items() if key not in now}


def _rows(done: Audit, *, only_problems: bool) -> list[Finding]:
    """Return the findings to show."""
    return [
        one
        for one in done.findings
        if not (only_problems and one.verdict is Verdict.OK)
    ]


def _form(finding: Finding) -> PackForm:
    pack, listed, advised = finding.pack, finding.listed, finding.advised
    return PackForm(
        install=finding.install,
        id=finding.id or pack.id,
        kind=pack.kind,
        version=pack.version,
        enabled=pack.enabled,
        folder=pack.folder,
        verdict=finding.verdict,
        severity=finding.grade.severity,
        status=listed.status if listed else None,
        deprecated=listed.deprecated if listed else None,
        reason=finding.reason,
        safe_version=advised.version if advised else "",
        url=node_url(finding.node) if finding.node else None,
    )


def lines(
    done: Audit, seconds: float, width: int | None, *, only_problems: bool = False
) -> list[str]:
    """Return tables of what is installed and of what workflows name, and a summary.

    `width` is the terminal's, on which packs that are fine are only counted; None for a pipe, which gets all.
    """
    rows = _rows(done, only_problems=only_problems or width is not None)
    text: list[str] = []
    for named in (False, True):
        of_kind = [one for one in rows if one.named is named]
        if not of_kind:
            continue
        fitting = of_kind if width is None else of_kind[:_SHOWN]
        text += _table(fitting, done, width, named=named)
        if more := len(of_kind) - len(fitting):
            text.append(f"and {plural(more, 'more pack')}; --json has all")
        text.append("")
    return [*text, _summary(done, seconds)]


def _table(
    rows: Sequence[Finding], done: Audit, width: int | None, *, named: bool
) -> list[str]:
    places = {one.install for one in done.inventories if one.named is named}
    # On a terminal an install that all rows share is said once, above them.
    shared = places if width is None else {one.install for one in rows}
    by_place = len(shared) > 1
    head = ["PACK", "VERSION", "VERDICT", "WHAT TO DO"]
    cells = [_cells(one) for one in rows]
    if by_place:
        head.insert(0, "WORKFLOW" if named else "INSTALL")
        cells = [[_name(one.install), *of] for one, of in zip(rows, cells, strict=True)]
    # comfy-cli knows packs by their ids alone, and uninstalls every copy: of several copies nothing is to be typed.
    copies = Counter(
        (one.install, one.id) for one in done.findings if not _only_claims(one)
    )
    typed = [_commands(one) if copies[one.install, one.id] == 1 else () for one in rows]
    found: list[Row] = []
    if width is None:  # so that a row is a line
        head += ["WHY", "COMMAND"]
    for row, one, of in zip(cells, rows, typed, strict=True):
        found.append(row)
        if width is None:
            row += [_why(one, _REASON) or "-", " && ".join(of) or "-"]
            continue
        why = _why(one, _TERMINAL_REASON)
        if why and not _is_said_of_all(done, one):
            found.append(INDENT + why)
        for command in of:
            found += _typed(command, width)
    return [*_whose(shared, places, named=named), *table(head, found, width)]


def _whose(
    shared: Collection[str], places: Collection[str], *, named: bool
) -> list[str]:
    """Return the line above a table: whose packs they are, unless a column says it or nothing has to."""
    if len(shared) > 1:
        return ["these workflows name"] if named else []
    [name] = map(_name, shared)
    if named:
        return [f"{name}: this workflow names"]
    return [f"{name}:"] if len(places) > 1 else []


def _typed(command: str, width: int) -> list[str]:
    """Return the lines of a command, which can be pasted also where they are two."""
    line = f"{INDENT}$ {command}"
    if display_width(line) <= width:
        return [line]
    start, _, end = line.rpartition(" ")
    return [f"{start} \\", f"{INDENT}{INDENT}{end}"]


def _name(install: str) -> str:
    """Return an install's name, which a person chose, as it is."""
    return safe_line(Trusted(install))


def _commands(finding: Finding) -> tuple[str, ...]:
    """Return what to type about a pack that came from the registry, as comfy-cli takes it."""
    pack, name = finding.pack, finding.id
    is_from_registry = pack.kind is PackKind.REGISTRY and not finding.named
    if name is None or name != pack.id or not is_from_registry:
        return ()
    return commands(finding, name)


def _cells(finding: Finding) -> list[str]:
    disabled = "" if finding.pack.enabled else " (disabled)"
    accepted = " (accepted)" if finding.accepted else ""
    return [
        _pack_cell(finding),
        version_cell(finding.pack),
        _coloured(finding.grade) + disabled + accepted,
        "".join(map(safe_line, advice_on_copy(finding))) or "-",
    ]


def _coloured(grade: Grade) -> str:
    """Return the verdict in its colour; one that is only informational has none."""
    return colour(grade.in_words)


def _pack_cell(finding: Finding) -> str:
    """Return which pack it is, and its folder where that has another name."""
    pack, name = finding.pack, finding.id or finding.pack.id
    if name is None or _only_claims(finding):
        return shown_name(pack)
    if finding.named or base_name(pack).lower() == name.lower():
        return sanitize_line(name)
    return f"{sanitize_line(name)} (folder {shown_name(pack)})"


def _only_claims(finding: Finding) -> bool:
    """Return whether the id is no more than a claim, so that the folder says better which pack it is."""
    return (
        finding.pack.kind is PackKind.GIT
        and finding.verdict is Verdict.UNKNOWN
        and not finding.named
    )


def _why(finding: Finding, limit: int) -> str:
    """Return the reason, shortened. Evidence is shown as `installed` shows it: its words are this program's."""
    if finding.reason and finding.reason == finding.pack.evidence:
        return escape_invisible(finding.reason)
    if finding.verdict is not Verdict.FLAGGED:
        return sanitize_line(finding.reason, limit)
    found = sanitize_line(finding.detail, limit)
    if finding.scan and finding.scan.is_whole:
        found = safe_words(in_a_sentence(finding.scan))
    elif finding.listed and not found:
        found = "the registry gives no reason"
    because = ": ".join(filter(None, (sanitize_line(finding.basis, limit), found)))
    is_calm = finding.grade is Grade.FLAGGED_INFO
    return because if is_calm else f"{because}; not reviewed yet"


def _is_said_of_all(done: Audit, finding: Finding) -> bool:
    """Return whether an error says for all packs at once why this one could not be checked."""
    is_unread = any(gap.node is not None for gap in finding.gaps)
    return bool(done.cause) and is_unread and finding.verdict is Verdict.UNKNOWN


def _summary(done: Audit, seconds: float) -> str:
    """Return the last line: how many packs were looked at, how many have which verdict, and what it rests on."""
    findings = done.findings
    if not findings:
        parts = ["no pack was found"]
    else:
        counts = Counter(one.grade for one in findings)
        verdicts = [f"{counts[one]:,} {_coloured(one)}" for one in Grade if counts[one]]
        packs = plural(len(findings), "pack")
        parts = [f"{packs} ({seconds:.1f} s): {', '.join(verdicts)}"]
    clones = sum(
        one.pack.kind is PackKind.GIT and one.listed is not None for one in findings
    )
    if clones:
        parts.append(f"{plural(clones, 'clone')} judged by the version in a file")
    if accepted := sum(one.accepted for one in findings):
        parts.append(f"{accepted} accepted")
    failed = [one for one in done.inventories if one.failure]
    partly = sum(bool(one.places) for one in failed)
    missing = (
        (len(failed) - partly, "install", "could not be read"),
        (partly, "install", "could not be read in full"),
        (
            sum(bool(one.gaps) for one in findings),
            "pack",
            "could not be checked in full",
        ),
        (
            sum(len(one.unnamed) for one in done.inventories),
            "type",
            "of nodes that name no pack",
        ),
    )
    for count, noun, what in missing:
        if count:
            parts.append(styled(f"{plural(count, noun)} {what}", "red"))
    return "; ".join(parts)
