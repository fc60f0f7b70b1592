"""One page of `GET /versions`, from bytes to values. Source: the endpoint's spec, schema `NodeVersion`.

A page is decoded whole, which is fast; only if something in it does not fit is it taken apart, so that one bad row
does not cost the good ones. What it may cost is bounded before it is decoded: in values, and in rows.
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
"""Of one page: fifty times what is asked for, so that a registry which ignores `pageSize` is still read."""

_LONGEST_MESSAGE = 256_000
"""Bytes of an error answer that is read for its message."""

_NODE_BANNED = "node banned"
"""What the API's 403 for a banned node says, in any case."""

_MISSING: Any = ()
"""Stands for a field that did not come: as empty as null, and yet told from it, for nothing in JSON is a tuple."""

_Texts = Annotated[list[str] | None, FailFast()]


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class VersionRow:
    """One `NodeVersion` as it came. Null and absent are both empty, as in the contract."""

    node_id: str
    status: str
    version: str | None = _MISSING
    id: str | None = _MISSING
    deprecated: bool | None = _MISSING
    createdAt: str | None = _MISSING  # noqa: N815 - the API's own name
    downloadUrl: str | None = _MISSING  # noqa: N815 - the API's own name
    dependencies: _Texts = _MISSING
    supported_accelerators: _Texts = _MISSING
    supported_os: _Texts = _MISSING
    supported_comfyui_version: str | None = _MISSING
    supported_comfyui_frontend_version: str | None = _MISSING
    tags: _Texts = _MISSING
    tags_admin: _Texts = _MISSING
    status_reason: str | None = _MISSING


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class _Answer:
    """What is taken of an answer, decoded at once. The first row that does not fit ends it."""

    versions: Annotated[list[VersionRow] | None, FailFast()] = _MISSING
    total: int | None = _MISSING
    pageSize: int | None = _MISSING  # noqa: N815 - the API's own name
    totalPages: int | None = _MISSING  # noqa: N815 - the API's own name


_FIELDS = tuple(field.name for field in fields(VersionRow))
_PAGE_FIELDS = tuple(field.name for field in fields(_Answer))
_OUTLINES = (
    ("node_id", "status", "id", "version", "createdAt"),
    ("node_id", "status", "id", "version"),
    ("node_id", "status", "id"),
)
"""What is read of a row whose details cannot be: as much of it as fits."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Page:
    """One answer: its readable rows, and how many were not; `fault` names the first of those to a person, else "".

    `total`, `page_size` and `total_pages` are what the answer says of itself; None where it does not, or not readably.

    `outlines` are those of the others that say at least which version they are, and its status; nothing else of them is
    told.
    """

    rows: Sequence[VersionRow]
    total: int | None
    page_size: int | None
    total_pages: int | None = None
    unreadable: int = 0
    fault: str = ""
    outlines: Sequence[VersionRow] = ()
    admin_tags_told: bool = True

    @property
    def items(self) -> int:
        """How many rows came, the unreadable ones too."""
        return len(self.rows) + self.unreadable


class NotAListingError(Exception):
    """The answer is no list of versions. The message says what it is instead, to a person."""


def parse_page(body: bytes) -> Page:
    """Decode an answer's body; raises NotAListingError."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    if too_dense(body):
        raise NotAListingError("the answer holds too many values to be a page of versions")
    try:
        answer = _answer().validate_json(body, strict=True)
    except ValidationError:
        return _read_in_parts(body)
    rows = answer.versions or []
    _count_rows(rows)
    if not all(_names(row) for row in rows) or _may_repeat_keys(body, answer, rows):
        return _read_in_parts(body)
    if answer.versions in (None, _MISSING) and answer.total in (None, _MISSING):
        raise NotAListingError("the answer has no list of versions")
    return Page(
        rows=rows,
        total=_count(answer.total),
        page_size=_count(answer.pageSize),
        total_pages=_count(answer.totalPages),
        admin_tags_told=any(row.tags_admin is not _MISSING for row in rows),
    )


def parse_version(row: VersionRow) -> Version:
    """Give the fact that a row states; null, absent and empty are one. Reviewers write `tags_admin`: the e-mail
    addresses in it go here, before it is compared or kept.
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
        tags_admin=_of_people(row.tags_admin) if row.tags_admin else (),
    )


def _of_people(tags: Sequence[str]) -> tuple[str, ...]:
    """Take out the addresses of those who wrote the tags; tags that differ in nothing else still do, by a digest."""
    from watcher.text.sanitize import redact_emails  # few rows have such tags, and a quiet poll need not load it

    told = [(tag, redact_emails(tag)) for tag in tags]
    return tuple(tag if tag == shown else f"{shown} #{_digest(tag)}" for tag, shown in told)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()


def parse_message(body: bytes) -> str | None:
    """Give what an error answer says (`message`, else `error`; "" for neither), or None if it is no JSON object.

    Of more than 256 KB the beginning alone is looked at: no error of the API's is as long, but it may be one.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if len(body) > _LONGEST_MESSAGE:
        return "" if body[:_LONGEST_MESSAGE].lstrip()[:1] == b"{" else None
    answer = _read_error(body)
    if answer is None:
        return None
    told = answer.get("message") or answer.get("error") or ""
    return told if isinstance(told, str) else ""


def parse_ban(body: bytes) -> str | None:
    """Return the reason that a 403 gives for the ban of a node, or None if it is no such ban.

    A ban is a JSON object whose `message` or `error` is "node banned", in any case (contract, Events). The reason is
    what the other of the two says, else that phrase. Gateways and walls answer 403 with JSON of their own.
    """
    answer = _read_error(body.removeprefix(b"\xef\xbb\xbf"))
    if answer is None:
        return None
    said = [text for name in ("message", "error") if isinstance(text := answer.get(name), str) and text.strip()]
    others = [text for text in said if text.strip().lower() != _NODE_BANNED]
    return None if len(others) == len(said) else (others or said)[0]


def _read_error(body: bytes) -> dict[str, Any] | None:
    """Decode the body of an error; None if it is no JSON object, or longer than any error of the API's."""
    if len(body) > _LONGEST_MESSAGE:
        return None
    try:
        answer = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


@cache
def _answer() -> TypeAdapter[_Answer]:
    return TypeAdapter(_Answer)


@cache
def _row() -> TypeAdapter[VersionRow]:
    return TypeAdapter(VersionRow)


def _names(row: VersionRow) -> bool:
    """Tell whether a row says which version it is and what of: without that it is not readable."""
    return bool(row.node_id and row.status and (row.id or row.version))


def _count_rows(rows: Sequence[object]) -> None:
    if len(rows) > MOST_ROWS:
        raise NotAListingError(f"the answer holds {len(rows)} rows, far more than were asked for")


_KEY = re.compile(f'"(?:{"|".join((*_FIELDS, *_PAGE_FIELDS))})"'.encode())
_ESCAPED_KEY = re.compile(rb'\\u[0-9a-fA-F]{4}[^"\\]*"\s*:')
"""The end of a key with an escape in it. No text looks like it: a quote inside a string has a backslash before it."""

_of_row = attrgetter(*_FIELDS)
_of_page = attrgetter(*_PAGE_FIELDS)


def _may_repeat_keys(body: bytes, answer: _Answer, rows: Sequence[VersionRow]) -> bool:
    """Tell whether some object may hold a key twice, which JSON leaves undefined.

    Each key that was decoded stands in the body once, so a name that stands there more often is a key again. Or it is
    a text, for which the page is only taken apart in vain.
    """
    told = len(_PAGE_FIELDS) - _of_page(answer).count(_MISSING)
    told += sum(len(_FIELDS) - _of_row(row).count(_MISSING) for row in rows)
    return len(_KEY.findall(body)) > told or (b"\\u" in body and _ESCAPED_KEY.search(body) is not None)


_REPEATED: dict[str, Any] = {}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, or the mark of one that repeats a key which is read: an empty one, which fits nowhere."""
    built = dict(pairs)
    if len(built) == len(pairs):
        return built
    names = Counter(name for name, _ in pairs)
    return _REPEATED if any(names[name] > 1 for name in (*_FIELDS, *_PAGE_FIELDS)) else built


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _read_in_parts(body: bytes) -> Page:
    try:
        # As text, or UTF-16 would be read too, in which the bytes that were weighed are other characters.
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
    """Read these fields of a row, and no others; None if one of them does not fit."""
    if not isinstance(item, dict):
        return None
    try:
        # By way of JSON: strictly, a row made of Python values would have to be a Row already.
        row = _row().validate_json(json.dumps({name: item[name] for name in names if name in item}), strict=True)
    except (ValidationError, RecursionError):
        return None
    return row if _names(row) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
