"""What a poll finds changed: every node read and compared with the state, and what failures say about the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher.changes import health
from watcher.changes.channel_health import ChannelState, assess_channels
from watcher.changes.facts import with_safe_versions
from watcher.changes.transitions import DiffOptions
from watcher.model.event import Event, bounded
from watcher.model.pack import Pack
from watcher.model.snapshot import Snapshot
from watcher.model.version import BANNED, STATUSES
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
    nodes: tuple[str, ...]
    """The ids that were watched, those of installed packs too."""
    installs: Mapping[str, tuple[Pack, ...]] = field(default_factory=dict)
    """The last good list of each install."""
    scan_errors: Mapping[str, str] = field(default_factory=dict)
    """By install, why it could not be scanned; "" if it could."""


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
    options = DiffOptions(
        statuses=tuple(status for status in STATUSES if status in config.statuses),
        baseline=config.baseline,
        now=started,
    )
    async with Registry(
        config.registry_url, config.limits, expected_requests=len(config.nodes), progress=progress
    ) as registry:
        survey = Survey(
            registry=registry,
            nodes=config.nodes,
            snapshot=state.snapshot,
            checks=checks,
            options=options,
            concurrency=config.limits.concurrency,
            clock=clock,
            progress=progress,
        )
        if not config.installs and not _was_installed(state):
            change = _compared(config, state.snapshot, checks, await survey.read(), of_channels, started)
        else:
            from watcher.polling.reading.what_is_run import read_with_installs

            read = await read_with_installs(config, replace(state, checks=checks), survey)
            change = read.take(_compared(read.config, state.snapshot, read.checks, read.findings, of_channels, started))
        events = await explained(registry, change.events, config.limits.timeout, progress)
    events = with_safe_versions(events, change.snapshot, config.statuses)
    return replace(change, events=tuple(bounded(event) for event in events))


def _was_installed(state: State) -> bool:
    """Return whether something of installs is left in the state, which have been configured before."""
    reported, packs = state.snapshot.installed, state.checks.packs.values()
    left = reported.exposures or reported.failing or reported.offered or state.installs or state.checks.scanned
    return bool(left) or any(record is not None and record.status == BANNED for record in packs)


def _compared(
    config: PollConfig,
    known: Snapshot,
    checks: Checks,
    findings: Findings,
    of_channels: Sequence[ChannelState],
    started: str,
) -> Change:
    """Return what the findings change, and the events, without what needs the registry."""
    assessed = health.assess(
        checks.health,
        known.with_nodes(findings.nodes),
        findings.unread,
        findings.read,
        config.failure_threshold,
        started,
        empty=[node.lower() for node in findings.empty],
    )
    snapshot, about_channels = assess_channels(assessed.snapshot, of_channels, started)
    of_nodes = tuple(event for of_node in findings.events.values() for event in of_node)
    return Change(
        findings=findings,
        snapshot=snapshot,
        checks=_checks_after(checks, config, findings, assessed.health, started),
        events=of_nodes + assessed.events + about_channels,
        nodes=config.nodes,
    )


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
