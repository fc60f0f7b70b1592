"""One page of `GET /versions`, from bytes to values. Source: docs/registry.md, Endpoint (`NodeVersion`).

A page is decoded whole, which is fast. If something in it does not fit, it is decoded row by row, so that one bad row
does not cost the good ones. The number of values and rows is bounded before that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, NoReturn

from pydantic import FailFast, TypeAdapter, ValidationError

from watcher.model.version import Version, status_from_api
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


_FIELDS = tuple(field.name for field in fields(VersionRow))
_PAGE_FIELDS = tuple(field.name for field in fields(_Answer))
_OUTLINES = (
    ("node_id", "status", "id", "version", "createdAt"),
    ("node_id", "status", "id", "version"),
    ("node_id", "status", "id"),
)
"""The fields that are read of a row that does not fit; the first that fit are taken."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Page:
    """One answer. `total`, `page_size` and `total_pages` are None if the answer does not report them readably."""

    rows: Sequence[VersionRow]
    """The readable ones."""
    total: int | None
    page_size: int | None
    total_pages: int | None = None
    unreadable: int = 0
    """How many rows do not fit."""
    fault: str = ""
    """Names the first of these, for a person."""
    outlines: Sequence[VersionRow] = ()
    """What can be read of these: which version it is, and its status."""
    admin_tags_told: bool = True

    @property
    def items(self) -> int:
        """How many rows there are, the unreadable ones too."""
        return len(self.rows) + self.unreadable


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
        total=_count(answer.total),
        page_size=_count(answer.pageSize),
        total_pages=_count(answer.totalPages),
        admin_tags_told=any(row.tags_admin is not MISSING for row in rows),
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
    read = [_read_row(item) for item in items]
    rows = [row for row in read if row is not None]
    return Page(
        rows=rows,
        total=total,
        page_size=_count(answer.get("pageSize")),
        total_pages=_count(answer.get("totalPages")),
        unreadable=len(read) - len(rows),
        fault=f"row {read.index(None) + 1} is unreadable" if None in read else "",
        outlines=[
            outline
            for item, row in zip(items, read, strict=True)
            if row is None and (outline := next(filter(None, (_read_row(item, names) for names in _OUTLINES)), None))
        ],
        admin_tags_told=any("tags_admin" in item for item in items if isinstance(item, dict)),
    )


def _read_row(item: object, names: Sequence[str] = _FIELDS) -> VersionRow | None:
    """Return a row with these fields only; None if one of them does not fit."""
    if not isinstance(item, dict):
        return None
    try:
        # As JSON: strict validation of Python values takes no dict for a dataclass.
        row = _row().validate_json(json.dumps({name: item[name] for name in names if name in item}), strict=True)
    except (ValidationError, RecursionError):
        return None
    return row if _identifies(row) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
