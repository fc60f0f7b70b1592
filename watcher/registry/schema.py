"""One page of `GET /versions`, from bytes to values. Source: docs/registry.md, Endpoint (`NodeVersion`).

A page is decoded whole, which is fast. If something in it does not fit, it is decoded row by row, so that one bad row
does not cost the good ones. The number of values and rows is bounded before that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, NoReturn

from pydantic import FailFast, TypeAdapter, ValidationError

from watcher.model.version import WATCHED_FIELDS, Version, status_from_api
from watcher.text.json_limits import too_dense

MOST_ROWS = 5_000
"""Of one page: fifty times what is requested, so that an answer which ignores `pageSize` is still read."""

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
    supported_accelerators: _Texts = MISSING
    supported_os: _Texts = MISSING
    supported_comfyui_version: str | None = MISSING
    supported_comfyui_frontend_version: str | None = MISSING
    tags: _Texts = MISSING
    tags_admin: _Texts = MISSING
    status_reason: str | None = MISSING


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _Answer:
    """What is read of an answer. The first row that does not fit is an error of the whole."""

    versions: Annotated[list[VersionRow] | None, FailFast()] = MISSING
    total: int | None = MISSING
    pageSize: int | None = MISSING  # noqa: N815 - the API's own name
    totalPages: int | None = MISSING  # noqa: N815 - the API's own name


_FIELDS = tuple(one.name for one in fields(VersionRow))
_PAGE_FIELDS = tuple(one.name for one in fields(_Answer))
_DETAILS = frozenset(_FIELDS) - {"node_id", "status", "id"}
"""The fields that a row can be read without."""
_ATTRIBUTES = {name: attribute for attribute, name in WATCHED_FIELDS.items()} | {"deprecated": "deprecated"}


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Page:
    """One answer. `total`, `page_size` and `total_pages` are None if the answer does not report them readably."""

    rows: Sequence[VersionRow]
    """The ones that say which version they are, and its status."""
    total: int | None
    page_size: int | None
    total_pages: int | None = None
    items: int
    """How many rows there are, the unreadable ones too."""
    unreported: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """By position in `rows`: the fields of `Version` that could not be read."""
    fault: str = ""
    """Names the first row that does not fit, for a person."""


class NotAListingError(Exception):
    """The answer is no list of versions. The message says what it is instead, for a person."""


def parse_page(body: bytes) -> Page:
    """Return the page in an answer's body. Raises NotAListingError."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    if too_dense(body):
        raise NotAListingError("the answer holds too many values to be a page of versions")
    try:
        answer = _answer().validate_json(body, strict=True)
    except ValidationError:
        return _read_in_parts(body)
    rows = answer.versions or []
    _count_rows(rows)
    if not all(_identifies(row) for row in rows) or _may_repeat_keys(body, answer, rows):
        return _read_in_parts(body)
    if answer.versions in (None, MISSING) and answer.total in (None, MISSING):
        raise NotAListingError("the answer has no list of versions")
    return Page(
        rows=rows,
        items=len(rows),
        total=_count(answer.total),
        page_size=_count(answer.pageSize),
        total_pages=_count(answer.totalPages),
    )


def parse_version(row: VersionRow) -> Version:
    """Return the version that a row describes. Reviewers write `tags_admin`: e-mail addresses in it are removed here,
    before it is compared or kept.
    """
    return Version(
        version=row.version or "",
        id=row.id or "",
        status=status_from_api(row.status),
        deprecated=row.deprecated or False,
        created_at=row.createdAt or "",
        download_url=row.downloadUrl or "",
        dependencies=tuple(row.dependencies or ()),
        supported_accelerators=tuple(row.supported_accelerators or ()),
        supported_os=tuple(row.supported_os or ()),
        supported_comfyui_version=row.supported_comfyui_version or "",
        supported_comfyui_frontend_version=row.supported_comfyui_frontend_version or "",
        tags=tuple(row.tags or ()),
        tags_admin=_redact(row.tags_admin) if row.tags_admin else (),
    )


def _redact(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the tags without e-mail addresses. A digest keeps tags apart that differ only in an address."""
    from watcher.text.sanitize import redact_emails  # few rows have such tags, and a quiet poll need not load it

    redacted = [(tag, redact_emails(tag)) for tag in tags]
    return tuple(tag if tag == text else f"{text} #{_digest(tag)}" for tag, text in redacted)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()


@cache
def _answer() -> TypeAdapter[_Answer]:
    return TypeAdapter(_Answer)


@cache
def _row() -> TypeAdapter[VersionRow]:
    return TypeAdapter(VersionRow)


def _identifies(row: VersionRow) -> bool:
    """Return whether a row says which version of which node it is, and its status. Else it is unreadable."""
    return bool(row.node_id and row.status and (row.id or row.version))


def _count_rows(rows: Sequence[object]) -> None:
    if len(rows) > MOST_ROWS:
        raise NotAListingError(f"the answer holds {len(rows)} rows, far more than were requested")


_KEY = re.compile(f'"(?:{"|".join((*_FIELDS, *_PAGE_FIELDS))})"'.encode())
_ESCAPED_KEY = re.compile(rb'\\u[0-9a-fA-F]{4}[^"\\]*"\s*:')
"""The end of a key with an escape in it. No string value looks like it: a quote inside a string follows a backslash."""

_of_row = attrgetter(*_FIELDS)
_of_page = attrgetter(*_PAGE_FIELDS)


def _may_repeat_keys(body: bytes, answer: _Answer, rows: Sequence[VersionRow]) -> bool:
    """Return whether some object may hold a key twice, which JSON leaves undefined.

    Each decoded key is in the body once. A name that is there more often is a repeated key, or a string value: then the
    page is decoded row by row in vain.
    """
    decoded = len(_PAGE_FIELDS) - _of_page(answer).count(MISSING)
    decoded += sum(len(_FIELDS) - _of_row(row).count(MISSING) for row in rows)
    return len(_KEY.findall(body)) > decoded or (b"\\u" in body and _ESCAPED_KEY.search(body) is not None)


_REPEATED: dict[str, Any] = {}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, or `_REPEATED`, which fits nowhere, for one that repeats a key which is read."""
    built = dict(pairs)
    if len(built) == len(pairs):
        return built
    names = Counter(name for name, _ in pairs)
    return _REPEATED if any(names[name] > 1 for name in (*_FIELDS, *_PAGE_FIELDS)) else built


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read_in_parts(body: bytes) -> Page:
    try:
        # As text: bytes could be UTF-16 too, in which the values were not counted.
        answer = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise NotAListingError("the answer is nested too deeply") from None
    except ValueError:
        shown = "an HTML page" if body.lstrip()[:1] == b"<" else "no readable JSON"
        raise NotAListingError(f"the answer is {shown}" if body.strip() else "the answer is empty") from None
    if answer is _REPEATED:
        raise NotAListingError("the answer holds a key twice")
    total = _count(answer.get("total")) if isinstance(answer, dict) else None
    items: object = answer.get("versions") if isinstance(answer, dict) else None
    if items is None and total is not None:
        items = []
    if not isinstance(items, list):
        raise NotAListingError("the answer has no list of versions")
    _count_rows(items)
    rows: list[VersionRow] = []
    unreported: dict[int, frozenset[str]] = {}
    fault = ""
    for number, item in enumerate(items, 1):
        row, unreadable = _read_row(item)
        if row is None or unreadable:
            fault = fault or f"row {number} is unreadable"
        if row is not None:
            if names := frozenset(_ATTRIBUTES[name] for name in unreadable & _ATTRIBUTES.keys()):
                unreported[len(rows)] = names
            rows.append(row)
    return Page(
        rows=rows,
        items=len(items),
        unreported=unreported,
        fault=fault,
        total=total,
        page_size=_count(answer.get("pageSize")),
        total_pages=_count(answer.get("totalPages")),
    )


def _read_row(item: object) -> tuple[VersionRow | None, frozenset[str]]:
    """Return a row, and which of its fields do not fit; None if it does not say what it is."""
    given = {name: item[name] for name in _FIELDS if name in item} if isinstance(item, dict) else {}
    unreadable: frozenset[str] = frozenset()
    # An error without a place, as of a lone surrogate, says nothing of the field: try with fewer of them.
    for fallback in (_DETAILS - {"version", "createdAt"}, _DETAILS, _DETAILS):
        try:
            # As JSON: strict validation of Python values takes no dict for a dataclass.
            row = _row().validate_json(json.dumps(given), strict=True)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
            unreadable |= frozenset(str(fault["loc"][0]) for fault in faults if fault["loc"]) or fallback
        except RecursionError:
            unreadable |= fallback
        else:
            return (row if _identifies(row) and unreadable <= _DETAILS else None), unreadable
        given = {name: value for name, value in given.items() if name not in unreadable}
    return None, unreadable


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
