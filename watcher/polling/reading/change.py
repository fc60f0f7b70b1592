"""What a poll finds changed: every node read and compared with the state, and what failures say about the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from watcher.changes import health
from watcher.changes.channel_health import ChannelState, assess_channels
from watcher.changes.facts import with_safe_versions
from watcher.changes.transitions import DiffOptions
from watcher.model.event import Event, bounded
from watcher.model.snapshot import Snapshot
from watcher.model.version import STATUSES
from watcher.polling.model import PollConfig
from watcher.polling.reading.reasons import explained
from watcher.polling.reading.survey import Findings, Survey
from watcher.progress import Progress
from watcher.registry.client import Registry
from watcher.state.model import Checks, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a poll has read and compared; nothing is written yet."""

    findings: Findings
    snapshot: Snapshot
    """The same object as in the loaded state where nothing changed."""
    checks: Checks
    events: tuple[Event, ...]


async def read_change(
    config: PollConfig,
    state: State,
    of_channels: Sequence[ChannelState],
    started: str,
    clock: Callable[[], str],
    progress: Progress,
) -> Change:
    """Read all nodes, and return what differs from the state. StateError if the snapshot is corrupt."""
    checks = state.checks
    checks = replace(checks, etags=checks.etags if checks.etag_scope == config.etag_scope else {})
    findings, events = await _read(config, state.snapshot, checks, started, clock, progress)
    assessed = health.assess(
        checks.health,
        state.snapshot.with_nodes(findings.nodes),
        findings.unread,
        findings.read,
        config.failure_threshold,
        started,
        empty=[node.lower() for node in findings.empty],
    )
    snapshot, about_channels = assess_channels(assessed.snapshot, of_channels, started)
    events = with_safe_versions(events + assessed.events + about_channels, snapshot, config.statuses)
    return Change(
        findings=findings,
        snapshot=snapshot,
        checks=_checks_after(checks, config, findings, assessed.health, started),
        events=tuple(bounded(event) for event in events),
    )


async def _read(
    config: PollConfig,
    snapshot: Snapshot,
    checks: Checks,
    started: str,
    clock: Callable[[], str],
    progress: Progress,
) -> tuple[Findings, tuple[Event, ...]]:
    """Return what was found about the nodes, and their events with the registry's reasons."""
    async with Registry(
        config.registry_url, config.limits, expected_requests=len(config.nodes), progress=progress
    ) as registry:
        findings = await Survey(
            registry=registry,
            nodes=config.nodes,
            snapshot=snapshot,
            checks=checks,
            options=DiffOptions(
                statuses=tuple(status for status in STATUSES if status in config.statuses),
                baseline=config.baseline,
                now=started,
            ),
            concurrency=config.limits.concurrency,
            clock=clock,
            progress=progress,
        ).read()
        events = tuple(event for of_node in findings.events.values() for event in of_node)
        return findings, await explained(registry, events, config.limits.timeout, progress)


def _checks_after(checks: Checks, config: PollConfig, findings: Findings, streaks: health.Health, now: str) -> Checks:
    """Return how this poll went, after `checks`, of which only the etags of other nodes stay valid."""
    polled = {node.lower() for node in config.nodes}
    others = {key: etag for key, etag in checks.etags.items() if key not in polled}
    return replace(
        checks,
        polled_at=now,
        polled_before=checks.polled_at,
        health=streaks,
        checked=dict(sorted({**checks.checked, **findings.checked}.items())),
        etags=dict(sorted({**others, **findings.etags}.items())),
        etag_scope=config.etag_scope,
        watched=config.nodes,
        terminal_closed_at="",
    )
