"""`wait`: look at one version until the registry has judged it, or the time is over. Nothing is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from watcher.errors import UsageError
from watcher.model.listing import Listing, NodeBanned, Reading
from watcher.model.pack import PACK_STATUSES, PackRecords
from watcher.model.precedence import is_same_version
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    PENDING,
    STATUSES,
    Version,
    badness,
    newest,
    recency,
)
from watcher.polling.reading.reasons import read_reasons
from watcher.registry.client import Query, Registry, RequestLimits
from watcher.registry.packs import read_packs
from watcher.registry.reader import read_node
from watcher.text.sanitize import sanitize_line
from watcher.text.status_reason import Reason, read_reason, summarize

_REFUSED = (FLAGGED, BANNED, DELETED)
"""Statuses in which a version is refused."""
_REFUSED_PACK = (BANNED, DELETED)
"""The same of a pack as a whole."""
_LONGEST_PAUSE = 300.0
"""Seconds that the registry may ask for between two looks: a longer `Retry-After` would hide the verdict."""
_REASON_TRIES = 3
_REASON_PAUSE = 5.0
"""Seconds between two questions for the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is waited for."""

    node: str
    version: str = ""
    """As its publisher writes it; "" for the newest version that is pending."""
    id: str = ""
    """The registry's id of it, once that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What has been seen of the version so far. All texts are untrusted."""

    node: str
    """As the registry spells it, once that is known."""
    version: Version | None = None
    """As it was last seen; None before that."""
    status: str | None = None
    """Its last status, or that of the whole pack if the pack is refused; None if neither was seen."""
    is_judged: bool = False
    """The registry has judged it: nothing more is to be waited for."""
    of_pack: str = ""
    """What is said of the whole pack, in a line, if that is refused."""
    reason: Reason | None = None
    """The registry's reason for the version's status; None if it was not read."""
    why: str = ""
    """Why it is not judged, or what is not known of it, for a person."""
    cause: str = ""
    """The same for all failures of one kind; "" unless the look failed."""


@dataclass(slots=True, kw_only=True)
class Waiter:
    """Waits for one version. Its clock and its sleep can be replaced; all times are in seconds."""

    wanted: Wanted
    registry_url: str
    limits: RequestLimits
    """There are no retries in one look: the next one asks again."""
    every: float
    """Between two looks."""
    longest: float
    """After this time a last look begins."""
    now: Callable[[], str]
    """The time as RFC 3339."""
    report: Callable[[Look], None]
    """Called after each look."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> Look:
        """Return what was seen last: a verdict with its reason, or why there is none when the time is over.

        It ends at most one `timeout` after `longest`. UsageError if no version is named and none is pending;
        ConfigError if the environment names a proxy that cannot be used.
        """
        deadline = self.monotonic() + self.longest
        latest = deadline + self.limits.timeout
        seen = Look(node=self.wanted.node)
        is_last = False
        while True:
            seen, asked_pause = await self._look(seen, latest)
            self.report(seen)
            if seen.is_judged:
                return await self._with_reason(seen, latest)
            left = deadline - self.monotonic()
            if is_last or left <= 0:
                return seen
            pause = max(self.every, min(asked_pause, _LONGEST_PAUSE))
            is_last = left <= pause
            await self.sleep(min(left, pause))

    def _registry(self) -> Registry:
        return Registry(self.registry_url, replace(self.limits, retries=0))

    async def _look(self, seen: Look, latest: float) -> tuple[Look, float]:
        """Return what is known after one more look, and how long the registry asked to wait."""
        async with self._registry() as registry:
            try:
                async with asyncio.timeout(latest - self.monotonic()):
                    reading = await read_node(
                        registry, Query(node=self.wanted.node), self.now
                    )
                    found = await self._judge(registry, seen, reading)
            except TimeoutError:
                found = _failed(seen, "the registry took too long", "late")
            return found, registry.retry_after

    async def _judge(self, registry: Registry, seen: Look, reading: Reading) -> Look:
        """Return what a reading of the pack means for the version."""
        if isinstance(reading, NodeBanned):
            return _of_pack(seen, BANNED, reading.message)
        if not isinstance(reading, Listing):
            return _failed(seen, reading.error, reading.kind)
        node = reading.spelling or seen.node
        version = self._find(reading)
        if version is not None:
            # From now on it is this one, whatever else is published.
            self.wanted = replace(
                self.wanted, version=version.version, id=version.id or self.wanted.id
            )
            seen = replace(seen, node=node, version=version, status=version.status)
            if version.status in _REFUSED:
                return replace(seen, is_judged=True, why="", cause="")
        records = await read_packs(registry, (node, self.wanted.node))
        record = records.records.get(node.lower())
        if record is not None and record.status in _REFUSED_PACK:
            return _of_pack(seen, record.status, record.status_detail)
        if version is None:
            return self._missing(seen, reading)
        if version.status == ACTIVE:
            return _active(seen, records)
        if version.status == PENDING:
            return replace(seen, why="it is pending", cause="")
        status = sanitize_line(version.status, 40)
        why = f"its status is {status}, which this program does not know"
        return replace(seen, why=why, cause="")

    def _find(self, listing: Listing) -> Version | None:
        """Return the row of the version; of several with one text the one that was created last.

        Without a name it is the newest pending one.
        """
        wanted, versions = self.wanted, listing.versions
        if not (wanted.version or wanted.id):
            return newest(one for one in versions if one.status == PENDING)
        same = [
            one
            for one in versions
            if one.version == wanted.version or (one.id and one.id == wanted.id)
        ]
        return _latest(
            same or (one for one in versions if _is(one.version, wanted.version))
        )

    def _missing(self, seen: Look, listing: Listing) -> Look:
        """Return that the version is not in a listing. UsageError if none is named and none is pending."""
        if listing.incomplete:
            return _failed(seen, listing.incomplete, listing.incomplete)
        if seen.version is not None:
            why = "the registry does not show it any more"
            return _failed(seen, why, why)
        if not self.wanted.version:
            raise _nothing_pending(seen.node, listing)
        why = "it is not there yet"
        if not listing.versions:
            why = "the registry has no version of this pack yet; is the id right?"
        return replace(seen, why=why, cause="")

    async def _with_reason(self, seen: Look, latest: float) -> Look:
        """Return a verdict with its reason, if that comes in time. A verdict holds without it."""
        version = seen.version
        if seen.of_pack or version is None:
            return seen
        # What is active needs no reason: it is only asked for once.
        tries = 1 if version.status == ACTIVE else _REASON_TRIES
        for attempt in range(tries):
            if attempt:
                await self.sleep(min(self.every, _REASON_PAUSE))
            with suppress(TimeoutError):
                within = min(latest - self.monotonic(), self.limits.timeout)
                async with asyncio.timeout(within), self._registry() as registry:
                    reasons = read_reasons(
                        registry, seen.node, {version.key: version.status}
                    )
                    async with aclosing(reasons):
                        async for _, text in reasons:
                            return replace(seen, reason=read_reason(text))
        return seen


def _is(one: str, other: str) -> bool:
    return bool(other) and is_same_version(one, other)


def _latest(versions: Iterable[Version]) -> Version | None:
    """Return the version that was created last; of several the worst."""
    return max(
        versions, key=lambda one: (recency(one.created_at), badness(one)), default=None
    )


def _failed(seen: Look, why: str, cause: str) -> Look:
    """Return that a look failed: what was seen before still holds."""
    return replace(seen, why=why, cause=cause)


def _of_pack(seen: Look, status: str, detail: str) -> Look:
    """Return that the whole pack is refused."""
    reason = summarize(detail)
    has_reason = bool(reason) and reason.lower() != "node banned"
    whole = f"the whole pack is {status}"
    said = f"{whole}: {reason}" if has_reason else whole
    return replace(seen, status=status, is_judged=True, of_pack=said, why="", cause="")


def _active(seen: Look, records: PackRecords) -> Look:
    """Return an active version: judged, unless it is not certain that its pack is not banned (docs/behaviour.md)."""
    record = records.records.get(seen.node.lower())
    failure = records.failure
    if record is not None and record.status in PACK_STATUSES:
        return replace(seen, is_judged=True, why="", cause="")
    if record is None and failure is not None and records.absent:
        why = f"bans of whole packs were not looked at: {failure.error}"
        return replace(seen, is_judged=True, why=why, cause="")
    why = "GET /nodes does not have the pack"
    if record is not None:
        status = sanitize_line(record.status, 40)
        why = f"the pack has a status that this program does not know: {status}"
    elif failure is not None:
        why = failure.error
    what = f"it is active, but the whole pack may be banned: {why}"
    return _failed(seen, what, what)


def _nothing_pending(node: str, listing: Listing) -> UsageError:
    """Return that no version is named and none is pending."""
    name = sanitize_line(node)
    if not listing.versions:
        return UsageError(
            f"the registry has no version of {name}",
            hint=f"check the id, and name the version: comfy-watch wait {name} VERSION",
        )
    last = newest(listing.versions)
    text = sanitize_line(last.version) if last else ""
    status = last.status if last and last.status in STATUSES else "unknown"
    return UsageError(
        f"no version of {name} is pending; the newest is {text} ({status})",
        hint=f"name the version: comfy-watch wait {name} VERSION",
    )
