"""`audit`: what the registry says of installed packs, from targets to exit code. Nothing is kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence

from watcher import timestamps
from watcher.cli.commands.installs import audit_report
from watcher.cli.commands.installs.chosen import Chosen
from watcher.cli.commands.installs.scanning import scan_all
from watcher.cli.progress_line import progress_line
from watcher.cli.terminal import echo, echo_result
from watcher.errors import StateError
from watcher.model.exposure import Exposure, exposure_key
from watcher.model.failure import ReadFailure
from watcher.model.pack import Source, Verdict
from watcher.polling.audit import Audit, audit, fails, is_limit
from watcher.polling.clock import clock
from watcher.polling.model import request_limits
from watcher.progress import Progress
from watcher.registry import transport
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.streams import width
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted, safe_line, sanitize_line


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
        done = asyncio.run(_audit(settings, installs.sources, accept, progress))
    for line in _problem_lines(done.problems):
        echo(line, error=True)
    if as_json:
        document = audit_report.as_json(
            done, started, clock(), only_problems=only_problems
        )
        echo_result([document])
    else:
        seconds = max(timestamps.seconds_between(started, clock()), 0)
        of = width(sys.stdout)
        echo_result(audit_report.lines(done, seconds, of, only_problems=only_problems))
    if fails(done, fail_on):
        return 3
    if installs.by_target and any(one.failure for one in done.inventories):
        return 2
    return 0 if all(map(is_limit, done.problems)) else 1


async def _audit(
    settings: Settings,
    installs: Sequence[Source],
    accept: Collection[str],
    progress: Progress,
) -> Audit:
    return await audit(
        await scan_all(installs, settings.timeout, progress, workflows=True),
        registry_url=settings.registry_url,
        limits=request_limits(settings),
        accept={*settings.accept, *accept},
        reported=_reported(settings, accept),
        clock=clock,
        progress=progress,
    )


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


def _problem_lines(problems: Iterable[ReadFailure]) -> list[str]:
    """Return lines about what could not be checked; one about all nodes that failed for the same reason."""
    lines: list[str] = []
    nodes: dict[str, list[str]] = {}
    for one in problems:
        error = audit_report.error_text(one)
        if one.node is not None:
            nodes.setdefault(error, []).append(one.node)
        elif one.install is not None:
            lines.append(f"error: {safe_line(Trusted(one.install))}: {error}")
        else:
            lines.append(f"{'warning' if is_limit(one) else 'error'}: {error}")
    for error, of in nodes.items():
        about = sanitize_line(of[0]) if len(of) == 1 else plural(len(of), "pack")
        lines.append(f"error: {about} could not be checked: {error}")
    return lines
