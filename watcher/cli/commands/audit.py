"""`audit`: what the registry says of installed packs, from targets to exit code. Nothing is kept."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from watcher.alerts.advice import UNREVIEWED, advice_on_copy, not_banned
from watcher.alerts.words import in_a_sentence
from watcher.changes.transitions import node_url
from watcher.cli.commands.installed import scan_all, targets_of
from watcher.cli.documents import AcceptedForm, AuditDocument, PackForm, Verdict
from watcher.cli.loading import Took, look_at_registry, working_folder
from watcher.cli.report import (
    base_name,
    error_form,
    exit_code,
    failure_lines,
    safe_words,
    shown_name,
    version_cell,
)
from watcher.cli.terminal import (
    INDENT,
    Row,
    and_more,
    colour,
    columns,
    counted,
    echo,
    show_result,
    styled,
    table,
    unstyle,
    warn,
)
from watcher.errors import UsageError
from watcher.model.event import Grade
from watcher.model.finding import Acceptance, Finding
from watcher.model.pack import PackKind, Source, SourceKind
from watcher.polling.audit import Audit, fails, is_limit
from watcher.polling.audit import audit as ask
from watcher.polling.model import registry_of
from watcher.settings.loading import Loaded
from watcher.streams import Progress
from watcher.text.sanitize import (
    Trusted,
    escape_invisible,
    plural,
    safe_line,
    sanitize_line,
)
from watcher.values import projected

_LIMIT = 300
"""Characters of a warning."""
_SUMMARY = 300
"""Lines of a job's summary, which may have a mebibyte."""
_CODE = "    "
"""What begins a line of code in Markdown: nothing in it is markup, and nothing can end it but a line without it."""
_SHOWN = 50
"""Packs that a terminal gets."""
_REASON = 300
"""Characters of a reason."""


def audit(
    *,
    loaded: Loaded,
    targets: tuple[str, ...],
    accept: Collection[Acceptance],
    fail_on: Collection[Grade],
    only_problems: bool,
    shown_as: str | None,
) -> int:
    """Audit installs, print the result and return the exit code. ConfigError as `look_at_registry`."""
    known = loaded.settings
    chosen = targets_of(targets, lambda: loaded)
    # Before anything is read, so that no job waits for minutes until a wrong use is refused.
    if shown_as == "sarif":
        _require_files(chosen.sources)
    if chosen.note:
        echo(chosen.note, error=True)

    async def look(progress: Progress) -> Audit:
        scanned = await scan_all(
            chosen.sources, known.timeout, progress, with_files=chosen.are_named
        )
        return await ask(
            registry_of(known, progress),
            tuple(scanned),
            minimum_age=known.minimum_age,
            accept=(*known.all_accepted(), *accept),
            progress=progress,
        )

    # It keeps nothing, so that it can be tried beside any service, and without settings.
    done, took = look_at_registry(known, look)
    for one in filter(is_limit, done.problems):
        warn(sanitize_line(one.line, _LIMIT))
    # A registry without an endpoint will not have it tomorrow: that is a warning, and no failure.
    unread = [one for one in done.problems if not is_limit(one)]
    errors = [*failure_lines(unread, " could not be checked")]
    for line in errors:
        echo(line, error=True)
    found: object
    match shown_as:
        case "json":
            found = document(done, took, working_folder())
        case "sarif":
            from watcher.cli.commands.sarif import sarif

            found = sarif(done, took, working_folder())
        case _:
            found = lines(done, took.seconds, columns(), only_problems=only_problems)
    show_result(found)
    # After stdout: a summary that cannot be written must not cost the result.
    _add_to_summary(done, errors)
    return exit_code(
        is_refused=fails(done, fail_on),
        # A name inside a file that cannot be read is a fact about the file; a TARGET is what the user typed.
        is_misused=chosen.are_named
        and any(one.failure and not one.named for one in done.inventories),
        is_undone=bool(unread),
    )


def _add_to_summary(done: Audit, unread: Sequence[str]) -> None:
    """Add what is not ok to the summary of a job of GitHub Actions, if this is one, as a block of code."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    said = [*lines(done, None, None, only_problems=True), "", *unread]
    # As a block of code: reasons and names are others' texts, and Markdown has mentions, links and pictures.
    code = textwrap.indent(unstyle("\n".join(said[:_SUMMARY])), _CODE)
    try:
        # Earlier steps of the job may have written to it.
        with Path(path).open("ab") as file:
            file.write(f"\n{code}\n\n".encode("utf-8", "backslashreplace"))
    except OSError as error:
        warn(f"the summary of the job could not be written: {error.strerror}")


def _require_files(chosen: Iterable[Source]) -> None:
    """Raise UsageError if SARIF, which shows each pack in a file, cannot show one of the installs."""
    for source in chosen:
        if source.kind is SourceKind.URL:
            raise UsageError(
                f"--format sarif shows packs in files, and {source.name} is an address",
                hint="name the folder of that ComfyUI, or a snapshot of it",
            )


def document(done: Audit, took: Took, folder: Path) -> AuditDocument:
    """Return what `audit --json` prints (docs/scripts.md): every pack; paths are relative to the working folder."""
    return projected(
        AuditDocument,
        took,
        packs=tuple(_form(one, folder) for one in done.findings),
        errors=tuple(map(error_form, done.problems)),
    )


def _form(finding: Finding, folder: Path) -> PackForm:
    pack, row, accepted = finding.pack, finding.row, finding.acceptance
    until = accepted and accepted.until
    return projected(
        PackForm,
        pack,
        install=finding.install,
        # The id that was judged, which is the worst of those that a clone may be.
        id=finding.id or pack.id,
        verdict=Verdict(finding.grade.verdict),
        severity=finding.grade.severity,
        status=row.status if row else None,
        deprecated=row.deprecated if row else None,
        reason=finding.reason,
        safe_version=finding.safe_version.version if finding.safe_version else "",
        accepted=accepted
        and AcceptedForm(
            reason=accepted.reason or None, until=until.isoformat() if until else None
        ),
        file=within(pack.file, folder).as_posix() if pack.file else None,
        url=node_url(finding.node) if finding.node else None,
    )


def within(file: str, folder: Path) -> Path:
    """Return a path relative to the folder; the whole path if it lies elsewhere."""
    # Not resolved: a result has to have the path that the repository has, also of a link.
    path = Path(os.path.normpath(folder / file))
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def problems_of(done: Audit) -> list[Finding]:
    """Return the findings about packs that are not ok."""
    return [one for one in done.findings if one.grade is not Grade.OK]


def acceptance(finding: Finding) -> str:
    """Return how it is accepted, in brackets after a blank; "" if it is not."""
    accepted = finding.acceptance
    if accepted is None:
        return ""
    said = ": ".join(filter(None, (accepted.in_words, accepted.reason)))
    return f" ({safe_line(Trusted(said))})"  # the user wrote it


def pack_cell(finding: Finding) -> str:
    """Return which pack it is, and its folder where that has another name.

    Where the id is no more than a claim, the folder says better which pack it is.
    """
    pack, name = finding.pack, finding.id or finding.pack.id
    folder, is_unknown = shown_name(pack), finding.grade is Grade.UNKNOWN
    if name is None or (pack.kind is PackKind.GIT and is_unknown and not finding.named):
        return folder
    if finding.named or base_name(pack).lower() == name.lower():
        return sanitize_line(name)
    return f"{sanitize_line(name)} (folder {folder})"


def why(finding: Finding) -> str:
    """Return the reason, shortened, after our own words: what follows "reason:" is the registry's alone.

    Evidence is shown as `installed` shows it: its words are this program's.
    """
    if finding.reason and finding.reason == finding.pack.evidence:
        return escape_invisible(finding.reason)
    # By what a clone is judged comes first, since all that follows depends on it.
    parts = [sanitize_line(finding.basis, _REASON)]
    found = sanitize_line(finding.detail, _REASON)
    is_ours = isinstance(finding.detail, Trusted)
    reason = f"reason: {found}" if found and not is_ours else found
    # The advice is to stop; which version is not banned is only a fact.
    if finding.grade is Grade.BANNED:
        parts.append(safe_words(not_banned(finding.safe_version)))
    if finding.grade.verdict is Grade.FLAGGED:
        if finding.grade is not Grade.FLAGGED_INFO:
            parts.append(UNREVIEWED)
        # Half a scan in plain words would look like all of it.
        if finding.scan and finding.scan.is_whole:
            reason = safe_words(in_a_sentence(finding.scan))
        elif finding.row and not found:
            reason = "the registry gives no reason"
    return "; ".join(filter(None, (*parts, reason)))


def summary(done: Audit, seconds: float | None = None) -> str:
    """Return in one line how many packs were looked at, in what time, how many have which verdict, and why."""
    findings = done.findings
    parts = ["no pack was found"]
    if findings:
        counts = Counter(one.grade for one in findings)
        verdicts = [
            f"{counts[one]:,} {colour(one.in_words)}" for one in Grade if counts[one]
        ]
        took = "" if seconds is None else f" ({seconds:.1f} s)"
        parts = [f"{plural(len(findings), 'pack')}{took}: {', '.join(verdicts)}"]
    clones = [one for one in findings if one.pack.kind is PackKind.GIT and one.row]
    parts += counted(
        (len(clones), "clone", "judged by the version in a file"),
        (sum(one.acceptance is not None for one in findings), "pack", "accepted"),
        (sum(one.pack.is_unpinned for one in findings), "pack", "not pinned"),
    )
    failed = [one for one in done.inventories if one.failure]
    files = sum(one.named for one in failed)
    missing = counted(
        (len(failed) - files, "install", "could not be read in full"),
        (files, "file", "could not be read"),
        (
            sum(bool(one.gaps) for one in findings),
            "pack",
            "could not be checked in full",
        ),
    )
    return "; ".join([*parts, *(styled(one, "red") for one in missing)])


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
    # A pipe gets what is ok too: who searches for a pack has to find it.
    has_all = width is None and not only_problems
    chosen = [*done.findings] if has_all else problems_of(done)
    fitting = chosen if width is None else chosen[:_SHOWN]
    text = _table(fitting, done, width) if fitting else []
    text += and_more(len(chosen) - len(fitting), "more pack", "--json has all")
    return [*text, *([""] if text else []), summary(done, seconds)]


def _table(findings: Sequence[Finding], done: Audit, width: int | None) -> list[str]:
    # Who has one ComfyUI knows where it is.
    by_place = len(done.inventories) > 1 or any(one.named for one in findings)
    head = ["WHERE"] if by_place else []
    head += ["PACK", "VERSION", "VERDICT", "WHAT TO DO"]
    if width is None:  # so that a row is a line
        head.append("WHY")
    found: list[Row] = []
    above = ""
    for one in findings:
        place = safe_line(Trusted(one.install))  # which a person chose
        row = [f"{place}:{one.pack.line}" if one.pack.line else place]
        disabled = "" if one.pack.enabled else " (disabled)"
        row = [
            *(row if by_place else ()),
            pack_cell(one),
            version_cell(one.pack),
            f"{colour(one.grade.in_words)}{disabled}{acceptance(one)}",
            safe_words(advice_on_copy(one)) or "-",
        ]
        found.append(row)
        reason = why(one)
        if width is None:
            row.append(reason or "-")
        elif reason and reason != above:  # which may hold for all packs
            found.append(INDENT + reason)
        above = reason
    return table(head, found, width)
