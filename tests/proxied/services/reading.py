"""What a reader sees of a message, by how a service has the title and the text in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.hostile.dialects import Dialect, Shown

Reader = Callable[[Any], Shown]


def titled(title: str, body: str, dialect: Dialect = Dialect.TEXT) -> Reader:
    """Read a title, if there is one, and a text from two fields."""

    def read(said: Any) -> Shown:
        return [
            *([(Dialect.TITLE, said[title])] if title in said else []),
            (dialect, said[body]),
        ]

    return read


def headed(field: str, dialect: Dialect = Dialect.TEXT) -> Reader:
    """Read a field whose first line is the title."""
    return lambda said: split(said[field], dialect)


def split(text: str, dialect: Dialect = Dialect.TEXT) -> Shown:
    """Return the title, which is the first line of the text, and the rest."""
    heading, _, rest = text.partition("\n")
    return [(Dialect.TITLE, heading.strip()), (dialect, rest)]


def inside(field: str, part: str) -> Reader:
    """Read a text whose first line is the title from a field of a field."""
    return lambda said: split(said[field][part])


def mail(subject: str, page: str, plain: str) -> Reader:
    """Read a subject, a page and a text."""

    def read(said: Any) -> Shown:
        shown = [(Dialect.TITLE, said[subject])]
        shown += [(Dialect.HTML, said[page])] if page in said else []
        return shown + ([(Dialect.BARE, said[plain])] if plain in said else [])

    return read
