"""What came of the pages of one query, and what did not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

from watcher.polling.lookup.collection import Key
from watcher.registry.pages import PageRead
from watcher.registry.schema import Page
from watcher.text.plural import plural
from watcher.text.status_reason import summarize

_NAMED = 5
"""Pages that a message names; of more it says how many there are."""


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What came of the pages of one query."""

    node: str
    keys: set[Key] = field(default_factory=set)
    """Of all readings."""
    total: int | None = None
    """The most that any page of this reading claims."""
    unreadable: int = 0
    """Rows of this reading."""
    pages: int = 0
    failed: list[PageRead] = field(default_factory=list)
    foreign: bool = False
    """Rows of other nodes came."""

    @property
    def missing(self) -> int:
        """How many versions did not come, as far as it is known."""
        return max((self.total or 0) - self.unreadable - len(self.keys), 0)

    @property
    def is_more(self) -> bool:
        """Whether more versions came than there are, as the registry says."""
        return self.total is not None and len(self.keys) > self.total

    def add(self, page: Page) -> None:
        """Note what a page says."""
        self.total = (
            max(page.total or 0, self.total or 0)
            if page.total is not None
            else self.total
        )
        self.unreadable += page.items - len(page.rows)

    def problems(self) -> Iterable[str]:
        """Yield what could not be read, for a person."""
        by_error: dict[str, list[PageRead]] = {}
        for read in self.failed:
            by_error.setdefault(_reason(read, self.node), []).append(read)
        for error, reads in by_error.items():
            if reads[0].number == 1:
                yield error
            else:
                yield f"{_names(reads)} could not be read: {error}"
        if self.foreign:
            yield "the answer holds other nodes' versions, as if nodeId were ignored"
        elif not self.failed and self.total is None:
            yield "the registry does not say how many versions there are"
        elif not self.failed and self.missing:
            yield f"{self.missing} of {self.total} versions did not come, although they were asked for twice"
        elif self.is_more:
            came = plural(len(self.keys), "version")
            yield f"{came} came, and the registry says that there are {self.total}: more may be missing"
        if self.unreadable:
            yield f"{plural(self.unreadable, 'version')} could not be read"


def _reason(read: PageRead, node: str) -> str:
    """Return why a page could not be read."""
    if node and read.ban is not None:
        reason = summarize(read.ban)
        return f"the whole pack is banned{f': {reason}' if reason.lower() != 'node banned' else ''}"
    return (
        f"{read.error}; is the id right?"
        if node and read.code == HTTPStatus.NOT_FOUND
        else read.error
    )


def _names(reads: list[PageRead]) -> str:
    """Return which pages these are."""
    count = sum(read.pages for read in reads)
    if count > _NAMED:
        return f"{count} pages"
    numbers = sorted(
        number
        for read in reads
        for number in range(read.number, read.number + read.pages)
    )
    return f"page{'s' if count > 1 else ''} {', '.join(map(str, numbers))}"
