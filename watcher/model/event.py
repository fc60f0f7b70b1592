"""Events: what a poll found different, as values of bounded size."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from enum import StrEnum
from typing import assert_never

from watcher.model.pack import Copy
from watcher.model.scan import MOST_IN_EVENT, Scan, shortened
from watcher.model.version import BANNED, DELETED, FLAGGED, SafeVersion, is_same_version
from watcher.timestamps import Moment
from watcher.values import frozen

LONGEST_TEXT = 1000
"""Characters that an event keeps of a text: three times what any message shows."""

MOST_COPIES = 50
"""Installed copies that an event keeps."""

EMPTY = "empty"
"""Instead of "failing": the `after` of `failing`, and the `before` of `recovered`, for a node without versions."""

UNLISTED = "unlisted"
"""The `after` of a `failing` because the packs of publishers cannot be listed."""
INCOMPLETE = "incomplete"
"""The same where the pages of all node packs lack something."""

GONE = "gone"
"""The same for a channel whose URL, or the right to use it, is no more."""


class Kind(StrEnum):
    """The event kinds (docs/behaviour.md, Events), worst first: the order in which a digest shows them."""

    BANNED = "banned"
    EXPOSED = "exposed"
    FLAGGED = "flagged"
    DELETED = "deleted"
    REMOVED = "removed"
    FAILING = "failing"
    DEPRECATED = "deprecated"
    CHANGED = "changed"
    APPEARED = "appeared"
    REINSTATED = "reinstated"
    CLEARED = "cleared"
    UNDEPRECATED = "undeprecated"
    RECOVERED = "recovered"
    NEW = "new"
    PENDING = "pending"
    BASELINE = "baseline"


class Severity(StrEnum):
    """How bad an event is (docs/behaviour.md, Events (Severity)), worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    def reaches(self, least: Severity) -> bool:
        """Return whether it is as bad as `least`, or worse."""
        return _SEVERITIES.index(self) <= _SEVERITIES.index(least)


def worst_of(*severities: Severity) -> Severity:
    """Return the worst of some severities."""
    return min(severities, key=_SEVERITIES.index)


DEFAULT_KINDS: frozenset[Kind] = frozenset(Kind) - {Kind.PENDING}
"""What any channel gets unless it names its kinds."""

SWEPT_KINDS: frozenset[Kind] = frozenset(
    (
        Kind.BANNED,
        Kind.FLAGGED,
        Kind.DELETED,
        Kind.FAILING,
        Kind.REINSTATED,
        Kind.RECOVERED,
        Kind.BASELINE,
    )
)
"""What such a channel gets of a node that only a glob of the settings chooses."""


@frozen
class FieldChange:
    """One watched field that differs; lists are JSON text."""

    field: str
    """The API's name of the field."""
    before: str
    """Its value before."""
    after: str
    """Its value afterwards."""
    before_left: int | None = None
    """Of a list that was cut (`watcher.model.event`) how many items are left out that `after` has not."""
    after_left: int | None = None
    """The same of `after`."""


@frozen
class BadVersion:
    """One of the versions that a baseline or a `reinstated` names. Every text is untrusted."""

    node: str
    """The node pack's id."""
    version: str
    """Its text; "" for a copy without a known version."""
    status: str
    """`banned` or `flagged`; of a `reinstated` any verdict."""


@frozen
class Tally:
    """How much a baseline takes in, and how much of it is bad."""

    packs: int = 1
    """Node packs."""
    versions: int = 0
    """All of their versions."""
    banned: int = 0
    """How many of these are banned."""
    flagged: int = 0
    """How many are flagged."""
    deprecated: int = 0
    """How many are deprecated."""
    banned_packs: int = 0
    """How many packs are banned as a whole."""
    patterns: str = ""
    """What chose the packs; "" if all are watched, or the only one is. Untrusted text."""
    has_others: bool = False
    """Other packs were watched before."""


@frozen
class Event:
    """One observed transition."""

    id: str
    """Made only of what was observed: the same transition has the same id."""
    kind: Kind
    """What happened."""
    node: str | None
    """None for the registry as a whole, the baseline of all nodes that globs choose, a channel or an install, and for
    an installed pack without an id.
    """
    version: str | None = None
    """None for the node as a whole, like `version_id`."""
    version_id: str | None = None
    """The registry's id of the version."""
    before: str | None = None
    """The status before, or `deprecated`, `removed`, `failing`, `empty`, `incomplete`, `unlisted`; None where there was
    none.
    """
    after: str | None = None
    """Like `before`, or `gone`. For a baseline, the worst that it contains; for `exposed`, what is wrong with what is
    run.
    """
    reason: str = ""
    """A summary of the registry's reason: untrusted text, without e-mail addresses."""
    changes: tuple[FieldChange, ...] = ()
    """For `changed`: what differs."""
    at: Moment
    """When the poll that saw it began: RFC 3339, UTC, with `Z`."""
    url: str
    """The page of the node, or of the registry."""
    published: str = ""
    """When the version was created, as the API gives it (RFC 3339); untrusted text. "" for the node as a whole."""
    safe_version: SafeVersion | None = None
    """The newest good version; None if that is not known."""
    channel: str | None = None
    """The channel that is failing or has recovered, by name; `node` is None then."""
    install: str | None = None
    """The same for an install; for `appeared` the one that the pack is in."""
    folder: str | None = None
    """For `appeared`: the name of the pack's folder or file, as `Pack.folder`."""
    installed: tuple[Copy, ...] = ()
    """The installed copies of the node pack, whatever their version: enabled ones first."""
    bad_versions: tuple[BadVersion, ...] = ()
    """For a baseline: some of the banned and flagged versions, the banned ones first, and the latest first. For
    `reinstated`: what is run of the pack and bad all the same, the worst first.
    """
    tally: Tally | None = None
    """For a baseline."""
    scan: Scan | None = None
    """For `flagged`, `banned` and an exposure to these: what the scanner found; None if that was not read."""
    exposes: bool = False
    """Somebody runs what it says is bad: it stands for an `exposed` too."""
    ends: Severity | None = None
    """For `reinstated`, `cleared`, `undeprecated` and `recovered`: how bad the worst was that it ends."""

    @property
    def key(self) -> str:
        """The key of the version that it is about (as `Version.key`), or "" for the node as a whole.

        A clone that is exposed has no version, but may be judged by one.
        """
        by_text = "" if self.version is None else f"={self.version}"
        return self.version_id or by_text


FLAGGED_INFO = "flagged-info"
"""A flag that is no warning, in the words of `--fail-on`."""

MATCHES = (*Kind, FLAGGED_INFO)
"""The words of `check --fail-on`."""


def matches_of(event: Event) -> set[str]:
    """Return the words of `check --fail-on` that an event matches: that of what it stands for too."""
    is_calm = event.kind is Kind.FLAGGED and severity_of(event) is Severity.INFO
    exposed = {Kind.EXPOSED} if event.exposes else set[Kind]()
    return {FLAGGED_INFO if is_calm else event.kind, *exposed}


def is_about_all(event: Event) -> bool:
    """Return whether it is the baseline of all nodes that globs choose, and not of one."""
    return event.kind is Kind.BASELINE and event.node is None


def runs_it(event: Event) -> bool:
    """Return whether somebody runs what the event is about: its version, or any of the node if it has none.

    A clone has no version that is known, and a disabled copy is not run. An exposure is about nothing else.
    """
    return event.kind is Kind.EXPOSED or any(
        copy.enabled and is_meant(copy, event) for copy in event.installed
    )


def runs_its_pack(event: Event) -> bool:
    """Return whether somebody runs the node pack that the event is about, in whatever version."""
    return event.kind is Kind.EXPOSED or any(copy.enabled for copy in event.installed)


def is_meant(copy: Copy, event: Event) -> bool:
    """Return whether a copy says that it is the event's version, maybe written otherwise; any if it has none."""
    if event.version is None:
        return True
    return copy.version is not None and is_same_version(copy.version, event.version)


def severity_of(event: Event) -> Severity:
    """Return how bad an event is. A baseline and an exposure are as bad as the worst that they contain.

    The baseline of all nodes is a warning at most.
    """
    match event.kind:
        case Kind.BANNED:
            return Severity.CRITICAL
        case Kind.EXPOSED if event.after == BANNED:
            return Severity.CRITICAL
        case Kind.CHANGED:
            is_hit = replaces_archive(event) and runs_it(event)
            return Severity.CRITICAL if is_hit else Severity.WARNING
        case (
            Kind.EXPOSED
            | Kind.FLAGGED
            | Kind.DELETED
            | Kind.REMOVED
            | Kind.FAILING
            | Kind.DEPRECATED
        ):
            return Severity.INFO if is_harmless(event) else Severity.WARNING
        case Kind.BASELINE:
            worst = TROUBLES.get(event.after or "", Severity.INFO)
            is_critical = worst is Severity.CRITICAL
            # Nobody is woken for what a whole registry has had for long.
            return Severity.WARNING if is_critical and event.node is None else worst
        case (
            Kind.REINSTATED
            | Kind.CLEARED
            | Kind.UNDEPRECATED
            | Kind.RECOVERED
            | Kind.APPEARED
            | Kind.NEW
            | Kind.PENDING
        ):
            return Severity.INFO
        case _:
            assert_never(event.kind)


TROUBLES = {
    "banned": Severity.CRITICAL,
    "flagged": Severity.WARNING,
    "deprecated": Severity.WARNING,
}
"""What a baseline may contain, as its `after` (`watcher.changes.diff`)."""


def warns(event: Event) -> bool:
    """Return whether an event warns of using a version, or some of a node."""
    if event.kind is Kind.CHANGED:
        return replaces_archive(event)
    is_bad = severity_of(event) is not Severity.INFO
    return is_bad and event.kind is not Kind.FAILING


def is_a_ban(event: Event) -> bool:
    """Return whether a version, or the whole node, is banned."""
    is_exposed_ban = event.kind is Kind.EXPOSED and event.after == BANNED
    return event.kind is Kind.BANNED or is_exposed_ban


def is_a_flag(event: Event) -> bool:
    """Return whether a version is flagged."""
    is_exposed_flag = event.kind is Kind.EXPOSED and event.after == FLAGGED
    return event.kind is Kind.FLAGGED or is_exposed_flag


def is_harmless(event: Event) -> bool:
    """Return whether it is a flag for which the scanner surely found nothing but what is harmless."""
    return is_a_flag(event) and event.scan is not None and event.scan.is_harmless


def is_explained(event: Event) -> bool:
    """Return whether the registry's reason for the status of a version belongs to an event."""
    kinds = {Kind.FLAGGED, Kind.BANNED, Kind.DELETED, Kind.EXPOSED}
    statuses = {FLAGGED, BANNED, DELETED}
    is_one = event.kind in kinds and event.after in statuses
    return is_one and event.node is not None and event.key != ""


def replaces_archive(event: Event) -> bool:
    """Return whether a published version has another archive than before, the mark of a swapped package."""
    moved = (one for one in event.changes if one.field == "downloadUrl")
    return event.kind is Kind.CHANGED and any(one.before and one.after for one in moved)


def rank(event: Event) -> Rank:
    """Return a key that sorts events worst first: by severity, then by what somebody runs, then by kind.

    The version that is run comes before another version of a pack that is run, and that before the rest. A replaced
    archive ranks right after a flag, an exposure right after the kind that it reports. Of baselines that are equally
    severe the worse one comes first.
    """
    kind, after_it = event.kind, 0
    if replaces_archive(event):
        kind, after_it = Kind.FLAGGED, 1
    elif kind is Kind.EXPOSED:
        kind, after_it = EXPOSURES.get(event.after or "", kind), 2
    elif kind is Kind.BASELINE and event.after in TROUBLES:
        after_it = _KINDS.index(Kind(event.after))
    apart = 0 if runs_it(event) else 1 if runs_its_pack(event) else 2
    severity = _SEVERITIES.index(severity_of(event))
    return severity, apart, _KINDS.index(kind), after_it


Rank = tuple[int, int, int, int]
EXPOSURES: dict[str, Kind] = {
    "banned": Kind.BANNED,
    "flagged": Kind.FLAGGED,
    "deleted": Kind.DELETED,
    "delisted": Kind.REMOVED,
    "deprecated": Kind.DEPRECATED,
}
"""What `exposed` may report, as its `after`, with the kind of event that is as bad."""


_SEVERITIES, _KINDS = tuple(Severity), tuple(Kind)


def event_id(*parts: object) -> str:
    """Return a short id made only of what was observed: the same transition has the same id after a crash."""
    return digest("\x1f".join("" if part is None else str(part) for part in parts), 20)


def digest(text: str, length: int) -> str:
    """Return the beginning of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


_LONGEST_NAME = 100
"""Characters of an install's name."""
_SHORTEST_ITEM = 60


@frozen
class Items:
    """The items of a list."""

    shown: tuple[str, ...]
    left: int | None = None
    """How many were added or removed that it leaves out; None if it was not cut."""


def bounded(
    event: Event,
    longest: int = LONGEST_TEXT,
    copies: int = MOST_COPIES,
    findings: int = MOST_IN_EVENT,
) -> Event:
    """Return the event with long texts cut to their beginning, their length and a digest of the whole text.

    Of a list that is too long, before or after, both keep what differs. Two long texts that differ stay different. The
    id stays: it was made from the whole texts. So does the newest good version, which is a version number and so short.
    Of many installed copies those that the event is about are kept first.
    """

    def kept(text: str) -> str:
        return cut(text, longest)

    def if_any(text: str | None) -> str | None:
        return None if text is None else kept(text)

    longest_name = min(longest, _LONGEST_NAME)
    installed = tuple(
        replace(
            copy,
            install=cut(copy.install, longest_name),
            version=if_any(copy.version),
            folder=if_any(copy.folder),
        )
        for copy in _foremost(event, copies)
    )
    bad_versions = tuple(
        BadVersion(
            node=kept(one.node), version=kept(one.version), status=kept(one.status)
        )
        for one in event.bad_versions
    )
    return replace(
        event,
        version=if_any(event.version),
        version_id=if_any(event.version_id),
        before=if_any(event.before),
        after=if_any(event.after),
        reason=kept(event.reason),
        changes=tuple(_shortened(one, longest) for one in event.changes),
        published=kept(event.published),
        install=event.install and cut(event.install, longest_name),
        folder=if_any(event.folder),
        installed=installed,
        bad_versions=bad_versions,
        scan=event.scan and _scan(event.scan, findings, longest),
        tally=event.tally and replace(event.tally, patterns=kept(event.tally.patterns)),
    )


def _scan(scan: Scan, most: int, longest: int) -> Scan:
    """Return the scan with the first of its findings, their texts cut."""
    scan = shortened(scan, most)
    items = tuple(
        replace(
            one,
            rule=cut(one.rule, longest),
            severity=cut(one.severity, longest),
            file=cut(one.file, longest),
        )
        for one in scan.items
    )
    return replace(scan, items=items)


def _foremost(event: Event, most: int) -> tuple[Copy, ...]:
    """Return at most so many copies, enabled ones first; of more those of the event's version go first among them."""
    if len(event.installed) <= most:
        return event.installed

    def place(copy: Copy) -> tuple[bool, bool]:
        return not copy.enabled, not is_meant(copy, event)

    return tuple(sorted(event.installed, key=place)[:most])


def _shortened(change: FieldChange, longest: int) -> FieldChange:
    """Return a change with its values cut. If one of two lists is long, keep what was removed and what was added.

    The last item then says how many are left out, and has the length and a digest of the whole text. Without that a
    long list could hide what was added at its end.
    """
    before, after = change.before, change.after
    old = items_of(before, change.before_left)
    new = items_of(after, change.after_left)
    if max(len(before), len(after)) <= longest or old is None or new is None:
        return replace(change, before=cut(before, longest), after=cut(after, longest))
    removed, added = _without(old, new), _without(new, old)
    kept_before = _list(before, old, removed, "removed", longest)
    kept_after = _list(after, new, added, "added", longest)
    if kept_before is None or kept_after is None:
        return replace(
            change,
            before=_cut(before, longest, _json(removed)),
            after=_cut(after, longest, _json(added)),
        )
    (before, before_left), (after, after_left) = kept_before, kept_after
    return replace(
        change,
        before=before,
        after=after,
        before_left=before_left,
        after_left=after_left,
    )


def cut(text: str, longest: int) -> str:
    """Return a text; of a long one the beginning, with the length and a digest of all of it."""
    return _cut(text, longest, text)


def items_of(text: str, left: int | None) -> Items | None:
    """Return the items of a list in JSON; None for any other text. `left` is how many a cut one leaves out."""
    if not text:
        return Items(shown=())
    if not text.startswith("["):
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        return None
    if left is not None:
        return Items(shown=tuple(items[:-1]), left=left)
    return Items(shown=tuple(items))


def _without(items: Items, others: Items) -> list[str]:
    known = set(others.shown)
    return [item for item in dict.fromkeys(items.shown) if item not in known]


def _list(
    text: str, items: Items, differing: list[str], what: str, longest: int
) -> tuple[str, int | None] | None:
    """Return the list of what differs, as much as fits, and how many are left out; None if nothing fits."""
    if len(text) <= longest and len(differing) == len(items.shown):
        return text, items.left

    def left(shown: int) -> int:
        return (items.left or 0) + len(differing) - shown

    def mark(shown: int) -> str:
        return f"… ({left(shown)} more {what}; {_of_all(text)})"

    kept: list[str] = []
    room = longest - len(_json([mark(0)]))
    for item in differing:
        short = cut(item, max(_SHORTEST_ITEM, longest // 8))
        room -= len(_json([short]))
        if room < 0:
            break
        kept.append(short)
    if room < 0 and not kept:
        return None
    return _json([*kept, mark(len(kept))]), left(len(kept))


def _cut(text: str, longest: int, beginning: str) -> str:
    if len(text) <= longest:
        return text
    mark = f"… ({_of_all(text)})"
    return beginning[: longest - len(mark)] + mark


def _of_all(text: str) -> str:
    return f"{len(text)} characters, sha256 {digest(text, 16)}"


def _json(items: list[str]) -> str:
    return json.dumps(items, ensure_ascii=False)
