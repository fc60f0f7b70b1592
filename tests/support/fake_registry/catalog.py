"""A catalog of nodes and versions in memory, and what the endpoints answer.

As docs/dev/registry.md has it: versions come ordered by their text, and those that are equal in that come in no order
that means anything; reasons come only on request, a page past the end is an empty page, and `GET /nodes` compares ids
with their case.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from watcher.model.version import ACTIVE, STATUSES, status_to_api

MAX_PAGE_SIZE = 100
_BOOLEANS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}

Row = dict[str, object]


def rfc3339(moment: datetime) -> str:
    """Return a time as the registry writes it: UTC, `Z`, microseconds with their trailing zeros cut."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").removesuffix(".") + "Z"


class Catalog:
    """The nodes and versions of a registry. One thread may edit it while another serves it.

    Node ids are case-insensitive and keep the case of their first version. `status` is one of
    `watcher.model.version.STATUSES`; any other text is served unchanged. `fields` have the API's names (`downloadUrl`,
    `tags`, …). `edits` grows with every change. Editing what is not there is a KeyError.
    """

    def __init__(self) -> None:
        self.edits = 0
        self._sorted: tuple[int, dict[tuple[str, ...], list[Row]]] = 0, {}
        self._lock = threading.Lock()
        self._nodes: dict[str, dict[str, Row]] = {}
        self._banned: dict[str, str] = {}
        self._packs: dict[str, Row] = {}
        self._publishers: dict[str, str] = {}
        """The status of each that was banned."""
        self._published = 0

    def publish(
        self,
        node: str,
        version: str,
        *,
        status: str = ACTIVE,
        reason: str = "",
        created_at: datetime | str | None = None,
        id: str | None = None,  # noqa: A002 - the API's name for it
        **fields: object,
    ) -> str:
        """Add a version and return its id. ValueError if the version exists, or the API does not have a field.

        `created_at` is a time, or text that is served unchanged; None is now. An `id` of None becomes one that depends
        only on what was published before.
        """
        moment = datetime.now(UTC) if created_at is None else created_at
        with self._lock:
            versions = self._nodes.setdefault(node.lower(), {})
            if version in versions:
                raise ValueError(f"{node} has a version {version} already")
            self._published += 1
            row: Row = {
                "id": str(
                    uuid.uuid5(
                        uuid.NAMESPACE_URL, f"{node}@{version}#{self._published}"
                    )
                )
                if id is None
                else id,
                "node_id": next(iter(versions.values()))["node_id"]
                if versions
                else node,
                "version": version,
                "status": _long(status),
                "status_reason": reason,
                "deprecated": False,
                "createdAt": moment if isinstance(moment, str) else rfc3339(moment),
                "changelog": "",
                "comfy_node_extract_status": "success",
                "dependencies": [],
                "downloadUrl": f"https://cdn.example/{node}/{version}/node.zip",
                "supported_accelerators": [],
                "supported_comfyui_frontend_version": "",
                "supported_comfyui_version": "",
                "supported_os": [],
                "tags": [],
                "tags_admin": [],
            }
            versions[version] = _with(row, fields)
            self._packs.setdefault(node.lower(), _pack(str(row["node_id"])))
            self.edits += 1
            return str(row["id"])

    def set_status(
        self, node: str, version: str, status: str, reason: str = ""
    ) -> None:
        """Set a version's status and its reason, as a scan or a person does."""
        self.edit(node, version, status=_long(status), status_reason=reason)

    def deprecate(self, node: str, version: str, on: bool = True) -> None:
        """Turn a version's deprecation on or off."""
        self.edit(node, version, deprecated=on)

    def edit(self, node: str, version: str, /, **fields: object) -> None:
        """Set fields of a version, by the API's names, to any JSON value."""
        with self._lock:
            _with(self._nodes[node.lower()][version], fields)
            self.edits += 1

    def remove(self, node: str, version: str) -> None:
        """Remove a version. Its text may be published again under a new id."""
        with self._lock:
            del self._nodes[node.lower()][version]
            self.edits += 1

    def ban_node(self, node: str, message: str = "Node banned") -> None:
        """Answer 403 for the node from now on, with this `message` and "Node banned" as `error`. Its versions stay."""
        with self._lock:
            self._banned[node.lower()] = message
            self.edits += 1

    def pardon_node(self, node: str) -> None:
        """Undo `ban_node`."""
        with self._lock:
            del self._banned[node.lower()]
            self.edits += 1

    def edit_pack(self, node: str, **fields: object) -> None:
        """Set fields of a node as `GET /nodes` shows it (`repository`, `status`, `status_detail`, …) to any JSON value.

        `active`, `deleted` and `banned` become the API's names. A ban here leaves `GET /versions` as it is.
        """
        with self._lock:
            if (status := fields.get("status")) in _NODE_STATUSES:
                fields["status"] = f"NodeStatus{str(status).capitalize()}"
            _with(self._packs[node.lower()], fields)
            self.edits += 1

    def remove_pack(self, node: str) -> None:
        """Leave a node out of `GET /nodes`. Its versions stay."""
        with self._lock:
            del self._packs[node.lower()]
            self.edits += 1

    def give(self, node: str, publisher: str) -> None:
        """Let a publisher have a node, which may have no version yet; before that, `example` has each."""
        with self._lock:
            pack = self._packs.setdefault(node.lower(), _pack(node))
            status = self._publishers.get(publisher, "PublisherStatusActive")
            pack["publisher"] = {"id": publisher, "name": publisher, "status": status}
            self.edits += 1

    def ban_publisher(self, publisher: str, on: bool = True) -> None:
        """Ban a publisher, or undo that, as `GET /nodes` shows it with each of its nodes."""
        status = f"PublisherStatus{'Banned' if on else 'Active'}"
        with self._lock:
            self._publishers[publisher] = status
            for pack in self._packs.values():
                if _publisher_of(pack) == publisher:
                    pack["publisher"] = {
                        "id": publisher,
                        "name": publisher,
                        "status": status,
                    }
            self.edits += 1

    def packs(
        self, query: Mapping[str, Sequence[str]]
    ) -> tuple[int, dict[str, object]]:
        """Return the HTTP status and the document that `GET /nodes` answers the query with."""
        try:
            page, limit = _integer(query, "page", 1), _integer(query, "limit", 10)
            with_banned = _boolean(query, "include_banned")
        except ValueError as error:
            return 400, {"error": "Invalid parameter", "message": str(error)}
        page, limit = max(page, 1), min(max(limit, 1), MAX_PAGE_SIZE)
        wanted = set(query.get("node_id", ()))
        with self._lock:
            found = [
                pack | ({"status": "NodeStatusBanned"} if key in self._banned else {})
                for key, pack in self._packs.items()
                if "node_id" not in query or pack["id"] in wanted
            ]
        found = [
            pack
            for pack in found
            if with_banned or pack["status"] != "NodeStatusBanned"
        ]
        shown = found[(page - 1) * limit : page * limit]
        pages = -(-len(found) // limit)
        return 200, {
            "total": len(found),
            "nodes": shown,
            "page": page,
            "limit": limit,
            "totalPages": pages,
        }

    def answer(
        self, query: Mapping[str, Sequence[str]]
    ) -> tuple[int, dict[str, object]]:
        """Return the HTTP status and the document that `GET /versions` answers the query with."""
        try:
            page, size = _integer(query, "page", 1), _integer(query, "pageSize", 10)
            with_reason = _boolean(query, "include_status_reason")
        except ValueError as error:
            return 400, {"error": "Invalid parameter", "message": str(error)}
        if size > MAX_PAGE_SIZE:
            return 400, {
                "error": "Invalid parameter",
                "message": f"pageSize is at most {MAX_PAGE_SIZE}",
            }
        with self._lock:
            names = [name.lower() for name in query.get("nodeId", ())[:1]]
            if names and names[0] in self._banned:
                return 403, {"error": "Node banned", "message": self._banned[names[0]]}
            statuses = tuple(query["statuses"]) if "statuses" in query else None
            found = self._of(names[0], statuses) if names else self._of_all(statuses)
            if "status_reason" in query:
                sought = query["status_reason"][0].lower()
                found = [
                    row for row in found if sought in str(row["status_reason"]).lower()
                ]
            # A page or size of 0 or less: the service was seen to answer with the whole table.
            paged = page > 0 and size > 0
            shown = found[(page - 1) * size : page * size] if paged else found
            rows = [
                row if with_reason else row | {"status_reason": ""}
                for row in map(dict, shown)
            ]
        pages = -(-len(found) // size) if paged else 1
        return 200, {
            "page": page,
            "pageSize": size,
            "total": len(found),
            "totalPages": pages,
            "versions": rows,
        }

    def _of(self, node: str, statuses: tuple[str, ...] | None) -> list[Row]:
        """Return a node's rows of some statuses (None: of any) in order."""
        return self._in_order(self._nodes.get(node, {}).values(), statuses)

    def _of_all(self, statuses: tuple[str, ...] | None) -> list[Row]:
        """Return all nodes' rows of some statuses in order. They are kept until the next edit: their pages follow."""
        edits, kept = self._sorted
        if edits != self.edits:
            kept = {}
            self._sorted = self.edits, kept
        key = ("any",) if statuses is None else ("of", *statuses)
        if key not in kept:
            kept[key] = self._in_order(
                (row for rows in self._nodes.values() for row in rows.values()),
                statuses,
            )
        return kept[key]

    def _in_order(
        self, rows: Iterable[Row], statuses: tuple[str, ...] | None
    ) -> list[Row]:
        chosen = (row for row in rows if statuses is None or row["status"] in statuses)
        return sorted(chosen, key=lambda row: str(row["version"]), reverse=True)


_NODE_STATUSES = {"active", "deleted", "banned"}


def _pack(node: str) -> Row:
    """Return a node as `GET /nodes` shows it."""
    return {
        "id": node,
        "name": node,
        "description": "",
        "repository": f"https://github.com/example/{node}",
        "status": "NodeStatusActive",
        "status_detail": "",
        "publisher": {
            "id": "example",
            "name": "example",
            "status": "PublisherStatusActive",
        },
    }


def _publisher_of(pack: Row) -> str:
    publisher = pack["publisher"]
    return str(publisher["id"]) if isinstance(publisher, dict) else ""


def _long(status: str) -> str:
    return status_to_api(status) if status in STATUSES else status


def _with(row: Row, fields: Mapping[str, object]) -> Row:
    if unknown := fields.keys() - row.keys():
        raise ValueError(f"the API has no field {', '.join(sorted(unknown))}")
    row.update(fields)
    return row


def _integer(query: Mapping[str, Sequence[str]], name: str, default: int) -> int:
    text = query[name][0] if name in query else str(default)
    if not text.removeprefix("-").isdecimal() or len(text) > len(str(2**63)):
        raise ValueError(f"{name} is not a whole number")
    return int(text)


def _boolean(query: Mapping[str, Sequence[str]], name: str) -> bool:
    text = query[name][0].lower() if name in query else "false"
    if text not in _BOOLEANS:
        raise ValueError(f"{name} is neither true nor false")
    return _BOOLEANS[text]
