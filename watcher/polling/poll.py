"""One poll: read every watched node, compare, save the change with its alerts, then deliver. The only conductor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from watcher.alerts import outbox
from watcher.changes import health
from watcher.changes.transitions import DiffOptions
from watcher.errors import StateError, UnsureError
from watcher.model.event import Event, bounded
from watcher.model.snapshot import Snapshot
from watcher.model.version import STATUSES
from watcher.polling import dispatch
from watcher.polling.dispatch import Dispatch
from watcher.polling.model import PollConfig, Report
from watcher.polling.reroute import Edited, followed, set_aside
from watcher.polling.survey import Findings, Survey, explained
from watcher.progress import Progress, silent
from watcher.registry.client import Registry
from watcher.state.model import Checks, State
from watcher.state.store import StateFolder

_Result = TypeVar("_Result")


class StoppedError(Exception):
    """The poll was told to stop while it was reading; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Polls one watch into one state folder, whose lock the caller holds.

    `clock` gives the time as RFC 3339, `progress` hears what is waited for; `dry_run` writes and sends nothing;
    `channel_budget` is `dispatch.Terms.budget`.
    """

    config: PollConfig
    folder: StateFolder
    clock: Callable[[], str]
    stopping: asyncio.Event
    progress: Progress = silent
    dry_run: bool = False
    channel_budget: float | None = None
    on_expired: Callable[[Dispatch], None] = lambda _: None
    backoffs: dispatch.Backoffs = field(default_factory=dispatch.Backoffs)

    async def poll(self) -> Report:
        """Do one whole poll. Raises StateError as the state folder does, StoppedError if stopped while reading."""
        self.folder.see_that_it_is_held()
        started = self.clock()
        state = self.folder.load()
        findings, snapshot, checked_health, events = await self._until_stopped(self._look(state, started))
        checks = replace(
            state.checks,
            polled_at=started,
            health=checked_health,
            checked=dict(sorted({**state.checks.checked, **findings.checked}.items())),
            etags=dict(sorted({**self._names_of_others(state.checks), **findings.etags}.items())),
            asked=self._question(),
            watched=self.config.nodes,
        )
        state = replace(state, checks=checks)
        unsaved: list[str] = []
        if self.dry_run:
            done = Dispatch(state.outbox)
        else:
            done = await self._keep(state, snapshot, events, started, unsaved)
        return Report(
            started=started,
            finished=self.clock(),
            watched=len(self.config.nodes),
            checked=len(self.config.nodes) - len(findings.unread),
            events=events,
            errors=tuple((failed.node, failed.error) for failed in findings.unread.values()),
            empty=tuple(findings.empty),
            delivered=done.delivered,
            pending=sum(done.waiting.alerts(channel.name) for channel in self.config.channels),
            expired_by_channel=done.expired,
            channel_errors=self._channel_errors(done),
            set_aside={} if self.dry_run else set_aside(state.addresses, done.waiting, self.config.channels),
            unsaved=tuple(unsaved),
            said=state.checks.said,
        )

    def _channel_errors(self, done: Dispatch) -> Mapping[str, str]:
        """Say why channels owe something: this poll's failure, or an earlier one that they still rest from."""
        queues = done.waiting.queues
        resting = {
            channel.name: f"backing off after {queues[channel.name].error}"
            for channel in self.config.channels
            if channel.name in queues and queues[channel.name].messages and queues[channel.name].error
        }
        return resting | done.failures

    async def deliver_due(self) -> Dispatch:
        """Send what has become due between polls. Raises StateError as the folder does, unless it is only for now."""
        self.folder.see_that_it_is_held()
        unsaved: list[str] = []
        done = await self._deliver(self._followed(self.folder.load()), unsaved)
        return replace(done, unsaved=tuple(unsaved))

    def _names(self, checks: Checks) -> Mapping[str, str]:
        """Give the names of known answers, if they answered this question."""
        return checks.etags if checks.asked == self._question() else {}

    def _names_of_others(self, checks: Checks) -> dict[str, str]:
        """Give the names that this poll says nothing of."""
        polled = {node.lower() for node in self.config.nodes}
        return {key: name for key, name in self._names(checks).items() if key not in polled}

    def _question(self) -> str:
        """Say what every node's answer depends on beside the node."""
        return " ".join([self.config.registry_url, *sorted(self.config.statuses)])

    async def _until_stopped(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise StoppedError
            return task.result()
        finally:
            task.cancel()
            stop.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _look(self, state: State, started: str) -> tuple[Findings, Snapshot, health.Health, tuple[Event, ...]]:
        """Read and compare; nothing is written."""
        terms = DiffOptions(
            statuses=tuple(status for status in STATUSES if status in self.config.statuses),
            baseline=self.config.baseline,
            now=started,
        )
        limits = self.config.limits
        async with Registry(
            self.config.registry_url, limits, expected_requests=len(self.config.nodes), progress=self.progress
        ) as registry:
            findings = await Survey(
                registry=registry,
                nodes=self.config.nodes,
                snapshot=state.snapshot,
                checked=state.checks.checked,
                etags=self._names(state.checks),
                failures=state.checks.health.nodes,
                terms=terms,
                concurrency=limits.concurrency,
                clock=self.clock,
                progress=self.progress,
            ).read()
            events = tuple(event for found in findings.events.values() for event in found)
            events = await explained(registry, events, limits.timeout, self.progress)
        snapshot = state.snapshot.with_nodes(findings.nodes)
        assessed = health.assess(
            state.checks.health,
            snapshot,
            findings.unread,
            findings.read,
            self.config.failure_threshold,
            started,
            empty=[node.lower() for node in findings.empty],
        )
        events = tuple(bounded(event) for event in events + assessed.events)
        return findings, assessed.snapshot, assessed.health, events

    async def _keep(
        self, state: State, snapshot: Snapshot, events: tuple[Event, ...], now: str, unsaved: list[str]
    ) -> Dispatch:
        """Make change and alerts durable in one step, then the rest of what this poll learned, and deliver.

        StateError if the change can't be saved. What fails behind that is noted as `unsaved`: it may not hold the
        alerts back, and the next poll does it again. But of a change that a loss of power may still take back nothing
        is sent, since it would be found and sent again, and nothing is written that would not go with the old picture.
        Where nothing at all could be written, sent or tried, that is a StateError too.
        """
        before = state
        state = self._followed(state)
        interrupted = bool(state.outbox.unrecorded)
        if snapshot != state.snapshot:
            state = self._prepared(state, snapshot, events, now)
            try:
                self.folder.commit(state.snapshot)
            except UnsureError as error:
                unsaved.append(error.what)
                return Dispatch(state.outbox)
        with _noted(unsaved):
            if interrupted:
                self.folder.record_rest(state.outbox)
            elif events:
                self.folder.record(events)
            state = replace(state, outbox=outbox.recorded(state.outbox))
        refused = None
        with _noted(unsaved):
            try:
                self.folder.save_checks(state.checks, state.snapshot.revision)
            except StateError as error:
                refused = None if isinstance(error, UnsureError) else error
                raise
        done = await self._deliver(state, unsaved)
        if refused is not None and not done.delivered and replace(state, outbox=done.waiting) == before:
            raise refused
        return done

    def _prepared(self, state: State, snapshot: Snapshot, events: tuple[Event, ...], now: str) -> State:
        """Give the state as it is once the snapshot is committed, its alerts durable already.

        Without events too: the file may hold alerts of a poll that died, which this revision would bring to life.
        """
        committed = state.snapshot.revision
        waiting = outbox.enqueue(state.outbox, self.config.channels, events, committed + 1, now)
        waiting = outbox.addressed(waiting, state.addresses.accepted)
        self.folder.prepare(waiting, committed)
        return replace(state, snapshot=replace(snapshot, revision=committed + 1), outbox=waiting)

    def _followed(self, state: State) -> State:
        watch = self.config
        edited = Edited(channels=watch.channels, digests=watch.addresses, told=watch.accepted)
        return followed(self.folder, state, edited)

    async def _deliver(self, state: State, unsaved: list[str]) -> Dispatch:
        terms = dispatch.DeliveryOptions(
            timeout=self.config.limits.timeout,
            expiry=self.config.alert_expiry,
            clock=self.clock,
            stopping=self.stopping,
            url_digests=state.addresses.accepted,
            salt=state.addresses.salt,
            budget=self.channel_budget,
            backoffs=self.backoffs,
            progress=self.progress,
        )
        done = await dispatch.dispatch(self.folder, state.outbox, self.config.channels, terms)
        if done.expired:
            self.on_expired(done)
        with _noted(unsaved):
            self.folder.compact(done.waiting, state.snapshot.revision)
        return done


@contextlib.contextmanager
def _noted(unsaved: list[str]) -> Iterator[None]:
    """Note what could not be written, and go on."""
    try:
        yield
    except StateError as error:
        unsaved.append(error.what)
