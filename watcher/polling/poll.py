"""One poll: read every watched node, compare, save the change with its alerts, then deliver. The only conductor."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox, change, merged
from watcher.alerts.queues.ownership import at_their_channels, set_aside
from watcher.alerts.queues.queue import Queue, next_try, reason_to_wait
from watcher.changes.exposure import copies_of
from watcher.changes.health import ChannelState
from watcher.delivery.client import AT_ONCE, Worker
from watcher.errors import StateError, UnsureError, line_of
from watcher.model.channel import Channel, knowing
from watcher.model.pack import Scanned
from watcher.model.reading import ReadFailure
from watcher.model.snapshot import Snapshot
from watcher.polling.model import Dispatch, PollConfig, Report
from watcher.polling.problems import (
    Problem,
    delivery_problems,
    set_aside_problems,
)
from watcher.polling.reading.compare import (
    PollChange,
    compare,
    explained,
    wanted_reasons,
)
from watcher.polling.reading.plan import (
    is_due,
    make_plan,
    take_list,
    take_repositories,
)
from watcher.polling.reading.read import read, read_all
from watcher.registry.client import Registry
from watcher.registry.packs import read_all_nodes
from watcher.state.model import State, keyed
from watcher.state.store import StateFolder
from watcher.streams import Progress, silent
from watcher.timestamps import seconds_between
from watcher.values import projected

_STANDS = "; what was known of its packs still counts"


class StoppedError(Exception):
    """The poll was stopped while it was reading; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Poller:
    """Polls one configuration into one state folder, whose lock the caller holds."""

    config: PollConfig
    folder: StateFolder
    clock: Callable[[], str]
    """Returns the time as RFC 3339."""
    stopping: asyncio.Event
    progress: Progress = silent
    dry_run: bool = False
    """Write and send nothing."""
    budget: float | None = None
    """Seconds after which a channel leaves its other messages to the next round; None: never."""
    on_problems: Callable[[Iterable[Problem]], None] = lambda _: None
    """Called with what the state forgets next: which alerts have expired, or are set aside."""
    worker: Worker = field(default_factory=Worker)

    async def poll(self) -> Report:
        """Do one whole poll. StateError as the state folder raises it; StoppedError if stopped while reading."""
        self.folder.see_that_it_is_held()
        started = self.clock()
        known = self.folder.load()
        state = self._at_their_channels(known)
        # Only reading can be stopped: nothing is written by then. A save under way is finished, which takes a moment.
        found = await self._until_stopped(self._read_change(state, started))
        if self.dry_run:
            return self._report(state, found, Dispatch(state.outbox), started)
        done, saved = await self._save_and_deliver(known, state, found)
        unpublished = await self._publish(replace(saved, outbox=done.waiting))
        return self._report(state, found, done, started, unpublished)

    async def _publish(self, saved: State) -> str:
        """Write the files of what is saved; return why not all could be written, "" if they were."""
        if self.config.publish is None:
            return ""
        try:
            # In a thread, so that a signal and the watchdog are heard meanwhile. What is saved is handed over: to read
            # and decode it again is half the work for a whole registry.
            await asyncio.to_thread(self.config.publish, saved, self.folder)
        except Exception as error:  # noqa: BLE001 - the poll is done, and its alerts are sent
            return line_of(error)
        return ""

    def _report(
        self,
        state: State,
        found: PollChange,
        done: Dispatch,
        started: str,
        unpublished: str = "",
    ) -> Report:
        polled, before = found.polled, state.checks
        nodes = tuple(one.name for one in polled.values())
        queues = {
            one.name: done.waiting.queues.get(one.name, Queue())
            for one in self.config.channels
        }
        unscanned = [
            ReadFailure(
                install=one.name,
                error=one.error + (_STANDS if state.installs.get(key) else ""),
            )
            for key, one in found.scans.items()
            if one.error
        ]
        return Report(
            started=started,
            finished=self.clock(),
            watched=len(nodes),
            checked=found.checked,
            events=found.events,
            unread=found.unread,
            empty=tuple(one.name for one in polled.values() if one.is_doubtful),
            delivered=done.delivered,
            unconfirmed=done.unconfirmed,
            # Of channels that the settings have: a queue that was set aside is no part of the exit code.
            undelivered=sum(queue.alerts for queue in queues.values()),
            expired_by_channel=done.expired,
            # Their failure in this poll, or the one before their wait.
            channel_errors={
                name: why
                for name, one in queues.items()
                if (why := reason_to_wait(one))
            }
            | done.failures,
            next_try=next_try(*queues.values()),
            taking=frozenset(
                name for name, one in queues.items() if not one.failing_since
            ),
            unsaved=tuple(done.unsaved),
            unpublished=unpublished,
            nodes=nodes,
            unscanned=tuple(unscanned),
            # Said once: packs of a ComfyUI that the registry does not have are common, and nobody can mend that.
            unknown=tuple(
                one.name
                for key, one in polled.items()
                if one.is_unknown and key not in before.unknown
            ),
            # That is said when a first complete list has come.
            no_packs_of=tuple(
                one
                for one in self.config.publishers
                if (of := found.snapshot.publishers.get(one.lower())) is not None
                and of.baseline_at == started
                and not of.packs
            ),
            # Once as well: a registry without the endpoint may never have it, but its versions are watched.
            no_packs="" if before.packs_error else found.checks.packs_error,
            requests=found.checks.requests,
        )

    async def deliver_due(self) -> Dispatch:
        """Send what has become due between polls. StateError as in `poll`."""
        self.folder.see_that_it_is_held()
        known = self.folder.load()
        state = self._at_their_channels(known)
        self._follow(known, state)
        return await self._deliver(state, [])

    async def _until_stopped(self, work: Coroutine[Any, Any, PollChange]) -> PollChange:
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise StoppedError
            return task.result()
        finally:
            # What was requested is dropped, so that a stop takes less than five seconds whatever the registry does.
            task.cancel()
            stop.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _read_change(self, state: State, started: str) -> PollChange:
        """Scan the installs, read which packs publishers have and what is watched, and return what differs."""
        config, progress, patience = (
            self.config,
            self.progress,
            self.config.limits.timeout,
        )
        scans: Mapping[str, Scanned] = {}
        if config.installs:
            # Here, as it loads PyYAML, which most polls need not.
            from watcher.polling.reading.installs import scan_all

            # Addresses of installs are secret, and the state has them only as digests.
            state = salted(state)
            salt = state.snapshot.installed.salt
            installs = keyed(config.installs, salt)
            scans = await scan_all(installs, state.installs, patience, progress)
        # Before this poll's deliveries: an event about a channel has to be saved and sent with the others.
        of_channels = channel_states(state, config.channels)
        async with Registry(
            config.registry_url, config.limits, progress=progress
        ) as registry:
            nodes, all_nodes = state.snapshot.nodes, None
            if is_due(config, state, scans, started):
                # First, as it may show packs that this poll is to watch.
                all_nodes = await read_all_nodes(registry, progress)
                state, all_nodes = take_list(config, state, all_nodes, started)
            # Also without an install: what was looked up for one that left is no answer when it is back.
            state, scans = take_repositories(config, state, scans, all_nodes)
            plan = make_plan(config, state, scans, started)
            answers = await read(registry, plan, self.clock, progress, all_nodes)
            change = compare(config, plan, answers, of_channels, scans)
            # Also if no install is left in the settings: what was reported of them ends.
            if change.events or change.snapshot.installed.salt:
                # Before copies are judged: a reason may show that a flag is an info.
                wanted = wanted_reasons(config, change)
                reasons = await read_all(
                    registry, wanted, patience, progress, plan.is_stale
                )
                change = explained(config, change, reasons, nodes)
        checks = replace(
            change.checks,
            requests=registry.requests,
            # The clock may have been set back.
            seconds=max(0.0, seconds_between(started, self.clock())),
        )
        return replace(change, checks=checks)

    async def _save_and_deliver(
        self, known: State, state: State, found: PollChange
    ) -> tuple[Dispatch, State]:
        """Make the change and its alerts durable in one step, then save the rest, and deliver; return what is saved.

        StateError if the change cannot be saved, or if nothing could be written, sent or tried. What cannot be written
        after the change is saved goes to `Dispatch.unsaved`: it delays no alert, and the next poll writes it.
        If a power loss could still undo the snapshot, stop here: send nothing, and write only what is valid with the
        old snapshot.
        """
        unsaved: list[str] = []
        self._follow(known, state)
        # Before the commit adds this poll's own to these.
        interrupted = bool(state.outbox.unrecorded)
        if found.installs != state.installs:
            state = self._with_installs(state, found, unsaved)
        if found.snapshot is not state.snapshot:  # the same object if nothing changed
            state = self._prepared(state, found)
            try:
                self.folder.commit(state.snapshot)
            except UnsureError as error:
                return Dispatch(state.outbox, unsaved=[error.what]), state
        with _collected(unsaved):
            if interrupted:
                # A poll died before it wrote the history: which of its events that has is not known.
                self.folder.record_rest(state.outbox)
            elif found.events:
                self.folder.record(found.events)
            state = replace(state, outbox=outbox.recorded(state.outbox))
        refused = None
        with _collected(unsaved):
            try:
                self.folder.save_checks(found.checks, state.snapshot.revision)
            except StateError as error:
                refused = None if isinstance(error, UnsureError) else error
                raise
        if refused is None:
            state = replace(state, checks=found.checks)
        done = await self._deliver(state, unsaved)
        has_sent = done.delivered or done.unconfirmed
        if refused and not has_sent and replace(state, outbox=done.waiting) == known:
            # Nothing was saved and nothing sent, so that the disk is the result (exit code 4).
            raise refused
        return done, state

    def _with_installs(
        self, state: State, found: PollChange, unsaved: list[str]
    ) -> State:
        """Make the lists of installed packs durable, which the change rests on; without one the next poll can do it."""
        try:
            self.folder.save_installs(found.installs)
        except StateError as error:
            if found.snapshot is not state.snapshot:
                raise
            unsaved.append(error.what)
            return state
        return replace(state, installs=found.installs)

    def _prepared(self, state: State, found: PollChange) -> State:
        """Make the alerts durable and return the state as it will be once the snapshot is committed."""
        committed = state.snapshot.revision
        # A pack of which it is not known whose it is may be a watched publisher's.
        answers = found.answers
        unplaced = answers.packs_due - answers.packs.records.keys()
        hearing = self._hearing(
            found.snapshot,
            *unplaced,
            *copies_of(found.installs),
        )
        waiting = outbox.enqueue(
            state.outbox,
            hearing,
            found.events,
            committed + 1,
            found.checks.polled_at,
            state.addresses.url_digests,
        )
        # Without alerts too: by its revision it is known that none are lost.
        self.folder.prepare(change(state.outbox, waiting))
        return replace(
            state,
            snapshot=replace(found.snapshot, revision=committed + 1),
            outbox=waiting,
        )

    def _hearing(self, snapshot: Snapshot, *more: str) -> tuple[Channel, ...]:
        """Return the channels with the ids of what the settings name, of their publishers' packs, and `more`."""
        # Without globs all that is watched is named, by somebody or by what is installed.
        if not self.config.globs:
            return self.config.channels
        published = snapshot.packs_of(self.config.publishers)
        return knowing(self.config.channels, (*self.config.nodes, *published, *more))

    def _at_their_channels(self, known: State) -> State:
        """Return the state with each queue under the channel that it belongs to now; nothing else asks whose it is."""
        moved, addresses = at_their_channels(
            known.outbox, self.config.channels, known.addresses, self.config.addresses
        )
        return replace(known, outbox=moved, addresses=addresses)

    def _follow(self, known: State, state: State) -> None:
        """Make durable that queues have moved, before anything is saved or sent; StateError as the folder raises it.

        What a killed poll left there is cut off: alerts of a change that was never committed, and half of a line.

        Queues are written before the addresses: while these are lost, queues go by name. `on_problems` is called
        before the addresses are written, so a poll that is killed before it could report leaves that to the next one.
        """
        # An earlier run may have died between giving a file its name and making that durable.
        self.folder.fsync_folder()
        self.folder.compact(state.outbox)
        if state.addresses != known.addresses:
            found = set_aside(known.addresses, state.outbox, self.config.channels)
            self.on_problems(set_aside_problems(found))
            self.folder.save_addresses(state.addresses)

    async def _deliver(self, state: State, unsaved: list[str]) -> Dispatch:
        """Send what is due, and save what is left. `unsaved` is what could not be written before."""
        waiting = self._with_merged(state)
        done = Dispatch(waiting)
        if waiting.queues:
            # Here, as most polls send nothing.
            from watcher.polling.sending import DeliveryOptions, dispatch

            options = projected(
                DeliveryOptions,
                self,
                timeout=self.config.limits.timeout,
                expiry=self.config.alert_expiry,
                salt=state.addresses.salt,
                turns=asyncio.Semaphore(AT_ONCE),
            )
            channels = self._hearing(state.snapshot)
            done = await dispatch(self.folder, waiting, channels, options)
        if done.expired:
            # Before they are forgotten: a process that is killed then reports nothing any more.
            names = done.expired.keys() & done.failures.keys()
            failures = {name: done.failures[name] for name in sorted(names)}
            self.on_problems(delivery_problems(failures, done.expired))
        done.unsaved = list(dict.fromkeys([*unsaved, *done.unsaved]))
        with _collected(done.unsaved):
            self.folder.compact(done.waiting)
        return done

    def _with_merged(self, state: State) -> Outbox:
        """Return what is owed with each backlog merged, durably; if that cannot be written, as it is."""
        waiting = merged(state.outbox, self.config.channels, self.clock())
        if waiting is not state.outbox:
            try:
                # Before it is sent: a merged message that a kill left unknown would be sent a second time in its parts.
                self.folder.write_change(change(state.outbox, waiting))
            except StateError:
                return state.outbox
        return waiting


def channel_states(state: State, channels: Sequence[Channel]) -> list[ChannelState]:
    """Return how deliveries to each configured channel went until now. Pure."""
    digests = state.addresses.url_digests
    return [
        projected(
            ChannelState,
            state.outbox.queues.get(channel.name, Queue()),
            name=channel.name,
            # A place in `alert_urls` may be another URL's in the next poll.
            key=digests[channel.name] if channel.placed else channel.name,
        )
        for channel in channels
    ]


def salted(state: State) -> State:
    """Return the state with a key for the digests of the addresses of installs."""
    installed = state.snapshot.installed
    if installed.salt:
        return state
    installed = replace(installed, salt=secrets.token_hex(16))
    return replace(state, snapshot=replace(state.snapshot, installed=installed))


@contextlib.contextmanager
def _collected(unsaved: list[str]) -> Iterator[None]:
    """Add what could not be written to `unsaved`, and go on."""
    try:
        yield
    except StateError as error:
        unsaved.append(error.what)
