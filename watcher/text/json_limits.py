"""How much a JSON text would hold once it is decoded, told from its bytes alone. Pure.

A few bytes of text become hundreds of memory: an empty list takes three of them in a body and up to 250 as a value.
So what a stranger sent is weighed before any decoder sees it.
"""

from __future__ import annotations

MOST_VALUES = 250_000
"""Some 60 MB once decoded, and thirty times what a full page of versions holds."""

_MOST_QUOTES = 4 * MOST_VALUES + 2
"""No JSON of so few values has more: at most a key and a text to each."""


def too_dense(text: bytes) -> bool:
    """Tell whether a JSON text (UTF-8) holds more than about `MOST_VALUES` values; takes time linear in its length.

    Of what is no JSON the answer may be either, and a decoder that is given it is bounded all the same.
    """
    if len(text) <= MOST_VALUES or _values(text) <= MOST_VALUES:
        return False
    # What strings hold, code for one, says nothing: without the escapes in them every second piece is outside of them.
    pieces = text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"', _MOST_QUOTES)
    return len(pieces) > _MOST_QUOTES or _values(b"".join(pieces[::2])) > MOST_VALUES


def _values(text: bytes) -> int:
    """Count the values of JSON without strings: each but the first follows a comma or an opening bracket."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")
