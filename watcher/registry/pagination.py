"""The pages of one node's listing put together: what was seen, and whether the listing is complete.

docs/behaviour.md, Listings, defines a complete one; docs/registry.md, Pages and Answers that lie, what can be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from watcher.model.version import ACTIVE, Version, badness
from watcher.registry.client import PAGE_SIZE
from watcher.registry.row import MISSING, parse_version
from watcher.registry.schema import Page

MOST_PAGES = 200
"""20,000 versions, far more than any node has. All pages together may be as large as one answer (`max_response_mb`)."""


@dataclass(slots=True)
class ListingBuilder:
    """The pages of one node so far."""

    node: str
    bytes_left: int
    """How many bytes more may come."""
    rows: dict[str, Version] = field(default_factory=dict)
    unreported: dict[str, frozenset[str]] = field(default_factory=dict)
    """As `Listing.unreported`."""
    changelogs: dict[str, str] = field(default_factory=dict)
    """As `Listing.changelogs`."""
    items: int = 0
    """All rows, of whatever node, readable or not."""
    count: int = 0
    """The node's rows."""
    pages: int = 0
    total: int | None = None
    """From the first page that has one, like `total_pages`."""
    total_pages: int | None = None
    spelling: str = ""
    """As `Listing.spelling`."""
    has_admin_tags: bool = False
    """Some row has the field, which public answers may withhold."""
    fault: str = ""
    """The first thing that makes the listing incomplete."""
    ended: bool = False
    """No further page is worth reading."""
    is_full: bool = False
    """The last page has as many rows as were asked for."""

    def add_page(self, page: Page, number: int, size: int) -> None:
        """Add one page's rows, and note what does not fit. Of rows that contradict each other the worst counts: taking
        the last one would report a change with every poll.
        """
        self.ended = not page.items or size >= self.bytes_left
        if not page.items and self.is_full and self.items == self.total:
            return  # a page after the last one, whatever it says of the others
        self.is_full = page.items >= min(page.page_size or PAGE_SIZE, PAGE_SIZE)
        for number_in_page, row in enumerate(page.rows):
            if row.node_id.lower() != self.node.lower():
                self._note(
                    "the answer holds other nodes' versions, as if nodeId were ignored"
                )
                self.ended = True
                continue
            self.spelling = self.spelling or row.node_id
            version = parse_version(row)
            key, unreported = version.key, page.unreported.get(number_in_page)
            if key in self.rows:
                self._note("a version came twice")
            if key not in self.rows or badness(version) > badness(self.rows[key]):
                self.rows[key] = version
                self.unreported.pop(key, None)
                if unreported:
                    self.unreported[key] = unreported
                if row.changelog and version.status == ACTIVE:
                    self.changelogs[key] = row.changelog
            self.count += 1
            self.has_admin_tags = self.has_admin_tags or row.tags_admin is not MISSING
        self.items += page.items
        self.pages += 1
        self.bytes_left -= size
        if page.fault:
            self._note(f"{page.fault} on page {number}")
        self._take_total(page)
        self._take_total_pages(page)

    def _take_total(self, page: Page) -> None:
        if page.total is None:
            self._note("the answer does not say how many versions there are")
        elif self.total is None:
            self.total = page.total
        elif self.total != page.total:
            self._note("the number of versions changed between pages")
        if (page.total or 0) > MOST_PAGES * min(page.page_size or PAGE_SIZE, PAGE_SIZE):
            self._note(
                f"the answer claims {page.total} versions, more than any node has"
            )
            self.ended = True

    def _take_total_pages(self, page: Page) -> None:
        pages = page.total_pages
        if pages is None:
            return
        if self.total_pages is None:
            self.total_pages = pages
        elif self.total_pages != pages:
            self._note("the number of pages changed between pages")
        fitting = -(-(page.total or 0) // (page.page_size or PAGE_SIZE))
        if (
            page.total is not None
            and pages != fitting
            and (page.total, pages) != (0, 1)
        ):
            self._note(
                f"the answer claims {page.total} versions on {pages} pages, which does not fit"
            )
        if pages > MOST_PAGES:
            self.ended = True

    @property
    def has_more(self) -> bool:
        """Whether a further page may have rows, by the number of versions or of pages.

        After a full page there may be one though all came that the registry says there are.
        """
        total = self.total or 0
        lacks = self.items < total or self.pages < (self.total_pages or 0)
        return not self.ended and (lacks or (self.is_full and self.items == total))

    def fail(self, number: int, fault: str) -> None:
        """Note that a page could not be read."""
        self._note(f"page {number}{fault}")
        self.ended = True

    def _note(self, fault: str) -> None:
        self.fault = self.fault or fault

    def finish(self) -> str:
        """Return why the listing is incomplete, or "", after the last page; drop rows that cannot be trusted.

        Of two rows with one version text, one with an id and one without, only the one with the id is kept: both would
        match one known version, which would then change with every poll.
        """
        if not self.has_admin_tags:
            self.unreported = {
                key: self.unreported.get(key, frozenset()) | {"tags_admin"}
                for key in self.rows
            }
        named = {version.version for version in self.rows.values() if version.id}
        if twins := [
            key
            for key, version in self.rows.items()
            if not version.id and version.version in named
        ]:
            self._note("a version came twice")
        for key in twins:
            del self.rows[key]
        if not self.fault and self.count != self.total:
            much = (
                ", which are larger than max_response_mb"
                if self.bytes_left <= 0
                else ""
            )
            return f"{self.count} of {self.total} versions came{much}"
        return self.fault
