"""The pages of one node's listing put together: what was seen, and whether the listing is complete.

docs/behaviour.md, Listings, defines a complete listing. docs/registry.md, Pages and Answers that lie, says what can be
wrong: shifted pages, an ignored filter, totals that do not fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from watcher.model.version import Version, badness
from watcher.registry import schema
from watcher.registry.client import PAGE_SIZE

MOST_PAGES = 200
"""20,000 versions, far more than any node has. All pages together may be as large as one answer (`max_response_mb`)."""


@dataclass(slots=True)
class ListingBuilder:
    """The pages of one node so far."""

    node: str
    bytes_left: int
    """How many bytes more may come."""
    rows: dict[str, Version] = field(default_factory=dict)
    outlines: dict[str, Version] = field(default_factory=dict)
    """What can be read of rows that do not fit the schema."""
    items: int = 0
    """All rows, of whatever node, readable or not."""
    count: int = 0
    """The node's readable rows."""
    total: int | None = None
    """What the first page with a total claims."""
    pages: int = 0
    total_pages: int | None = None
    """What the first page with a number of pages claims."""
    admin_tags_told: bool = False
    fault: str = ""
    """The first thing that makes the listing incomplete, for a person."""
    ended: bool = False
    """No further page is worth reading."""

    def add_page(self, page: schema.Page, number: int, size: int) -> None:
        """Add one page's rows, and note what does not fit. Of rows that contradict each other the worst counts: taking
        the last one would report a change with every poll.
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
        self.bytes_left -= size
        self.ended = not page.items or self.bytes_left <= 0
        if any(row.node_id.lower() != self.node.lower() for row in page.rows):
            self._note("the answer holds other nodes' versions, as if nodeId were ignored")
            self.ended = True
        if page.fault:
            self._note(f"{page.fault} on page {number}")
        self._take_total(page)
        self._take_total_pages(page)

    def _own(self, rows: Iterable[schema.VersionRow]) -> Iterator[Version]:
        """Return the versions of the rows that are the node's."""
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
        """Check that the number of pages, if there is one, agrees with the number of versions."""
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
        """Whether a further page may have rows, by the number of versions or of pages."""
        return not self.ended and (self.items < (self.total or 0) or self.pages < (self.total_pages or 0))

    def fail(self, number: int, fault: str) -> None:
        """Note that a page could not be read."""
        self._note(f"page {number}{fault}")
        self.ended = True

    def _note(self, fault: str) -> None:
        self.fault = self.fault or fault

    @property
    def partial(self) -> frozenset[str]:
        """The keys of the rows that are outlines, once finished."""
        return frozenset(key for key, version in self.rows.items() if self.outlines.get(key) is version)

    def finish(self) -> str:
        """Return why the listing is incomplete, or "", after the last page; drop rows that cannot be trusted.

        Of two rows with one version text, one with an id and one without, only the one with the id is kept: both would
        match one known version, which would then change with every poll.
        """
        self.rows = self.outlines | self.rows
        named = {version.version for version in self.rows.values() if version.id}
        if twins := [key for key, version in self.rows.items() if not version.id and version.version in named]:
            self._note("a version came twice")
        for key in twins:
            del self.rows[key]
        if not self.fault and self.count != self.total:
            much = ", which are larger than max_response_mb" if self.bytes_left <= 0 else ""
            return f"{self.count} of {self.total} versions came{much}"
        return self.fault
