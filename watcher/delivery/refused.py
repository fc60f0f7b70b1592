"""Whether a service says in a success that it refused the message. Pure."""

from __future__ import annotations

import re

_NO = re.compile(rb'"(?:success|ok)"\s*:\s*false')


def refusal_in(body: bytes, refuses: re.Pattern[bytes] | None) -> str | None:
    """Return the service's own code where the body of a success refuses, "" if it names none; else None."""
    found = (refuses.search(body) if refuses is not None else None) or _NO.search(body)
    return None if found is None else next(filter(None, found.groups()), b"").decode()
