"""One row of an answer, as received and as a `Version`. Source: docs/dev/registry.md, Endpoint (`NodeVersion`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, NoReturn, get_type_hints

from pydantic import FailFast, NonNegativeInt, TypeAdapter

from watcher.model.version import WATCHED_FIELDS, Version, status_from_api
from watcher.registry.answer import NoAnswerError
from watcher.registry.pages import Page
from watcher.text.json_limits import too_dense


@dataclass(slots=True, kw_only=True)
class VersionRow:
    """One `NodeVersion` as received. Null and absent are both empty (docs/dev/registry.md, Answers that lie)."""

    node_id: str = ""
    status: str = ""
    version: str | None = None
    id: str | None = None
    deprecated: bool | None = None
    createdAt: str | None = None  # noqa: N815 - the API's own name
    downloadUrl: str | None = None  # noqa: N815 - the API's own name
    dependencies: Annotated[list[str] | None, FailFast()] = None
    status_reason: str | None = None


_ATTRIBUTES = {name: attribute for attribute, name in WATCHED_FIELDS.items()} | {
    "deprecated": "deprecated"
}
"""The fields that `Listing.unreported` may name, with their names in `Version`."""


def parse_version(row: VersionRow) -> Version:
    """Return the version that a row describes."""
    return Version(
        version=row.version or "",
        id=row.id or "",
        status=status_from_api(row.status),
        deprecated=row.deprecated or False,
        created_at=row.createdAt or "",
        download_url=row.downloadUrl or "",
        dependencies=tuple(row.dependencies or ()),
    )


def identifies(row: VersionRow) -> bool:
    """Return whether a row says which version of which node it is, and its status. Else it is unreadable."""
    return bool(row.node_id and row.status and (row.id or row.version))


def _fits(name: str, value: object) -> bool:
    """Return whether a field may have a value, by its type in `VersionRow`."""
    try:
        # As JSON, in which no text has a lone surrogate, as none may be written that has one.
        _decoders()[name].validate_json(json.dumps(value), strict=True)
    except (ValueError, RecursionError):
        return False
    return True


@cache
def _decoders() -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(VersionRow, include_extras=True)
    return {name: TypeAdapter(form) for name, form in hints.items()}


MOST_ROWS = 5_000
"""Of one page: fifty times what is requested, so that an answer which ignores the size is still read."""


@dataclass(slots=True, kw_only=True)
class _Answer:
    """An answer of which every part fits."""

    versions: Annotated[list[VersionRow], FailFast()]
    total: NonNegativeInt | None = None
    pageSize: NonNegativeInt | None = None  # noqa: N815 - the API's own name
    totalPages: NonNegativeInt | None = None  # noqa: N815 - the API's own name


_decoder = cache(lambda: TypeAdapter(_Answer))


def parse_page(body: bytes) -> Page[VersionRow]:
    """Return the page in an answer's body. Raises NoAnswerError if it is no list of versions."""
    page = None if too_dense(body) else _read_whole(body)
    return page or _read_by_rows(body)


def _read_whole(body: bytes) -> Page[VersionRow] | None:
    """Return the page, decoded in one go, which halves the work of a poll. None if anything in it does not fit."""
    try:
        answer = _decoder().validate_json(body, strict=True)
    except ValueError:
        return None
    rows = answer.versions
    # Rarely: then each row is looked at by itself, and what is wrong with it is known.
    if len(rows) > MOST_ROWS or not all(map(identifies, rows)):
        return None
    return Page(
        rows=rows,
        total=answer.total,
        page_size=answer.pageSize,
        total_pages=answer.totalPages,
        items=len(rows),
    )


def _read_by_rows(body: bytes) -> Page[VersionRow]:
    """Return the page, decoded row by row, so that what is wrong with one row costs no other."""
    page: Page[VersionRow]
    page, items = read_list(body, "versions")
    for number, item in enumerate(items, 1):
        about = item if isinstance(item, dict) else {}
        given = about.keys() & _decoders().keys()
        # Of the fields that are known: others come with each version of the service.
        readable = {name: about[name] for name in given if _fits(name, about[name])}
        unreadable = given - readable.keys()
        row = VersionRow(**readable)
        if "id" not in unreadable and identifies(row):
            if unreadable:
                page.unreported[len(page.rows)] = frozenset(
                    _ATTRIBUTES[name] for name in unreadable & _ATTRIBUTES.keys()
                )
            page.rows.append(row)
        # Ids are ASCII; another text may have more than one way to be written.
        elif row.node_id and row.id and (row.node_id + row.id).isascii():
            page.lost[row.node_id, row.id] = f"row {number} is unreadable"
        else:
            page.unplaced = page.unplaced or f"row {number} is unreadable"
    return page


def read_list(
    body: bytes, name: str, subject: str = "the answer"
) -> tuple[Page[Any], list[object]]:
    """Return what an answer says of all pages, and its rows as they came. Raises NoAnswerError if it is no list.

    `name` is that of the list, `subject` what the error says of it.
    """
    if too_dense(body):
        raise NoAnswerError(f"{subject} holds too many values to be a page of {name}")
    try:
        # As text: bytes could also be UTF-16, whose values were not counted.
        answer = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except RecursionError:
        raise NoAnswerError(f"{subject} is nested too deeply") from None
    except ValueError:
        shown = "no readable JSON" if body.strip() else "empty"
        raise NoAnswerError(f"{subject} is {shown}") from None
    about: dict[str, object] = answer if isinstance(answer, dict) else {}
    total, items = _count(about.get("total")), about.get(name)
    # An empty list has been null, and left out; with a total it is a list all the same.
    if items is None and total is not None:
        items = []
    if not isinstance(items, list):
        raise NoAnswerError(f"{subject} has no list of {name}")
    # A page size of 0 has returned the whole table.
    if len(items) > MOST_ROWS:
        raise NoAnswerError(
            f"{subject} holds {len(items)} rows, far more than were requested"
        )
    page = Page[Any](
        items=len(items),
        total=total,
        page_size=_count(about.get("pageSize")),
        total_pages=_count(about.get("totalPages")),
    )
    return page, items


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _count(value: object) -> int | None:
    # `true` is the number 1 for Python.
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if value >= 0 else None
