"""The words of what differs, and of what the registry's scanner found. Pure.

Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from urllib.parse import urlsplit

from watcher.model.event import Cut, Event, FieldChange, is_a_flag
from watcher.model.scan import Scan, ScanFinding
from watcher.model.version import STATUSES
from watcher.text.sanitize import Trusted
from watcher.text.status_reason import in_words, place

Words = tuple[str, ...]

FIELD_NAMES = {
    "downloadUrl": "archive",
    "dependencies": "dependencies",
    "status": "status",
}
_ITEMS = 6
"""The most items of a list, added or removed, that one line shows."""
_SAME_AT_MOST = 40
"""Characters of two long values that are shown before the first difference; the rest of their common start is not."""
_LEAD_IN = 10


class Item(str):
    """Untrusted text that is one of several: a line shows only its start."""

    __slots__ = ()


def difference(changes: tuple[FieldChange, ...]) -> Words:
    """Return what differs in an event's fields; () if there are none."""
    return joined("; ", map(_clause_of, changes))


def _clause_of(change: FieldChange) -> Words:
    # Our own words come first: a message may begin a line with them.
    name = FIELD_NAMES.get(change.field, "a field")
    return Trusted(f"{name}: "), *_of_field(change)


def joined(joint: str, clauses: Iterable[Words]) -> Words:
    """Return all words of several clauses, with a joint of our own between them; an empty clause is left out."""
    words: list[str] = []
    for clause in filter(None, clauses):
        words += [Trusted(joint), *clause] if words else clause
    return tuple(words)


def listed(names: Sequence[str], count: int) -> Words:
    """Return names of which there are so many: "a, b and 3 more"."""
    words = joined(", ", ((name,) for name in names))
    if more := count - len(names):
        return *words, Trusted(f" and {more:,} more" if words else f"{more:,} more")
    return words


def known_status(status: str) -> str:
    """Return a status as `Trusted` if it is one of ours."""
    return (
        Trusted(status)
        if status in (*STATUSES, "removed", "deprecated", "delisted")
        else status
    )


def _of_field(change: FieldChange) -> Words:
    before, after = change.before, change.after
    if isinstance(before, tuple) or isinstance(after, tuple):
        return _of_list(change, [*before], [*after])
    if change.field == "status":
        return _of_text(known_status(before), known_status(after))
    if change.field == "downloadUrl":
        return _of_address(_place_in_list(before), _place_in_list(after))
    return _of_text(*_from_the_difference(before, after))


def _of_address(before: str, after: str) -> Words:
    if before == after:
        return after, Trusted(" by another scheme, login or query")
    return _of_text(*_from_the_difference(before, after))


def _place_in_list(url: str) -> str:
    """Return the host and the path of an address; a text that is none as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else url


def _of_text(before: str, after: str) -> Words:
    if not before:
        return (Trusted("now "), after)
    if not after:
        return (Trusted("no longer "), before)
    return (before, Trusted(" → "), after)


def _of_list(change: FieldChange, before: list[str], after: list[str]) -> Words:
    """Return what was added, then what was dropped; what has no room is counted."""
    added = [item for item in dict.fromkeys(after) if item not in before]
    removed = [item for item in dict.fromkeys(before) if item not in after]
    # Removals keep half of the room, so that many additions cannot hide them.
    shown_removed = removed[: max(_ITEMS // 2, _ITEMS - len(added))]
    shown_added = added[: _ITEMS - len(shown_removed)]
    adds = _clause("adds ", shown_added, len(added), change.after_cut)
    drops = _clause("drops ", shown_removed, len(removed), change.before_cut)
    same = (Trusted("the same in another order or number"),)
    return joined("; ", (adds, drops)) or same


def _clause(verb: str, shown: list[str], count: int, cut: Cut | None) -> Words:
    """Return what was done to which items, of which some are shown; () for none."""
    items = [Item(item) if item else Trusted("(empty)") for item in shown]
    count += cut.left if cut else 0
    return (Trusted(verb), *listed(items, count)) if count else ()


def _from_the_difference(before: str, after: str) -> tuple[str, str]:
    """Return two texts without most of a long start that they have in common."""
    pairs = zip(before, after, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if same <= _SAME_AT_MOST:
        return before, after
    start = same - _LEAD_IN
    return f"…{before[start:]}", f"…{after[start:]}"


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
