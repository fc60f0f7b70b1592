"""From a change of a node or a version to its events: which kind (docs/behaviour.md, Events), which id. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

from watcher.model.event import (
    About,
    Event,
    FieldChange,
    Kind,
    Severity,
    event_id,
    grade_of,
)
from watcher.model.snapshot import Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    PENDING,
    STATUSES,
    WATCHED_FIELDS,
    Version,
)

REGISTRY_SITE = "https://registry.comfy.org"
REMOVED = "removed"
"""The `before` and `after` of a version, or node, that is not listed."""

_FIRST_SIGHT = {ACTIVE: Kind.NEW, PENDING: Kind.PENDING}
"""The kind of the event of a new version by its status, if nothing is wrong with it."""

_ENDINGS = {Kind.REINSTATED, Kind.CLEARED, Kind.UNDEPRECATED, Kind.RECOVERED}
"""The kinds that end something, so that their `Event.ends` says how bad that was."""


def severity_of_end(was: str | None) -> Severity:
    """Return how bad what ends was, by the status or other `before` that it had, if nothing else is known of it."""
    if was == ACTIVE:
        return Severity.INFO
    return Severity.CRITICAL if was == BANNED else Severity.WARNING


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiffOptions:
    """How to compare."""

    baseline: str = "summary"
    """The setting `baseline`."""
    now: str
    """When this poll began, RFC 3339."""


def node_url(node: str | None) -> str:
    """Return the page of a node, or of the registry for None. Versions have no page."""
    return (
        REGISTRY_SITE
        if node is None
        else f"{REGISTRY_SITE}/nodes/{quote(node, safe='')}"
    )


def node_event(
    node: Node,
    kind: Kind,
    now: str,
    *,
    before: str | None = None,
    after: str | None = None,
    reason: str = "",
) -> Event:
    """Return an event about the node as a whole. Its id depends on the number of events before it."""
    subject = node.node.lower(), "", node.seen
    return _event(subject, node.node, kind, now, before, after, reason)


def subject_event(
    about: About,
    key: str,
    name: str | None,
    count: int,
    kind: Kind,
    now: str,
    *,
    before: str | None = None,
    after: str | None = None,
    reason: str = "",
) -> Event:
    """Return an event about what may fail, which the state knows by `key` and people by its name.

    `count` is how many events of the kind there were before; its id depends on that.
    """
    event = _event(
        (about, key, count),
        name if about is About.NODE else None,
        kind,
        now,
        before,
        after,
        reason,
    )
    return replace(
        event,
        channel=name if about is About.CHANNEL else None,
        install=name if about is About.INSTALL else None,
    )


def _event(
    subject: tuple[object, ...],
    node: str | None,
    kind: Kind,
    now: str,
    before: str | None,
    after: str | None,
    reason: str,
) -> Event:
    """Return an event; `subject` and what happened make its id."""
    return Event(
        id=event_id(*subject, kind, before, after),
        kind=kind,
        node=node,
        before=before,
        after=after,
        reason=reason,
        at=now,
        url=node_url(node),
        ends=_ends(kind, before),
    )


def _ends(kind: Kind, before: str | None) -> Severity | None:
    return severity_of_end(before) if kind in _ENDINGS else None


def counted(node: Node) -> Node:
    """Return the node with one more change of it as a whole counted."""
    return replace(node, seen=node.seen + 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VersionEvents:
    """Makes the events of one version in one poll."""

    node: str
    now: str
    version: Version
    count: int
    """How many changes the version had before, so that no two of its events share an id."""

    def first_sight(self, before: str | None = None) -> list[Event]:
        """Return the events of a new version: its status, and its deprecation if it is deprecated already."""
        status = self.version.status
        events: list[Event] = []
        kind = grade_of(status).kind or _FIRST_SIGHT.get(status)
        if kind is None:
            change = FieldChange(field="status", before=before or "", after=status)
            events.append(self.event(Kind.CHANGED, before, status, change))
        # What was deleted before it was seen is no event: who runs it gets `exposed`.
        elif kind is not Kind.DELETED:
            events.append(self.event(kind, before, status))
        if self.version.deprecated and status != DELETED:
            events.append(self._deprecation())
        return events

    def transition(
        self, old: Version, *, is_decided: bool, ends: Severity | None
    ) -> list[Event]:
        """Return the events between two readings of the version.

        `is_decided`: it is, or was, active, flagged, banned or deleted. `ends`: how bad the worst was since it was
        active; None if nothing was.
        """
        version = self.version
        events: list[Event] = []
        changes = [
            FieldChange(
                field=name,
                before=getattr(old, attribute),
                after=getattr(version, attribute),
            )
            for attribute, name in WATCHED_FIELDS.items()
            if getattr(old, attribute) != getattr(version, attribute)
        ]
        if old.status != version.status:
            kind = _status_kind(
                old.status, version.status, is_new=not is_decided, was_bad=bool(ends)
            )
            if kind is Kind.CHANGED:
                change = FieldChange(
                    field="status", before=old.status, after=version.status
                )
                changes.insert(0, change)
            elif kind is not None:
                event = self.event(kind, old.status, version.status)
                is_end = kind is Kind.REINSTATED
                events.append(replace(event, ends=ends) if is_end else event)
        if old.deprecated != version.deprecated:
            events.append(self._deprecation())
        if changes:
            events.append(
                self.event(Kind.CHANGED, old.status, version.status, *changes)
            )
        return events

    def event(
        self, kind: Kind, before: str | None, after: str | None, *changes: FieldChange
    ) -> Event:
        """Return one event about the version."""
        parts = [
            part
            for change in changes
            for part in (change.field, change.before, change.after)
        ]
        return Event(
            id=event_id(
                self.node.lower(),
                self.version.key,
                self.count,
                kind,
                before,
                after,
                *parts,
            ),
            kind=kind,
            node=self.node,
            version=self.version.version,
            version_id=self.version.id or None,
            before=before,
            after=after,
            changes=changes,
            at=self.now,
            url=node_url(self.node),
            published=self.version.created_at,
            ends=_ends(kind, before),
        )

    def _deprecation(self) -> Event:
        if self.version.deprecated:
            return self.event(Kind.DEPRECATED, None, "deprecated")
        return self.event(Kind.UNDEPRECATED, "deprecated", None)


def _status_kind(
    before: str, after: str, *, is_new: bool, was_bad: bool
) -> Kind | None:
    """Return the kind of a change of status; None if it is none, as that a version waits for its scan again."""
    if after == ACTIVE and was_bad:
        return Kind.REINSTATED
    kind = grade_of(after).kind
    if not {before, after} <= {*STATUSES}:
        return kind or Kind.CHANGED
    return Kind.NEW if after == ACTIVE and is_new else kind
