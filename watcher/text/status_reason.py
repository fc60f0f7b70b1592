"""A version's `status_reason`, which may be megabytes of a scanner's findings, read and summarized in a line. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from watcher.model.event import digest
from watcher.model.scan import Scan, ScanFinding, badness, severity_rank
from watcher.text.json_limits import MOST_VALUES, too_dense
from watcher.text.sanitize import Trusted, plural, redact_emails, sanitize_line
from watcher.values import frozen

_READ_AT_MOST = 8_000_000
_ITEMS_AT_MOST = 20_000
_HISTORY_AT_MOST = 50
# The registry puts findings as text into a message, which may be text in a history.
_DEEPEST = 2
"""JSON in a text of JSON in a text."""
# Python refuses to read a number of more than 4,300 digits, and a line has no more than these.
_LINE_DIGITS = 9
_DECODER = json.JSONDecoder()
_START = 100_000
"""Characters kept of text that cannot be decoded: more than `sanitize_line` reads."""
_BETWEEN = re.compile(r"[\s,]*")
_MESSAGE = re.compile(
    r'"message"\s*:\s*"((?:[^"\\]++|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*+)'
)
_JSON = re.compile(r'[\[{]\s*(?:["\[{]|\Z)')
"""The beginning of JSON, and not of words in brackets."""
# A finding quotes the code that set it off, which no message shows.
_CODE = re.compile(r'"?code_snippet', re.IGNORECASE)


@frozen
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
    """All of the text is findings, and was read."""


def decode(reason: str) -> list[Said]:
    """Return what a reason says: its own message, and all others of an object. Never raises."""
    said, *older = _read_text(reason[:_READ_AT_MOST])
    is_read = len(reason) <= _READ_AT_MOST
    return [replace(said, is_whole=said.is_whole and is_read), *older]


def _read_text(text: str, depth: int = 0) -> list[Said]:
    text = text.strip("\ufeff \t\r\n")
    if text[:1] not in ("{", "["):
        return [Said(text=text)]
    # Deeper than this nobody but an attacker nests, and each level costs a decoding.
    if depth > _DEEPEST:
        return _of_no_json(text)
    whole = text
    if too_dense(text.encode("utf-8", "surrogatepass")):
        text = text[:MOST_VALUES]  # each takes a character at least
    if text.startswith("["):
        # Item by item: what a limit cut off is still read up to there.
        items, end = _items(text)
        is_closed = whole.startswith("]", end)
        all_read = is_closed and end + 1 == len(whole)
        # One object among them is enough: what is no object makes the scan uncertain, not empty.
        if findings := tuple(_finding(one) for one in items if isinstance(one, dict)):
            return [
                Said(
                    findings=findings,
                    rest=None if all_read else whole[end:],
                    is_whole=all_read and len(findings) == len(items),
                )
            ]
        if items or is_closed:
            return [Said(text="; ".join(filter(None, map(_text, items[:50]))))]
    elif (about := _object(text)) is not None:
        return _of_object(about, depth)
    elif found := _MESSAGE.search(text):
        # The message comes first in the object, so that it is mostly whole where the rest was cut off.
        said, *older = _read_text(json.loads(f'"{found[1]}"', strict=False), depth + 1)
        is_cut_off = said.is_cut_off or not text.startswith('"', found.end())
        return [replace(said, is_cut_off=is_cut_off, is_whole=False), *older]
    return _of_no_json(text)


def _of_no_json(text: str) -> list[Said]:
    start = _CODE.split(text[:_START], maxsplit=1)[0]
    return [Said(text=start, is_cut_off=bool(_JSON.match(start)))]


def _of_object(about: dict[str, object], depth: int) -> list[Said]:
    """Return what an object says: its own message, else the last one of its history, and all others."""
    history = about.get("statusHistory")
    entries = history if isinstance(history, list) else [history]
    parts = [about | {"statusHistory": None}, *reversed(entries[-_HISTORY_AT_MOST:])]
    # Reviewers' names and addresses are in other fields of an entry, which are never read.
    messages = [
        _text(part.get("message")) if isinstance(part, dict) else part
        for part in parts
        if isinstance(part, dict | str)
    ]
    read = [one for text in messages if text for one in _read_text(text, depth + 1)]
    # The newest message is the one that explains the status; findings of older ones count as well.
    said, *older = read or [Said()]
    are_all = len(entries) <= _HISTORY_AT_MOST and all(map(_is_flat, parts))
    return [replace(said, is_whole=said.is_whole and are_all), *older]


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
    # It comes as a number or as text.
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


RULES: Mapping[str, str] = {
    "contains_blacklisted_url": "links to a site where anybody can put files",
    "contains_btc_address": "contains a Bitcoin address",
    "contains_custom_url_dependency": "has a dependency from outside PyPI",
    "contains_malicious_url": "links to an address on a malware list",
    "contains_obfuscated_url": "contains an encoded link",
    "contains_rm_rf": "contains the command rm -rf",
    "downloads_and_executes": "downloads a file and runs it",
    "imports_cryptography_py": "uses a cryptography library",
    "prohibited-string": "contains a text that the registry prohibits",
    "python_bytecode_manipulation": "imports or compiles code at run time",
    "python_command_injection_risk": "starts other programs",
    "python_database_connections": "opens a database",
    "python_dynamic_execution": "runs code from a text",
    "python_environment_manipulation": "reads or sets environment variables",
    "python_minified_code": "contains minified code",
    "python_network_operations": "uses the network",
    "python_privilege_escalation": "contains a word such as sudo",
    "python_sensitive_file_access": "reads a file by its path",
    "python_url_command_execution": "contains a command line",
    "susp_svg_onload_onerror_jul23": "mentions SVG beside onload or onerror",
    "vendored_known": "bundles a file of another project",
    "vendored_unknown": "bundles a file of unknown origin",
    "windows_process_manipulation": "opens other processes on Windows",
}
"""By the rule's name in lower case."""

_LONGEST_SEVERITY = "info_"
"""What the scanner itself puts before the name of some rules."""
_READ, _LONGEST_FILE = 300, 50
"""Characters of a file's name that are read, and those that are shown."""


def in_words(rule: str) -> str:
    """Return what a rule sees, in plain words that are `Trusted`; a rule that is not known as it is written."""
    # A name in capitals, or with the scanner's mark, is the same rule.
    words = RULES.get(rule.lower().removeprefix(_LONGEST_SEVERITY))
    return Trusted(words) if words else rule


def place(finding: ScanFinding) -> str:
    """Return the file and the line of a finding, sanitized; of a long name the end. "" if it has none."""
    file = sanitize_line(finding.file, _READ)
    # The end has the name of the file, and of what it is in.
    if len(file) > _LONGEST_FILE:
        file = "…" + file[1 - _LONGEST_FILE :]
    is_known = bool(file) and finding.line is not None
    return f"{file}:{finding.line}" if is_known else file


def of_rules(findings: Iterable[ScanFinding]) -> list[ScanFinding]:
    """Return the first finding of each rule: one rule in thirty files is one thing to know."""
    found: dict[str, ScanFinding] = {}
    for one in findings:
        found.setdefault(one.rule, one)
    return [*found.values()]


_DISTINCT_AT_MOST = 500
"""Rules and files that a scan can have before it is bounded: to make their texts safe takes time."""
_SUMMARY = 300
"""Characters of a summary."""
_LONGEST = 200
"""Characters of a rule or a file that is kept as it came."""
_SEVERITIES, _NAMED = 5, 3
"""The severities and the findings that a summary names."""
_UNRATED = "unrated"
_SEVERITY = re.compile(r'"severity"\s*:\s*"([A-Za-z]{1,20})"')
"""Matches keys only: a quote inside a string has a backslash before it."""


@frozen
class Reason:
    """What a reason says."""

    summary: str
    """One line, sanitized; "" if the reason says nothing."""
    scan: Scan | None
    """The findings in it, whatever an earlier version had; None if it has none."""


def summarize(reason: str) -> str:
    """Return the summary of a reason alone, as `read_reason`."""
    return _summary(decode(reason)[0])


def read_reason(reason: str) -> Reason:
    """Return what a reason says, its summary in at most 300 characters.

    An object is summarized by its `message`, else by the last one of its `statusHistory`. Findings are summarized by
    their number per severity, and the worst of them; "at least" says that the reason was cut off or is too large, so
    that of the rest only severities were counted. Anything else is shortened.

    Findings in the messages of an object's history are in the scan too. It is whole only if each message is findings,
    and if all of these were read. Never raises; takes about a second at most.
    """
    said = decode(reason)
    return Reason(summary=_summary(said[0]), scan=_scan(said))


def _scan(said: list[Said]) -> Scan | None:
    """Return the findings of all messages; None if there are none. What two messages have is one finding."""
    found: Counter[ScanFinding] = Counter()
    unread = 0
    for one in said:
        # The largest number of any message, and not the sum: histories repeat the last scan.
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
        is_whole=len(kept) == len(distinct) and all(one.is_whole for one in said),
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
    # A rule and a file are compared with those of earlier versions: what is shortened must stay itself.
    is_short = len(text) <= _LONGEST and text.isprintable()
    if is_short and redact_emails(text) == text:
        return text
    begun = text[:_LONGEST]
    shown = sanitize_line(begun, _LONGEST, cut_off=len(begun) < len(text))
    return f"{shown} (sha256 {digest(text, 16)})"


def _summary(said: Said) -> str:
    if not said.findings:
        return sanitize_line(said.text, _SUMMARY, cut_off=said.is_cut_off)
    return sanitize_line(_of_findings(said), _SUMMARY)


def _of_findings(said: Said) -> str:
    """Return how many findings there are and how bad, then the worst of them in plain words. Not sanitized."""
    severities = Counter(one.severity for one in said.findings)
    severities.update(found[1].lower() for found in _SEVERITY.finditer(said.rest or ""))
    # Padding hides no worse finding: the worst are counted first, also those that were not read.
    counts = [
        f"{severities[one]:,} {sanitize_line(one, 20) or _UNRATED}"
        for one in sorted(severities, key=severity_rank)[:_SEVERITIES]
    ]
    at_least = "" if said.rest is None else "at least "
    total = plural(severities.total(), "finding")
    # Only what is shown is sanitized, which takes a thousand times as long as counting it.
    worst = of_rules(sorted(said.findings, key=badness))[:_NAMED]
    named = [
        ", in ".join(filter(None, (in_words(one.rule), place(one)))) for one in worst
    ]
    what = "; ".join(filter(None, named))
    return f"{at_least}{total} ({', '.join(counts)}){f': {what}' if what else ''}"
