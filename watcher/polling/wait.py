"""`wait`: look at one version until the registry has judged it, or the time is over. Nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from watcher.errors import UsageError
from watcher.model.event import badness
from watcher.model.pack import NodeRecord, NodeRecords
from watcher.model.reading import Listing, NodeBanned, Reading
from watcher.model.scan import Scan
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    PENDING,
    STATUSES,
    Version,
    newest,
    recency,
)
from watcher.polling.clock import clock
from watcher.polling.reading.read import read_all
from watcher.registry.client import Registry
from watcher.registry.listing import read_node
from watcher.registry.packs import read_nodes
from watcher.text.sanitize import Trusted, sanitize_line
from watcher.text.status_reason import Reason, summarize
from watcher.values import frozen

_REFUSED = (FLAGGED, BANNED, DELETED)
"""Statuses in which a version is refused."""
_REFUSED_PACK = (BANNED, DELETED)
"""The same of a pack as a whole."""
_STATUS = 40
"""Characters of a status that this program does not know."""
_LONGEST_PAUSE = 300.0
"""Seconds that the registry may ask for between two looks: a longer `Retry-After` would hide the verdict."""


@frozen
class Look:
    """What has been seen of the version so far. All texts are untrusted."""

    node: str
    """As the registry spells it, once that is known."""
    text: str = ""
    """The version, as its publisher writes it; "" for the newest one that is pending, until that is seen."""
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
    has_failed: bool = False
    """The look failed: what was seen before still holds."""

    @property
    def is_refused(self) -> bool:
        """Whether the registry has judged it, and has not made it active."""
        return self.is_judged and self.status != ACTIVE

    @property
    def scan(self) -> Scan | None:
        """What the scanner found in the version; None if it found nothing, or the reason was not read."""
        return self.reason.scan if self.reason else None


@dataclass(slots=True, kw_only=True)
class Waiter:
    """Waits for one version. All times are in seconds, by the clock of the running loop."""

    seen: Look
    """What has been seen so far: at first which version is meant."""
    connect: Callable[[], Registry]
    """Opens connections for one look."""
    timeout: float
    """Of one request."""
    every: float
    """Between two looks."""
    longest: float
    """After this time a last look begins."""
    report: Callable[[Look], None]
    """Called after each look."""

    async def run(self) -> Look:
        """Return what was seen last: a verdict with its reason, or why there is none when the time is over.

        It ends at most one `timeout` after `longest`. UsageError if no version is named and none is pending; what
        `connect` raises.
        """
        deadline = _now() + self.longest
        latest = deadline + self.timeout
        is_last = False
        while True:
            asked_pause = await self._look(latest)
            self.report(self.seen)
            if self.seen.is_judged:
                await self._read_reason(latest)
                return self.seen
            left = deadline - _now()
            if is_last or left <= 0:
                return self.seen
            # A `Retry-After` counts, since asking earlier would only be refused again.
            pause = max(self.every, min(asked_pause, _LONGEST_PAUSE))
            # A sleep may end a little early by the clock, which would make one look more.
            is_last = left <= pause
            await asyncio.sleep(min(left, pause))

    async def _look(self, latest: float) -> float:
        """Look once more. Return how long the registry asked to wait."""
        async with self.connect() as registry:
            try:
                # A look has several requests: together they may not take longer than is left.
                async with asyncio.timeout(latest - _now()):
                    reading = await read_node(registry, self.seen.node, clock)
                    await self._judge(registry, reading)
            except TimeoutError:
                self._note("the registry took too long", has_failed=True)
            return registry.retry_after

    async def _judge(self, registry: Registry, reading: Reading) -> None:
        """Decide what a reading of the pack means for the version."""
        if isinstance(reading, NodeBanned):
            self._refuse_pack(BANNED, reading.message)
            return
        if not isinstance(reading, Listing):
            self._note(reading.error, has_failed=True)
            return
        if reading.incomplete:  # it may lack the newest row of the version
            self._note(reading.incomplete, has_failed=True)
            return
        version = self._find(reading)
        if version is not None:
            # From now on it is this one, whatever else is published.
            self.seen = replace(
                self.seen,
                node=reading.spelling or self.seen.node,
                text=version.version,
                version=version,
                status=version.status,
            )
            # A refusal needs no look at the pack: nothing there makes it milder.
            if version.status in _REFUSED:
                self._note(is_judged=True)
                return
        node = self.seen.node
        records = await read_nodes(registry, [node])
        record = records.records.get(node.lower())
        if record is not None and record.status in _REFUSED_PACK:
            self._refuse_pack(record.status, record.status_detail)
        elif version is None:
            self._miss(reading)
        elif version.status == ACTIVE:
            self._take_active(record, records)
        elif version.status == PENDING:
            self._note("it is pending")
        else:
            status = sanitize_line(version.status, _STATUS)
            self._note(f"its status is {status}, which this program does not know")

    def _find(self, listing: Listing) -> Version | None:
        """Return the row of the version; of several the one that was created last.

        Without a name it is the newest pending one. The `v` with which a tag of git begins is no part of a version.
        """
        if not (text := self.seen.text):
            return newest(one for one in listing.versions if one.status == PENDING)
        return max(
            (
                one
                for one in listing.versions
                if one.version in (text, text.removeprefix("v"))
            ),
            # An upload of a version that was deleted is a row of its own; of two at one time the worse counts.
            key=lambda one: (recency(one.created_at), badness(one)),
            default=None,
        )

    def _miss(self, listing: Listing) -> None:
        """Note that a listing lacks the version. UsageError if none is named and none is pending."""
        if not self.seen.text:
            raise _nothing_pending(self.seen.node, listing)
        # A typing error in the id would wait for two hours: so the question is asked.
        no_versions = "the registry has no version of this pack yet; is the id right?"
        self._note("it is not there yet" if listing.versions else no_versions)

    def _take_active(self, record: NodeRecord | None, records: NodeRecords) -> None:
        """Judge an active version, unless it is not certain that its pack is not banned (docs/dev/behaviour.md)."""
        failure = records.failure
        if record is not None and record.status == ACTIVE:
            self._note(is_judged=True)
        elif record is None and failure is not None and records.absent:
            # The registry will never answer that: asking again is of no use.
            what = f"bans of whole packs were not looked at: {failure.error}"
            self._note(Trusted(what), is_judged=True)
        else:
            why = failure.error if failure else "GET /nodes does not have the pack"
            if record is not None:
                status = sanitize_line(record.status, _STATUS)
                why = f"the status of the pack is {status}, which this program does not know"
            what = f"it is active, but the whole pack may be banned: {why}"
            self._note(Trusted(what), has_failed=True)

    def _refuse_pack(self, status: str, detail: str) -> None:
        """Note that the whole pack is refused."""
        reason = summarize(detail)
        has_reason = bool(reason) and reason.lower() != "node banned"
        whole = f"the whole pack is {status}"
        said = f"{whole}: {reason}" if has_reason else whole
        self.seen = replace(self.seen, status=status, of_pack=said)
        self._note(is_judged=True)

    def _note(
        self, why: str = "", *, is_judged: bool = False, has_failed: bool = False
    ) -> None:
        """Note what a look means; what was seen before still holds."""
        self.seen = replace(
            self.seen, why=why, is_judged=is_judged, has_failed=has_failed
        )

    async def _read_reason(self, latest: float) -> None:
        """Ask for the reason of a refusal, which holds without it."""
        version = self.seen.version
        if self.seen.of_pack or version is None or version.status not in _REFUSED:
            return
        # The verdict is there: its reason may not make the command late.
        within = min(latest - _now(), self.timeout)
        wanted = {(self.seen.node, version.key): version.status}
        async with self.connect() as registry:
            reasons = await read_all(registry, wanted, within)
        # Those of other versions are in the same answers.
        key = self.seen.node.lower(), version.key
        self.seen = replace(self.seen, reason=reasons.get(key))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _nothing_pending(node: str, listing: Listing) -> UsageError:
    """Return that no version is named and none is pending."""
    name = sanitize_line(node)
    what = f"the registry has no version of {name}; is the id right?"
    if last := newest(listing.versions):
        text = sanitize_line(last.version)
        status = last.status if last.status in STATUSES else "unknown"
        what = f"no version of {name} is pending; the newest is {text} ({status})"
    hint = f"name the version: comfy-watch wait {name} VERSION"
    return UsageError(what, hint=hint)
