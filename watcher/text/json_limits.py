"""How many values a JSON text holds, estimated from its bytes before it is decoded. Pure.

An empty list takes three bytes of text and up to 250 of memory, so untrusted text is checked before it is decoded.
"""

from __future__ import annotations

MOST_VALUES = 250_000
"""About 60 MB once decoded, and thirty times what a full page of versions holds."""

_MOST_QUOTES = 4 * MOST_VALUES + 2
"""JSON within that limit has at most a key and a string for each value."""


def too_dense(text: bytes) -> bool:
    """Return whether a JSON text (UTF-8) holds more than about `MOST_VALUES` values, in time linear in its length.

    For text that is not JSON the answer may be either; decoding it is bounded in both cases.
    """
    # Nearly every answer is settled here, without a copy of it.
    if len(text) <= MOST_VALUES or _values(text) <= MOST_VALUES:
        return False
    # Commas and brackets in strings do not count: with escapes removed, every second piece is outside of one.
    pieces = text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"', _MOST_QUOTES)
    return len(pieces) > _MOST_QUOTES or _values(b"".join(pieces[::2])) > MOST_VALUES


def _values(text: bytes) -> int:
    """Count the values of JSON without strings: each but the first follows a comma or an opening bracket."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")
