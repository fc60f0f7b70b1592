"""One page of `GET /versions`, from bytes to values. Source: the endpoint's spec, schema `NodeVersion`.

A page is decoded whole, which is fast; only if something in it does not fit is it taken apart, so that one bad row
does not cost the good ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from watcher.versions import Version, status_from_api


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Row:
    """One `NodeVersion` as it came. Null and absent look the same here, as in the contract."""

    node_id: str
    status: str
    version: str | None = None
    id: str | None = None
    deprecated: bool | None = None
    createdAt: str | None = None  # noqa: N815 - the API's own name
    downloadUrl: str | None = None  # noqa: N815 - the API's own name
    dependencies: list[str] | None = None
    supported_accelerators: list[str] | None = None
    supported_os: list[str] | None = None
    supported_comfyui_version: str | None = None
    supported_comfyui_frontend_version: str | None = None
    tags: list[str] | None = None
    tags_admin: list[str] | None = None
    status_reason: str | None = None


_FIELDS = frozenset(field.name for field in fields(Row))


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Page:
    """One answer. `faults` says, to a person, what in it could not be read."""

    versions: list[Row] | None = None
    total: int | None = None
    pageSize: int | None = None  # noqa: N815 - the API's own name
    faults: tuple[str, ...] = ()
    admin_tags_told: bool = True

    @property
    def rows(self) -> Sequence[Row]:
        """The readable rows."""
        return self.versions or ()

    @property
    def items(self) -> int:
        """How many rows came, the unreadable ones too."""
        return len(self.rows) + len(self.faults)


class NotAListingError(Exception):
    """The answer is no list of versions. The message says what it is instead, to a person."""


def read_page(body: bytes) -> Page:
    """Decode an answer's body; raises NotAListingError."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    if not _repeats_keys(body):
        try:
            page = _page().validate_json(body, strict=True)
        except ValidationError:
            pass
        else:
            if page.versions is None and page.total is None:
                raise NotAListingError("the answer has no list of versions")
            if not all(_names(row) for row in page.rows):
                return _read_in_parts(body)
            page.faults = ()
            page.admin_tags_told = _ADMIN_TAGS.search(body) is not None
            return page
    return _read_in_parts(body)


def read_version(row: Row) -> Version:
    """Give the fact that a row states; null, absent and empty are one."""
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
        tags_admin=tuple(row.tags_admin or ()),
    )


def read_message(body: bytes) -> str | None:
    """Give what an error answer says (`message`, else `error`; "" for neither), or None if it is no JSON object."""
    try:
        answer = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    told = answer.get("message") or answer.get("error") or ""
    return told if isinstance(told, str) else ""


@cache
def _page() -> TypeAdapter[Page]:
    return TypeAdapter(Page)


@cache
def _row() -> TypeAdapter[Row]:
    return TypeAdapter(Row)


_ADMIN_TAGS = re.compile(rb'"tags_admin"\s*:')
"""The key, which a stranger's text can't look like: a quote inside it has a backslash before it."""


def _names(row: Row) -> bool:
    """Tell whether a row says which version it is and what of: without that it is not readable."""
    return bool(row.node_id and row.status and (row.id or row.version))


_ROW_KEYS = (b'"status":', b'"deprecated":')
_PAGE_KEYS = (b'"versions":', b'"total":')


def _repeats_keys(body: bytes) -> bool:
    """Tell whether some object may hold a key twice, which JSON leaves undefined; a cheap look for the common way.

    A quoted key inside a string has a backslash before its closing quote, so these patterns match keys only.
    """
    rows = body.count(b'"node_id":')
    return any(body.count(key) > rows for key in _ROW_KEYS) or any(body.count(key) > 1 for key in _PAGE_KEYS)


_REPEATED = object()


def _object(pairs: list[tuple[str, Any]]) -> object:
    """Build an object, or the mark of one whose keys repeat."""
    built = dict(pairs)
    return built if len(built) == len(pairs) else _REPEATED


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _read_in_parts(body: bytes) -> Page:
    try:
        answer = json.loads(body, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise NotAListingError("the answer is nested too deeply") from None
    except ValueError:
        shown = "an HTML page" if body.lstrip()[:1] == b"<" else "no readable JSON"
        raise NotAListingError(f"the answer is {shown}" if body.strip() else "the answer is empty") from None
    if answer is _REPEATED:
        raise NotAListingError("the answer holds a key twice")
    if not isinstance(answer, dict) or not isinstance(answer.get("versions"), list):
        raise NotAListingError("the answer has no list of versions")
    rows: list[Row] = []
    faults: list[str] = []
    for number, item in enumerate(answer["versions"], start=1):
        row = _read_row(item)
        if row is None:
            faults.append(f"row {number} is unreadable")
        else:
            rows.append(row)
    total, size = (_count(answer.get(name)) for name in ("total", "pageSize"))
    told = any("tags_admin" in item for item in answer["versions"] if isinstance(item, dict))
    return Page(versions=rows, total=total, pageSize=size, faults=tuple(faults), admin_tags_told=told)


def _read_row(item: object) -> Row | None:
    if not isinstance(item, dict):
        return None
    try:
        # By way of JSON: strictly, a row made of Python values would have to be a Row already.
        row = _row().validate_json(json.dumps({name: item[name] for name in _FIELDS & item.keys()}), strict=True)
    except (ValidationError, RecursionError):
        return None
    return row if _names(row) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
