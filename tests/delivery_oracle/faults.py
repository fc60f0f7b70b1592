"""What can happen to one request."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """How a server fails at one request; all others are answered as ever, but with `DOWN`."""

    DOWN = "down"
    """Nothing listens any more from this request on: the connection is refused."""
    REFUSED = "refused"
    """The proxy on the way refuses the connection."""
    RESET = "reset"
    """The connection is reset once the request is there, before the head of an answer."""
    CLOSED = "closed"
    """The same, closed in good order."""
    CUT = "cut"
    """The head of a success, and half of the body that it announces."""
    CUT_CHUNK = "cut-chunk"
    """The same where the body comes in chunks."""
    HANG = "hang"
    """No answer until the client leaves."""
    DENIED = "denied"
    """A success that says in its body that the service refused."""
    PAGE = "page"
    """A success that is a web page."""
    S400 = "400"
    S401 = "401"
    S403 = "403"
    S404 = "404"
    S429 = "429"
    S500 = "500"
    S503 = "503"

    @property
    def is_no_success(self) -> bool:
        """Return whether a success says that it is none."""
        return self in (Fault.DENIED, Fault.PAGE)

    def status(self, taken: int) -> int | None:
        """Return the status of the answer, None if no head comes; `taken` is that of a request that does not fail."""
        if self in (Fault.RESET, Fault.CLOSED, Fault.HANG):
            return None
        if self is Fault.REFUSED:  # by a proxy that passes on a request without TLS
            return 502
        if self.is_no_success:
            return 200
        return int(self) if self.isdigit() else taken


PAIRS = (
    (Fault.CUT, Fault.S503),
    (Fault.S503, Fault.CUT),
    (Fault.CUT, Fault.RESET),
    (Fault.RESET, Fault.CUT),
)
"""Faults of two requests, one after the other: one was taken, of the other is known that it was not, or nothing."""
