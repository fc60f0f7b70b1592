"""What a poll finds changed: every node read and compared with the state, and what failures say about the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watcher.changes import health
from watcher.changes.channel_health import ChannelState, assess_channels
from watcher.changes.transitions import DiffOptions
from watcher.model.event import Event
from watcher.model.listing import ALL
from watcher.model.pack import Pack
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot, Whole
from watcher.model.version import BANNED, STATUSES
from watcher.polling.model import PollConfig
from watcher.polling.reading.choice import Way, is_worth_a_look
from watcher.polling.reading.survey import Findings, Survey
from watcher.progress import Progress
from watcher.registry.client import Registry
from watcher.state.model import Checks, State

if TYPE_CHECKING:
    from watcher.polling.reading.sweeping import Sweeper


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
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
    unseen: int = 0
    """How many nodes a sweep did not show wholly and were not asked."""
    postponed: int = 0
    """How many nodes differ in a sweep and were not asked by themselves."""
    error: str = ""
    """Why not all was seen in a sweep, where no node itself failed."""


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
    if checks.etag_scope != config.etag_scope:
        checks = replace(checks, etags={}, server_times={}, stale_since={})
    options = DiffOptions(
        statuses=tuple(status for status in STATUSES if status in config.statuses),
        baseline=config.baseline,
        now=started,
    )
    async with Registry(
        config.registry_url, config.limits, progress=progress
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
        sweeper = _sweeper(config, state, survey)
        if config.installs or _was_installed(state):
            from watcher.polling.reading.what_is_run import read_with_installs

            read = await read_with_installs(
                config, replace(state, checks=checks), survey, sweeper
            )
            change = read.take(
                _compared(
                    read.config,
                    state.snapshot,
                    read.checks,
                    survey,
                    sweeper,
                    of_channels,
                )
            )
        else:
            await (sweeper or survey).read()
            nodes = tuple(sweeper.names.values()) if sweeper else config.nodes
            change = _compared(
                replace(config, nodes=nodes),
                state.snapshot,
                checks,
                survey,
                sweeper,
                of_channels,
            )
        events = (
            await _completed(registry, change, config, progress)
            if change.events
            else ()
        )
    return replace(
        change, checks=replace(change.checks, requests=registry.requests), events=events
    )


async def _completed(
    registry: Registry, change: Change, config: PollConfig, progress: Progress
) -> tuple[Event, ...]:
    """Return the events with what is no part of the transition."""
    # Here, since most polls have no event: it takes a fiftieth of a quiet poll.
    from watcher.changes.facts import finished
    from watcher.polling.reading.reasons import reasons_for

    events = change.events
    if change.installs:
        from watcher.changes.exposure import copies_of, with_copies

        events = with_copies(events, copies_of(change.installs))
    patience = config.limits.timeout
    reasons = await reasons_for(registry, events, patience, progress)
    return finished(events, change.snapshot, config.statuses, reasons)


def _sweeper(config: PollConfig, state: State, survey: Survey) -> Sweeper | None:
    """Return what reads by sweep where that may be needed; None where each node is asked."""
    checks = state.checks
    if (
        not config.globs
        and not config.installs
        and not is_worth_a_look(len(config.nodes), checks.total)
    ):
        return None
    # Here, since most polls from cron watch a few nodes and do without: it takes 5 ms.
    from watcher.polling.reading.sweeping import Sweeper
    from watcher.polling.reading.turn import DailyTurn

    return Sweeper(
        survey=survey,
        globs=Selection(globs=config.globs),
        pages=checks.pages,
        total=checks.total if checks.etag_scope == config.etag_scope else None,
        daily=DailyTurn(survey=survey, turn=checks.turn, error=checks.turn_error),
        whole=state.snapshot.whole if config.globs else Whole(),
    )


def _was_installed(state: State) -> bool:
    """Return whether something of installs is left in the state, which have been configured before."""
    reported, packs = state.snapshot.installed, state.checks.packs.values()
    left = (
        reported.exposures
        or reported.failing
        or reported.offered
        or state.installs
        or state.checks.scanned
    )
    return bool(left) or any(
        record is not None and record.status == BANNED for record in packs
    )


def _compared(
    config: PollConfig,
    known: Snapshot,
    checks: Checks,
    survey: Survey,
    sweeper: Sweeper | None,
    of_channels: Sequence[ChannelState],
) -> Change:
    """Return what was read changes, and the events, without what needs the registry."""
    findings, started, of_all = survey.findings, survey.options.now, None
    if sweeper is not None:
        known, of_all = sweeper.with_baseline(known)
    elif known.whole != Whole():
        known = replace(known, whole=Whole())
    assessed = health.assess(
        replace(
            _without_stale(checks.health, findings), sweep=None
        ),  # without globs there is none
        known.with_nodes(findings.nodes),
        findings.unread,
        findings.read,
        config.failure_threshold,
        started,
        empty=[node.lower() for node in findings.empty],
    )
    if sweeper is not None:
        assessed = sweeper.with_health(
            assessed, checks.health.sweep, config.failure_threshold
        )
    snapshot, about_channels = assess_channels(assessed.snapshot, of_channels, started)
    of_nodes = tuple(event for of_node in findings.events.values() for event in of_node)
    change = Change(
        findings=findings,
        snapshot=snapshot,
        checks=_checks_after(checks, config, findings, assessed.health, started),
        events=(
            *([of_all] if of_all else ()),
            *of_nodes,
            *assessed.events,
            *about_channels,
        ),
        nodes=config.nodes,
    )
    return change if sweeper is None else sweeper.with_figures(change)


def _without_stale(streaks: health.Health, findings: Findings) -> health.Health:
    """Return the streaks without that of a sweep's first page, if this poll had none that failed."""
    if ALL not in streaks.nodes or ALL in findings.unread or ALL in findings.read:
        return streaks
    return replace(
        streaks,
        nodes={key: streak for key, streak in streaks.nodes.items() if key != ALL},
    )


def _checks_after(
    checks: Checks,
    config: PollConfig,
    findings: Findings,
    streaks: health.Health,
    now: str,
) -> Checks:
    """Return how this poll went, after `checks`, of which only the etags of other nodes stay valid."""
    polled = {node.lower() for node in config.nodes}
    others = {key: etag for key, etag in checks.etags.items() if key not in polled}
    stale = {
        key: since
        for key, since in checks.stale_since.items()
        if key not in findings.server_times
    }
    return replace(
        checks,
        polled_at=now,
        polled_before=checks.polled_at,
        health=streaks,
        checked=dict(sorted({**checks.checked, **findings.checked}.items())),
        etags=dict(sorted({**others, **findings.etags}.items())),
        server_times=dict(
            sorted({**checks.server_times, **findings.server_times}.items())
        ),
        stale_since=dict(sorted({**stale, **findings.stale_since}.items())),
        etag_scope=config.etag_scope,
        watched=config.nodes,
        way=Way.EACH.value,
    )
