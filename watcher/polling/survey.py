"""Reading every watched node and comparing each as it comes in: only a few listings are held at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from watcher.changes.diff import compare_ban, compare_listing, missing_from
from watcher.changes.health import FailureStreak, Trouble, Unread
from watcher.changes.transitions import DiffOptions
from watcher.model.event import Event, Kind
from watcher.model.listing import FetchFailed, Listing, NodeBanned, Reading, Unchanged
from watcher.model.snapshot import Node, Snapshot
from watcher.progress import Progress, silent
from watcher.registry.client import Registry
from watcher.registry.reader import NodeQuery, read_node, read_reasons, read_whereabouts

_SHORTEST_STREAK = 8
"""So many failures of the registry's in a row, or one for each request at once, and further nodes get one attempt."""
_SHORTEST_SILENCE = 24
"""So many nodes in a row without any HTTP answer, or two for each request at once, and further nodes are not tried.

A registry that hangs for everybody so ends a poll of any number of nodes after about nine timeouts (by default: two
rounds of four attempts, one of single ones, under five minutes).
"""
_FEW = 3
_NOT_TRIED = "not tried, since the registry could not be reached"
_EXPLAINED = {Kind.FLAGGED, Kind.BANNED, Kind.DELETED}


@dataclass(slots=True)
class Findings:
    """What the reading brings in, by lower-case node id.

    `nodes` are the changed pictures; `read` who could be read, and whether it had been called failing; `unread` who
    could not; `checked` when (`Listing.at`); `etags` the names of their answers; `empty` who has no version.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    events: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    read: dict[str, bool] = field(default_factory=dict)
    unread: dict[str, Unread] = field(default_factory=dict)
    checked: dict[str, str] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Survey:
    """One poll's reading of `nodes`, against `snapshot`.

    `checked` is when each was last read completely, `etags` the names of the answers that the snapshot shows, by
    lower-case id; `failures` is who could not be read the last time. `clock` gives RFC 3339; `progress` hears how far
    it is.
    """

    registry: Registry
    nodes: tuple[str, ...]
    snapshot: Snapshot
    checked: Mapping[str, str]
    etags: Mapping[str, str]
    failures: Mapping[str, FailureStreak]
    terms: DiffOptions
    concurrency: int
    clock: Callable[[], str]
    progress: Progress = silent
    findings: Findings = field(default_factory=Findings)
    _failures: int = 0
    _silence: int = 0
    _done: int = 0
    _under_way: dict[str, None] = field(default_factory=dict)

    async def read(self) -> Findings:
        """Read all nodes, `concurrency` at once; what fails is in the findings. StateError if a picture is corrupt."""
        waiting = iter(sorted(self.nodes, key=self._turn))
        workers = [asyncio.create_task(self._work(waiting)) for _ in range(min(self.concurrency, len(self.nodes)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self.progress("nodes", "")
        return self.findings

    def _turn(self, node: str) -> tuple[int, int]:
        """Rank a node: those that were not tried the last time go first, those that failed go last."""
        failure = self.failures.get(node.lower())
        if failure is None:
            return 1, 0
        return (0 if failure.trouble is Trouble.UNTRIED else 2), failure.count

    async def _work(self, waiting: Iterator[str]) -> None:
        for node in waiting:
            if reason := self._reason_not_to_try():
                untried = Unread(node=node, error=reason, registry_wide=True, trouble=Trouble.UNTRIED)
                self.findings.unread[node.lower()] = untried
            else:
                self._under_way[node] = None
                self._tell()
                self._take(await self._read_one(node))
                del self._under_way[node]
            self._done += 1
            self._tell()

    def _tell(self) -> None:
        """Say how many nodes are through, and which are asked for when these are a few."""
        few = f", waiting for {', '.join(self._under_way)}" if 0 < len(self._under_way) <= _FEW else ""
        self.progress("nodes", f"{self._done} of {len(self.nodes)} nodes checked{few}")

    def _reason_not_to_try(self) -> str:
        """Say why no further node is tried in this poll, or "".

        One node that fails costs its own time only, and any HTTP answer shows that the registry is there.
        """
        if self._silence >= max(2 * self.concurrency, _SHORTEST_SILENCE):
            return _NOT_TRIED
        return self.registry.asked_to_wait

    async def _read_one(self, node: str) -> Reading:
        once = self._failures >= max(self.concurrency, _SHORTEST_STREAK)
        etag = self.etags.get(node.lower(), "")
        asked = NodeQuery(node=node, statuses=self.terms.statuses, etag=etag, retries=0 if once else None)
        try:
            reading = await read_node(self.registry, asked, self.clock)
            if not isinstance(reading, Listing) or self.terms.all_watched:
                return reading
            missing = missing_from(self.snapshot.nodes.get(node.lower()), reading, self.terms)
            return await read_whereabouts(self.registry, reading, missing, self.terms.statuses, self.clock)
        except Exception as error:  # noqa: BLE001 - whatever one node's answer provokes must not cost the other nodes
            return FetchFailed(node=node, error=f"unexpected {type(error).__name__}", registry_wide=False)

    def _take(self, reading: Reading) -> None:
        key = reading.node.lower()
        wide = unreached = False
        match reading:
            case Listing():
                self._take_listing(reading, key)
            case NodeBanned():
                self._take_ban(reading, key)
            case Unchanged():
                # Only of a settled node is the answer's name kept, so there is nothing to compare and nothing to mend.
                self.findings.read[key] = False
                self.findings.checked[key] = reading.at
                self.findings.etags[key] = self.etags[key]
            case FetchFailed(registry_wide=wide, unreached=unreached):
                self.findings.unread[key] = Unread(node=reading.node, error=reading.error, registry_wide=wide)
            case _:
                assert_never(reading)
        self._failures = self._failures + 1 if wide else 0
        self._silence = self._silence + 1 if unreached else 0

    def _take_listing(self, listing: Listing, key: str) -> None:
        findings = self.findings
        known = self.snapshot.nodes.get(key)
        difference = compare_listing(known, listing, self.terms, self.checked.get(key, ""))
        node = difference.node
        if node != known:
            findings.nodes[key] = node
        if difference.events:
            findings.events[key] = difference.events
        if listing.incomplete:
            error = f"the listing is incomplete: {listing.incomplete}"
            findings.unread[key] = Unread(node=listing.node, error=error, registry_wide=False)
            return
        findings.read[key] = node.failing
        findings.checked[key] = listing.at
        if listing.etag and node.baseline_at and not (node.marks or node.banned or node.failing):
            findings.etags[key] = listing.etag
        if not listing.versions and not node.baseline_at:
            findings.empty.append(listing.node)

    def _take_ban(self, ban: NodeBanned, key: str) -> None:
        from watcher.text.status_reason import summarize

        known = self.snapshot.nodes.get(key)
        difference = compare_ban(known, replace(ban, message=summarize(ban.message)), self.terms)
        self.findings.read[key] = known is not None and known.failing
        if difference.events:
            self.findings.nodes[key] = difference.node
            self.findings.events[key] = difference.events


async def explained(
    registry: Registry, events: tuple[Event, ...], patience: float, progress: Progress = silent
) -> tuple[Event, ...]:
    """Add the registry's reasons to the events that need one, as far as they come within `patience` seconds."""
    wanted: dict[str, dict[str, str]] = {}
    for event in events:
        if _wants_reason(event) and event.node and event.after:
            wanted.setdefault(event.node, {})[_key(event)] = event.after
    if not wanted:
        return events
    from watcher.text.status_reason import summarize

    reasons: dict[tuple[str | None, str], str] = {}

    async def ask(node: str, versions: dict[str, str]) -> None:
        async for key, reason in read_reasons(registry, node, versions):
            reasons[node, key] = summarize(reason)

    tasks = [asyncio.create_task(ask(node, versions)) for node, versions in wanted.items()]
    progress("reasons", f"asking for the registry's reasons, {len(wanted)} nodes")
    _, late = await asyncio.wait(tasks, timeout=patience)
    progress("reasons", "")
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return tuple(
        replace(event, reason=reason)
        if _wants_reason(event) and (reason := reasons.get((event.node, _key(event))))
        else event
        for event in events
    )


def _wants_reason(event: Event) -> bool:
    """Tell whether the event is the one that the registry's reason explains: that the version got its status."""
    return event.kind in _EXPLAINED and event.version is not None


def _key(event: Event) -> str:
    """Give the key of the version that an event is about (as `versions.Version.key`)."""
    return event.version_id or f"={event.version}"
