"""Whether a service says in a success that it has not taken the message.

Pure. Many services answer a refusal with a 2xx and say it in the body, and not every plugin of apprise looks there.
"""

from __future__ import annotations

import re

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
