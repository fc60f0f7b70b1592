"""One HTTP request of a job, and what its answer says of the message. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from watcher.delivery.refused import refusal_in

BEGINNING = 4096
"""Bytes of a body that are looked at: they tell whether the message was taken, if the body tells it."""
_BLANK = b" \t\r\n\xef\xbb\xbf"
"""Blanks, and the bytes of a byte order mark."""


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """One HTTP request, and what is known of its answer."""

    carries: bool
    """The message is in the request; it is not in one that logs in or looks something up."""
    targets: frozenset[str] = frozenset()
    """The targets of the URL that it was sent to."""
    refuses: re.Pattern[bytes] | None = None
    """What the body of a success has in it where this service refused (`Rules.refuses`)."""
    is_out: bool = False
    """Some of it was sent."""
    status: int = 0
    """0 without an answer's head."""
    retry_after: float | None = None
    """Seconds."""
    is_html: bool = False
    """The answer's head says that its body is a web page."""
    body: bytearray = field(default_factory=bytearray)
    """The answer's body, decoded, as far as it came."""
    is_cut: bool = False
    """The rest of the body was lost."""
    error: str = ""
    """What the exception says that ended it; it may hold secrets."""

    @property
    def is_success(self) -> bool:
        """Return whether the answer's status is a success."""
        return self.status // 100 == 2

    @property
    def is_page(self) -> bool:
        """Return whether it is a success whose body begins as a web page does."""
        if not (self.is_html and self.is_success):
            return False
        body = bytes(self.body[:BEGINNING]).lstrip(_BLANK)
        return body.lower().startswith((b"<!doctype", b"<html", b"<!--"))

    @property
    def refusal(self) -> str | None:
        """Return the service's own code where it says in a success that it refused, "" if it names none; else None."""
        return (
            refusal_in(bytes(self.body[:BEGINNING]), self.refuses)
            if self.is_success
            else None
        )

    @property
    def has_failed(self) -> bool:
        """Return whether there is no answer, or one that is no success."""
        return not self.is_success

    @property
    def is_in_doubt(self) -> bool:
        """Return whether it took the message along, and no answer came that says what became of it."""
        return self.carries and self.is_out and not self.status
