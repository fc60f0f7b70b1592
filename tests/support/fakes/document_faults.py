"""Faults of the document: good JSON that says something wrong, or nothing wrong in an unusual way."""

from __future__ import annotations

from aiohttp import web

from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import encoded
from tests.support.fakes.fault import (
    FLAGGED,
    NEW,
    Altered,
    Document,
    Means,
    altered,
    as_json,
    asked,
    fault,
    ordinary,
)

HUGE_REASON = "x" * (2 * 2**20)
FINDINGS = "[" + "{}," * 700_000 + "{}]"
_BLANKS = b" " * (10 * 2**20)


@altered(Means.INCOMPLETE, "row 1 is unreadable on page 1", shows=(FLAGGED,))
def wrong_row_types(document: Document) -> Altered:
    """The first row has a wrong type in every field that is a text or a list."""
    for row in document["versions"][:1]:
        row |= {
            "id": 7,
            "version": 1.2,
            "status": ["x"],
            "deprecated": "yes",
            "dependencies": {"a": 1},
        }
    return document


@altered(
    Means.INCOMPLETE, "a row is unreadable in part on page 1", shows=(FLAGGED, NEW)
)
def wrong_details(document: Document) -> Altered:
    """Every row has a detail of another type, as after a change of the API that nobody announced."""
    rows = [
        row | {"dependencies": [{"name": "linux"}], "deprecated": "no"}
        for row in document["versions"]
    ]
    return document | {"versions": rows}


@altered(Means.COMPLETE)
def nulls(document: Document) -> Altered:
    """No fault by the spec's readers: what is empty is null."""
    rows = [
        {name: value or None for name, value in row.items()}
        for row in document["versions"]
    ]
    return document | {"versions": rows}


@altered(Means.COMPLETE)
def fields_vanish(document: Document) -> Altered:
    """No fault either: fields that may go from public answers are gone."""
    gone = {"status_reason", "comfy_node_extract_status"}
    rows = [
        {name: value for name, value in row.items() if name not in gone}
        for row in document["versions"]
    ]
    return document | {"versions": rows}


@altered(Means.COMPLETE, heavy=True)
def huge_reason(document: Document) -> Altered:
    """Two megabytes of reason in every row, asked for or not."""
    for row in document["versions"]:
        row["status_reason"] = HUGE_REASON
    return document


@altered(Means.COMPLETE, heavy=True)
def findings_bomb(document: Document) -> Altered:
    """Two megabytes of empty findings for the reason of every row, asked for or not."""
    for row in document["versions"]:
        row["status_reason"] = FINDINGS
    return document


@fault(
    Means.INCOMPLETE,
    "a version came twice",
    shows=(FLAGGED, NEW),
    heavy=True,
)
async def claims_100k(request: web.BaseRequest, catalog: Catalog) -> web.StreamResponse:
    """The ordinary rows on every page, and there are said to be 1,000 such pages."""
    document = ordinary(request, catalog, page="1")
    return as_json(document | {"total": 100_000, "totalPages": 1000})


@altered(Means.COMPLETE, page_size="2")
def small_pages(document: Document) -> Altered:
    """Two rows a page whatever was asked, and honestly said so."""
    return document


@altered(
    Means.INCOMPLETE,
    "the number of versions changed between pages",
    shows=(FLAGGED, NEW),
    page_size="2",
)
def total_changes(document: Document) -> Altered:
    """Two rows a page, and a total that grows by one with each page."""
    return document | {"total": document["total"] + document["page"] - 1}


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


@altered(Means.INCOMPLETE, "4 of 5 versions came", shows=(FLAGGED, NEW))
def missing_rows(document: Document) -> Altered:
    """The last row of each page is left out, and still counted."""
    return document | {"versions": document["versions"][:-1]}


@altered(Means.INCOMPLETE, "2 of 5 versions came", shows=(NEW,), page_size="2")
def empty_later_pages(document: Document) -> Altered:
    """All pages but the first are empty, whatever the total says."""
    return document | {
        "versions": document["versions"] if document["page"] == 1 else []
    }


@altered(
    Means.INCOMPLETE,
    "page 5: not requested, since the other pages hold more than 32 MB",
    shows=(NEW,),
    heavy=True,
    page_size="1",
)
def large_pages(document: Document) -> Altered:
    """One row a page, and ten megabytes of blanks: every page may be read, and all of them are too much."""
    return encoded(document) + _BLANKS


@altered(Means.EMPTY)
def nothing(document: Document) -> Altered:
    """A good answer that holds no version and says so, as of a registry that lost its table."""
    return {"page": 1, "pageSize": 100, "total": 0, "totalPages": 0, "versions": []}


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


@altered(
    Means.INCOMPLETE,
    "the answer holds other nodes' versions, as if nodeId were ignored",
    shows=(FLAGGED,),
)
def row_of_another(document: Document) -> Altered:
    """The first row is another node's."""
    for row in document["versions"][:1]:
        row["node_id"] = "somebody-elses"
    return document
