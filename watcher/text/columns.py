"""Text in the columns of a terminal: how many it takes, and where its lines break. Pure.

Colours (`ESC [ … m`) take no column and may span lines.
"""

from __future__ import annotations

import re
import unicodedata

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_WORD = re.compile(r" *[^ ]+")
"""A word, with the blanks before it."""
_WHOLE = re.compile(r"[\w.@-]{1,160}[,;:]?", re.ASCII)
"""A word that is never broken: what could be the id of a node pack, also with its version."""


def wrap(text: str, width: int | None, indent: str = "") -> list[str]:
    """Return the text in lines of at most `width` columns, broken between words; a width of None means one line.

    Each line begins with the blanks of the first one, and all but the first with the `indent` too. A word that is too
    long for a line of its own is broken. An id is not, so that it can be found and copied: alone in its line, it may be
    wider than the width.
    """
    if width is None or display_width(text) <= width:
        return [text]
    margin = text[: len(text) - len(text.lstrip(" "))] + indent
    lines: list[str] = []
    line = ""
    for word in _WORD.findall(text):
        if display_width(line + word) <= width:
            line += word
            continue
        if line.strip():
            lines.append(line)
        word = word.lstrip(" ")  # noqa: PLW2901 - the blanks were between two words, and are now between two lines
        fits = display_width(margin + word) <= width
        *full, line = [margin + word] if fits else _broken(word, width)
        lines += full
    return [*lines, line]


def _broken(word: str, width: int) -> list[str]:
    """Return a long word in pieces that fill lines; an id, which is one piece, and what fits."""
    plain = _COLOUR.sub("", word)
    if display_width(plain) <= width or _WHOLE.fullmatch(plain):
        return [word]
    pieces, room = [""], width
    for char in plain:
        wide = _char_width(char)
        if wide > room:
            pieces.append("")
            room = width
        pieces[-1] += char
        room -= wide
    return pieces


def truncate(text: str, width: int) -> str:
    """Return the text without colours, or as much of its start as fits before a `…`."""
    kept, room = "", width - 1
    for char in _COLOUR.sub("", text):
        room -= _char_width(char)
        if room < 0:
            break
        kept += char
    return text if display_width(text) <= width else f"{kept}…"


def display_width(text: str) -> int:
    """Return how many columns a text takes: colours and combining marks none, wide characters two."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    return len(text) if text.isascii() else sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
