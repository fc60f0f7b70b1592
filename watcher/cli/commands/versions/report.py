"""What `versions` prints: a table, newest first, and a summary; or the JSON document of `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from watcher import timestamps
from watcher.changes.transitions import node_url
from watcher.cli.documents import (
    ErrorForm,
    FiltersForm,
    VersionForm,
    VersionsDocument,
)
from watcher.cli.terminal import colour, short_time, table, to_json
from watcher.model.event_form import public_time
from watcher.model.version import STATUSES
from watcher.polling.lookup.model import Filters, Found, FoundVersion
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_REASON = 300
"""Characters of a reason, and of an error."""
_TERMINAL_REASON = 160
_VERSION = 100
_STATUS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsReport:
    """One look."""

    started: str
    finished: str
    filters: Filters
    found: Found
    with_reasons: bool = False


def as_json(report: VersionsReport) -> str:
    """Return the document of `versions --json` (docs/versions.md)."""
    filters, found = report.filters, report.found
    return to_json(
        VersionsDocument(
            started=report.started,
            finished=report.finished,
            filters=FiltersForm(
                nodes=filters.nodes,
                statuses=filters.statuses,
                reason=filters.reason or None,
                deprecated=filters.deprecated,
                since=filters.since or None,
            ),
            versions=tuple(map(_form, found.versions)),
            total=found.total,
            shown=len(found.versions),
            packs=found.packs,
            by_status=dict(found.by_status),
            errors=tuple(
                ErrorForm(
                    node=problem.node, error=sanitize_line(problem.error, _REASON)
                )
                for problem in found.problems
            ),
        )
    )


def _form(found: FoundVersion) -> VersionForm:
    version = found.version
    return VersionForm(
        node=found.node,
        version=version.version or None,
        version_id=version.id or None,
        status=version.status,
        deprecated=version.deprecated,
        published=public_time(version.created_at),
        reason=found.reason,
        changelog=found.changelog,
        download_url=version.download_url or None,
        dependencies=version.dependencies,
        supported_accelerators=version.supported_accelerators,
        supported_os=version.supported_os,
        supported_comfyui_version=version.supported_comfyui_version,
        supported_comfyui_frontend_version=version.supported_comfyui_frontend_version,
        tags=version.tags,
        tags_admin=version.tags_admin,
        url=node_url(found.node),
    )


def lines(report: VersionsReport, width: int | None = None) -> list[str]:
    """Return the table, how many versions it does not show, and the summary; `width` is None for a pipe."""
    found = report.found
    shown: list[str] = []
    if found.versions:
        shown += _table(found.versions, report, width)
    if more := found.total - len(found.versions):
        shown += _wrapped(
            f"and {plural(more, 'older version')}; --limit {found.total} shows all",
            width,
        )
    return [*shown, *([""] if shown else []), *_wrapped(_summary(report), width)]


def _wrapped(line: str, width: int | None) -> list[str]:
    return [line] if width is None else table((), [(line,)], width)


def _table(
    versions: Sequence[FoundVersion], report: VersionsReport, width: int | None
) -> list[str]:
    head = ["PUBLISHED", "STATUS", "NODE", "VERSION"]
    cells = [_cells(one) for one in versions]
    if not report.with_reasons:
        return table(head, cells, width)
    if width is not None:
        return table(
            head, cells, width, [_reason(one, _TERMINAL_REASON) for one in versions]
        )
    # In a pipe a row is a line.
    rows = [
        [*row, _reason(one, _REASON) or "-"]
        for row, one in zip(cells, versions, strict=True)
    ]
    return table([*head, "REASON"], rows, width)


def _cells(found: FoundVersion) -> list[str]:
    version = found.version
    published = public_time(version.created_at)
    status = colour(sanitize_line(version.status, _STATUS))
    return [
        short_time(published) if published else "-",
        f"{status}, {colour('deprecated')}" if version.deprecated else status,
        sanitize_line(found.node),
        sanitize_line(version.version, _VERSION) or "-",
    ]


def _reason(found: FoundVersion, limit: int) -> str:
    """Return the reason, shortened. Of a status that this program does not know, none is asked for."""
    if found.reason is None:
        return "(could not be read)" if found.version.status in STATUSES else ""
    return sanitize_line(found.reason, limit)


def _summary(report: VersionsReport) -> str:
    """Return the last line: how many versions of how many packs, worst status first, and what is missing."""
    found = report.found
    seconds = max(timestamps.seconds_between(report.started, report.finished), 0)
    counts = [
        f"{count:,} {colour(sanitize_line(status, _STATUS))}"
        for status, count in found.by_status.items()
    ]
    line = (
        f"{plural(found.total, 'version')} of {plural(found.packs, 'pack')} ({seconds:.1f} s): {', '.join(counts)}"
        if found.total
        else f"no version found ({seconds:.1f} s)"
    )
    if found.deprecated:
        line += f"; {colour('deprecated')}: {found.deprecated}"
    return line + (
        f"; {click.style(found.incomplete, fg='red')}" if found.incomplete else ""
    )
