"""The pages of one node's listing put together: what was seen, and whether that is all.

The traps are those of the registry notes: shifting pages, an ignored filter, totals that don't fit. Contract: section
Events, the paragraph on listings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from watcher.model.version import Version, badness
from watcher.registry import schema
from watcher.registry.client import PAGE_SIZE

MOST_PAGES = 200
"""20,000 versions: more than any node has by far, and an end to an answer that claims anything. All pages together may
be no larger than one answer may be (`max_response_mb`), which is hundreds of times what the largest node needs.
"""


@dataclass(slots=True)
class ListingBuilder:
    """The pages so far. `fault` is the first thing that makes the listing incomplete; `ended` says that there is
    no sense in reading on. `items` counts every row that came, `count` the node's readable ones, `pages` the pages;
    `outlines` are what can be read of other rows. `total` and `total_pages` are what the first page with them claims.
    `room` is how many bytes more may come.
    """

    node: str
    room: int
    rows: dict[str, Version] = field(default_factory=dict)
    outlines: dict[str, Version] = field(default_factory=dict)
    items: int = 0
    count: int = 0
    total: int | None = None
    pages: int = 0
    total_pages: int | None = None
    admin_tags_told: bool = False
    fault: str = ""
    ended: bool = False

    def take(self, page: schema.Page, number: int, size: int) -> None:
        """Add one page's rows, and notice what does not fit. Of rows that contradict each other the worst is believed:
        a flag is a flag, and whichever comes last would change back and forth with every poll.
        """
        for version in self._own(page.rows):
            if version.key in self.rows:
                self._note("a version came twice")
            self.rows[version.key] = max(version, self.rows.get(version.key, version), key=badness)
            self.count += 1
        for version in self._own(page.outlines):
            self.outlines[version.key] = max(version, self.outlines.get(version.key, version), key=badness)
        self.items += page.items
        self.pages += 1
        self.admin_tags_told = self.admin_tags_told or page.admin_tags_told
        self.room -= size
        self.ended = not page.items or self.room <= 0
        if any(row.node_id.lower() != self.node.lower() for row in page.rows):
            self._note("the answer holds other nodes' versions, as if nodeId were ignored")
            self.ended = True
        if page.fault:
            self._note(f"{page.fault} on page {number}")
        self._take_total(page)
        self._take_total_pages(page)

    def _own(self, rows: Iterable[schema.VersionRow]) -> Iterator[Version]:
        """Give the facts of the rows that are the node's."""
        return (schema.parse_version(row) for row in rows if row.node_id.lower() == self.node.lower())

    def _take_total(self, page: schema.Page) -> None:
        if page.total is None:
            self._note("the answer does not say how many versions there are")
        elif self.total is None:
            self.total = page.total
        elif self.total != page.total:
            self._note("the number of versions changed between pages")
        if (page.total or 0) > MOST_PAGES * min(page.page_size or PAGE_SIZE, PAGE_SIZE):
            self._note(f"the answer claims {page.total} versions, more than any node has")
            self.ended = True

    def _take_total_pages(self, page: schema.Page) -> None:
        """Check the number of pages against the number of versions: where they disagree, one of them is wrong, and
        nothing says which. An answer without the number of pages agrees.
        """
        pages = page.total_pages
        if pages is None:
            return
        if self.total_pages is None:
            self.total_pages = pages
        elif self.total_pages != pages:
            self._note("the number of pages changed between pages")
        fitting = -(-(page.total or 0) // (page.page_size or PAGE_SIZE))
        if page.total is not None and pages != fitting and (page.total, pages) != (0, 1):
            self._note(f"the answer claims {page.total} versions on {pages} pages, which does not fit")
        if pages > MOST_PAGES:
            self.ended = True

    @property
    def has_more(self) -> bool:
        """Whether a further page may show something, by either number. A row that is wrong does not hide those on later
        pages.
        """
        return not self.ended and (self.items < (self.total or 0) or self.pages < (self.total_pages or 0))

    def fail(self, number: int, fault: str) -> None:
        """Note that a page could not be had."""
        self._note(f"page {number}{fault}")
        self.ended = True

    def _note(self, fault: str) -> None:
        self.fault = self.fault or fault

    @property
    def partial(self) -> frozenset[str]:
        """The keys of those rows that are outlines, once settled."""
        return frozenset(key for key, version in self.rows.items() if self.outlines.get(key) is version)

    def settle(self) -> str:
        """Say what is wrong in the end, or "", once all pages came; and leave no row that must not be believed.

        Of two rows for one version text, one with an id and one without, only that with the id is taken: both would
        be facts about one known version, which would change to the one and back with every poll.
        """
        self.rows = self.outlines | self.rows
        named = {version.version for version in self.rows.values() if version.id}
        if twins := [key for key, version in self.rows.items() if not version.id and version.version in named]:
            self._note("a version came twice")
        for key in twins:
            del self.rows[key]
        if not self.fault and self.count != self.total:
            much = ", which are larger than max_response_mb" if self.room <= 0 else ""
            return f"{self.count} of {self.total} versions came{much}"
        return self.fault
