"""Text in the columns of a terminal: how many it takes, and where its lines break. Pure.

Colours (`ESC [ … m`) take no column and may span lines.
"""

from __future__ import annotations

import re
import unicodedata

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CHARACTER = re.compile(rf"{_COLOUR.pattern}|.", re.DOTALL)
_WORD = re.compile(r" *[^ ]+")
"""A word, with the blanks before it."""
_WHOLE = re.compile(r"[\w.@-]{1,160}[,;:]?", re.ASCII)
"""A word that is never broken: what could be the id of a node pack, also with its version."""
_WIDEST = 2
"""The columns of a wide character."""


def wrap(text: str, width: int | None, indent: str = "") -> list[str]:
    """Return the text in lines of at most `width` columns, broken between words; a width of None means one line.

    Each line begins with the blanks of the first one, and all but the first with the `indent` too. A word that is too
    long for a line of its own is broken. An id is not, so that it can be found and copied: alone in its line, it may be
    wider than the width. A colour goes on in the next line.
    """
    if width is None or display_width(text) <= width:
        return [text]
    margin = text[: len(text) - len(text.lstrip(" "))] + indent
    margin = margin[: width - _WIDEST]
    lines: list[str] = []
    line = ""
    for word in _WORD.findall(text):
        if display_width(line + word) <= width:
            line += word
            continue
        if line.strip():
            lines.append(line)
        # The blanks were between two words, and are now between two lines.
        *full, line = _pieces(word.lstrip(" "), margin, width)
        lines += full
    return [*lines, line]


def _pieces(word: str, margin: str, width: int) -> list[str]:
    """Return the lines that a word takes, each with the margin; an id is one line, without it if that is too wide."""
    if display_width(margin + word) <= width:
        return [margin + word]
    if _WHOLE.fullmatch(_COLOUR.sub("", word)):
        return [word]
    pieces, left = [margin], width - len(margin)
    for char in _CHARACTER.findall(word):
        wide = display_width(char)
        if wide > left:
            pieces.append(margin)
            left = width - len(margin)
        pieces[-1] += char
        left -= wide
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
