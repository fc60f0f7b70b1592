"""What came of one attempt at a message, and why, in our own words: a library's may hold parts of the URL. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_HTTP_STATUS = re.compile(r"\berror=([13-5]\d\d)\b")
"""HTTP status of an error. 2xx is left out: a service that reports an error in a 2xx has refused the message."""
_EXCEPTION = re.compile(r"[\w /-]{0,40}Exception: (.{0,2000})", re.DOTALL)
_CAUSES = {
    r"timed? ?out": "timed out",
    r"connection refused|errno 111\b": "connection refused",
    r"name or service not known|name resolution|nodename nor servname|getaddrinfo": "the host's name was not found",
    r"certificate|\bssl|\btls": "the TLS connection failed",
    r"reset by peer|aborted|broken pipe|unexpectedly closed|without response|incomplete": "the connection was lost",
    r"unreachable|no route to host": "the host cannot be reached",
    r"authentication|\b53[05]\b": "the login was refused",
}
REFUSED = "refused the message"
_CONTENT = frozenset({400, 413, 422})
"""HTTP statuses that refuse a message for what it is. Any other may be gone by the next attempt."""
_GONE = frozenset({401, 404, 410})
"""HTTP statuses of a webhook, a token or a target that is no more."""


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
    """The service, with every target in its URL, has acknowledged the message."""


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


Outcome = Delivered | Undelivered


def encoded(outcome: Outcome) -> dict[str, object]:
    """Return an outcome without its targets as JSON for `decoded`."""
    if isinstance(outcome, Delivered):
        return {}
    return {
        "reason": outcome.reason,
        "cause": outcome.cause,
        "retry_after": outcome.retry_after,
        "unanswered": outcome.unanswered,
    }


def decoded(said: Mapping[str, Any], reached: frozenset[str]) -> Outcome:
    """Return the outcome that `encoded` made the JSON of."""
    return Undelivered(**{**said, "cause": Cause(said["cause"])}, reached=reached) if said else Delivered()


def exception_text(message: str) -> str:
    """Return what an entry of apprise's log says of an exception; empty if it is about something else."""
    found = _EXCEPTION.match(message)
    return found[1] if found else ""


def classify(entries: Iterable[tuple[str, str]]) -> str:
    """Return the cause of a failure in our own words, from entries (level, message) of apprise's log."""
    errors = ""
    for level, message in entries:
        if level in ("WARNING", "ERROR") and (found := _HTTP_STATUS.search(message)):
            return f"HTTP {found[1]}"
        errors += exception_text(message).lower()
    return next((cause for pattern, cause in _CAUSES.items() if re.search(pattern, errors)), REFUSED)


def cause_of(status: int) -> Cause:
    """Return what an HTTP status says of the cause; 0 is no status."""
    if status in _CONTENT:
        return Cause.CONTENT
    return Cause.GONE if status in _GONE else Cause.OTHER
