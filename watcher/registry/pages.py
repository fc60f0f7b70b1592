"""All pages of one query, several at once, in their order; and how complete they are.

Pages shift while they are read (docs/dev/registry.md, Pages), so a row may come twice or never: only who sees every row
can say whether all came, which `Completeness` counts.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Hashable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Generic, TypeVar

from watcher.model.reading import Fault
from watcher.registry.answer import NoAnswerError, describe_refusal, parse_ban
from watcher.registry.client import NodeQuery, Query, Registry
from watcher.streams import Progress, silent
from watcher.text.sanitize import plural, sanitize_line
from watcher.values import frozen

_MOST_IDLE = 8
"""After this many pages without a row in a row, or `concurrency` if that is more, no further page is requested,
whatever they claim. One alone may be a fault."""
_FAULTS: dict[int, Fault] = {
    HTTPStatus.BAD_REQUEST: Fault.OWN,
    HTTPStatus.NOT_FOUND: Fault.NOT_FOUND,
}
"""Refusals that are about what was asked alone (docs/dev/registry.md, Errors)."""

Row = TypeVar("Row")


@dataclass(slots=True, kw_only=True)
class Page(Generic[Row]):
    """One answer. `total`, `page_size` and `total_pages` are None if the answer does not report them readably."""

    rows: list[Row] = field(default_factory=list)
    """The readable ones."""
    total: int | None = None
    page_size: int | None = None
    total_pages: int | None = None
    items: int
    """How many rows there are, the unreadable ones too."""
    unreported: dict[int, frozenset[str]] = field(default_factory=dict)
    """By position in `rows`, of each that is readable only in part: the fields of `Version` that could not be read."""
    lost: dict[tuple[str, str], str] = field(default_factory=dict)
    """By the ids of node and version: names the rows that are not in `rows`, as far as they say whose they are."""
    unplaced: str = ""
    """Names the first row that does not say whose it is."""


@frozen
class PageRead(Generic[Row]):
    """One page, or why it could not be read."""

    number: int
    pages: int = 1
    """How many pages this is about, from `number` on: more than one only if they were not requested."""
    page: Page[Row] | None = None
    """None if it could not be read."""
    server_time: str = ""
    """As `Answer.server_time`."""
    code: int = 0
    """The HTTP status; 0 if no answer came, or none that can be read."""
    error: str = ""
    """Why it could not be read, for a person; as `ReadFailure.error`."""
    fault: Fault = Fault.OWN
    """Whose fault that is; `UNTRIED` if it was not requested."""
    ban: str | None = None
    """The reason that a 403 gives for a ban of the node that was asked about; None if it is no ban. Untrusted text."""


@frozen
class Bounds:
    """How much is read of one query, at most."""

    pages: int
    bytes: int = sys.maxsize
    """Of all pages together."""
    seconds: float = sys.maxsize
    """After which no further page is requested."""
    at_once: int = sys.maxsize
    """Requests under way, within `concurrency`. With 1, none is made before the page before was looked at."""
    retries: int = sys.maxsize
    """Of each page, within `retries`."""


ALL_VERSIONS = Bounds(pages=3_000, bytes=512 * 2**20, seconds=900.0)
"""300,000 versions, nine times what the registry had in 2026; the pages of 2026 held 25 MB."""


@dataclass(slots=True, kw_only=True)
class Completeness:
    """What says whether the pages of one query show all that there is (docs/dev/behaviour.md, Listings, Sweeps)."""

    what: str
    """What there is, in the singular."""
    came: set[Hashable] = field(default_factory=set)
    """What identifies each that came, readable or not."""
    total: int | None = None
    """How many there are, as the first page says."""
    fault: str = ""
    """The first thing that makes it incomplete."""

    def note(self, fault: str) -> None:
        """Note why something may be missing, if nothing was noted before."""
        self.fault = self.fault or fault

    def count(self, page: Page[Row]) -> None:
        """Note how many there are by one page. The empty one after a full last page may count otherwise."""
        if self.total is not None and not page.items:
            return
        if page.total is None:
            self.note(f"the answer does not say how many {self.what}s there are")
        elif self.total is None:
            self.total = page.total
        elif self.total != page.total:
            self.note(f"the number of {self.what}s changed between pages")

    def end(self) -> str:
        """Return why it is incomplete, after the last page; "" if all came."""
        if self.total is not None and len(self.came) != self.total:
            self.note(f"{len(self.came):,} of {plural(self.total, self.what)} came")
        return self.fault


@dataclass(slots=True)
class Pages(Generic[Row]):
    """One reading of the pages of a query."""

    registry: Registry
    query: Query | NodeQuery
    parse: Callable[[bytes], Page[Row]]
    bounds: Bounds
    progress: Progress = silent
    _requested: int = 0
    """The last page that was requested."""
    _last: int = 0
    """The last page to read, by what came so far."""
    _page_size: int = 0
    """How many rows a page has; 0 until one came."""
    _done: int = 0
    _bytes: int = 0
    _idle: int = 0
    """Pages in a row that failed, or had no row."""
    _latest: float = 0.0

    async def read(self) -> AsyncGenerator[PageRead[Row]]:
        """Yield the pages in their order, from the query's on.

        Others are requested only if the first one came. The pages say how many there are, and one more is read if the
        last of them is full: the number may be too small. Every failure is a value; the last one is about all pages
        that were not requested. To leave before the end, use `contextlib.aclosing`: it ends the requests under way.
        """
        due = self._last = self.query.page
        self._requested = due - 1
        self._latest = asyncio.get_running_loop().time() + self.bounds.seconds
        under_way: set[asyncio.Task[PageRead[Row]]] = set()
        came: dict[int, PageRead[Row]] = {}
        place = f"pages {self.query.node}"
        try:
            self._request_more(under_way, due)
            while under_way:
                self.progress(place, self._shown())
                # As they come: one page that hangs does not hold the others.
                done, under_way = await asyncio.wait(
                    under_way, return_when=asyncio.FIRST_COMPLETED
                )
                came |= {task.result().number: task.result() for task in done}
                while due in came:
                    yield came.pop(due)
                    due += 1
                # Only now: the caller that looked at the page before may have left.
                self._request_more(under_way, due)
            if left := self._last - self._requested:
                claimed = f"the answers claim {self._last} pages, more than are read"
                why = self._reason_to_stop() or f"not requested: {claimed}"
                yield PageRead(number=due, pages=left, error=why, fault=Fault.UNTRIED)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            self.progress(place, "")

    def _request_more(
        self, under_way: set[asyncio.Task[PageRead[Row]]], due: int
    ) -> None:
        """Add as many requests to those under way as there may be, and are wanted; `due` is the next page to yield."""
        concurrency = self.registry.limits.concurrency
        most = min(concurrency, self.bounds.at_once)
        last = min(self._last, self.query.page - 1 + self.bounds.pages)
        # While one page hangs, those after it are held: not all there are.
        last = min(last, due - 1 + 2 * concurrency)
        while len(under_way) < most and self._requested < last:
            if self._done and self._reason_to_stop():
                break
            self._requested += 1
            under_way.add(asyncio.create_task(self._read(self._requested)))

    async def _read(self, number: int) -> PageRead[Row]:
        """Request one page, and learn from it how many there are."""
        try:
            read = await self._ask(number)
        except NoAnswerError as error:
            read = PageRead(number=number, error=error.why, fault=error.fault)
        except Exception as error:  # noqa: BLE001 - one page's answer must not end the reading of the others
            read = PageRead(number=number, error=f"unexpected {type(error).__name__}")
        # Also a page that failed: how many came is said while one waits.
        self._done += 1
        if read.page is not None:
            self._count(read.page, number)
        has_rows = read.page is not None and read.page.items
        self._idle = 0 if has_rows else self._idle + 1
        return read

    async def _ask(self, number: int) -> PageRead[Row]:
        registry, query = self.registry, self.query
        asked = replace(query, page=number)
        answer = await registry.ask(asked, retries=self.bounds.retries)
        code, body = answer.code, answer.body
        self._bytes += len(body)
        if code == HTTPStatus.OK:
            return PageRead(
                number=number,
                page=self.parse(body),
                server_time=answer.server_time,
                code=code,
            )
        return PageRead(
            number=number,
            server_time=answer.server_time,
            code=code,
            error=describe_refusal(code, body),
            fault=_FAULTS.get(code, Fault.REGISTRY),
            ban=parse_ban(body) if code == HTTPStatus.FORBIDDEN else None,
        )

    def _count(self, page: Page[Row], number: int) -> None:
        """Note how many pages there are, by one of them. A page that does not say it is followed by another."""
        self._page_size = self._page_size or _size_of(page, self.query.page_size)
        # Its own rows refute a total of 0.
        is_refuted = page.total == 0 and page.items
        if is_refuted or (page.total is None and page.total_pages is None):
            # Only what comes next can say where the end is.
            last = number + bool(page.items)
        else:
            by_total = -(-(page.total or 0) // self._page_size)
            last = max(by_total, page.total_pages or 0)
            # A full last page may hide a further one.
            last += number == last and page.items >= self._page_size
        self._last = max(self._last, last)

    def _reason_to_stop(self) -> str:
        """Return why no further page is requested, or ""."""
        if self.registry.asked_to_wait:
            return self.registry.asked_to_wait
        if self._idle >= max(self.registry.limits.concurrency, _MOST_IDLE):
            why = f"{self._idle} pages in a row showed nothing"
        elif self._bytes > self.bounds.bytes:
            why = f"the other pages hold more than {self.bounds.bytes / 2**20:g} MB"
        elif asyncio.get_running_loop().time() > self._latest:
            why = "the other pages took too long"
        else:
            return ""
        return f"not requested, since {why}"

    def _shown(self) -> str:
        """Return how many pages came, for people."""
        # A claim of a billion pages is not shown to people as work to be done.
        last = min(self._last, self.bounds.pages)
        read = f"{self._done} of {last} pages read"
        text = read if self._done else "reading the first page"
        node = sanitize_line(self.query.node)
        return f"{node}: {text}" if node else text


def _size_of(page: Page[Row], requested: int) -> int:
    """Return how many rows a page has. A registry may show fewer than it was asked for, and than it says."""
    size = min(page.page_size or requested, requested)
    # By the rows that came: a page that is called 100 and shows 10 would end ten times too early.
    is_short = page.total is not None and page.items < min(size, page.total)
    return page.items if is_short and page.items else size
