"""What a reader sees of a message, by how a service has the title and the text in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.hostile.dialects import Dialect, Shown

Reader = Callable[[Any], Shown]


def titled(title: str, body: str, dialect: Dialect) -> Reader:
    """Read a title and a text from two fields."""
    return lambda said: [(Dialect.TITLE, said[title]), (dialect, said[body])]


def headed(field: str, dialect: Dialect) -> Reader:
    """Read a field whose first line is the title."""
    return lambda said: split(said[field], dialect)


def split(text: str, dialect: Dialect = Dialect.TEXT) -> Shown:
    """Return the title, which is the first line of the text, and the rest."""
    heading, _, rest = text.partition("\n")
    return [(Dialect.TITLE, heading.strip()), (dialect, rest)]
