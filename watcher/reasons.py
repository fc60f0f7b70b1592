"""A version's `status_reason`, which may be megabytes of a scanner's findings, said in one line. Pure.

The reason is plain text, a JSON object with a `message`, or a JSON array of findings under newer or older names of
their keys. It holds reviewers' e-mail addresses and attackers' code; neither is passed on.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from watcher.strangers import plain

_READ_AT_MOST = 8_000_000
_TYPES = 3
_PLACES = 3
_UNRATED = "unrated"
_RANKS = {
    name: rank
    for rank, name in enumerate(("critical", "error", "high", "medium", "warning", "moderate", "low", "info", _UNRATED))
}
_UNKNOWN_RANK = 4.5
_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")
_MESSAGE = re.compile(r'"message"\s*:\s*"((?:[^"\\]|\\.){0,4000})')
_CODE = re.compile(r'"?code_snippet', re.IGNORECASE)


def summarise(reason: str, limit: int = 300) -> str:
    """Say a reason in at most `limit` characters of plain text (`watcher.strangers.plain`); "" where there is none.

    An object gives its `message`, else the last one of its `statusHistory`; findings give how many of which
    severity, the worst issue types and where. Whatever can't be read that way is shortened as it is. Never raises.
    """
    text = reason.strip("\ufeff \t\r\n")
    if text[:1] not in ("{", "["):
        return plain(text, limit)
    return plain(_said(text[:_READ_AT_MOST]), limit)


def _said(text: str, *, nested: bool = False) -> str:
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):
        decoded = _salvage(text)
    match decoded:
        case dict():
            message = _message(decoded)
            return _said(message, nested=True) if message[:1] in ("{", "[") and not nested else message
        case list() if any(isinstance(item, dict) for item in decoded):
            return _findings(decoded)
        case list():
            return "; ".join(_text(item) for item in decoded[:50] if _text(item))
        case _:
            return _CODE.split(text[:4000], maxsplit=1)[0]


def _salvage(text: str) -> object:
    """Read what can be read of JSON that was cut off: the findings that are whole, or the message."""
    if text.startswith("["):
        return list(_whole_items(text)) or None
    found = _MESSAGE.search(text[:200_000])
    return {"message": found[1]} if found else None


def _whole_items(text: str) -> Iterator[object]:
    position = 1
    while True:
        position = _BETWEEN.match(text, position).end()  # type: ignore[union-attr]  # it matches the empty string too
        try:
            item, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        yield item


def _message(about: dict[str, object]) -> str:
    if message := _text(about.get("message")):
        return message
    history = about.get("statusHistory")
    for entry in reversed(history if isinstance(history, list) else []):
        if isinstance(entry, dict) and (message := _text(entry.get("message"))):
            return message
    return ""


def _findings(items: list[object]) -> str:
    findings = [item for item in items if isinstance(item, dict)]
    findings.sort(key=lambda finding: _rank(_severity(finding)))
    severities = Counter(_severity(finding) for finding in findings)
    counts = [f"{count} {severity}" for severity, count in severities.items()]
    said = f"{', '.join(counts)} finding{'' if len(findings) == 1 else 's'}"
    worst = [finding for finding in findings if _severity(finding) == _severity(findings[0])]
    types = Counter(kind for finding in worst if (kind := _first(finding, "issue_type", "type", "error_type")))
    if types:
        named = [kind if count == 1 else f"{kind} x{count}" for kind, count in types.most_common(_TYPES)]
        said += f": {', '.join(named)}{_more(len(types) - _TYPES)}"
    places = list(dict.fromkeys(place for finding in worst if (place := _place(finding))))
    if places:
        said += f"; in {', '.join(places[:_PLACES])}{_more(len(places) - _PLACES)}"
    return said


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _severity(finding: dict[str, object]) -> str:
    return plain(_text(finding.get("severity")), 20).lower() or _UNRATED


def _rank(severity: str) -> float:
    return _RANKS.get(severity, _UNKNOWN_RANK)


def _place(finding: dict[str, object]) -> str:
    path = _first(finding, "file_path", "path", "file")
    if len(path) > 60:
        path = "…" + path[-59:]
    line = _first(finding, "line_number", "line")
    return f"{path}:{line}" if path and line else path


def _first(finding: dict[str, object], *names: str) -> str:
    """Give the first of the fields that holds text or a number, as short plain text."""
    for name in names:
        if text := plain(_text(finding.get(name)), 120):
            return text
    return ""


def _text(value: object) -> str:
    """Give text or a number as text; anything else is none."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18 else ""
