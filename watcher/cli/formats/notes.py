"""What `audit` tells GitHub Actions: how it ended, and which packs to look at, each beside its file. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from watcher.cli.formats.paths import within
from watcher.cli.formats.words import advice, pack_cell, why
from watcher.cli.pack_names import version_cell
from watcher.cli.terminal import unstyle
from watcher.cli.workflow_commands import Level, annotation
from watcher.model.event import Severity
from watcher.model.finding import Finding, Grade
from watcher.polling.audit import Audit, counts

_TITLE = "Comfy Watch"
_UNREAD = "not everything was checked"
_MOST = 9
"""Packs of one level: GitHub shows ten annotations of a level and step, and one is about all packs."""
_LINES = 20
"""Of what could not be read."""
_TEXT = 300
"""Characters of a reason."""


def lines(
    done: Audit,
    *,
    fail_on: Collection[Grade],
    ending: str,
    unread: Sequence[str],
    folder: Path,
    root: Path,
) -> list[str]:
    """Return the lines of all annotations: errors for what `fail_on` names, warnings for other bad verdicts.

    `ending` says how it ended, "" if well. `unread` has a line for each thing that could not be read, and for what
    packs could not be checked: these have no annotation of their own. Paths are relative to the `root` of the
    repository; the program works in `folder`.
    """
    counted = [one for one in done.findings if counts(one)]
    failed = [one for one in counted if one.grade in fail_on]
    bad = [one for one in counted if one.grade.severity is not Severity.INFO]
    warned = [one for one in bad if one.grade not in fail_on and not one.gaps]
    found: list[str] = []
    if ending:
        found.append(annotation(Level.ERROR, _TITLE, unstyle(ending)))
    if unread:
        found.append(annotation(Level.WARNING, _UNREAD, _joined(unread)))
    for level, findings in ((Level.ERROR, failed), (Level.WARNING, warned)):
        found += [_of(one, level, folder, root) for one in findings[:_MOST]]
    return found


def _joined(texts: Sequence[str]) -> str:
    more = len(texts) - _LINES
    return "\n".join([*texts[:_LINES], *([f"and {more} more"] if more > 0 else [])])


def _of(finding: Finding, level: Level, folder: Path, root: Path) -> str:
    pack = finding.pack
    has_version = pack.version is not None or pack.commit is not None
    version = f" {version_cell(pack)}" if has_version else ""
    title = f"{finding.grade.in_words}: {pack_cell(finding)}{version}"
    file = pack.file or pack.own_file
    return annotation(
        level,
        unstyle(title),
        "\n".join(filter(None, (why(finding, _TEXT), advice(finding)))) or title,
        file=within(str(folder / file), root) if file else "",
        line=pack.line,
    )
