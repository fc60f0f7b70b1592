"""`audit --format markdown`: what is wrong, for a job's summary or a comment on GitHub. Pure."""

from __future__ import annotations

from pathlib import Path

from watcher.alerts.advice import advice_on_copy
from watcher.alerts.phrasing import PRODUCT
from watcher.cli.formats.paths import place
from watcher.cli.formats.words import (
    acceptance,
    pack_cell,
    rows,
    summary,
    verdict,
    why,
)
from watcher.cli.pack_names import version_cell
from watcher.cli.report import error_form
from watcher.cli.terminal import unstyle
from watcher.model.event import Severity
from watcher.model.failure import ReadFailure
from watcher.model.finding import Finding
from watcher.polling.audit import Audit
from watcher.text.markdown_table import code, quoted, table
from watcher.text.sanitize import Trusted, escape_invisible

_FINDINGS, _PROBLEMS = 45_000, 12_000
"""Bytes of the two tables. A comment may have 65,536 characters, a summary a mebibyte."""
_NAME, _TEXT = 100, 300
_NOTHING = "-"


def markdown(done: Audit, folder: Path) -> str:
    """Return a heading with the summary, the packs that are not ok, and what could not be checked.

    Paths are relative to the working `folder`.
    """
    lines = [f"### {PRODUCT}: {unstyle(summary(done))}", ""]
    findings = rows(done, only_problems=True)
    if findings:
        places = {place(one, folder) for one in findings}
        by_place = len(places) > 1 or any(one.pack.file for one in findings)
        first = 0 if by_place else 1
        head = ["where", "pack", "version", "verdict", "what to do", "why"][first:]
        cells = (_cells(one, folder)[first:] for one in findings)
        lines += table(head, cells, len(findings), _FINDINGS)
    if done.problems:
        problems = map(_problem, done.problems)
        head = ["could not be checked", "why"]
        lines += table(head, problems, len(done.problems), _PROBLEMS)
    return "\n".join(lines).rstrip("\n")


def _cells(finding: Finding, folder: Path) -> list[str]:
    said = unstyle(verdict(finding))
    if finding.grade.severity is Severity.CRITICAL:
        said = f"**{said}**"
    accepted = code(acceptance(finding))
    version = unstyle(version_cell(finding.pack))
    advice = [
        word if isinstance(word, Trusted) else quoted(word, _NAME)
        for word in advice_on_copy(finding)
    ]
    return [
        code(_short(place(finding, folder))),
        code(pack_cell(finding)),
        version if version == _NOTHING else code(version),
        " ".join(filter(None, (said, accepted))),
        "".join(advice) or _NOTHING,
        code(why(finding, _TEXT)) or _NOTHING,
    ]


def _problem(failure: ReadFailure) -> tuple[str, str]:
    about = quoted(failure.node, _NAME) or "the registry"
    if failure.install is not None:
        about = code(_short(failure.install))
    return about, code(_short(error_form(failure).error))


def _short(text: str) -> str:
    """Return the beginning of a text that may hold names of files, safe to print."""
    return escape_invisible(text if len(text) <= _TEXT else f"{text[:_TEXT]}…")
