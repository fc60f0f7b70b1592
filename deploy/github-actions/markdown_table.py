"""Tables in Markdown as GitHub shows it, in a job's summary. Pure.

Untrusted text is sanitized and stands in code, where nothing is markup: no text can end the code, the cell or the row,
mention anybody, or become a link.
"""

from __future__ import annotations

from collections.abc import Sequence

from watcher.text.sanitize import sanitize_line

_MOST_ROWS = 200
_MOST_BYTES = 400_000
"""Of a table. GitHub shows no summary at all that has more than a mebibyte."""
# FULLWIDTH VERTICAL LINE, REVERSE SOLIDUS.
_LOOKALIKES = str.maketrans({"`": "'", "|": "\uff5c", "\\": "\uff3c"})


def quoted(text: str | None, limit: int) -> str:
    """Return untrusted text as code of at most `limit` characters; "" for None and what shows as nothing."""
    line = "" if text is None else sanitize_line(text, limit)
    return f"`{line.translate(_LOOKALIKES)}`" if line else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table of the first rows, and how many others there are."""
    shown = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head))]
    room, left = _MOST_BYTES, len(rows)
    for cells in rows[:_MOST_ROWS]:
        row = f"| {' | '.join(cells)} |"
        room -= len(row.encode()) + 1
        if room < 0:
            break
        shown.append(row)
        left -= 1
    return [*shown, "", *([f"And {left:,} more.", ""] if left else [])]
