"""Events: what a poll found different, as values that say it once and for all channels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

_SEPARATOR = "\x1f"

LONGEST_TEXT = 1000
"""Characters that an event keeps of a text: three times what any message shows of one."""

_DIGEST = 16

EMPTY = "empty"
"""The `after` of `failing`, and `before` of `recovered`, where a node never had a version; else it is "failing"."""


class Kind(StrEnum):
    """The event kinds of the contract, worst first: the order in which a digest shows them."""

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
"""What a channel gets unless it says otherwise (contract, Events)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One watched field that differs, under the API's name for it; lists are shown as JSON text."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One observed transition.

    `version` and `version_id` are None on node-level events, `node` is None when the registry as a whole is meant.
    `before` and `after` are statuses (or `deprecated` / None), a baseline's `after` the worst that it holds, "failing"
    or `EMPTY` where that is what began or ended; `reason` is a summary, already free of e-mail addresses, but otherwise
    strangers' text. `at` is RFC 3339 UTC with `Z`: when the poll that saw it began.
    """

    id: str
    kind: Kind
    node: str | None
    version: str | None = None
    version_id: str | None = None
    before: str | None = None
    after: str | None = None
    reason: str = ""
    changes: tuple[Change, ...] = ()
    at: str
    url: str


def event_id(*parts: object) -> str:
    """Give a short id made only of what was observed: the same transition gives the same id after a crash."""
    text = _SEPARATOR.join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def bounded(event: Event) -> Event:
    """Return the event as it is kept and told: of a long text its beginning, its length and a digest of all of it.

    Two long texts that differ stay different. The id was made from the whole texts and stays.
    """
    return replace(
        event,
        version=_if_any(event.version),
        version_id=_if_any(event.version_id),
        before=_if_any(event.before),
        after=_if_any(event.after),
        reason=_bounded(event.reason),
        changes=tuple(
            Change(field=change.field, before=_bounded(change.before), after=_bounded(change.after))
            for change in event.changes
        ),
    )


def _if_any(text: str | None) -> str | None:
    return None if text is None else _bounded(text)


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    mark = f"… ({len(text)} characters, sha256 {digest})"
    return text[: LONGEST_TEXT - len(mark)] + mark
