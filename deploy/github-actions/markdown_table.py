"""Tables in Markdown as GitHub shows it, in a job's summary. Pure.

Untrusted text is sanitized and stands in code, where nothing is markup: no text can end the code, the cell or the row,
mention anybody, or become a link.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from watcher.text.sanitize import sanitize_line

_MOST_ROWS = 200
# FULLWIDTH VERTICAL LINE, REVERSE SOLIDUS.
_LOOKALIKES = str.maketrans({"`": "'", "|": "\uff5c", "\\": "\uff3c"})


def quoted(text: str | None, limit: int) -> str:
    """Return untrusted text as code of at most `limit` characters; "" for None and what shows as nothing."""
    return "" if text is None else code(sanitize_line(text, limit))


def code(line: str) -> str:
    """Return a line that is safe to print as code; "" for an empty one."""
    return f"`{line.translate(_LOOKALIKES)}`" if line else ""


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], count: int, most: int
) -> list[str]:
    """Return the lines of a table of the first rows, which have at most `most` bytes, and how many of `count` are left.

    No more rows are taken than are shown.
    """
    shown = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head))]
    room, left = most, count
    for cells in islice(rows, _MOST_ROWS):
        row = f"| {' | '.join(cells)} |"
        room -= len(row.encode()) + 1
        if room < 0:
            break
        shown.append(row)
        left -= 1
    return [*shown, "", *([f"And {left:,} more.", ""] if left else [])]
