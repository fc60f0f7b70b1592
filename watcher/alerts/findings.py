"""Why a version is flagged: what the registry's scanner found in it, in words. Pure.

Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

from watcher.alerts.differences import Item, Words, joined
from watcher.model.event import Event, is_a_flag
from watcher.model.scan import Scan, ScanFinding
from watcher.text.rules import in_words, place
from watcher.text.sanitize import Trusted

MOST_FINDINGS = 3
"""The findings that a message names of a version."""


def scan_of_flag(event: Event) -> Scan | None:
    """Return what the scanner found, if that is why a version is flagged, and all of it could be read."""
    is_why = is_a_flag(event) and event.scan is not None and event.scan.is_whole
    return event.scan if is_why else None


def in_a_sentence(scan: Scan, most: int = MOST_FINDINGS) -> Words:
    """Return what was found, without capital letter and full stop, the worst first.

    At most so many findings are named, each of another rule; the rest is counted.
    """
    if scan.is_harmless:
        return (Trusted(_of_harmless(scan.count)),)
    is_informational = all(one.is_harmless for one in scan.items)
    start = "informational findings" if is_informational else "the scanner found"
    of_rules: dict[str, ScanFinding] = {}
    for one in scan.items:
        of_rules.setdefault(one.rule, one)
    shown = list(of_rules.values())[:most]
    words = (Trusted(f"{start}: "), *joined("; ", map(_finding, shown)))
    more = scan.count - len(shown)
    return (*words, Trusted(f", and {more:,} more")) if more > 0 else words


def _of_harmless(count: int) -> str:
    if count == 1:
        return "the only finding is informational, and earlier versions had it too"
    return (
        f"all {count:,} findings are informational, and earlier versions had them too"
    )


def _finding(finding: ScanFinding) -> Words:
    words = in_words(finding.rule)
    if not isinstance(words, Trusted):
        words = Item(words)
    where = place(finding)
    return (words, Trusted(", in "), Item(where)) if where else (words,)


def in_a_title(event: Event) -> str:
    """Return the worst of what a flag is about, our own words for a title; "" if it is informational."""
    scan = scan_of_flag(event)
    if scan is None or not scan.items or scan.items[0].is_harmless:
        return ""
    words = in_words(scan.items[0].rule)
    return f": {words}" if isinstance(words, Trusted) else ""
