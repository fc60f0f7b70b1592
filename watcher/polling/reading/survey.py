"""Read every watched node, and compare each as soon as it is read, so that few listings are held at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from watcher import log, timestamps
from watcher.changes.transitions import DiffOptions
from watcher.durations import DAY
from watcher.model.event import Event
from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import (
    Listing,
    NodeBanned,
    Reading,
    ServerTime,
    Unchanged,
)
from watcher.model.snapshot import Node, Snapshot
from watcher.progress import Progress, silent
from watcher.registry.client import Registry
from watcher.registry.reader import NodeQuery, read_node, read_whereabouts
from watcher.state.model import Checks

_SHORTEST_STREAK = 8
"""After this many registry-wide failures in a row, or `concurrency` if that is more, further nodes get one attempt."""
_SHORTEST_SILENCE = 24
"""After this many nodes in a row without any HTTP answer, or twice `concurrency` if that is more, no further node is
tried. So a poll of a registry that hangs ends after about nine timeouts, however many nodes there are.
"""
_FEW = 3


@dataclass(slots=True, eq=False, repr=False)
class Findings:
    """What the poll found, by lower-case node id."""

    nodes: dict[str, Node] = field(default_factory=dict)
    """Nodes that changed."""
    events: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    read: dict[str, bool] = field(default_factory=dict)
    """Nodes that could be read; the value is whether the node was reported failing before."""
    unread: dict[str, ReadFailure] = field(default_factory=dict)
    checked: dict[str, str] = field(default_factory=dict)
    """When a node was read completely (`Listing.at`)."""
    etags: dict[str, str] = field(default_factory=dict)
    server_times: dict[str, str] = field(default_factory=dict)
    """As `Checks.server_times`, of nodes with an answer that counts."""
    stale_since: dict[str, str] = field(default_factory=dict)
    """As `Checks.stale_since`, of nodes without one."""
    registry_ids: dict[str, str] = field(default_factory=dict)
    """How the registry spells the ids that were given in another way."""
    empty: list[str] = field(default_factory=list)
    """Ids, as written in the settings, of nodes that never had a version."""
    unknown: list[str] = field(default_factory=list)
    """Ids that only installs name, of nodes that never had a version."""
    not_found: set[str] = field(default_factory=set)
    """Those of them of which the registry answered that it has no such node, by lower-case id."""
    banned: set[str] = field(default_factory=set)
    """Nodes of which the registry said that they are banned instead of listing them."""

    def forget(self, keys: Collection[str]) -> None:
        """Drop what was found about nodes that are not watched any more."""
        by_key: tuple[dict[str, Any], ...] = (
            self.nodes,
            self.events,
            self.read,
            self.unread,
            self.checked,
            self.etags,
            self.server_times,
            self.stale_since,
        )
        for key in keys:
            for found in by_key:
                found.pop(key, None)
        self.empty = [node for node in self.empty if node.lower() not in keys]
        self.unknown = [node for node in self.unknown if node.lower() not in keys]
        self.banned -= set(keys)


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Survey:
    """One poll's reading of `nodes`, compared with `snapshot`."""

    registry: Registry
    nodes: Sequence[str]
    unsure: frozenset[str] = frozenset()
    """Lower-case ids of those that only installs name: the registry may not know one, which is no failure."""
    snapshot: Snapshot
    checks: Checks
    """Of the last poll, with the etags that are valid for this one."""
    options: DiffOptions
    concurrency: int
    clock: Callable[[], str]
    """Returns the time as RFC 3339."""
    progress: Progress = silent
    findings: Findings = field(default_factory=Findings)
    joining: set[str] = field(default_factory=set)
    """Lower-case ids of nodes whose first complete listing is part of the baseline of all."""
    _failures: int = 0
    _silence: int = 0
    _done: int = 0
    _under_way: dict[str, None] = field(default_factory=dict)

    async def read(self) -> Findings:
        """Read all nodes, `concurrency` at once; failures are findings. StateError if the snapshot is corrupt."""
        waiting = iter(sorted(self.nodes, key=self._turn))
        workers = [
            asyncio.create_task(self._work(waiting))
            for _ in range(min(self.concurrency, len(self.nodes)))
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self.progress("nodes", "")
        return self.findings

    def node(self, key: str) -> Node | None:
        """Return what is known of a node after what was read so far, by its lower-case id."""
        return self.findings.nodes.get(key) or self.snapshot.nodes.get(key)

    def _turn(self, node: str) -> tuple[int, int]:
        """Return the rank of a node: those that the last poll did not try are first, those that failed are last."""
        failure = self.checks.health.nodes.get(node.lower())
        if failure is None:
            return 1, 0
        return (0 if failure.untried else 2), failure.count

    async def _work(self, waiting: Iterator[str]) -> None:
        for node in waiting:
            if reason := self._reason_not_to_try():
                untried = ReadFailure(node=node, error=reason, fault=Fault.UNTRIED)
                self.findings.unread[node.lower()] = untried
            else:
                self._under_way[node] = None
                self._show_progress()
                self._take(node, await self._read_one(node))
                del self._under_way[node]
            self._done += 1
            self._show_progress()

    def _show_progress(self) -> None:
        few = (
            f", waiting for {', '.join(self._under_way)}"
            if 0 < len(self._under_way) <= _FEW
            else ""
        )
        self.progress("nodes", f"{self._done} of {len(self.nodes)} nodes checked{few}")

    def _reason_not_to_try(self) -> str:
        """Return why no further node is tried in this poll, or ""."""
        if self._silence >= max(2 * self.concurrency, _SHORTEST_SILENCE):
            return "not tried, since the registry could not be reached"
        return self.registry.asked_to_wait

    async def _read_one(self, node: str) -> Reading:
        once = self._failures >= max(self.concurrency, _SHORTEST_STREAK)
        etag = self.checks.etags.get(node.lower(), "")
        query = NodeQuery(
            node=node,
            statuses=self.options.statuses,
            etag=etag,
            retries=0 if once else None,
        )
        try:
            reading = await read_node(self.registry, query, self.clock)
            if not isinstance(reading, Listing) or self.options.all_watched:
                return reading
            from watcher.changes.diff import (
                missing_from,
            )  # here, as each use of it: a quiet poll compares nothing

            missing = missing_from(
                self.snapshot.nodes.get(node.lower()), reading, self.options
            )
            return await read_whereabouts(
                self.registry, reading, missing, self.options.statuses, self.clock
            )
        except Exception as error:  # noqa: BLE001 - one node's answer must not end the reading of the others
            return ReadFailure(node=node, error=f"unexpected {type(error).__name__}")

    def _take(self, node: str, reading: Reading) -> None:
        key = node.lower()
        fault = reading.fault if isinstance(reading, ReadFailure) else None
        is_unknown = fault is Fault.NOT_FOUND and self._may_be_unknown(key)
        match reading:
            case Listing() | NodeBanned() | Unchanged() if self.is_stale(
                key, reading.server_time
            ):
                log.debug(
                    "stale answer", node=reading.node, made=reading.server_time.oldest
                )
            case Listing():
                self.take_listing(
                    reading, key, baseline="silent" if key in self.joining else ""
                )
            case NodeBanned():
                self._take_ban(reading, key)
            case Unchanged():
                # An etag is kept of settled nodes only, so there is nothing to compare.
                self.findings.read[key] = False
                self.findings.checked[key] = reading.at
                self.findings.etags[key] = self.checks.etags[key]
                self.take_server_time(key, reading.server_time)
            case ReadFailure() if is_unknown:
                self.findings.unknown.append(node)
                self.findings.not_found.add(key)
            case ReadFailure():
                self.findings.unread[key] = reading
            case _:
                assert_never(reading)
        is_wide = isinstance(reading, ReadFailure) and reading.registry_wide
        self._failures = self._failures + 1 if is_wide else 0
        self._silence = self._silence + 1 if fault is Fault.UNREACHED else 0

    def is_stale(self, key: str, server_time: ServerTime) -> bool:
        """Return whether an answer about a node is older than the known one, and note since when there are only such.

        After a day the next one counts: then the times are wrong (docs/behaviour.md, Listings).
        """
        if not server_time.is_older_than(self.checks.server_times.get(key, "")):
            return False
        now = self.options.now
        since = self.checks.stale_since.get(key, now)
        is_stale = 0 <= timestamps.seconds_between(since, now) < DAY
        if is_stale:
            self.findings.stale_since[key] = since
        return is_stale

    def take_server_time(self, key: str, server_time: ServerTime) -> None:
        """Note when an answer that counts was made; one that does not say it leaves the time that is known."""
        taken, known = self.findings.server_times, self.checks.server_times
        if newest := server_time.newest or known.get(key, ""):
            taken[key] = max(taken.get(key, ""), newest)
        self.findings.stale_since.pop(key, None)

    def take_listing(self, listing: Listing, key: str, baseline: str = "") -> None:
        """Compare a node's listing with what is known of it. `baseline` is used instead of the options'."""
        from watcher.changes.diff import compare_listing

        findings = self.findings
        self.take_server_time(key, listing.server_time)
        if listing.spelling not in {"", listing.node}:
            findings.registry_ids[key] = listing.spelling
        known = self.snapshot.nodes.get(key)
        options = replace(self.options, baseline=baseline) if baseline else self.options
        if (
            not listing.versions
            and not options.all_watched
            and self._may_be_unknown(key)
        ):
            options = replace(
                options, baseline="silent"
            )  # an id that an install names may be wrong
        difference = compare_listing(
            known, listing, options, self.checks.checked.get(key, "")
        )
        node = difference.node
        if node != known:
            findings.nodes[key] = node
        if difference.events:
            findings.events[key] = (*findings.events.get(key, ()), *difference.events)
        if listing.incomplete:
            error = f"the listing is incomplete: {listing.incomplete}"
            findings.unread[key] = ReadFailure(node=listing.node, error=error)
            return
        findings.read[key] = node.failing
        findings.checked[key] = listing.at
        if (
            listing.etag
            and node.baseline_at
            and not (node.marks or node.banned or node.failing)
        ):
            findings.etags[key] = listing.etag
        if not listing.versions and not node.baseline_at:
            (findings.unknown if self._may_be_unknown(key) else findings.empty).append(
                listing.node
            )

    def _may_be_unknown(self, key: str) -> bool:
        """Return whether only installs name the node, and it never had a version."""
        known = self.snapshot.nodes.get(key)
        return key in self.unsure and not (known and known.baseline_at)

    def _take_ban(self, ban: NodeBanned, key: str) -> None:
        from watcher.changes.diff import compare_ban
        from watcher.text.status_reason import summarize

        self.findings.banned.add(key)
        self.take_server_time(key, ban.server_time)
        known = self.snapshot.nodes.get(key)
        difference = compare_ban(
            known, replace(ban, message=summarize(ban.message)), self.options
        )
        self.findings.read[key] = known is not None and known.failing
        if difference.events:
            self.findings.nodes[key] = difference.node
            if key not in self.joining:  # else it is counted there
                self.findings.events[key] = (
                    *self.findings.events.get(key, ()),
                    *difference.events,
                )
