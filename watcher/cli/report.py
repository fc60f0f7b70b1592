"""What several commands print: a poll, its events, failures, findings of the scanner, packs; and their exit codes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from watcher.alerts.payload import public_form
from watcher.alerts.queues.queue import try_in_words
from watcher.cli.documents import (
    AlertCounts,
    CheckDocument,
    ErrorForm,
    NodeCounts,
)
from watcher.cli.terminal import Row, counted, dim, styled, table
from watcher.model.event import MATCHES, Event, Severity, rank
from watcher.model.pack import Pack, named_after
from watcher.model.reading import ReadFailure
from watcher.model.scan import Scan, ScanFinding
from watcher.polling.problems import problems
from watcher.text.sanitize import (
    Trusted,
    escape_invisible,
    plural,
    safe_line,
    sanitize_line,
)
from watcher.text.status_reason import in_words, place
from watcher.values import projected

if TYPE_CHECKING:
    from watcher.polling.model import Report

COLOURS = {Severity.CRITICAL: "red", Severity.WARNING: "yellow", Severity.INFO: None}
"""Of what is so bad."""
_TEXT = 300
_VALUE = 80
_WORD = re.compile(r"[^\s,;()\"]+")
_ERRORS = 5


def exit_code(
    *, is_refused: bool = False, is_misused: bool = False, is_undone: bool = False
) -> int:
    """Return the exit code of a command that ran to its end (docs/scripts.md, Exit codes).

    What was looked for and found says more than that something could not be looked at.
    """
    if is_refused:
        return 3
    return 2 if is_misused else int(is_undone)


def document(report: Report) -> CheckDocument:
    """Return the document of `check --json` (docs/dev/behaviour.md, Commands)."""
    failed = report.watched - report.checked
    return projected(
        CheckDocument,
        report,
        nodes=projected(NodeCounts, report, failed=failed),
        events=tuple(map(public_form, report.events)),
        errors=tuple(map(error_form, (*report.failures, *report.unscanned))),
        alerts=projected(AlertCounts, report, pending=report.undelivered),
    )


def error_form(failure: ReadFailure) -> ErrorForm:
    """Return a failure as documents have it, safe to print: names of files stay, if it is of an install."""
    if failure.install is not None:
        return ErrorForm(install=failure.install, error=escape_invisible(failure.line))
    # The hint is ours and stays whole; only the error may hold text of others.
    error = replace(failure, error=safe_line(failure.error, _TEXT)).line
    return ErrorForm(node=failure.node, error=error)


def failure_lines(failures: Iterable[ReadFailure], what: str = "") -> Iterator[str]:
    """Yield lines about what could not be read; one about all nodes that have the same problem.

    `what` stands between the nodes and their problem.
    """
    # A registry that is down is one line, and not three hundred.
    nodes: dict[str, list[str]] = {}
    for form in map(error_form, failures):
        if form.install:
            yield f"error: {safe_line(Trusted(form.install))}: {form.error}"
        else:
            of = nodes.setdefault(form.error, [])
            of += [form.node] if form.node else []
    for error, of in nodes.items():
        about = sanitize_line(of[0]) if len(of) == 1 else plural(len(of), "pack")
        yield f"error: {about}{what}: {error}" if of else f"error: {error}"


def lines(
    report: Report,
    *,
    dry_run: bool,
    width: int | None = None,
    fail_on: Collection[str] = (),
) -> list[str]:
    """Return the lines for stdout: the events, worst first, and a summary, which says which of them are in `fail_on`.

    `width` is the terminal's; None where stdout is not a terminal: then the summary says what is wrong.
    """
    last = summary(report, dry_run=dry_run)
    if matching := _matching(report, fail_on):
        counts = (f"{count:,} {kind}" for kind, count in matching.items())
        last += f"; exit 3: {', '.join(counts)}"
    # Who keeps only the output of a job reads there why it failed.
    if width is None:
        last += _why_it_fails(report)
    worst_first = sorted(report.events, key=rank)
    rows = [event_row(event, worst_first) for event in worst_first]
    return [*table((), rows, width), last]


def summary(report: Report, *, dry_run: bool = False) -> str:
    """Return the line that counts what a poll found and did."""
    # That not all were read has to be seen before anything else.
    of_all = f"{report.checked:,} of " if report.watched > report.checked else ""
    counts = [f"{of_all}{plural(report.watched, 'pack')} checked"]
    if report.empty:
        counts.append(f"{len(report.empty):,} without versions")
    counts.append(plural(len(report.events), "event"))
    # When, since a reader wonders whether to do anything before that.
    next_try = try_in_words(report.next_try, report.finished)
    counts += counted(
        (len(report.unscanned), "install", "not scanned in full"),
        (report.delivered, "alert", "delivered"),
        (report.unconfirmed, "alert", "sent unconfirmed"),
        (report.undelivered, "alert", f"still undelivered (next try {next_try})"),
        (report.expired, "alert", "expired"),
        (len(report.unsaved), "file", "not written"),
    )
    suffix = "; dry run: nothing saved or sent" if dry_run else ""
    asked = f"{plural(report.requests, 'request')}, " if report.requests else ""
    return f"{', '.join(counts)} ({asked}{report.seconds:.1f} s){suffix}"


def _why_it_fails(report: Report) -> str:
    """Return the errors of a poll, and of many how many more there are; "" if there is none."""
    errors = [one.sentence for one in problems(report) if one.level == "error"]
    more = len(errors) - _ERRORS
    left_out = f" (and {more} more)" if more > 0 else ""
    return f": {'; '.join(errors[:_ERRORS])}{left_out}" if errors else ""


def _matching(report: Report, fail_on: Collection[str]) -> dict[str, int]:
    """Return how many events of a poll match which of these words."""
    counts = Counter(word for one in report.events for word in one.matches)
    return {word: counts[word] for word in MATCHES if word in fail_on and counts[word]}


def code_of(report: Report, fail_on: Collection[str]) -> int:
    """Return the exit code of `check`."""
    # What the registry did not answer is not fine, whatever the packs that came say.
    unread = report.watched > report.checked or bool(report.unread or report.unscanned)
    undone = (
        report.undelivered or report.expired or report.unsaved or report.unpublished
    )
    return exit_code(
        is_refused=bool(_matching(report, fail_on)), is_undone=unread or bool(undone)
    )


def event_row(
    event: Event, others: Iterable[Event], limit: int = _TEXT
) -> tuple[str, str]:
    """Return what a table has of an event: its kind; and what happened to what, what to do and why, as in a message.

    `others` are what else is known to have happened: a version of which one of them warns is not advised.
    The kind is coloured by how bad the event is, or green if something bad has ended. The rest is one cell, so that a
    long name leaves no gaps in other rows. `limit` is that of each text of others.
    """
    # Here, since most polls have nothing to say.
    from watcher.alerts.phrasing import phrasing

    said = phrasing([event], others)
    kind = styled(event.kind, "green" if event.ends else COLOURS[event.severity])
    names = filter(None, (said.name, *said.versions))
    # The kind stands beside it.
    first = () if said.what.lower() == event.kind else (Trusted(said.what),)
    parts = [safe_words([one]) for one in (*first, *names)]
    about = (" ".join(filter(None, parts)) + said.about).lstrip()
    about += safe_words(said.runs)
    # In short: a row is a line among others, and the alert has all of it.
    clauses = filter(None, (said.advice.in_short, *said.details))
    why = "; ".join(safe_words(one, limit) for one in clauses)
    return kind, f"{about}  {why}".rstrip()


def safe_words(words: Iterable[str], limit: int = _TEXT) -> str:
    """Return our own words and others as one text, safe to print; `limit` is that of each text of others.

    What others wrote is in quotation marks if it is more than a word: else it could be taken for our own, or for more
    than one text.
    """
    from watcher.alerts.words import Item

    found: list[str] = []
    for one in words:
        text = safe_line(one, _VALUE if isinstance(one, Item) else limit)
        # A word alone cannot be taken for a sentence of ours, and ids stay easy to copy.
        is_plain = isinstance(one, Trusted) or _WORD.fullmatch(text)
        found.append(text if is_plain else quoted(text))
    return "".join(found)


def quoted(text: str) -> str:
    """Return a text in quotation marks."""
    return json.dumps(text, ensure_ascii=False)


_RULE = 60
_SEVERITY = 12


def findings_table(scan: Scan) -> list[str]:
    """Return the lines of the table: how bad, what the rule sees, and where; last, how many of them have a row.

    A rule that is not known is in quotation marks, so that it cannot be taken for our own words.
    """
    rows: list[Row] = [*map(_finding_row, scan.items)]
    if scan.count > len(scan.items):
        # Of a rule in a file only one has a row, and of many rows only some are kept.
        at_least = "" if scan.is_whole else "at least "
        of_all = f"{len(scan.items):,} of {at_least}{scan.count:,} findings"
        rows.append(f"{of_all}; a rule is shown once for each file")
    return table(("SEVERITY", "FINDING", "WHERE"), rows)


def _finding_row(finding: ScanFinding) -> tuple[str, str, str]:
    severity = sanitize_line(finding.severity, _SEVERITY)
    # A rule that this program knows has words of its own; any other is the scanner's text.
    words = in_words(finding.rule)
    return (
        styled(severity, "red" if severity == "critical" else None) or "-",
        words if isinstance(words, Trusted) else quoted(sanitize_line(words, _RULE)),
        place(finding) or "-",
    )


_COMMIT = 7
"""Characters of a commit in a table, as git shows it."""


def base_name(pack: Pack) -> str:
    """Return the name of a pack's folder or file, not sanitized, without what marks it as disabled.

    That it is disabled, and its version, have words of their own in a table.
    """
    return pack.folder if pack.enabled else named_after(pack.folder)


def shown_name(pack: Pack) -> str:
    """Return `base_name`, safe to print."""
    return sanitize_line(base_name(pack))


def version_cell(pack: Pack) -> str:
    """Return the version of a pack, or its commit."""
    if pack.version is not None:
        return sanitize_line(pack.version)
    commit = sanitize_line((pack.commit or "")[:_COMMIT])
    return dim(f"commit {commit}") if commit else "-"
