"""Events: what a poll found different, as values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

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


SEVERITY: dict[Kind, int] = {kind: rank for rank, kind in enumerate(Kind)}
"""0 is the worst."""

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
    at: str
    """When the poll that saw it began: RFC 3339, UTC, with `Z`."""
    url: str

    @property
    def key(self) -> str:
        """The key of the version that it is about (as `Version.key`), or "" for the node as a whole."""
        return "" if self.version is None else self.version_id or f"={self.version}"


def event_id(*parts: object) -> str:
    """Return a short id made only of what was observed: the same transition has the same id after a crash."""
    return _digest("\x1f".join("" if part is None else str(part) for part in parts), 20)


def bounded(event: Event) -> Event:
    """Return the event with long texts cut to their beginning, their length and a digest of the whole text.

    Two long texts that differ stay different. The id stays: it was made from the whole texts.
    """
    return replace(
        event,
        version=event.version and _bounded(event.version),
        version_id=event.version_id and _bounded(event.version_id),
        before=event.before and _bounded(event.before),
        after=event.after and _bounded(event.after),
        reason=_bounded(event.reason),
        changes=tuple(replace(one, before=_bounded(one.before), after=_bounded(one.after)) for one in event.changes),
    )


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    mark = f"… ({len(text)} characters, sha256 {_digest(text, 16)})"
    return text[: LONGEST_TEXT - len(mark)] + mark


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
