"""All pages of one query, several at once, as they come. What the rows on them mean is the caller's to decide.

Pages shift while they are read (docs/registry.md, Pages), so a row may come twice or never: only the caller, who sees
every row, can say whether all came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from http import HTTPStatus

from watcher.model.reading import Fault
from watcher.registry.answer import NoAnswerError, describe_refusal, parse_ban
from watcher.registry.client import Query, Registry
from watcher.registry.schema import Page, parse_page
from watcher.streams import Progress, silent
from watcher.text.sanitize import sanitize_line
from watcher.values import frozen

MOST_PAGES = 3_000
"""300,000 versions, nine times what the registry had in 2026."""
_MOST_BYTES = 512 * 2**20
"""Of all pages together; those of 2026 held 25 MB."""
_MOST_FAILURES = 8
"""After this many failures in a row, or `concurrency` if that is more, no further page is requested."""
_MOST_EMPTY = 8
"""After this many empty pages in a row no further page is requested, whatever they claim. One alone may be a fault."""
_LONGEST_READING = 900.0
"""Seconds after which no further page is requested."""


@frozen
class PageRead:
    """One page, or why it could not be read."""

    number: int
    pages: int = 1
    """How many pages this is about, from `number` on: more than one only if they were not requested."""
    page: Page | None = None
    """None if it could not be read."""
    size: int = 0
    """Bytes of the body."""
    server_time: str = ""
    """As `Answer.server_time`."""
    error: str = ""
    """Why it could not be read, for a person; as `ReadFailure.error`."""
    code: int = 0
    """The HTTP status; 0 if no answer came, or it was not requested."""
    ban: str | None = None
    """The reason that a 403 gives for a ban of the node that was asked about; None if it is no ban. Untrusted text."""
    fault: Fault = Fault.OWN
    """Why no answer came."""


async def read_pages(
    registry: Registry,
    first: Query,
    *,
    progress: Progress = silent,
) -> AsyncGenerator[PageRead]:
    """Yield every page of a query: the first, then the others in any order, as they come.

    Others are requested only if the first one came. The pages say how many there are; the first `MOST_PAGES` are read,
    and one more if the last of them is full: the number may be too small. Every failure is a value. To leave before the
    end, use `contextlib.aclosing`: it ends the requests under way.
    """
    reading = _PagesReading(registry=registry, query=first, progress=progress)
    under_way: set[asyncio.Task[PageRead]] = set()
    try:
        reading.show_progress()
        yield await reading.read(first.page)
        reading.request_more(under_way)
        while under_way:
            done, under_way = await asyncio.wait(
                under_way, return_when=asyncio.FIRST_COMPLETED
            )
            reading.request_more(under_way)
            for task in done:
                yield task.result()
        if (rest := reading.rest()) is not None:
            yield rest
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        progress(reading.place, "")


@dataclass(slots=True, kw_only=True)
class _PagesReading:
    """One reading of a query's pages."""

    registry: Registry
    query: Query
    progress: Progress
    number: int = 0
    """The last page that was requested."""
    last: int = 0
    """The last page to read, by what came so far; before the first page, 0."""
    page_size: int = 0
    """How many rows a page has."""
    done: int = 0
    bytes: int = 0
    failures: int = 0
    """In a row."""
    empty: int = 0
    """Empty pages in a row."""
    latest: float = 0.0

    def __post_init__(self) -> None:
        self.number = self.query.page
        self.latest = asyncio.get_running_loop().time() + _LONGEST_READING

    def request_more(self, under_way: set[asyncio.Task[PageRead]]) -> None:
        """Add as many requests to those under way as there may be, and are wanted."""
        most = min(self.last, MOST_PAGES)
        while (
            len(under_way) < self.registry.limits.concurrency
            and self.number < most
            and not self._reason_to_stop()
        ):
            self.number += 1
            under_way.add(asyncio.create_task(self.read(self.number)))

    async def read(self, number: int) -> PageRead:
        """Request one page, and learn from it how many there are."""
        try:
            read = await self._read(number)
        except NoAnswerError as error:
            read = PageRead(number=number, error=error.why, fault=error.fault)
        except Exception as error:  # noqa: BLE001 - one page's answer must not end the reading of the others
            read = PageRead(number=number, error=f"unexpected {type(error).__name__}")
        self.failures = 0 if read.page is not None else self.failures + 1
        self.bytes += read.size
        self.last = max(self.last, number)
        if read.page is not None:
            self._count(read.page, number)
        self.done += 1
        self.show_progress()
        return read

    async def _read(self, number: int) -> PageRead:
        answer = await self.registry.ask(replace(self.query, page=number))
        if answer.code != HTTPStatus.OK:
            ban = (
                parse_ban(answer.body) if answer.code == HTTPStatus.FORBIDDEN else None
            )
            of_node = bool(self.query.node)
            error = describe_refusal(answer.code, answer.body, of_node=of_node)
            return PageRead(
                number=number,
                error=error,
                code=answer.code,
                ban=ban,
            )
        return PageRead(
            number=number,
            page=parse_page(answer.body),
            size=len(answer.body),
            server_time=answer.server_time,
            code=answer.code,
        )

    def _count(self, page: Page, number: int) -> None:
        """Note how many pages there are, by one of them. A page that does not say it is followed by another."""
        self.page_size = self.page_size or _size_of(page, self.query)
        self.empty = 0 if page.items else self.empty + 1
        if page.total is None and page.total_pages is None:
            last = number + 1 if page.items else number
        else:
            by_total = -(-(page.total or 0) // self.page_size)
            last = max(by_total, page.total_pages or 0)
            is_full = page.items >= self.page_size
            if number == last and is_full:
                last += 1  # a full last page may hide a further one
        self.last = max(self.last, last)

    def _reason_to_stop(self) -> str:
        """Return why no further page is requested, or ""."""
        if self.registry.asked_to_wait:
            return self.registry.asked_to_wait
        if self.failures >= max(self.registry.limits.concurrency, _MOST_FAILURES):
            return (
                f"not requested, since {self.failures} pages in a row could not be read"
            )
        if self.empty >= _MOST_EMPTY:
            return f"not requested, since {self.empty} pages in a row were empty"
        if self.bytes > _MOST_BYTES:
            return f"not requested, since the other pages hold more than {_MOST_BYTES // 2**20} MB"
        if asyncio.get_running_loop().time() > self.latest:
            return "not requested, since the other pages took too long"
        return ""

    def rest(self) -> PageRead | None:
        """Return what was not requested, after all workers have ended; None if nothing was left."""
        left = self.last - self.number
        if left <= 0:
            return None
        error = (
            self._reason_to_stop()
            or f"not requested: the answers claim {self.last} pages, more than are read"
        )
        return PageRead(number=self.number + 1, pages=left, error=error)

    @property
    def place(self) -> str:
        """Where progress is reported."""
        return f"pages {self.query.node}"

    def show_progress(self) -> None:
        """Report how many pages came."""
        done = (
            f"{self.done} of {min(self.last, MOST_PAGES)} pages read"
            if self.last
            else "reading the first page"
        )
        self.progress(
            self.place,
            f"{sanitize_line(self.query.node)}: {done}" if self.query.node else done,
        )


def _size_of(first: Page, query: Query) -> int:
    """Return how many rows a page has. A registry may show fewer than it was asked for, and than it says."""
    size = min(first.page_size or query.page_size, query.page_size)
    is_short = first.total is not None and first.items < min(size, first.total)
    return first.items if is_short and first.items else size
