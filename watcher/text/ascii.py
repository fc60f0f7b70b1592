"""Text for services that count any character beyond the alphabet of text messages as two: plain ASCII. Pure."""

from __future__ import annotations

import re
import unicodedata

_WORDS = str.maketrans(
    {
        "`": "'",  # ASCII, but not in the alphabet of text messages (3GPP TS 23.038)
        "\u00b7": "-",  # MIDDLE DOT
        "\u2013": "-",  # dashes
        "\u2014": "-",
        "\u2018": "'",  # quotation marks
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2026": " ...",  # HORIZONTAL ELLIPSIS; the blank keeps the dots from a name before it
        "\u2192": "->",  # RIGHTWARDS ARROW
        "\u2039": "(",  # what the sanitizer makes of <, @ and the renderer of a backslash
        "\uff20": "(at)",
        "\uff3c": "/",
    }
)
_SYMBOLS = re.compile(r"^[^\x00-\x7f]+ ", re.MULTILINE)
"""What stands before a line; its words say the same."""
_OTHER = re.compile(r"[^\n\r -~]+")


def ascii_text(text: str) -> str:
    """Return sanitized text as ASCII: letters without their marks, and a question mark for what has no letter.

    The result has no `@` that the text has not, so that it forms no address.
    """
    if text.isascii():
        return text.replace("`", "'")
    plain = _SYMBOLS.sub("", text).translate(_WORDS)
    return _OTHER.sub(
        "?", "".join(char if char.isascii() else _letter(char) for char in plain)
    )


def _letter(char: str) -> str:
    """Return a letter's own form without marks; the character itself if that is none."""
    parts = unicodedata.normalize("NFKD", char)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    return bare if bare.isascii() and bare.isalpha() else "" if not bare else char
