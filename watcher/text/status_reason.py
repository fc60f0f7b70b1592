"""A version's `status_reason`, which may be megabytes of a scanner's findings, read and summarized in a line. Pure.

The reason is plain text, a JSON object with a `message`, or a JSON array of findings with new or old key names. It may
hold reviewers' e-mail addresses and attackers' code; neither is passed on.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, replace

from watcher.model.event import digest
from watcher.model.scan import Scan, ScanFinding, badness
from watcher.text.json_limits import MOST_VALUES, too_dense
from watcher.text.plural import plural
from watcher.text.sanitize import redact_emails, sanitize_line

_READ_AT_MOST = 8_000_000
_ITEMS_AT_MOST = 20_000
_DISTINCT_AT_MOST = 500
"""Rules and files that a scan can have before it is bounded: to make their texts safe takes time."""
_HISTORY_AT_MOST = 50
_DEEPEST = 2
"""JSON in a text of JSON in a text."""
_LONGEST = 200
"""Characters of a rule or a file that is kept as it came."""
_SEVERITIES = 5
_TYPES = 3
_PLACES = 3
_MOST_LINES = 10**9
_UNRATED = "unrated"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What a reason says."""

    summary: str
    """One line, sanitized; "" if the reason says nothing."""
    scan: Scan | None
    """The findings in it, whatever an earlier version had; None if it has none."""


def summarize(reason: str, limit: int = 300) -> str:
    """Return the summary of a reason alone, as `read_reason`."""
    return _summary(_read(reason), limit)


def read_reason(reason: str, limit: int = 300) -> Reason:
    """Return what a reason says, its summary in at most `limit` characters.

    An object is summarized by its `message`, else by the last one of its `statusHistory`. Findings are summarized by
    their number per severity, the worst issue types and where they are; "at least" says that the reason was cut off or
    is too large, so that of the rest only severities were counted. Anything else is shortened.

    Findings in the messages of an object's history are in the scan too. It is whole only if the summarized message is
    findings, and if all findings of the reason were read. Never raises; takes about a second at most.
    """
    said = _read(reason)
    return Reason(summary=_summary(said, limit), scan=_scan(said))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What one text says: findings, or anything else."""

    text: str = ""
    """What is not findings."""
    is_cut_off: bool = False
    """That text is the beginning of a longer one."""
    findings: tuple[ScanFinding, ...] = ()
    """With their texts as they came."""
    rest: str | None = None
    """The text of findings that were not read; None if all were."""
    is_whole: bool = False
    """All of the text is findings, and was read; so is what is `older`, if it is JSON."""
    older: tuple[_Said, ...] = ()
    """The other messages of an object."""


def _read(reason: str) -> _Said:
    said = _read_text(reason[:_READ_AT_MOST].strip("\ufeff \t\r\n"))
    if len(reason) > _READ_AT_MOST:
        return replace(said, is_whole=False)
    return said


def _read_text(text: str, depth: int = 0) -> _Said:
    if not _is_like_json(text):
        return _Said(text=text)
    if depth > _DEEPEST:
        return _of_no_json(text)
    whole = text
    if too_dense(text.encode("utf-8", "surrogatepass")):
        text = text[:MOST_VALUES]  # each takes a character at least
    if text.startswith("["):
        items, end = _items(text)
        is_closed = whole.startswith("]", end)
        all_read = is_closed and end + 1 == len(whole)
        if findings := tuple(_finding(one) for one in items if isinstance(one, dict)):
            return _Said(
                findings=findings,
                rest=None if all_read else whole[end:],
                is_whole=all_read and len(findings) == len(items),
            )
        if items or is_closed:
            return _Said(text="; ".join(filter(None, map(_text, items[:50]))))
    elif (about := _object(text)) is not None:
        return _of_object(about, depth)
    elif found := _MESSAGE.search(text):
        said = _read_text(json.loads(f'"{found[1]}"', strict=False).strip(), depth + 1)
        is_cut_off = said.is_cut_off or not text.startswith('"', found.end())
        return replace(said, is_cut_off=is_cut_off, is_whole=False)
    return _of_no_json(text)


def _is_like_json(text: str) -> bool:
    return text[:1] in ("{", "[")


def _of_no_json(text: str) -> _Said:
    start = _CODE.split(text[:_START], maxsplit=1)[0]
    return _Said(text=start, is_cut_off=_is_cut_off(start))


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


def _of_object(about: dict[str, object], depth: int) -> _Said:
    """Return what an object says: its own message, else the last one of its history, and all others."""
    history = about.get("statusHistory")
    entries = history if isinstance(history, list) else []
    messages = [
        entry.get("message")
        for entry in [about, *reversed(entries[-_HISTORY_AT_MOST:])]
        if isinstance(entry, dict)
    ]
    latest = list(filter(None, map(_text, messages)))
    if not latest:
        return _Said()
    said, *older = (_read_text(message, depth + 1) for message in latest)
    are_read = all(
        one.is_whole
        for one, message in zip(older, latest[1:], strict=True)
        if _is_like_json(message)
    )
    are_texts = all(isinstance(one, str | None) for one in messages)
    are_all = are_texts and len(entries) <= _HISTORY_AT_MOST
    return replace(
        said,
        is_whole=said.is_whole and are_read and are_all,
        older=(*said.older, *older),
    )


def _object(text: str) -> dict[str, object] | None:
    """Return a JSON object; None if the text is none, or only its beginning."""
    try:
        about: dict[str, object] = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return about


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


def _finding(item: dict[str, object]) -> ScanFinding:
    """Return a finding, its texts as they came."""
    line = _first(item, "line_number", "line")
    is_number = line.isascii() and line.isdecimal() and int(line[:20]) < _MOST_LINES
    return ScanFinding(
        rule=_first(item, "issue_type", "type", "error_type"),
        severity=_text(item.get("severity")).lower(),
        file=_first(item, "file_path", "path", "file"),
        line=int(line) if is_number else None,
    )


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


def _scan(said: _Said) -> Scan | None:
    """Return the findings of all messages; None if there are none. What two messages have is one finding."""
    found: Counter[ScanFinding] = Counter()
    unread = 0
    for one in (said, *said.older):
        found |= Counter(one.findings)
        unread += sum(1 for _ in _SEVERITY.finditer(one.rest or ""))
    if not found:
        return None
    distinct: dict[tuple[str, str], ScanFinding] = {}
    for finding in sorted(found, key=badness):
        distinct.setdefault((finding.rule, finding.file), finding)
    kept = list(distinct.values())[:_DISTINCT_AT_MOST]
    return Scan(
        items=tuple(map(_kept, kept)),
        count=found.total() + unread,
        is_whole=said.is_whole and len(kept) == len(distinct),
    )


def _kept(finding: ScanFinding) -> ScanFinding:
    return replace(
        finding,
        rule=_kept_text(finding.rule),
        severity=_kept_text(finding.severity),
        file=_kept_text(finding.file),
    )


def _kept_text(text: str) -> str:
    """Return a text as it came; a long or odd one sanitized, with a digest, so that two that differ stay different."""
    is_short = len(text) <= _LONGEST and text.isprintable()
    if is_short and redact_emails(text) == text:
        return text
    begun = text[:_LONGEST]
    shown = sanitize_line(begun, _LONGEST, cut_off=len(begun) < len(text))
    return f"{shown} (sha256 {digest(text, 16)})"


def _summary(said: _Said, limit: int) -> str:
    if not said.findings:
        return sanitize_line(said.text, limit, cut_off=said.is_cut_off)
    return sanitize_line(_in_words(said.findings, said.rest), limit)


def _in_words(findings: tuple[ScanFinding, ...], rest: str | None) -> str:
    severities = Counter(finding.severity for finding in findings)
    severities.update(found[1].lower() for found in _SEVERITY.finditer(rest or ""))
    ranked = sorted(severities, key=_rank)
    counts = [
        f"{severities[severity]:,} {sanitize_line(severity, 20) or _UNRATED}"
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
    worst = [finding for finding in findings if finding.severity == ranked[0]]
    if rules := Counter(finding.rule for finding in worst if finding.rule):
        named = [
            f"{sanitize_line(rule, 120)}{f' x{count}' if count > 1 else ''}"
            for rule, count in rules.most_common(_TYPES)
        ]
        summary += f": {', '.join(named)}{_more(len(rules) - _TYPES)}"
    every = ((finding.file, finding.line) for finding in worst if finding.file)
    if places := list(dict.fromkeys(every)):
        summary += f"; in {', '.join(_position(*place) for place in places[:_PLACES])}{_more(len(places) - _PLACES)}"
    return summary


def _rank(severity: str) -> float:
    return badness(ScanFinding(rule="-", severity=severity, file="-", line=None))


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _position(path: str, line: int | None) -> str:
    path = sanitize_line(path, 120)
    if len(path) > 60:
        path = "…" + path[-59:]
    return path if line is None else f"{path}:{line}"
