"""From a change of a node or a version to its events: which kind (docs/dev/behaviour.md, Events), which id. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

from watcher.model.event import (
    Event,
    FieldChange,
    Grade,
    Kind,
    event_id,
    grade_of,
)
from watcher.model.version import (
    ACTIVE,
    DELETED,
    PENDING,
    STATUSES,
    WATCHED_FIELDS,
    Version,
)
from watcher.values import frozen

REGISTRY_SITE = "https://registry.comfy.org"
REMOVED = "removed"
"""The `before` and `after` of a version, or node, that is not listed."""

_FIRST_SIGHT = {ACTIVE: Kind.NEW, PENDING: Kind.PENDING}
"""The kind of the event of a new version by its status, if nothing is wrong with it."""

_ENDINGS = {Kind.REINSTATED, Kind.CLEARED, Kind.UNDEPRECATED, Kind.RECOVERED}
"""The kinds that end something, so that their `Event.ends` says how bad that was."""


@frozen
class DiffOptions:
    """How to compare."""

    baseline: str = "summary"
    """The setting `baseline`."""
    now: str
    """When this poll began, RFC 3339."""
    revision: int = 0
    """Of the snapshot that is compared with, for the ids of events."""


def node_url(node: str | None) -> str:
    """Return the page of a node, or of the registry for None. Versions have no page."""
    # An id from a file of an install is untrusted: it must not lead to another page.
    return (
        REGISTRY_SITE
        if node is None
        else f"{REGISTRY_SITE}/nodes/{quote(node, safe='')}"
    )


def make_event(
    of: tuple[object, ...],
    kind: Kind,
    before: str | None,
    after: str | None,
    *changes: FieldChange,
    now: str,
    node: str | None = None,
    reason: str = "",
) -> Event:
    """Return an event.

    `of` says what it is about, and the revision of the snapshot that was compared with. With what happened it makes the
    id. A poll that died makes the same event again, and no two have one id: their revisions differ, since the snapshot
    that commits an event has the next one.
    """
    # After a crash the registry may show another change of the same version, which is another event.
    parts = [part for one in changes for part in (one.field, one.before, one.after)]
    return Event(
        id=event_id(*of, kind, before, after, *parts),
        kind=kind,
        node=node,
        before=before,
        after=after,
        changes=changes,
        at=now,
        url=node_url(node),
        reason=reason,
        # As bad as what it was before, unless more is known of what ends.
        ends=grade_of(before or "").severity if kind in _ENDINGS else None,
    )


EventMaker = Callable[..., Event]
"""Makes an event of one node or version in one poll: of the kind, what was before and after, and what differs."""


def about(
    node: str, options: DiffOptions, version: Version | None = None
) -> EventMaker:
    """Return what makes the events of a version, or without one of the node as a whole."""
    # Settings and the registry may spell an id in two ways, which are one pack.
    of = node.lower(), version.key if version else "", options.revision

    def make(
        kind: Kind,
        before: str | None,
        after: str | None,
        *changes: FieldChange,
        reason: str = "",
    ) -> Event:
        event = make_event(
            of, kind, before, after, *changes, now=options.now, node=node, reason=reason
        )
        if version is None:
            return event
        return replace(
            event,
            version=version.version,
            version_id=version.id or None,
            published=version.created_at,
        )

    return make


def first_sight(
    make: EventMaker, version: Version, before: str | None = None
) -> Iterator[Event]:
    """Yield the events of a new version: its status, and its deprecation if it is deprecated already."""
    status = version.status
    # The scan takes half an hour, and a poll may come later: a version may be bad when it is first seen.
    kind = grade_of(status).kind or _FIRST_SIGHT.get(status)
    if kind is None:
        change = FieldChange(field="status", before=before or "", after=status)
        yield make(Kind.CHANGED, before, status, change)
    # What was deleted before it was seen is no event: who runs it gets `exposed`.
    elif kind is not Kind.DELETED:
        yield make(kind, before, status)
    if version.deprecated and status != DELETED:
        yield _deprecation(make, version)


def transition(
    make: EventMaker, old: Version, version: Version, past: Grade | None
) -> Iterator[Event]:
    """Yield the events between two readings of a version.

    `past` is the worst that it was since it was active; None if it never was active, flagged, banned or deleted.
    """
    statuses = old.status, version.status
    # A status that is not known has no kind of its own, so it is one more field that differs.
    fields = dict(WATCHED_FIELDS)
    if old.status != version.status:
        kind = _status_kind(*statuses, past)
        if kind is Kind.CHANGED:
            fields = {"status": "status", **fields}
        elif kind is Kind.REINSTATED and past:
            yield replace(make(kind, *statuses), ends=past.severity)
        elif kind is not None:
            yield make(kind, *statuses)
    # It goes on and off whatever the status is, so one answer may bring both.
    if old.deprecated != version.deprecated:
        yield _deprecation(make, version)
    changes = [
        FieldChange(field=name, before=before, after=after)
        for attribute, name in fields.items()
        if (before := getattr(old, attribute)) != (after := getattr(version, attribute))
    ]
    if changes:
        yield make(Kind.CHANGED, *statuses, *changes)


def _deprecation(make: EventMaker, version: Version) -> Event:
    if version.deprecated:
        return make(Kind.DEPRECATED, None, "deprecated")
    return make(Kind.UNDEPRECATED, "deprecated", None)


def _status_kind(before: str, after: str, past: Grade | None) -> Kind | None:
    """Return the kind of a change of status; None if it is none, as that a version waits for its scan again."""
    if after == ACTIVE and past and past.is_bad:
        return Kind.REINSTATED
    kind = grade_of(after).kind
    # What the registry invents may be good or bad: people get its word, and decide.
    if not {before, after} <= {*STATUSES}:
        return kind or Kind.CHANGED
    return Kind.NEW if after == ACTIVE and past is None else kind
