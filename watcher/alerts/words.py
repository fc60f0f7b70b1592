"""The words of what differs, and of what the registry's scanner found. Pure.

Our own words are `Trusted`; every other string is untrusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from watcher.model.event import Cut, Event, FieldChange
from watcher.model.scan import Scan, ScanFinding
from watcher.model.version import STATUSES
from watcher.text.sanitize import Trusted
from watcher.text.status_reason import in_words, of_rules, place

Words = tuple[str, ...]

FIELD_NAMES = {
    "downloadUrl": "archive",
    "dependencies": "dependencies",
    "status": "status",
}
_ITEMS = 6
"""The most items that one line shows of those added, and of those removed: many additions hide no removal."""


UNKNOWN_VERSION = Trusted("a copy of unknown version")


# A type, since a flag beside each text would be lost when words are joined.
class Item(str):
    """Untrusted text that is one of several: a line shows only its start."""

    __slots__ = ()


def said(ours: str, *others: str | Words) -> Words:
    """Return our own words, in which each `{}` stands for a text, or for words."""
    first, *ends = ours.split("{}")
    words: Words = (Trusted(first),)
    # Templates and not f-strings: what is put in stays untrusted until a renderer quotes it.
    for other, end in zip(others, ends, strict=True):
        words += ((other,) if isinstance(other, str) else other) + (Trusted(end),)
    # An empty text of others is shown as that.
    return tuple(one for one in words if one or not isinstance(one, Trusted))


def sentence(words: Words) -> Words:
    """Return words with a capital letter, if the first are ours, and a full stop; () for none."""
    if not words:
        return ()
    first, *others = words
    # A version or a name is never changed: people search for it as it is written.
    if isinstance(first, Trusted):
        first = Trusted(capital(first))
    return first, *others, Trusted(".")


def capital(words: str) -> str:
    """Return our own words with a capital letter."""
    return words[:1].upper() + words[1:]


def joined(joint: str, clauses: Iterable[Words]) -> Words:
    """Return all words of several clauses, with a joint of our own between them; an empty clause is left out."""
    words: Words = ()
    for clause in filter(None, clauses):
        words += (Trusted(joint), *clause) if words else clause
    return words


def in_a_list(clauses: Sequence[Words], count: int) -> Words:
    """Return clauses of which there are so many: "a, b and 3 more"."""
    words = joined(", ", clauses)
    if more := count - len(clauses):
        return *words, Trusted(f"{' and ' if words else ''}{more:,} more")
    return words


def difference(changes: tuple[FieldChange, ...]) -> Words:
    """Return what differs in an event's fields; () if there are none."""
    # Our own words come first: a message may begin a line with them.
    return joined(
        "; ",
        (
            said(f"{FIELD_NAMES.get(one.field, 'a field')}: {{}}", _of_field(one))
            for one in changes
        ),
    )


def known_status(status: str) -> str:
    """Return a status as `Trusted` if it is one of ours."""
    # Another status is the registry's word, and may be a sentence.
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
        before, after = known_status(before), known_status(after)
    if not before:
        return said("now {}", after)
    return said("{} → {}", before, after) if after else said("no longer {}", before)


def _of_list(change: FieldChange, before: list[str], after: list[str]) -> Words:
    """Return what was added, then what was dropped; what has no room is counted."""
    # An item may stand there twice, which pip ignores.
    added = [item for item in dict.fromkeys(after) if item not in before]
    removed = [item for item in dict.fromkeys(before) if item not in after]
    adds = _clause("adds {}", added, change.after_cut)
    drops = _clause("drops {}", removed, change.before_cut)
    same = said("the same in another order or number")
    return joined("; ", (adds, drops)) or same


def _clause(verb: str, items: list[str], cut: Cut | None) -> Words:
    """Return what was done to which items, of which some are shown; () for none."""
    shown = [(Item(item) if item else Trusted("(empty)"),) for item in items[:_ITEMS]]
    words = in_a_list(shown, len(items) + (cut.left if cut else 0))
    return said(verb, words) if words else ()


MOST_FINDINGS = 3
"""The findings that a message names of a version."""


def scan_of_flag(event: Event) -> Scan | None:
    """Return what the scanner found, if that is why a version is flagged, and all of it could be read."""
    # Of a ban the reason stands, since a person wrote it; half of the findings would calm without cause.
    is_why = event.is_a_flag and event.scan is not None and event.scan.is_whole
    return event.scan if is_why else None


def in_a_sentence(scan: Scan) -> Words:
    """Return what was found, without capital letter and full stop, the worst first.

    A few findings are named, each of another rule; the rest is counted.
    """
    # These words are why the event is an info: no rule by name would calm anybody.
    if scan.is_harmless and scan.count == 1:
        return said(
            "the only finding is informational, and earlier versions had it too"
        )
    if scan.is_harmless:
        return said(
            f"all {scan.count:,} findings are informational, and earlier versions had them too"
        )
    # "Found" sounds like an accusation, and six of ten harmless packs have such findings.
    is_informational = all(one.is_harmless for one in scan.items)
    start = "informational findings" if is_informational else "the scanner found"
    shown = of_rules(scan.items)[:MOST_FINDINGS]
    more = scan.count - len(shown)
    end = f", and {more:,} more" if more > 0 else ""
    return said(f"{start}: {{}}{end}", joined("; ", map(_finding, shown)))


def _finding(finding: ScanFinding) -> Words:
    words, where = in_words(finding.rule), place(finding)
    # A rule that we do not know is text of the registry.
    words = words if isinstance(words, Trusted) else Item(words)
    return said("{}, in {}", words, Item(where)) if where else (words,)


def in_a_title(event: Event) -> str:
    """Return the worst of what a flag is about, our own words for a title; "" if it is informational."""
    scan = scan_of_flag(event)
    if scan is None or not scan.items or scan.items[0].is_harmless:
        return ""
    words = in_words(scan.items[0].rule)
    # Titles quote nothing, so that a rule that is not known stays out.
    return f": {words}" if isinstance(words, Trusted) else ""
