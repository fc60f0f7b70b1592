"""`audit`: what the registry says of installed packs, from targets to exit code. Nothing is kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from watcher.cli.commands.installs import audit_report
from watcher.cli.commands.installs.chosen import Chosen
from watcher.cli.progress_line import progress_line
from watcher.cli.terminal import echo, echo_result
from watcher.errors import StateError
from watcher.installs.scan import scan
from watcher.installs.unscannable import IsWorkflow, Unscannable
from watcher.model.exposure import Exposure, exposure_key
from watcher.model.pack import Source, Verdict
from watcher.polling.audit import Audit, Scanned, audit, fails, is_limit
from watcher.polling.clock import clock
from watcher.polling.model import request_limits
from watcher.progress import Progress
from watcher.registry import transport
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.streams import width
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, escape_invisible, safe_line, sanitize_line


def run_audit(
    loaded: Loaded,
    installs: Chosen,
    *,
    accept: Collection[str],
    fail_on: Collection[Verdict],
    only_problems: bool,
    as_json: bool,
) -> int:
    """Audit installs, print the result and return the exit code. ConfigError as `transport.check_usable`."""
    transport.check_usable(loaded.settings.registry_url)
    if installs.said:
        echo(installs.said, error=True)
    settings = loaded.settings
    started = clock()
    with progress_line(settings) as progress:
        scanned, done = asyncio.run(
            _audit(settings, installs.sources, accept, progress)
        )
    result = audit_report.Result(
        started=started, finished=clock(), scanned=scanned, audit=done
    )
    for line in _problems(scanned, done):
        echo(line, error=True)
    if as_json:
        lines = [audit_report.as_json(result, only_problems=only_problems)]
    else:
        lines = audit_report.lines(
            result, width(sys.stdout), only_problems=only_problems
        )
    echo_result(lines)
    if fails(done, fail_on):
        return 3
    unscanned = any(one.error for one in scanned)
    if unscanned and installs.by_target:
        return 2
    is_answered = not done.unread and all(map(is_limit, done.problems))
    return 0 if is_answered and not unscanned else 1


async def _audit(
    settings: Settings,
    installs: Sequence[Source],
    accept: Collection[str],
    progress: Progress,
) -> tuple[list[Scanned], Audit]:
    progress("scan", f"reading {plural(len(installs), 'install')}")
    scanned = await asyncio.gather(
        *(_scan(source, settings.timeout) for source in installs)
    )
    progress("scan", "")
    done = await audit(
        scanned,
        registry_url=settings.registry_url,
        limits=request_limits(settings),
        accept={*settings.accept, *accept},
        reported=_reported(settings, accept),
        clock=clock,
        progress=progress,
    )
    return scanned, done


def _reported(settings: Settings, accept: Collection[str]) -> Mapping[str, Exposure]:
    """Return what a watch with these settings has reported, but for what is accepted just now; nothing without one.

    The state is only read, also while another process works on it. Where it cannot be read, nothing is known of
    what was before.
    """
    if not settings.accept:
        return {}
    from watcher.state.store import StateFolder

    try:
        exposures = StateFolder(settings.state_dir).load().snapshot.installed.exposures
    except StateError:
        return {}
    now = {
        exposure_key(node, version)
        for node, _, version in (text.rpartition("@") for text in accept)
    }
    return {key: one for key, one in exposures.items() if key not in now}


async def _scan(source: Source, timeout: float) -> Scanned:  # noqa: ASYNC109 - a setting, which `scan` takes
    try:
        found = await scan(source, timeout=timeout)
        return Scanned(install=source.name, packs=found.packs, error=found.error)
    except IsWorkflow:
        return await asyncio.to_thread(_workflow, source)
    except Unscannable as error:
        return Scanned(install=source.name, error=error.line)


def _workflow(source: Source) -> Scanned:
    from watcher.installs.workflow_file import named_by

    path = Path(source.where)
    try:
        found = named_by(path)
        return Scanned(
            install=path.name, packs=found.packs, named=True, unnamed=found.unnamed
        )
    except Unscannable as error:
        return Scanned(install=path.name, error=error.line, named=True)


def _problems(scanned: Sequence[Scanned], done: Audit) -> list[str]:
    """Return lines about what could not be checked; one about all nodes that failed for the same reason."""
    lines = [
        f"error: {safe_line(Trusted(one.install))}: {one.error}"
        for one in scanned
        if one.error
    ]
    nodes: dict[str, list[str]] = {}
    for one in done.problems:
        if one.install is not None:
            lines.append(
                f"error: {safe_line(Trusted(one.install))}: {escape_invisible(one.error)}"
            )
        elif one.node is None:
            lines.append(
                f"{'warning' if is_limit(one) else 'error'}: {sanitize_line(one.error)}"
            )
        else:
            nodes.setdefault(one.error, []).append(one.node)
    for error, of in nodes.items():
        about = sanitize_line(of[0]) if len(of) == 1 else plural(len(of), "pack")
        lines.append(f"error: {about} could not be checked: {sanitize_line(error)}")
    return lines
