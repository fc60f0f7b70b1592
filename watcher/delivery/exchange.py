"""One HTTP request of a job, and what its answer says of the message. Pure.

Many services answer a refusal with a 2xx and say it in the body, and not every plugin of apprise looks there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

BEGINNING = 4096
"""Bytes of a body that are looked at: they tell whether the message was taken, if the body tells it."""
_BLANK = b" \t\r\n\xef\xbb\xbf"
"""Blanks, and the bytes of a byte order mark."""

_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[{}\[\]]|[^"{}\[\]\s]+', re.DOTALL
)
"""A text of JSON, the last of which may be cut; a bracket; or what else is between blanks."""
_DENIAL = re.compile(
    rb'[{,]"(?:success|ok|accepted)":("?)false\1(?:[,}]|\Z)', re.IGNORECASE
)
_CODE = re.compile(rb"-?\d{1,9}|[A-Za-z_]{2,40}")
"""What may be shown of a service's words."""


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
        """Return whether there is an answer whose status is a success."""
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
    def is_in_doubt(self) -> bool:
        """Return whether it took the message along, and no answer came that says what became of it."""
        return self.carries and self.is_out and not self.status


def refusal_in(body: bytes, refuses: re.Pattern[bytes] | None = None) -> str | None:
    """Return None unless the body of a success refuses the message: then the service's own code, "" without one.

    The body may be cut. `refuses` is what a service says beyond the default, and its groups are codes. The default is
    a verdict on the whole: an object of JSON with `"success": false`, or `ok` or `accepted`. Inside of its values the
    same may be about anything: an option, an earlier message, what was sent.
    """
    if _BOM.startswith(body):
        return None  # nothing of it has come
    body = body.removeprefix(_BOM)
    found = (
        []
        if refuses is None
        else [match.groups(b"") for match in refuses.finditer(body)]
    )
    if found:
        codes = (code for groups in found for code in groups if _CODE.fullmatch(code))
        return next(codes, b"").decode()
    return "" if _DENIAL.search(_outermost(body)) else None


def _outermost(body: bytes) -> bytes:
    """Return the object that a body is, without blanks and without what is inside of its values; else nothing."""
    if not body.lstrip().startswith(b"{"):
        return b""
    kept: list[bytes] = []
    depth = 0
    for token in _TOKEN.findall(body):
        depth -= token in (b"}", b"]")
        if depth <= 1:
            kept.append(token)
        depth += token in (b"{", b"[")
        if not depth:
            break
    return b"".join(kept)
