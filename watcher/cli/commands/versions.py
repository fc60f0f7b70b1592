"""`versions`: the versions that the registry has, from options to exit code. Nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence

from watcher import timestamps
from watcher.changes.transitions import node_url
from watcher.cli.documents import VersionForm, VersionsDocument
from watcher.cli.loading import Took, look_at_registry
from watcher.cli.report import error_form, exit_code, failure_lines
from watcher.cli.terminal import (
    INDENT,
    Row,
    and_more,
    colour,
    columns,
    dim,
    echo,
    short_time,
    show_result,
    styled,
    table,
)
from watcher.model.reading import Fault
from watcher.model.version import STATUSES
from watcher.polling.lookup import Filters, Found, FoundVersion, look_up
from watcher.polling.model import registry_of
from watcher.settings.loading import Loaded
from watcher.streams import Progress
from watcher.text.sanitize import escape_invisible, plural, sanitize_line
from watcher.values import projected

_TEXT = 300
"""Characters of a reason."""
_STATUS = 40
"""Characters of a status that this program does not know."""


def versions(
    *,
    loaded: Loaded,
    nodes: tuple[str, ...],
    statuses: tuple[str, ...],
    reason: str,
    deprecated: bool,
    since: str,
    limit: int,
    with_reasons: bool,
    as_json: bool,
) -> int:
    """Look, print what was found and return the exit code. ConfigError as `look_at_registry`."""
    known = loaded.settings

    async def look(progress: Progress) -> Found:
        return await look_up(
            registry_of(known, progress),
            Filters(
                nodes=nodes,
                statuses=statuses,
                reason=reason,
                deprecated=deprecated,
                since=since,
            ),
            limit=limit,
            with_reasons=with_reasons,
            progress=progress,
        )

    found, took = look_at_registry(known, look)
    for line in failure_lines(found.problems):
        echo(line, error=True)
    show_result(
        _document(found, took)
        if as_json
        else lines(found, took.seconds, columns(), with_reasons=with_reasons)
    )
    return exit_code(is_undone=bool(found.problems))


def _document(found: Found, took: Took) -> VersionsDocument:
    """Return the document of `versions --json` (docs/scripts.md)."""
    return VersionsDocument(
        started=took.started,
        finished=took.finished,
        versions=tuple(map(_form, found.versions)),
        total=found.total,
        packs=found.packs,
        # Keys, but the registry's words all the same.
        by_status={escape_invisible(one): n for one, n in found.by_status.items()},
        errors=tuple(map(error_form, found.problems)),
    )


def _form(found: FoundVersion) -> VersionForm:
    version = found.version
    return projected(
        VersionForm,
        version,
        node=found.node,
        version=version.version or None,
        version_id=version.id or None,
        # What the registry writes may be no time at all.
        published=timestamps.normal(version.created_at),
        # None says "not read"; an empty text is the registry's own silence.
        reason=found.reason.summary if found.reason else None,
        download_url=version.download_url or None,
        url=node_url(found.node),
    )


def lines(
    found: Found, seconds: float, width: int | None, *, with_reasons: bool
) -> list[str]:
    """Return the table, how many versions it does not show, and the summary; `width` is None for a pipe."""
    text: list[str] = []
    if found.versions:
        text = _table(found.versions, width, with_reasons=with_reasons)
    left, hint = found.total - len(found.versions), f"--limit {found.total} shows all"
    text += and_more(left, "older version", hint)
    return [*text, *([""] if text else []), _summary(found, seconds)]


def _table(
    versions: Sequence[FoundVersion], width: int | None, *, with_reasons: bool
) -> list[str]:
    head = ["PUBLISHED", "STATUS", "PACK VERSION"]
    found: list[Row] = []
    if with_reasons and width is None:  # so that a row is a line
        head.append("REASON")
    for one in versions:
        row, reason = _cells(one), _reason(one) if with_reasons else ""
        found.append(row)
        if width is None and with_reasons:
            row.append(reason or "-")
        elif reason:
            found.append(INDENT + reason)
    return table(head, found, width)


def _cells(found: FoundVersion) -> list[str]:
    version = found.version
    published = timestamps.normal(version.created_at)
    # A status is the registry's text too, and may be one that nobody knows yet.
    status = colour(sanitize_line(version.status, _STATUS))
    return [
        dim(short_time(published)) if published else "-",
        f"{status}, {colour('deprecated')}" if version.deprecated else status,
        f"{sanitize_line(found.node)} {sanitize_line(version.version)}".rstrip(),
    ]


def _reason(found: FoundVersion) -> str:
    """Return the reason, shortened. Of a status that this program does not know, none is asked for."""
    if found.reason is None:
        return "(could not be read)" if found.version.status in STATUSES else ""
    return sanitize_line(found.reason.summary, _TEXT)


def _summary(found: Found, seconds: float) -> str:
    """Return the last line: how many versions of how many packs, worst status first, and what is missing."""
    counts = [
        f"{count:,} {colour(sanitize_line(status, _STATUS))}"
        for status, count in found.by_status.items()
    ]
    line = f"no version found ({seconds:.1f} s)"
    if found.total:
        versions, packs = plural(found.total, "version"), plural(found.packs, "pack")
        line = f"{versions} of {packs} ({seconds:.1f} s): {', '.join(counts)}"
    if found.deprecated:
        line += f"; {colour('deprecated')}: {found.deprecated:,}"
    # An id that does not exist hides no version of another pack.
    if any(one.fault is not Fault.NOT_FOUND for one in found.problems):
        line += f"; {styled('not all could be read', 'red')}"
    return line
