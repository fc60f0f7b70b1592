"""`audit`: what the registry says of installed packs, from targets to exit code. Nothing is kept."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from watcher import timestamps
from watcher.cli.commands.installs import scan_all, targets_of
from watcher.cli.formats import words
from watcher.cli.formats.document import document
from watcher.cli.formats.sarif import Run, sarif
from watcher.cli.loading import working_folder
from watcher.cli.report import failure_lines
from watcher.cli.terminal import echo, echo_result, progress_line, to_json, unstyle
from watcher.errors import UsageError
from watcher.model.finding import Acceptance, Grade
from watcher.model.pack import Source, SourceKind
from watcher.polling.audit import Audit, audit, fails, is_limit
from watcher.polling.clock import clock
from watcher.polling.model import request_limits
from watcher.registry import network
from watcher.settings.loading import Loaded
from watcher.streams import Progress, width
from watcher.text.sanitize import sanitize_line

_LIMIT = 300
"""Characters of a warning."""
_SHOWN = 300
"""Lines of a job's summary, which may have a mebibyte."""
_CODE = "    "
"""What begins a line of code in Markdown: nothing in it is markup, and nothing can end it but a line without it."""


def run_audit(
    *,
    settings: Callable[..., Loaded],
    targets: tuple[str, ...],
    accept: Collection[Acceptance],
    fail_on: Collection[Grade],
    only_problems: bool,
    shown_as: str | None,
) -> int:
    """Audit installs, print the result and return the exit code. ConfigError as `transport.check_usable`."""
    loaded = settings(alerts=False)
    chosen = targets_of(targets, lambda: loaded)
    if shown_as == "sarif":
        _require_files(chosen.sources)
    known = loaded.settings
    network.check_usable(known.registry_url)
    if chosen.note:
        echo(chosen.note, error=True)
    started = clock()

    async def look(progress: Progress) -> Audit:
        return await audit(
            await scan_all(
                chosen.sources,
                known.timeout,
                progress,
                with_files=chosen.are_named,
            ),
            registry_url=known.registry_url,
            limits=request_limits(known),
            minimum_age=known.minimum_age,
            accept=(*known.all_accepted(), *accept),
            clock=clock,
            progress=progress,
        )

    with progress_line(known) as progress:
        done = asyncio.run(look(progress))
    finished = clock()
    for one in filter(is_limit, done.problems):
        echo(f"warning: {sanitize_line(one.line, _LIMIT)}", error=True)
    unread = [one for one in done.problems if not is_limit(one)]
    errors = [*failure_lines(unread, " could not be checked")]
    for line in errors:
        echo(line, error=True)
    echo_result(
        _printed(done, started, finished, shown_as, only_problems=only_problems)
    )
    code = 1 if unread else 0
    if chosen.are_named and any(
        one.failure and not one.named for one in done.inventories
    ):
        code = 2
    if fails(done, fail_on):
        code = 3
    _add_to_summary(done, errors)
    return code


def _add_to_summary(done: Audit, unread: Sequence[str]) -> None:
    """Add what is not ok to the summary of a job of GitHub Actions, if this is one, as a block of code."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    lines = [*words.lines(done, None, None, only_problems=True), "", *unread]
    code = textwrap.indent(unstyle("\n".join(lines[:_SHOWN])), _CODE)
    try:
        with Path(path).open("ab") as file:
            file.write(f"\n{code}\n\n".encode("utf-8", "backslashreplace"))
    except OSError as error:
        why = f"the summary of the job could not be written: {error.strerror}"
        echo(f"warning: {why}", error=True)


def _require_files(chosen: Iterable[Source]) -> None:
    """Raise UsageError if SARIF, which shows each pack in a file, cannot show one of the installs."""
    for source in chosen:
        if source.kind is SourceKind.URL:
            raise UsageError(
                f"--format sarif shows packs in files, and {source.name} is an address",
                hint="name the folder of that ComfyUI, or a snapshot of it",
            )


def _printed(
    done: Audit,
    started: str,
    finished: str,
    shown_as: str | None,
    *,
    only_problems: bool,
) -> Iterable[str]:
    """Return what stdout gets."""
    run = Run(started=started, finished=finished, folder=working_folder())
    match shown_as:
        case "json":
            return [to_json(document(done, run))]
        case "sarif":
            return [to_json(sarif(done, run))]
        case _:
            seconds = max(timestamps.seconds_between(started, finished), 0)
            columns = width(sys.stdout)
            return words.lines(done, seconds, columns, only_problems=only_problems)
