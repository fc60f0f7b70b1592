"""What came of one attempt at a message. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Cause(StrEnum):
    """What has to change before a message that was not taken can be delivered."""

    CONTENT = "content"
    """The message: the service refused it for what it is, and would again."""
    GONE = "gone"
    """The channel's URL: what it names is no more."""
    OTHER = "other"
    """Anything else; time may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The service, with every target in its URL, has taken the message."""

    confirmed: bool = True
    """The service has said so; False if its protocol has no answer (`watcher.delivery.confirming`)."""

    left: tuple[str, ...] = ()
    """Ids of the events that the message did not name and that go into a further one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """The message was not acknowledged."""

    reason: str
    """Short, and holds nothing of the URL. Empty if a stop cut the message short, which is no failure."""
    reached: frozenset[str] = frozenset()
    """Names of the URL's targets that did take it; the next attempt leaves them out."""
    cause: Cause = Cause.OTHER
    retry_after: float | None = None
    """Seconds that the service asked to wait; None if it did not say."""
    unanswered: bool = False
    """It went out and no answer came, so the service may have it."""
    left: tuple[str, ...] = ()
    """As that of `Delivered`, for the targets that have taken it."""


Outcome = Delivered | Undelivered


def encoded(outcome: Outcome) -> dict[str, object]:
    """Return an outcome without its targets as JSON for `decoded`."""
    fields = asdict(outcome)
    fields.pop("reached", None)
    return fields


def decoded(fields: Mapping[str, Any], reached: frozenset[str]) -> Outcome:
    """Return the outcome that `encoded` made the JSON of, with the targets that were reached."""
    more = {**fields, "left": tuple(fields["left"])}
    if "reason" not in fields:
        return Delivered(**more)
    return Undelivered(**more | {"cause": Cause(fields["cause"]), "reached": reached})
