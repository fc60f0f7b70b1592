"""One page of `GET /versions`, from bytes to values. Source: docs/registry.md, Endpoint.

A page is decoded row by row, so that one bad row does not cost the good ones. The number of values and rows is bounded
before that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from watcher.registry.answer import NoAnswerError
from watcher.registry.row import (
    ATTRIBUTES,
    VersionRow,
    ids_of,
    read_row,
)
from watcher.text.json_limits import too_dense

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
