"""What came of one attempt at a message, and why, in our own words: a library's may hold parts of the URL. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

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


Outcome = Delivered | Undelivered


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
