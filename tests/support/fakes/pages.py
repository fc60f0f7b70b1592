"""Pages of a listing of all nodes that do not fit together: rows that shift, repeat or are missing, pages that fail.

The rows of single nodes are answered honestly. docs/dev/registry.md, Pages, has what was seen of this and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import FakeRegistry, encoded
from tests.support.fakes.fault import as_json, asked, ordinary
from tests.support.fakes.faults import FAULTS

Change = Callable[[Catalog], object]


class UnsteadyPages:
    """Answers each `GET /versions` without `nodeId` as its attributes say. They may be set while it serves.

    It takes the place of what `registry.respond` was; set that to None to end it.
    """

    def __init__(self, registry: FakeRegistry) -> None:
        self.smaller = 1
        """So many times fewer rows than were asked for are on a page."""
        self.served: Counter[int] = Counter()
        """How often each page was asked for."""
        self.changes: dict[int, Change] = {}
        """What happens in the registry right before the page of this number is answered for the first time: a row that
        is added or removed then shifts those of all pages that come later.
        """
        self.tied = False
        """Rows with equal versions change places across the end of a page, as in an order without a tie-break: the
        first row of the next page is the last one of this page too, in place of a row that no page has. Which rows
        these are depends on the size of the pages.
        """
        self.repeating: set[int] = set()
        """Pages that begin with the last row of the page before, and end one row early."""
        self.missing: set[int] = set()
        """Pages that end one row early."""
        self.total: Callable[[int, int], int] = lambda _, total: total
        """The total that a page has, by its number and the true one."""
        self.faults: dict[int, str] = {}
        """The names of faults (`FAULTS`) that pages are answered with."""
        self.times: int | None = None
        """How often each page of `faults` fails before it is answered; None is ever."""
        self.refused: int | None = None
        """The HTTP status, 400 or 403, of a registry that wants a `nodeId`."""
        self._catalog = registry.catalog
        registry.respond = self._respond

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse | None:
        query = asked(request)
        size = str(int(query.get("pageSize", ["10"])[0]) // self.smaller)
        if request.path_qs.partition("?")[0] != "/versions" or "nodeId" in query:
            return None
        number = int(query.get("page", ["1"])[0])
        self.served[number] += 1
        if self.refused is not None:
            return web.Response(
                status=self.refused,
                body=_REFUSALS[self.refused],
                content_type="application/json",
            )
        if (change := self.changes.pop(number, None)) is not None:
            change(self._catalog)
        if number in self.faults and (
            self.times is None or self.served[number] <= self.times
        ):
            return await FAULTS[self.faults[number]].play(request, self._catalog)
        status, document = self._catalog.answer(query | {"pageSize": [size]})
        return (
            as_json(self._altered(request, number, size, document))
            if status == HTTPStatus.OK
            else None
        )

    def _altered(
        self, request: web.BaseRequest, number: int, size: str, document: dict[str, Any]
    ) -> dict[str, Any]:
        rows: list[dict[str, Any]] = document["versions"]
        if self.tied and rows:
            after = ordinary(
                request, self._catalog, page=str(number + 1), pageSize=size
            )["versions"][:1]
            if after and after[0]["version"] == rows[-1]["version"]:
                rows = [*rows[:-1], after[0]]
        if number in self.repeating:
            before = ordinary(
                request, self._catalog, page=str(number - 1), pageSize=size
            )["versions"]
            rows = [*before[-1:], *rows[:-1]]
        if number in self.missing:
            rows = rows[:-1]
        return document | {
            "versions": rows,
            "total": self.total(number, document["total"]),
        }


_REFUSALS = {
    400: encoded({"error": "Invalid parameter", "message": "nodeId is required"}),
    403: encoded({"message": "Forbidden"}),
}
