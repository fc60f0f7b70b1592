"""A version's `status_reason` decoded: plain text, or what its messages say, and findings in whichever form. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from watcher.model.scan import ScanFinding
from watcher.text.json_limits import MOST_VALUES, too_dense

_READ_AT_MOST = 8_000_000
_ITEMS_AT_MOST = 20_000
_HISTORY_AT_MOST = 50
_DEEPEST = 2
"""JSON in a text of JSON in a text."""
_LINE_DIGITS = 9
_DECODER = json.JSONDecoder()
_LENIENT = json.JSONDecoder(strict=False)
_START = 100_000
"""Characters kept of text that cannot be decoded: more than `sanitize_line` reads."""
_BETWEEN = re.compile(r"[\s,]*")
_MESSAGE = re.compile(
    r'"message"\s*:\s*"((?:[^"\\]++|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*+)'
)
_CODE = re.compile(r'"?code_snippet', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
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
    """All of the text is findings, and was read; so is what is `older`."""
    older: tuple[Said, ...] = ()
    """The other messages of an object, and those of objects in it."""


def decode(reason: str) -> Said:
    """Return what a reason says. Never raises."""
    said = _read_text(reason[:_READ_AT_MOST])
    if len(reason) > _READ_AT_MOST:
        return replace(said, is_whole=False)
    return said


def _read_text(text: str, depth: int = 0) -> Said:
    text = text.strip("\ufeff \t\r\n")
    if not _is_like_json(text):
        return Said(text=text)
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
            return Said(
                findings=findings,
                rest=None if all_read else whole[end:],
                is_whole=all_read and len(findings) == len(items),
            )
        if items or is_closed:
            return Said(text="; ".join(filter(None, map(_text, items[:50]))))
    elif (about := _object(text)) is not None:
        return _of_object(about, depth)
    elif found := _MESSAGE.search(text):
        said = _read_text(json.loads(f'"{found[1]}"', strict=False), depth + 1)
        is_cut_off = said.is_cut_off or not text.startswith('"', found.end())
        return replace(said, is_cut_off=is_cut_off, is_whole=False)
    return _of_no_json(text)


def _is_like_json(text: str) -> bool:
    return text[:1] in ("{", "[")


def _of_no_json(text: str) -> Said:
    start = _CODE.split(text[:_START], maxsplit=1)[0]
    return Said(text=start, is_cut_off=_is_cut_off(start))


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


def _of_object(about: dict[str, object], depth: int) -> Said:
    """Return what an object says: its own message, else the last one of its history, and all others."""
    history = about.get("statusHistory")
    entries = history if isinstance(history, list) else [history]
    parts = [about | {"statusHistory": None}, *reversed(entries[-_HISTORY_AT_MOST:])]
    messages = [
        _text(part.get("message")) if isinstance(part, dict) else part
        for part in parts
        if isinstance(part, dict | str)
    ]
    read = [_read_text(message, depth + 1) for message in messages if message]
    said, *older = read or [Said()]
    are_read = all(one.is_whole for one in (said, *older))
    are_all = len(entries) <= _HISTORY_AT_MOST and all(map(_is_flat, parts))
    return replace(
        said,
        is_whole=are_read and are_all,
        older=(*said.older, *(each for one in older for each in (one, *one.older))),
    )


def _is_flat(part: object) -> bool:
    """Return whether a part of an object has no lists or objects, which could be findings."""
    values = part.values() if isinstance(part, dict) else [part]
    return not any(isinstance(one, dict | list) for one in values)


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
    line = _first(item, "line_number", "line").strip()
    is_number = line.isascii() and line.isdecimal() and len(line) <= _LINE_DIGITS
    return ScanFinding(
        rule=_first(item, "issue_type", "type", "error_type"),
        severity=_text(item.get("severity")).strip().lower(),
        file=_first(item, "file_path", "path", "file"),
        line=int(line) if is_number else None,
    )


def _first(finding: dict[str, object], *names: str) -> str:
    """Return the first of the fields that holds text or a number, as text; "" if none does."""
    return next((text for name in names if (text := _text(finding.get(name)))), "")


def _text(value: object) -> str:
    """Return text as it came, or a number as text; "" for blanks and anything else."""
    if isinstance(value, str):
        return value if value.strip() else ""
    return (
        str(value)
        if isinstance(value, int)
        and not isinstance(value, bool)
        and abs(value) < 10**18
        else ""
    )
