"""Plain ASCII: for services that count any other character as two, and for what has no markup to quote a name. Pure."""

from __future__ import annotations

import re
import unicodedata

from watcher.text.sanitize import sanitize_line

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
_SYMBOLS = re.compile(r"^(- )?[^\x00-\x7f]+ ", re.MULTILINE)
"""What stands before a line; its words say the same."""
_OTHER = re.compile(r"[^\n\r -~]+")
_HARMLESS = re.compile(r"[A-Za-z0-9._+-]*")
_DEAD_DOT = "[.]"
"""As the sanitizer writes the dot of a host."""
_DOTS = re.compile(r"\.(?![0-9])")
"""Dots that may make it a host: no top-level domain begins with a digit."""
_FOURTH_NUMBER = re.compile(r"([0-9]+\.[0-9]+\.[0-9]+)\.(?=[0-9])")
"""Four numbers are an address."""
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._+-]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What some service takes for markup. An underscore counts only between letters or digits."""


def ascii_text(text: str) -> str:
    """Return sanitized text as ASCII: letters without their marks, and a question mark for what has no letter.

    The result has no `@` that the text has not, so that it forms no address.
    """
    if text.isascii():
        return text.replace("`", "'")
    plain = _SYMBOLS.sub(r"\1", text).translate(_WORDS)
    plain = plain.replace("  ...", " ...")
    return _OTHER.sub(
        "?", "".join(char if char.isascii() else _letter(char) for char in plain)
    )


def _letter(char: str) -> str:
    """Return a letter's own form without marks; the character itself if that is none."""
    parts = unicodedata.normalize("NFKD", char)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    if not bare:
        return ""
    return bare if bare.isascii() and bare.isalpha() else char


def plain_name(text: str, limit: int = 200) -> str:
    """Return a name with a question mark for whatever is not plain, or could make it an address or markup."""
    if not _HARMLESS.fullmatch(text):
        text = sanitize_line(text, limit).replace(_DEAD_DOT, "?")
    elif len(text) > limit:
        text = text[: limit - 1] + "?"
    text = _FOURTH_NUMBER.sub(r"\1?", _DOTS.sub("?", text))
    return _NOT_PLAIN.sub("?", text).strip()
