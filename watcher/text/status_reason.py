"""A version's `status_reason`, which may be megabytes of a scanner's findings, read and summarized in a line. Pure.

The reason is plain text, a JSON object with a `message`, or a JSON array of findings with new or old key names. It may
hold reviewers' e-mail addresses and attackers' code; neither is passed on.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from watcher.model.event import digest
from watcher.model.scan import Scan, ScanFinding, badness, severity_rank
from watcher.text.plural import plural
from watcher.text.reason_form import Said, decode
from watcher.text.sanitize import redact_emails, sanitize_line

_DISTINCT_AT_MOST = 500
"""Rules and files that a scan can have before it is bounded: to make their texts safe takes time."""
_SUMMARY = 300
"""Characters of a summary."""
_LONGEST = 200
"""Characters of a rule or a file that is kept as it came."""
_SEVERITIES = 5
_TYPES = 3
_PLACES = 3
_UNRATED = "unrated"
_SEVERITY = re.compile(r'"severity"\s*:\s*"([A-Za-z]{1,20})"')
"""Matches keys only: a quote inside a string has a backslash before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What a reason says."""

    summary: str
    """One line, sanitized; "" if the reason says nothing."""
    scan: Scan | None
    """The findings in it, whatever an earlier version had; None if it has none."""


def summarize(reason: str) -> str:
    """Return the summary of a reason alone, as `read_reason`."""
    return _summary(decode(reason))


def read_reason(reason: str) -> Reason:
    """Return what a reason says, its summary in at most 300 characters.

    An object is summarized by its `message`, else by the last one of its `statusHistory`. Findings are summarized by
    their number per severity, the worst issue types and where they are; "at least" says that the reason was cut off or
    is too large, so that of the rest only severities were counted. Anything else is shortened.

    Findings in the messages of an object's history are in the scan too. It is whole only if each message is findings,
    and if all of these were read. Never raises; takes about a second at most.
    """
    said = decode(reason)
    return Reason(summary=_summary(said), scan=_scan(said))


def _scan(said: Said) -> Scan | None:
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


def _summary(said: Said) -> str:
    if not said.findings:
        return sanitize_line(said.text, _SUMMARY, cut_off=said.is_cut_off)
    return sanitize_line(_in_words(said.findings, said.rest), _SUMMARY)


def _in_words(findings: tuple[ScanFinding, ...], rest: str | None) -> str:
    severities = Counter(finding.severity for finding in findings)
    severities.update(found[1].lower() for found in _SEVERITY.finditer(rest or ""))
    ranked = sorted(severities, key=severity_rank)
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


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _position(path: str, line: int | None) -> str:
    path = sanitize_line(path, 120)
    if len(path) > 60:
        path = "…" + path[-59:]
    return path if line is None else f"{path}:{line}"
