"""`versions`: from options to the exit code. Nothing is kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence

from watcher.cli.commands.history import parse_since
from watcher.cli.commands.versions import report
from watcher.cli.progress_line import progress_line
from watcher.cli.terminal import echo, echo_result
from watcher.errors import UsageError
from watcher.model.failure import ReadFailure
from watcher.polling.clock import clock
from watcher.polling.lookup.look import look_up
from watcher.polling.lookup.model import Filters
from watcher.polling.model import request_limits
from watcher.registry import transport
from watcher.settings import node_ids
from watcher.settings.loading import Loaded
from watcher.streams import width
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_TEXT = 300
"""Characters of an error."""


def filters(
    nodes: Sequence[str],
    statuses: tuple[str, ...],
    reason: str,
    since: str | None,
    *,
    deprecated: bool,
) -> Filters:
    """Return what to look for; UsageError for a wrong node id or time."""
    try:
        ids = node_ids.read(list(nodes))
    except ValueError as error:
        raise UsageError(str(error)) from None
    try:
        earliest = "" if since is None else parse_since(since, clock())
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None
    return Filters(
        nodes=ids,
        statuses=statuses,
        reason=reason,
        deprecated=deprecated,
        since=earliest,
    )


def show(
    loaded: Loaded, wanted: Filters, limit: int, *, with_reasons: bool, as_json: bool
) -> int:
    """Look, print what was found and return the exit code. ConfigError as `transport.check_usable`."""
    settings = loaded.settings
    transport.check_usable(settings.registry_url)
    started = clock()
    with progress_line(settings) as progress:
        found = asyncio.run(
            look_up(
                wanted,
                limit=limit,
                with_reasons=with_reasons,
                registry_url=settings.registry_url,
                limits=request_limits(settings),
                progress=progress,
            )
        )
    result = report.VersionsReport(
        started=started,
        finished=clock(),
        filters=wanted,
        found=found,
        with_reasons=with_reasons,
    )
    for line in _errors(found.problems):
        echo(line, error=True)
    echo_result(
        [report.as_json(result)] if as_json else report.lines(result, width(sys.stdout))
    )
    return 1 if found.problems else 0


def _errors(problems: Iterable[ReadFailure]) -> Iterable[str]:
    """Yield the lines about what could not be read; one about all nodes that have the same problem."""
    nodes: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        named = nodes.setdefault((problem.error, problem.hint), [])
        if problem.node is not None:
            named.append(sanitize_line(problem.node))
    for (error, hint), named in nodes.items():
        about = (
            f"{named[0] if len(named) == 1 else plural(len(named), 'pack')}: "
            if named
            else ""
        )
        yield f"error: {about}{sanitize_line(error, _TEXT)}"
        if hint:
            yield f"hint: {hint}"
