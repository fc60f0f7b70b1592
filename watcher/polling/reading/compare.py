"""A poll's answers compared with the state: the snapshot and the checks after it, and its events. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher.changes.health import ChannelState, assess, assess_channels
from watcher.changes.publishers import take_packs
from watcher.changes.sweeps import (
    assess_list,
    assess_sweep,
    set_baseline,
)
from watcher.model.event import Event
from watcher.model.failure import ReadFailure
from watcher.model.listing import ALL
from watcher.model.pack import Pack
from watcher.model.snapshot import Snapshot, SweepBaseline
from watcher.polling.model import PollConfig
from watcher.polling.reading.nodes import Compared, compare_nodes
from watcher.polling.reading.plan import Plan
from watcher.polling.reading.read import Answers
from watcher.registry.sweep import Sweep
from watcher.state.model import Checks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PollChange:
    """What a poll has read and compared; nothing is written yet."""

    snapshot: Snapshot
    """The same object as in the loaded state where nothing changed."""
    checks: Checks
    events: tuple[Event, ...]
    compared: Compared
    unplaced: frozenset[str] = frozenset()
    """Lower-case ids of packs of which the registry did not say whose they are, if publishers are watched."""
    installs: Mapping[str, tuple[Pack, ...]] = field(default_factory=dict)
    """The last good list of each install, by what the state knows it by."""
    unscanned: Mapping[str, ReadFailure] = field(default_factory=dict)
    """Why installs could not be scanned, or only in part, by what the state knows them by."""


def compare(
    config: PollConfig,
    plan: Plan,
    answers: Answers,
    of_channels: Sequence[ChannelState],
) -> PollChange:
    """Return what was read changes, and the events, without those of installs and without the registry's reasons."""
    found, now = compare_nodes(plan, answers), plan.options.now
    threshold = config.failure_threshold
    known, of_all = with_baseline(plan, answers, found)
    records = answers.packs.records.values()
    known = take_packs(known, plan.publishers, records, plan.globs)
    before = plan.checks.health
    # A page 1 that failed in another poll, and not in this one, is over.
    streaks = {
        key: one
        for key, one in before.nodes.items()
        if key != ALL or key in found.unread
    }
    assessed = assess(
        replace(before, nodes=streaks),
        known.with_nodes(found.nodes),
        found.unread,
        found.read,
        threshold,
        now,
        empty=[node.lower() for node in found.empty],
    )
    swept = assess_sweep(
        assessed.health, assessed.snapshot, found.lacking, threshold, now
    )
    listed = assess_list(swept.health, swept.snapshot, found.unlisted, threshold, now)
    snapshot, about_channels = assess_channels(listed.snapshot, of_channels, now)
    after = listed.health
    if not plan.globs.chooses:  # only what globs include depends on a whole sweep
        after = replace(after, sweep=None)
    if not plan.publishers:
        after = replace(after, lists=None)
        snapshot = replace(snapshot, unlisted=False) if snapshot.unlisted else snapshot
    events = [
        *([of_all] if of_all else ()),
        *(event for of_node in found.events.values() for event in of_node),
        *assessed.events,
        *swept.events,
        *listed.events,
        *about_channels,
    ]
    checks = _checks_after(plan, answers, found)
    return PollChange(
        compared=found,
        snapshot=snapshot,
        checks=replace(checks, health=after),
        events=tuple(events),
        unplaced=answers.packs_due - answers.packs.records.keys()
        if plan.publishers
        else frozenset(),
    )


def with_baseline(
    plan: Plan, answers: Answers, found: Compared
) -> tuple[Snapshot, Event | None]:
    """Return the known snapshot with the baseline of all as this poll leaves it, and the event of that."""
    known, sweep = plan.snapshot, answers.sweep
    if not plan.globs.chooses and known.sweep_baseline != SweepBaseline():
        return replace(known, sweep_baseline=SweepBaseline()), None
    if not isinstance(sweep, Sweep) or not plan.sets_baseline(sweep):
        return known, None
    sweep_baseline = SweepBaseline(
        globs=plan.globs.globs,
        baseline_at=sweep.at,
        failing=known.sweep_baseline.failing,
    )
    nodes = {key: found.nodes.get(key) or known.nodes[key] for key in found.baseline}
    chosen = sum(map(plan.globs.matches, found.watched))
    return set_baseline(known, sweep_baseline, nodes, plan.options, chosen=chosen)


def _checks_after(plan: Plan, answers: Answers, found: Compared) -> Checks:
    """Return how this poll went."""
    checks, listed = plan.checks, answers.listed
    stale = {
        key: since
        for key, since in checks.stale_since.items()
        if key not in found.server_times
    }
    if answers.packs_due or listed:
        failure = answers.packs.failure or (listed and listed.failure)
        checks = replace(checks, packs_error=failure.error if failure else "")
    if listed and not listed.failure:
        checks = replace(checks, listed_at=plan.options.now)
    return replace(
        checks,
        polled_at=plan.options.now,
        polled_before=checks.polled_at,
        checked=_merged(checks.checked, found.checked),
        server_times=_merged(checks.server_times, found.server_times),
        stale_since=_merged(stale, found.stale_since),
        watched=tuple(found.watched.values()),
    )


def _merged(before: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted({**before, **found}.items()))
