"""Why a message was not taken, in our own words: a library's or a service's own may hold parts of the URL. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HTTP_STATUS = re.compile(r"\berror=([13-5]\d\d)\b")
"""A service that says no in a 2xx has refused the message, not failed."""
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


def classify(entries: Iterable[tuple[str, str]]) -> str:
    """Say in our own words what captured log entries (level, message) say in theirs."""
    errors = ""
    for level, message in entries:
        if level in ("WARNING", "ERROR") and (found := _HTTP_STATUS.search(message)):
            return f"HTTP {found[1]}"
        if raised := _EXCEPTION.match(message):
            errors += raised[1].lower()
    return next((cause for pattern, cause in _CAUSES.items() if re.search(pattern, errors)), "refused the message")
