"""What `audit` prints for people: words and the table. Pure."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from watcher.alerts.advice import UNREVIEWED, advice_on_copy, not_banned
from watcher.alerts.words import in_a_sentence
from watcher.cli.report import acceptance_in_words, safe_words
from watcher.cli.terminal import (
    INDENT,
    Row,
    base_name,
    colour,
    shown_name,
    styled,
    table,
    version_cell,
)
from watcher.model.finding import Finding, Grade
from watcher.model.pack import PackKind, Verdict
from watcher.polling.audit import Audit
from watcher.text.sanitize import (
    Trusted,
    escape_invisible,
    plural,
    safe_line,
    sanitize_line,
)


def within(file: str, folder: Path) -> str:
    """Return a path relative to the folder, with forward slashes; the whole path if it lies elsewhere."""
    return _within(file, folder).as_posix()


def uri(file: str, folder: Path) -> str:
    """Return the same as a URI reference, percent-encoded; a `file:` URI if it lies elsewhere."""
    path = _within(file, folder)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def _within(file: str, folder: Path) -> Path:
    path = Path(os.path.normpath(folder / file))
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def rows(done: Audit, *, only_problems: bool) -> list[Finding]:
    """Return the findings to show."""
    return [
        one
        for one in done.findings
        if not (only_problems and one.verdict is Verdict.OK)
    ]


def verdict(finding: Finding) -> str:
    """Return the verdict in its colour, and whether the copy is disabled."""
    disabled = "" if finding.pack.enabled else " (disabled)"
    return colour(finding.grade.in_words) + disabled


def acceptance(finding: Finding) -> str:
    """Return how it is accepted, in brackets; "" if it is not."""
    if finding.acceptance is None:
        return ""
    return f"({acceptance_in_words(finding.acceptance)})"


def advice(finding: Finding) -> str:
    """Return what to do about it; "" for nothing."""
    return safe_words(advice_on_copy(finding))


def pack_cell(finding: Finding) -> str:
    """Return which pack it is, and its folder where that has another name."""
    pack, name = finding.pack, finding.id or finding.pack.id
    if name is None or only_claims(finding):
        return shown_name(pack)
    if finding.named or base_name(pack).lower() == name.lower():
        return sanitize_line(name)
    return f"{sanitize_line(name)} (folder {shown_name(pack)})"


def only_claims(finding: Finding) -> bool:
    """Return whether the id is no more than a claim, so that the folder says better which pack it is."""
    return (
        finding.pack.kind is PackKind.GIT
        and finding.verdict is Verdict.UNKNOWN
        and not finding.named
    )


def why(finding: Finding, limit: int) -> str:
    """Return the reason, shortened, after our own words: what follows "reason:" is the registry's alone.

    Evidence is shown as `installed` shows it: its words are this program's.
    """
    if finding.reason and finding.reason == finding.pack.evidence:
        return escape_invisible(finding.reason)
    parts = [sanitize_line(finding.basis, limit)]
    found = sanitize_line(finding.detail, limit)
    is_ours = isinstance(finding.detail, Trusted)
    reason = f"reason: {found}" if found and not is_ours else found
    if finding.verdict is Verdict.BANNED:
        parts.append(safe_words(not_banned(finding.safe_version)))
    if finding.verdict is Verdict.FLAGGED:
        if finding.grade is not Grade.FLAGGED_INFO:
            parts.append(UNREVIEWED)
        if finding.scan and finding.scan.is_whole:
            reason = safe_words(in_a_sentence(finding.scan))
        elif finding.listed and not found:
            reason = "the registry gives no reason"
    return "; ".join(filter(None, (*parts, reason)))


def summary(done: Audit, seconds: float | None = None) -> str:
    """Return in one line how many packs were looked at, in what time, how many have which verdict, and why."""
    findings = done.findings
    if not findings:
        parts = ["no pack was found"]
    else:
        counts = Counter(one.grade for one in findings)
        verdicts = [
            f"{counts[one]:,} {colour(one.in_words)}" for one in Grade if counts[one]
        ]
        packs = plural(len(findings), "pack")
        took = "" if seconds is None else f" ({seconds:.1f} s)"
        parts = [f"{packs}{took}: {', '.join(verdicts)}"]
    clones = sum(
        one.pack.kind is PackKind.GIT and one.listed is not None for one in findings
    )
    if clones:
        parts.append(f"{plural(clones, 'clone')} judged by the version in a file")
    if accepted := sum(one.acceptance is not None for one in findings):
        parts.append(f"{accepted} accepted")
    if unpinned := sum(one.pack.is_unpinned for one in findings):
        parts.append(f"{unpinned} not pinned")
    failed = [one for one in done.inventories if one.failure]
    files = sum(one.named for one in failed)
    partly = sum(bool(one.places) for one in failed)
    missing = (
        (len(failed) - files - partly, "install", "could not be read"),
        (partly, "install", "could not be read in full"),
        (files, "file", "could not be read"),
        (
            sum(bool(one.gaps) for one in findings),
            "pack",
            "could not be checked in full",
        ),
    )
    for count, noun, what in missing:
        if count:
            parts.append(styled(f"{plural(count, noun)} {what}", "red"))
    return "; ".join(parts)


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
