"""A poll with installs: their packs join the watched nodes, and what is run is compared with what was reported.

Imported only by a poll that has installs, or that has to forget some.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watcher.changes import exposure
from watcher.changes.exposure import Poll
from watcher.changes.health import Health, assess_scans
from watcher.changes.updates import offer
from watcher.changes.verdict import Knowledge, judge_each
from watcher.model.finding import Finding
from watcher.model.snapshot import Node, Snapshot
from watcher.polling.model import PollConfig
from watcher.polling.reading import installs, records
from watcher.polling.reading.installs import Scans
from watcher.polling.reading.records import Asked
from watcher.polling.reading.survey import Findings, Survey
from watcher.state.model import Checks, State
from watcher.text.status_reason import summarize

if TYPE_CHECKING:
    from watcher.polling.reading.change import Change
    from watcher.polling.reading.sweeping import Sweeper


async def read_with_installs(
    config: PollConfig, state: State, survey: Survey, sweeper: Sweeper | None
) -> Read:
    """Scan the installs beside the requests, then read the nodes that only a scan showed; then ask `GET /nodes`."""
    checks = state.checks
    names = {source.name for source in config.installs}
    last = {name: packs for name, packs in state.installs.items() if name in names}
    nodes = installs.joined(config.nodes, last, checks.packs)
    named = frozenset(node.lower() for node in config.nodes)
    survey.nodes, survey.unsure = (
        nodes,
        frozenset(node.lower() for node in nodes) - named,
    )
    scanning = asyncio.create_task(
        installs.scan_all(config.installs, last, config.limits.timeout, survey.progress)
    )
    try:
        await (sweeper or survey).read()
        scans = await scanning
    finally:
        scanning.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await scanning
    watched = installs.joined(config.nodes, scans.packs, checks.packs)
    kept, asked_for = (
        {node.lower() for node in watched},
        {node.lower() for node in nodes},
    )
    chosen = (
        {key: node for key, node in sweeper.names.items() if sweeper.globs.matches(key)}
        if sweeper
        else {}
    )
    survey.findings.forget(asked_for - kept - chosen.keys())
    if more := [
        node for node in watched if node.lower() not in asked_for | chosen.keys()
    ]:
        survey.nodes, survey.unsure = (
            more,
            survey.unsure | {node.lower() for node in more} - named,
        )
        await survey.read()
    # Without installs only the bans that were reported before are still asked about, until they end.
    packs = (
        watched
        if config.installs
        else [one for one in watched if records.is_banned(checks, one)]
    )
    asked = await records.ask(survey.registry, checks, packs, survey)
    records.take(asked.fresh, survey.findings, state.snapshot, survey.options)
    findings = survey.findings
    unknown = frozenset(node.lower() for node in findings.unknown)
    # A folder may have any name: one that was never seen to be a pack's is not watched.
    unseen = unknown | {key for key in findings.unread if survey.node(key) is None}
    only_folders = (unseen - asked.fresh.keys()) & (
        installs.only_by_folder(scans.packs) - named
    )
    # Where nothing of the API is there, it may be another server, which says nothing of a pack.
    unknown -= findings.not_found if asked.is_absent else set()
    findings.forget(only_folders)
    watched = tuple(node for node in watched if node.lower() not in only_folders)
    return Read(
        config=replace(
            config,
            nodes=(
                *watched,
                *(node for key, node in chosen.items() if key not in kept),
            ),
        ),
        checks=checks,
        findings=survey.findings,
        scans=scans,
        asked=asked,
        unknown=unknown,
        before=state.snapshot,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read of a poll with installs."""

    config: PollConfig
    """With all watched nodes."""
    checks: Checks
    """Of the last poll."""
    findings: Findings
    scans: Scans
    asked: Asked
    unknown: frozenset[str]
    """Lower-case ids that only installs name and the registry does not know."""
    before: Snapshot

    def take(self, change: Change) -> Change:
        """Return the change with what it means for what is run."""
        now, names = change.checks.polled_at, frozenset(self.scans.errors)
        scanned = assess_scans(
            self.checks.health.installs,
            change.snapshot.installed,
            self.scans.errors,
            self.config.failure_threshold,
            now,
        )
        findings = list(self._findings(change))
        keys = {one.node.lower() for one in findings if one.node}
        poll = Poll(
            findings=findings,
            installs=names,
            unseen=names - self.scans.packs.keys(),
            before=_some(self.before, keys),
            after=_some(change.snapshot, keys),
            events=change.events,
            accept=self.config.accept,
            statuses=self.config.statuses,
            now=now,
        )
        installed, exposed = exposure.assess(scanned.installed, poll)
        installed, updates = offer(installed, poll)
        snapshot = change.snapshot
        if installed != snapshot.installed:
            snapshot = replace(snapshot, installed=installed)
        return replace(
            change,
            snapshot=snapshot,
            checks=self._checks(
                change.checks,
                replace(change.checks.health, installs=scanned.failures),
                now,
            ),
            events=(*change.events, *scanned.events, *exposed, *updates),
            installs=dict(self.scans.packs),
            scan_errors=self.scans.errors,
        )

    def _checks(self, checks: Checks, health: Health, now: str) -> Checks:
        scanned = {
            name: self.checks.scanned.get(name, "") if why else now
            for name, why in self.scans.errors.items()
        }
        unknown = {node.lower() for node in self.findings.unknown}
        unread = set(self.checks.unknown) & self.findings.unread.keys()
        return replace(
            checks,
            health=health,
            scanned={
                name: moment for name, moment in sorted(scanned.items()) if moment
            },
            unknown=tuple(sorted(unknown | unread)),
            packs=dict(sorted(self.asked.known.items())),
            packs_at=self.asked.at,
            packs_error=self.asked.failure.error if self.asked.failure else "",
        )

    def _findings(self, change: Change) -> Iterator[Finding]:
        """Yield what is found of every copy, as each pack that it may be and that the registry can be asked about."""

        def known(name: str) -> Knowledge:
            key = name.lower()
            node = change.snapshot.nodes.get(key)
            if node is None and key in self.unknown:
                node = Node(node=name, empty_since=change.checks.polled_at)
            record = records.believed(self.asked.known.get(key), node)
            return Knowledge(
                node=node,
                record=record,
                statuses=self.config.statuses,
                reason=summarize(record.status_detail) if record else "",
                no_records=self.asked.failure,
            )

        for install, packs in sorted(self.scans.packs.items()):
            for pack in packs:
                yield from (
                    one
                    for one in judge_each(install, pack, known)
                    if one.id is not None
                )


def _some(snapshot: Snapshot, keys: set[str]) -> Mapping[str, Node]:
    return {key: node for key in keys if (node := snapshot.nodes.get(key)) is not None}
