"""One row of an answer, as received and as a `Version`. Source: docs/registry.md, Endpoint (`NodeVersion`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Annotated, Any, NoReturn, get_type_hints

from pydantic import FailFast, TypeAdapter

from watcher.model.version import WATCHED_FIELDS, Version, status_from_api
from watcher.registry.answer import NoAnswerError
from watcher.text.json_limits import too_dense

MISSING: Any = ()
"""An absent field: empty, but distinct from null and from any JSON value, none of which is a tuple."""

_Texts = Annotated[list[str] | None, FailFast()]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class VersionRow:
    """One `NodeVersion` as received. Null and absent are both empty (docs/registry.md, Answers that lie)."""

    node_id: str
    status: str
    version: str | None = MISSING
    id: str | None = MISSING
    deprecated: bool | None = MISSING
    createdAt: str | None = MISSING  # noqa: N815 - the API's own name
    downloadUrl: str | None = MISSING  # noqa: N815 - the API's own name
    dependencies: _Texts = MISSING
    status_reason: str | None = MISSING


FIELDS = tuple(one.name for one in fields(VersionRow))
"""The fields that must be readable."""
_DETAILS = frozenset(FIELDS) - {"node_id", "status", "id"}
"""The fields that a row can be read without."""
ATTRIBUTES = {name: attribute for attribute, name in WATCHED_FIELDS.items()} | {
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


def read_row(item: object) -> tuple[VersionRow | None, frozenset[str]]:
    """Return a row, and which of its fields do not fit; None if it cannot be identified."""
    if not isinstance(item, dict):
        return None, frozenset()
    with suppress(ValueError, RecursionError):
        row = _decoder().validate_json(json.dumps(item), strict=True)
        return row if identifies(row) else None, frozenset()
    given = {name: item[name] for name in FIELDS if name in item}
    unreadable = frozenset(
        name for name, value in given.items() if not _fits(name, value)
    )
    if not unreadable <= _DETAILS or not {"node_id", "status"} <= given.keys():
        return None, unreadable
    readable = {name: value for name, value in given.items() if name not in unreadable}
    row = VersionRow(**readable)
    return row if identifies(row) else None, unreadable


def _fits(name: str, value: object) -> bool:
    """Return whether a field may have a value, by its type in `VersionRow`."""
    try:
        # As JSON, in which no text has a lone surrogate, as none may be written that has one.
        _decoders()[name].validate_json(json.dumps(value), strict=True)
    except (ValueError, RecursionError):
        return False
    return True


_decoder = cache(lambda: TypeAdapter(VersionRow))


@cache
def _decoders() -> dict[str, TypeAdapter[Any]]:
    hints = get_type_hints(VersionRow, include_extras=True)
    return {name: TypeAdapter(hints[name]) for name in FIELDS}


def ids_of(item: object) -> tuple[str, str] | None:
    """Return the ids of the node and the version of an item that is no readable row, where it has both."""
    if not isinstance(item, dict):
        return None
    node, version = item.get("node_id"), item.get("id")
    # Ids are ASCII; another text may have more than one way to be written.
    if not (
        isinstance(node, str)
        and isinstance(version, str)
        and node.isascii()
        and version.isascii()
    ):
        return None
    return (node, version) if node and version else None


MOST_ROWS = 5_000
"""Of one page: fifty times what is requested, so that an answer which ignores `pageSize` is still read."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Page:
    """One answer. `total`, `page_size` and `total_pages` are None if the answer does not report them readably."""

    rows: Sequence[VersionRow]
    """The rows that `identifies` accepts."""
    total: int | None = None
    page_size: int | None = None
    total_pages: int | None = None
    items: int
    """How many rows there are, the unreadable ones too."""
    unreported: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """By position in `rows`: the fields of `Version` that could not be read."""
    fault: str = ""
    """Names the first row that does not fit, for a person."""
    lost: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By the ids of node and version: names the rows that are not in `rows`, as far as they say whose they are."""
    unplaced: str = ""
    """Names the first row that does not say whose it is."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_page(body: bytes) -> Page:
    """Return the page in an answer's body. Raises NoAnswerError if it is no list of versions."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    if too_dense(body):
        raise NoAnswerError("the answer holds too many values to be a page of versions")
    try:
        # As text: bytes could also be UTF-16, whose values were not counted.
        answer = json.loads(body.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise NoAnswerError("the answer is nested too deeply") from None
    except ValueError:
        shown = "no readable JSON" if body.strip() else "empty"
        raise NoAnswerError(f"the answer is {shown}") from None
    total = _count(answer.get("total")) if isinstance(answer, dict) else None
    items: object = answer.get("versions") if isinstance(answer, dict) else None
    if items is None and total is not None:
        items = []
    if not isinstance(items, list):
        raise NoAnswerError("the answer has no list of versions")
    if len(items) > MOST_ROWS:
        raise NoAnswerError(
            f"the answer holds {len(items)} rows, far more than were requested"
        )
    page = _read_rows(items)
    page.total = total
    page.page_size = _count(answer.get("pageSize"))
    page.total_pages = _count(answer.get("totalPages"))
    return page


def _read_rows(items: Sequence[object]) -> Page:
    """Return a page of these rows, without what the answer says of all."""
    rows: list[VersionRow] = []
    unreported: dict[int, frozenset[str]] = {}
    lost: dict[tuple[str, str], str] = {}
    fault = unplaced = ""
    for number, item in enumerate(items, 1):
        row, unreadable = read_row(item)
        named = f"row {number} is unreadable" if row is None or unreadable else ""
        fault = fault or named
        if row is not None:
            if names := frozenset(
                ATTRIBUTES[name] for name in unreadable & ATTRIBUTES.keys()
            ):
                unreported[len(rows)] = names
            rows.append(row)
        elif (ids := ids_of(item)) is not None:
            lost[ids] = named
        else:
            unplaced = unplaced or named
    return Page(
        rows=rows,
        items=len(items),
        unreported=unreported,
        fault=fault,
        lost=lost,
        unplaced=unplaced,
    )


def _count(value: object) -> int | None:
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0
        else None
    )
