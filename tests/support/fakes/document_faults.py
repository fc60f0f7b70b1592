"""Faults of the document: good JSON that says something wrong, or nothing wrong in an unusual way."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.support.fakes.fault import (
    FLAGGED,
    NEW,
    Means,
    as_json,
    asked,
    fault,
    ordinary,
)
from watcher.fake_registry.catalog import Catalog
from watcher.fake_registry.server import encoded

HUGE_REASON = "x" * (2 * 2**20)
FINDINGS = "[" + "{}," * 700_000 + "{}]"
ROWS = 6_000
_BLANKS = b" " * (5 * 2**20)


@fault(Means.INCOMPLETE, "row 1 is unreadable on page 1", shows=(FLAGGED,))
async def wrong_row_types(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """The first row has a wrong type in every field that is a text or a list."""
    document = ordinary(request, catalog)
    for row in document["versions"][:1]:
        row |= {
            "id": 7,
            "version": 1.2,
            "status": ["x"],
            "deprecated": "yes",
            "dependencies": {"a": 1},
            "tags": "t",
        }
    return as_json(document)


@fault(Means.INCOMPLETE, "row 1 is unreadable on page 1", shows=(FLAGGED, NEW))
async def wrong_details(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """Every row has a detail of another type, as after a change of the API that nobody announced."""
    document = ordinary(request, catalog)
    rows = [
        row | {"supported_os": [{"name": "linux"}], "deprecated": "no"}
        for row in document["versions"]
    ]
    return as_json(document | {"versions": rows})


@fault(Means.INCOMPLETE, "row 1 is unreadable on page 1")
async def rows_no_objects(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """Rows that are no objects."""
    document = ordinary(request, catalog)
    return as_json(
        document | {"versions": [None, 1, "x", []][: max(1, len(document["versions"]))]}
    )


@fault(Means.COMPLETE)
async def nulls(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """No fault by the spec's readers: what is empty is null."""
    document = ordinary(request, catalog)
    rows = [
        {name: value or None for name, value in row.items()}
        for row in document["versions"]
    ]
    return as_json(document | {"versions": rows})


@fault(Means.COMPLETE)
async def fields_vanish(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """No fault either: fields that may go from public answers are gone."""
    gone = {"status_reason", "tags_admin", "comfy_node_extract_status"}
    document = ordinary(request, catalog)
    rows = [
        {name: value for name, value in row.items() if name not in gone}
        for row in document["versions"]
    ]
    return as_json(document | {"versions": rows})


@fault(Means.COMPLETE, heavy=True)
async def huge_reason(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Two megabytes of reason in every row, asked for or not."""
    document = ordinary(request, catalog)
    for row in document["versions"]:
        row["status_reason"] = HUGE_REASON
    return as_json(document)


@fault(Means.COMPLETE, heavy=True)
async def findings_bomb(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """Two megabytes of empty findings for the reason of every row, asked for or not."""
    document = ordinary(request, catalog)
    for row in document["versions"]:
        row["status_reason"] = FINDINGS
    return as_json(document)


@fault(
    Means.UNREADABLE,
    "the answer holds 6000 rows, far more than were requested",
    heavy=True,
)
async def row_bomb(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The whole table on one page, as of a registry that takes a page's size for none."""
    model: dict[str, Any] = next(
        iter(ordinary(request, catalog, page="1", pageSize="1")["versions"]), {}
    )
    few = {"node_id": model.get("node_id"), "status": model.get("status")}
    rows = [
        few | {"id": f"claimed-{row}", "version": f"1.{row}.0"} for row in range(ROWS)
    ]
    return as_json(
        {"page": 1, "pageSize": ROWS, "total": ROWS, "totalPages": 1, "versions": rows}
    )


@fault(
    Means.INCOMPLETE,
    "the answer claims 100000 versions, more than any node has",
    shows=(FLAGGED, NEW),
    heavy=True,
)
async def claims_100k(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The ordinary rows on every page, and there are said to be 1,000 such pages."""
    document = ordinary(request, catalog, page="1")
    return as_json(document | {"total": 100_000, "totalPages": 1000})


@fault(Means.COMPLETE)
async def small_pages(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """Two rows a page whatever was asked, and honestly said so."""
    return as_json(ordinary(request, catalog, pageSize="2"))


@fault(
    Means.INCOMPLETE,
    "the number of versions changed between pages",
    shows=(FLAGGED, NEW),
)
async def total_changes(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """Two rows a page, and a total that grows by one with each page."""
    document = ordinary(request, catalog, pageSize="2")
    return as_json(document | {"total": document["total"] + document["page"] - 1})


@fault(
    Means.INCOMPLETE,
    "the answer claims 2 versions on 3 pages, which does not fit",
    shows=(FLAGGED, NEW),
)
async def total_falls_short(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """Two rows a page and every page honestly counted, but a total of two."""
    return as_json(ordinary(request, catalog, pageSize="2") | {"total": 2})


@fault(Means.INCOMPLETE, "a version came twice", shows=(FLAGGED, NEW))
async def repeated_rows(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """As offset paging does when a row slips in between two pages: the last of one page is the first of the next."""
    document = ordinary(request, catalog, pageSize="2")
    if document["page"] > 1:
        before = ordinary(
            request, catalog, pageSize="2", page=str(document["page"] - 1)
        )
        document["versions"] = [*before["versions"][-1:], *document["versions"][:-1]]
    return as_json(document)


@fault(Means.INCOMPLETE, "4 of 5 versions came", shows=(FLAGGED, NEW))
async def missing_rows(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """The last row of each page is left out, and still counted."""
    document = ordinary(request, catalog)
    return as_json(document | {"versions": document["versions"][:-1]})


@fault(Means.INCOMPLETE, "2 of 5 versions came", shows=(NEW,))
async def empty_later_pages(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """All pages but the first are empty, whatever the total says."""
    document = ordinary(request, catalog, pageSize="2")
    return as_json(
        document | {"versions": document["versions"] if document["page"] == 1 else []}
    )


@fault(
    Means.INCOMPLETE,
    "4 of 5 versions came, which are larger than max_response_mb",
    shows=(NEW,),
    heavy=True,
)
async def large_pages(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """One row a page, and five megabytes of blanks: every page may be read, and all of them are too much."""
    document = encoded(ordinary(request, catalog, pageSize="1"))
    return web.Response(body=document + _BLANKS, content_type="application/json")


@fault(Means.EMPTY)
async def nothing(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """A good answer that holds no version and says so, as of a registry that lost its table."""
    return as_json(
        {"page": 1, "pageSize": 100, "total": 0, "totalPages": 0, "versions": []}
    )


@fault(
    Means.INCOMPLETE,
    "the answer holds other nodes' versions, as if nodeId were ignored",
    shows=(FLAGGED, NEW),
)
async def filter_ignored(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """Everybody's versions, whichever node was asked for."""
    query = {
        name: values for name, values in asked(request).items() if name != "nodeId"
    }
    return as_json(catalog.answer(query)[1])


@fault(
    Means.INCOMPLETE,
    "the answer holds other nodes' versions, as if nodeId were ignored",
    shows=(FLAGGED,),
)
async def row_of_another(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse:
    """The first row is another node's."""
    document = ordinary(request, catalog)
    for row in document["versions"][:1]:
        row["node_id"] = "somebody-elses"
    return as_json(document)
