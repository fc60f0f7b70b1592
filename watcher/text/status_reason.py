"""A version's `status_reason`, which may be megabytes of a scanner's findings, summarized in one line. Pure.

The reason is plain text, a JSON object with a `message`, or a JSON array of findings with new or old key names. It may
hold reviewers' e-mail addresses and attackers' code; neither is passed on.
"""

from __future__ import annotations

import json
import re
from collections import Counter

from watcher.text.json_limits import MOST_VALUES, too_dense
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_READ_AT_MOST = 8_000_000
_ITEMS_AT_MOST = 20_000
_SEVERITIES = 5
_TYPES = 3
_PLACES = 3
_UNRATED = "unrated"
_RANKS = {
    name: rank
    for rank, name in enumerate(
        (
            "critical",
            "error",
            "high",
            "medium",
            "warning",
            "moderate",
            "low",
            "info",
            _UNRATED,
        )
    )
}
_UNKNOWN_RANK = 4.5
_DECODER = json.JSONDecoder()
_LENIENT = json.JSONDecoder(strict=False)
_START = 100_000
"""Characters kept of text that cannot be decoded: more than `sanitize_line` reads."""
_BETWEEN = re.compile(r"[\s,]*")
_MESSAGE = re.compile(
    r'"message"\s*:\s*"((?:[^"\\]++|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*+)'
)
_SEVERITY = re.compile(r'"severity"\s*:\s*"([A-Za-z]{1,20})"')
"""Matches keys only: a quote inside a string has a backslash before it."""
_CODE = re.compile(r'"?code_snippet', re.IGNORECASE)


def summarize(reason: str, limit: int = 300) -> str:
    """Return a reason in at most `limit` characters, sanitized; "" if there is none.

    An object is summarized by its `message`, else by the last one of its `statusHistory`. Findings are summarized by
    their number per severity, the worst issue types and where they are; "at least" says that the reason was cut off or
    is too large, so that of the rest only severities were counted. Anything else is shortened. Never raises; takes a
    fraction of a second at most.
    """
    text = reason[:_READ_AT_MOST].strip("\ufeff \t\r\n")
    return (
        _summary(text, limit) if text[:1] in ("{", "[") else sanitize_line(text, limit)
    )


def _summary(text: str, limit: int, *, nested: bool = False) -> str:
    whole = text
    if too_dense(text.encode("utf-8", "surrogatepass")):
        text = text[:MOST_VALUES]  # each takes a character at least
    if text.startswith("["):
        items, end = _items(text)
        all_read = whole.startswith("]", end)
        if any(isinstance(item, dict) for item in items):
            return sanitize_line(
                _findings(items, None if all_read else whole[end:]), limit
            )
        if items or all_read:
            return sanitize_line(
                "; ".join(_text(item) for item in items[:50] if _text(item)), limit
            )
    else:
        about, cut_off = _about(text)
        if about is not None:
            message = _message(about)
            deeper = message[:1] in ("{", "[") and not nested
            return (
                _summary(message, limit, nested=True)
                if deeper
                else sanitize_line(message, limit, cut_off=cut_off)
            )
    start = _CODE.split(text[:_START], maxsplit=1)[0]
    return sanitize_line(start, limit, cut_off=_is_cut_off(start))


def _is_cut_off(text: str) -> bool:
    """Return whether a text is the beginning of JSON."""
    try:
        _LENIENT.raw_decode(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text) or error.msg.startswith(
            ("Unterminated", "Invalid \\u")
        )
    except RecursionError:
        return True
    except ValueError:  # a number of too many digits
        return False
    return False


def _about(text: str) -> tuple[dict[str, object] | None, bool]:
    """Return a JSON object, or only its message if it is cut off, else None; and whether the message is cut off too."""
    try:
        return json.loads(text), False
    except (ValueError, RecursionError):
        if found := _MESSAGE.search(text):
            return {
                "message": json.loads(f'"{found[1]}"', strict=False)
            }, not text.startswith('"', found.end())
        return None, False


def _items(text: str) -> tuple[list[object], int]:
    """Return the complete items at the beginning of a list, and the position after them."""
    items: list[object] = []
    position = 1
    while True:
        position = _BETWEEN.match(text, position).end()  # type: ignore[union-attr]  # it matches the empty string too
        if len(items) == _ITEMS_AT_MOST or text.startswith("]", position):
            return items, position
        try:
            item, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return items, position
        items.append(item)


def _message(about: dict[str, object]) -> str:
    """Return an object's own message, else the last one of its history; "" without any."""
    history = about.get("statusHistory")
    entries = [about, *reversed(history if isinstance(history, list) else [])]
    return next(
        (
            text
            for entry in entries
            if isinstance(entry, dict) and (text := _text(entry.get("message")))
        ),
        "",
    )


def _findings(items: list[object], rest: str | None) -> str:
    """Return a summary of findings. `rest` is the text of those that were not decoded, None if all were."""
    findings = [
        (_text(item.get("severity")).lower() or _UNRATED, item)
        for item in items
        if isinstance(item, dict)
    ]
    severities = Counter(severity for severity, _ in findings)
    severities.update(found[1].lower() for found in _SEVERITY.finditer(rest or ""))
    ranked = sorted(
        severities, key=lambda severity: _RANKS.get(severity, _UNKNOWN_RANK)
    )
    counts = [
        f"{severities[severity]:,} {sanitize_line(severity, 20)}"
        for severity in ranked[:_SEVERITIES]
    ]
    if others := sum(severities[severity] for severity in ranked[_SEVERITIES:]):
        counts.append(f"{others:,} other")
    total = severities.total()
    summary = f"{counts[0]} finding{'' if total == 1 else 's'}"
    if len(counts) > 1:
        summary = f"{plural(total, 'finding')} ({', '.join(counts)})"
    if rest is not None:
        summary = f"at least {summary}"
    # Only what is shown is sanitized, which takes a thousand times as long as counting it.
    worst = [finding for severity, finding in findings if severity == ranked[0]]
    types = Counter(
        kind
        for finding in worst
        if (kind := _first(finding, "issue_type", "type", "error_type"))
    )
    if types:
        named = [
            f"{sanitize_line(kind, 120)}{f' x{count}' if count > 1 else ''}"
            for kind, count in types.most_common(_TYPES)
        ]
        summary += f": {', '.join(named)}{_more(len(types) - _TYPES)}"
    every = (
        (_first(item, "file_path", "path", "file"), _first(item, "line_number", "line"))
        for item in worst
    )
    if places := list(dict.fromkeys(place for place in every if place[0])):
        summary += f"; in {', '.join(_position(*place) for place in places[:_PLACES])}{_more(len(places) - _PLACES)}"
    return summary


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _position(path: str, line: str) -> str:
    path = sanitize_line(path, 120)
    if len(path) > 60:
        path = "…" + path[-59:]
    return f"{path}:{sanitize_line(line, 20)}" if line else path


def _first(finding: dict[str, object], *names: str) -> str:
    """Return the first of the fields that holds text or a number, as text; "" if none does."""
    return next((text for name in names if (text := _text(finding.get(name)))), "")


def _text(value: object) -> str:
    """Return text or a number as text, and "" for anything else."""
    if isinstance(value, str):
        return value.strip()
    return (
        str(value)
        if isinstance(value, int)
        and not isinstance(value, bool)
        and abs(value) < 10**18
        else ""
    )
