"""One row of an answer, as received and as a `Version`. Source: docs/registry.md, Endpoint (`NodeVersion`)."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, get_type_hints

from pydantic import FailFast, TypeAdapter

from watcher.model.version import WATCHED_FIELDS, Version, status_from_api

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
