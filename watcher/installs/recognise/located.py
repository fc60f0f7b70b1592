"""A text that knows on which lines of its file it stands. Pure."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Located:
    """A part of a file; each line end in it begins the next line of the file."""

    text: str
    first: int = 1
    """The line on which it begins."""
    lines: list[str] = field(init=False, repr=False)
    starts: list[int] = field(init=False, repr=False)
    """Where each of its lines begins."""

    def __post_init__(self) -> None:
        lines = self.text.split("\n")
        lengths = (len(line) + 1 for line in lines[:-1])
        object.__setattr__(self, "lines", lines)
        object.__setattr__(self, "starts", list(accumulate(lengths, initial=0)))

    def line(self, offset: int) -> int:
        """Return the line on which a character stands."""
        return self.first + bisect_right(self.starts, offset) - 1


def heredoc_end(lines: list[str], at: int, end: str, *, dash: bool) -> int | None:
    """Return which line ends a heredoc that begins on a line; None if it has no end. `<<-` allows tabs before it."""
    for index in range(at, len(lines)):
        line = lines[index]
        if line == end or (dash and line.lstrip("\t") == end):
            return index
    return None
