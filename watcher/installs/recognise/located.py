"""A text that knows on which line of its file each part of it stands. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Located:
    """A text that was put together of parts of a file."""

    text: str
    starts: tuple[int, ...] = (0,)
    """Where in it something begins that stands on another line of the file."""
    lines: tuple[int, ...] = (1,)
    """Which line that is."""

    def line(self, offset: int) -> int:
        """Return the line on which a character stands."""
        return self.lines[max(bisect_right(self.starts, offset) - 1, 0)]

    def parts(self, start: int, stop: int) -> list[tuple[str, int]]:
        """Return what stands between two offsets, divided where another line of the file begins; at least one part."""
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = bisect_left(self.starts, stop, first + 1)
        bounds = [start, *self.starts[first + 1 : last], stop]
        texts = (self.text[begin:end] for begin, end in pairwise(bounds))
        return list(zip(texts, self.lines[first:last], strict=True))

    def behind(self, start: int) -> Located:
        """Return what stands behind an offset."""
        first = max(bisect_right(self.starts, start) - 1, 0)
        starts = (max(one - start, 0) for one in self.starts[first:])
        return Located(self.text[start:], tuple(starts), self.lines[first:])

    def __add__(self, other: Located) -> Located:
        starts = (len(self.text) + one for one in other.starts)
        return Located(
            self.text + other.text, (*self.starts, *starts), self.lines + other.lines
        )


def located(parts: Iterable[tuple[str, int]]) -> Located:
    """Return the text of parts, each with the line on which it begins. A line end in a part begins the next line."""
    texts: list[str] = []
    starts: list[int] = []
    lines: list[int] = []
    length = 0
    for part, first in parts:
        for line, text in enumerate(part.split("\n"), first):
            if line > first:
                texts.append("\n")
                length += 1
            starts.append(length)
            lines.append(line)
            texts.append(text)
            length += len(text)
    return Located("".join(texts), tuple(starts or [0]), tuple(lines or [1]))
