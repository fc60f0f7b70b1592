"""Events: what a poll found different, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from watcher.model.kept import cut, cut_values, digest

LONGEST_TEXT = 1000
"""Characters that an event keeps of a text: three times what any message shows."""

EMPTY = "empty"
"""Instead of "failing": the `after` of `failing`, and the `before` of `recovered`, for a node without versions."""


class Kind(StrEnum):
    """The event kinds (docs/behaviour.md, Events), worst first: the order in which a digest shows them."""

    BANNED = "banned"
    FLAGGED = "flagged"
    DELETED = "deleted"
    REMOVED = "removed"
    FAILING = "failing"
    DEPRECATED = "deprecated"
    CHANGED = "changed"
    REINSTATED = "reinstated"
    UNDEPRECATED = "undeprecated"
    RECOVERED = "recovered"
    NEW = "new"
    PENDING = "pending"
    BASELINE = "baseline"


class Severity(StrEnum):
    """How bad an event is (docs/behaviour.md, Events (Severity)), worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


DEFAULT_KINDS: frozenset[Kind] = frozenset(Kind) - {Kind.PENDING}
"""What a channel gets unless it names its kinds (docs/behaviour.md, Channels)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One watched field that differs; lists are JSON text."""

    field: str
    """The API's name of the field."""
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One observed transition."""

    id: str
    kind: Kind
    node: str | None
    """None for the registry as a whole."""
    version: str | None = None
    """None for the node as a whole, like `version_id`."""
    version_id: str | None = None
    before: str | None = None
    """A status, "deprecated", "removed", "failing", `EMPTY` or None."""
    after: str | None = None
    """Like `before`. For a baseline, the worst that it contains."""
    reason: str = ""
    """A summary of the registry's reason: untrusted text, without e-mail addresses."""
    changes: tuple[Change, ...] = ()
    """For `new`: the dependencies, if they differ from those of the newest known active version before it."""
    at: str
    """When the poll that saw it began: RFC 3339, UTC, with `Z`."""
    url: str
    published: str = ""
    """When the version was created, as the API gives it (RFC 3339); untrusted text. "" for the node as a whole."""
    safe_version: str | None = ""
    """The version to move to; None if there is none; "" if that is not known (`watcher.changes.facts`)."""
    changelog: str = ""
    """The first line of a `new` version's changelog: untrusted text, without e-mail addresses."""
    channel: str | None = None
    """The channel that is failing or has recovered, by name; `node` is None then."""

    @property
    def key(self) -> str:
        """The key of the version that it is about (as `Version.key`), or "" for the node as a whole."""
        return "" if self.version is None else self.version_id or f"={self.version}"


def severity_of(event: Event) -> Severity:
    """Return how bad an event is. A baseline is as bad as the worst that it contains."""
    if event.kind is Kind.BASELINE:
        return _SEVERITY_OF_BASELINE.get(event.after or "", Severity.INFO)
    return _SEVERITY_OF_KIND.get(event.kind, Severity.INFO)


_SEVERITY_OF_KIND: dict[Kind, Severity] = {Kind.BANNED: Severity.CRITICAL} | dict.fromkeys(
    (Kind.FLAGGED, Kind.DELETED, Kind.REMOVED, Kind.FAILING, Kind.DEPRECATED, Kind.CHANGED), Severity.WARNING
)
_SEVERITY_OF_BASELINE = {"banned": Severity.CRITICAL, "flagged": Severity.WARNING, "deprecated": Severity.WARNING}


def replaces_archive(event: Event) -> bool:
    """Return whether a published version has another archive than before, the mark of a swapped package."""
    moved = (one for one in event.changes if one.field == "downloadUrl")
    return event.kind is Kind.CHANGED and any(one.before and one.after for one in moved)


def rank(event: Event) -> tuple[int, int, int]:
    """Return a key that sorts events worst first: by severity, then by kind.

    A replaced archive ranks right after a flag. Of baselines that are equally severe the worse one comes first.
    """
    severity = _SEVERITIES.index(severity_of(event))
    if replaces_archive(event):
        return severity, _KINDS.index(Kind.FLAGGED), 1
    worst = event.after if event.kind is Kind.BASELINE else None
    place = _KINDS.index(Kind(worst)) if worst in _SEVERITY_OF_BASELINE else 0
    return severity, _KINDS.index(event.kind), place


_SEVERITIES, _KINDS = tuple(Severity), tuple(Kind)


def event_id(*parts: object) -> str:
    """Return a short id made only of what was observed: the same transition has the same id after a crash."""
    return digest("\x1f".join("" if part is None else str(part) for part in parts), 20)


def bounded(event: Event, longest: int = LONGEST_TEXT) -> Event:
    """Return the event with long texts cut to their beginning, their length and a digest of the whole text.

    Of a list that is too long, before or after, both keep what differs. Two long texts that differ stay different. The
    id stays: it was made from the whole texts.
    """

    def kept(text: str) -> str:
        return cut(text, longest)

    return replace(
        event,
        version=event.version and kept(event.version),
        version_id=event.version_id and kept(event.version_id),
        before=event.before and kept(event.before),
        after=event.after and kept(event.after),
        reason=kept(event.reason),
        changes=tuple(_shortened(one, longest) for one in event.changes),
        published=kept(event.published),
        safe_version=event.safe_version and kept(event.safe_version),
        changelog=kept(event.changelog),
    )


def _shortened(change: Change, longest: int) -> Change:
    before, after = cut_values(change.before, change.after, longest)
    return replace(change, before=before, after=after)
