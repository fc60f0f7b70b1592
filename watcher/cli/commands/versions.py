"""`versions`: the versions that the registry has, from options to exit code. Nothing is kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

from watcher import timestamps
from watcher.changes.transitions import node_url
from watcher.cli.commands.history import earliest
from watcher.cli.documents import VersionForm, VersionsDocument
from watcher.cli.findings import findings_below
from watcher.cli.options import read
from watcher.cli.report import error_form, failure_lines
from watcher.cli.terminal import (
    INDENT,
    Row,
    colour,
    dim,
    echo,
    echo_result,
    progress_line,
    short_time,
    styled,
    table,
    to_json,
)
from watcher.model.reading import Fault
from watcher.model.scan import shortened
from watcher.model.version import STATUSES
from watcher.polling.clock import clock
from watcher.polling.lookup import Filters, Found, FoundVersion, look_up
from watcher.polling.model import request_limits
from watcher.registry import network
from watcher.settings import parsing
from watcher.settings.loading import Loaded
from watcher.streams import width
from watcher.text.sanitize import escape_invisible, plural, sanitize_line

_TEXT = 300
"""Characters of a reason, and of an error."""
_TERMINAL_TEXT = 160
"""Characters of a reason on a terminal."""
_FINDINGS = 5
"""Findings of a version."""
_STATUS = 40
"""Characters of a status that this program does not know."""
_LONGEST_SEARCH = 1000
_LIMIT = 50
"""Versions that are shown without `--limit`."""


def _visible(text: str) -> str:
    is_visible = bool(text.strip()) and text.isprintable()
    if not is_visible or len(text) > _LONGEST_SEARCH:
        raise ValueError(f"give a text of 1 to {_LONGEST_SEARCH} visible characters")
    return text


def show(
    *,
    settings: Callable[..., Loaded],
    nodes: Sequence[str],
    statuses: tuple[str, ...],
    reason: str | None,
    deprecated: bool,
    since: str | None,
    limit: int | None,
    with_reasons: bool,
    as_json: bool,
) -> int:
    """Look, print what was found and return the exit code.

    UsageError for a wrong node id, time or text, and ConfigError as `transport.check_usable`.
    """
    wanted = Filters(
        nodes=read("ID", parsing.read, list(nodes)),
        statuses=statuses,
        reason="" if reason is None else read("--reason", _visible, reason),
        deprecated=deprecated,
        since=earliest(since),
    )
    known = settings(alerts=False).settings
    network.check_usable(known.registry_url)
    started = clock()
    with progress_line(known) as progress:
        found = asyncio.run(
            look_up(
                wanted,
                limit=limit or _LIMIT,
                with_reasons=with_reasons,
                registry_url=known.registry_url,
                limits=request_limits(known),
                progress=progress,
            )
        )
    finished = clock()
    for line in failure_lines(found.problems):
        echo(line, error=True)
    if as_json:
        echo_result([to_json(_document(found, started, finished))])
    else:
        seconds = max(timestamps.seconds_between(started, finished), 0)
        columns = width(sys.stdout)
        echo_result(lines(found, seconds, columns, with_reasons=with_reasons))
    return 1 if found.problems else 0


def _document(found: Found, started: str, finished: str) -> VersionsDocument:
    """Return the document of `versions --json` (docs/versions.md)."""
    return VersionsDocument(
        started=started,
        finished=finished,
        versions=tuple(map(_form, found.versions)),
        total=found.total,
        packs=found.packs,
        # Keys, but the registry's words all the same.
        by_status={escape_invisible(one): n for one, n in found.by_status.items()},
        errors=tuple(map(error_form, found.problems)),
    )


def _form(found: FoundVersion) -> VersionForm:
    version = found.version
    return VersionForm(
        node=found.node,
        version=version.version or None,
        version_id=version.id or None,
        status=version.status,
        deprecated=version.deprecated,
        published=timestamps.normal(version.created_at),
        reason=found.reason.summary if found.reason else None,
        download_url=version.download_url or None,
        dependencies=version.dependencies,
        url=node_url(found.node),
    )


def lines(
    found: Found, seconds: float, width: int | None, *, with_reasons: bool
) -> list[str]:
    """Return the table, how many versions it does not show, and the summary; `width` is None for a pipe."""
    text: list[str] = []
    if found.versions:
        text += _table(found.versions, width, with_reasons=with_reasons)
    if more := found.total - len(found.versions):
        older = plural(more, "older version")
        text.append(f"and {older}; --limit {found.total} shows all")
    if text:
        text.append("")
    return [*text, _summary(found, seconds)]


def _table(
    versions: Sequence[FoundVersion], width: int | None, *, with_reasons: bool
) -> list[str]:
    head = ["PUBLISHED", "STATUS", "PACK VERSION"]
    if not with_reasons:
        return table(head, map(_cells, versions), width)
    if width is None:  # so that a row is a line
        rows = [[*_cells(one), _reason(one, _TEXT) or "-"] for one in versions]
        return table([*head, "REASON"], rows)
    found: list[Row] = []
    for one in versions:
        found.append(_cells(one))
        scan = one.reason.scan if one.reason else None
        is_findings_alone = scan is not None and scan.is_whole
        reason = "" if is_findings_alone else _reason(one, _TERMINAL_TEXT)
        found += [INDENT + reason] if reason else []
        found += findings_below(scan and shortened(scan, _FINDINGS), width)
    return table(head, found, width)


def _cells(found: FoundVersion) -> list[str]:
    version = found.version
    published = timestamps.normal(version.created_at)
    status = colour(sanitize_line(version.status, _STATUS))
    return [
        dim(short_time(published)) if published else "-",
        f"{status}, {colour('deprecated')}" if version.deprecated else status,
        f"{sanitize_line(found.node)} {sanitize_line(version.version)}".rstrip(),
    ]


def _reason(found: FoundVersion, limit: int) -> str:
    """Return the reason, shortened. Of a status that this program does not know, none is asked for."""
    if found.reason is None:
        return "(could not be read)" if found.version.status in STATUSES else ""
    return sanitize_line(found.reason.summary, limit)


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
    if any(one.fault is not Fault.NOT_FOUND for one in found.problems):
        line += f"; {styled('not all could be read', 'red')}"
    return line
