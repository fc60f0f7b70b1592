"""From a fact seen of a node or a version to the event that tells it: which kind, which id. Pure.

The kinds are the table of the contract's section Events.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from urllib.parse import quote

from watcher.model.event import Change, Event, Kind, event_id
from watcher.model.snapshot import Node
from watcher.model.version import ACTIVE, BANNED, DELETED, FLAGGED, PENDING, STATUSES, WATCHED_FIELDS, Version

REGISTRY_SITE = "https://registry.comfy.org"

_KIND_OF_STATUS = {PENDING: Kind.PENDING, FLAGGED: Kind.FLAGGED, BANNED: Kind.BANNED, DELETED: Kind.DELETED}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffOptions:
    """How to compare: the watched statuses, the `baseline` setting and when this poll began (RFC 3339)."""

    statuses: tuple[str, ...] = STATUSES
    baseline: str = "summary"
    now: str

    @property
    def all_watched(self) -> bool:
        """Whether no status is left out, so that a missing version is really missing."""
        return set(self.statuses) >= set(STATUSES)


def node_url(node: str | None) -> str:
    """Give the page of a node (there is none per version), or of the registry where no node is meant."""
    return REGISTRY_SITE if node is None else f"{REGISTRY_SITE}/nodes/{quote(node, safe='')}"


def node_event(node: Node, kind: Kind, now: str, *, before: str | None, after: str | None, reason: str = "") -> Event:
    """Make an event about the node as a whole; its id follows from how many the node has had."""
    identity = event_id(node.node.lower(), "", node.seen.get("", 0), kind, before, after)
    return Event(
        id=identity,
        kind=kind,
        node=node.node,
        before=before,
        after=after,
        reason=reason,
        at=now,
        url=node_url(node.node),
    )


def counted(node: Node, key: str = "") -> Node:
    """Give the node with one more change counted for the version `key` ("": for the node itself)."""
    return replace(node, seen={**node.seen, key: node.seen.get(key, 0) + 1})


def transition(
    node: Node, old: Version, version: Version, now: str, count: int, *, returned: bool, decided: bool
) -> list[Event]:
    """Give the events between two sights of one version; `returned` says that it had left the watched statuses,
    `decided` that it was active, flagged, banned or deleted before it was pending.
    """
    events: list[Event] = []
    changes = [
        Change(field=name, before=_shown(getattr(old, attribute)), after=_shown(getattr(version, attribute)))
        for attribute, name in WATCHED_FIELDS.items()
        if getattr(old, attribute) != getattr(version, attribute)
    ]
    if returned or old.status != version.status:
        before = None if returned else old.status
        if (kind := _status_kind(old.status, version.status, decided=decided)) is not None:
            events.append(version_event(node, version, kind, now, count, before=before, after=version.status))
        else:
            changes.insert(0, Change(field="status", before=old.status, after=version.status))
    if old.deprecated != version.deprecated:
        events.append(_deprecation(node, version, now, count))
    if changes:
        told = tuple(changes)
        events.append(
            version_event(
                node, version, Kind.CHANGED, now, count, before=old.status, after=version.status, changes=told
            )
        )
    return events


def _status_kind(before: str, after: str, *, decided: bool) -> Kind | None:
    """Name a change of status; None where only a `changed` tells it, as of a status this program does not know."""
    if after == ACTIVE and before not in STATUSES:
        return None
    if after == ACTIVE:
        return Kind.NEW if before == PENDING and not decided else Kind.REINSTATED
    if after == PENDING and before in {FLAGGED, BANNED, DELETED}:
        return None  # neither news nor a pardon yet, but not to be kept from those who heard of the flag
    return _KIND_OF_STATUS.get(after)


def first_sight(node: Node, version: Version, now: str, count: int, *, before: str | None = None) -> list[Event]:
    """Give the events of a version that was not known: what it is, and that it is deprecated already."""
    events: list[Event] = []
    kind = Kind.NEW if version.status == ACTIVE else _KIND_OF_STATUS.get(version.status)
    if kind is None:
        change = Change(field="status", before=before or "", after=version.status)
        events.append(
            version_event(
                node, version, Kind.CHANGED, now, count, before=before, after=version.status, changes=(change,)
            )
        )
    elif kind is not Kind.DELETED:
        events.append(version_event(node, version, kind, now, count, before=before, after=version.status))
    if version.deprecated and version.status != DELETED:
        events.append(_deprecation(node, version, now, count))
    return events


def _deprecation(node: Node, version: Version, now: str, count: int) -> Event:
    if version.deprecated:
        return version_event(node, version, Kind.DEPRECATED, now, count, before=None, after="deprecated")
    return version_event(node, version, Kind.UNDEPRECATED, now, count, before="deprecated", after=None)


def version_event(
    node: Node,
    version: Version,
    kind: Kind,
    now: str,
    count: int,
    *,
    before: str | None,
    after: str | None,
    changes: tuple[Change, ...] = (),
) -> Event:
    """Make an event about one version; `count` is how many changes it had before, so that no two share an id."""
    parts = [part for change in changes for part in (change.field, change.before, change.after)]
    return Event(
        id=event_id(node.node.lower(), version.key, count, kind, before, after, *parts),
        kind=kind,
        node=node.node,
        version=version.version,
        version_id=version.id or None,
        before=before,
        after=after,
        changes=changes,
        at=now,
        url=node_url(node.node),
    )


def _shown(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) if value else ""
