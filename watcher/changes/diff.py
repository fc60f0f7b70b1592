"""The comparison of a node as it was known with its new listing: the events, and the new snapshot of the node. Pure.

Rules: docs/dev/behaviour.md, Events and Listings.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from heapq import nlargest
from typing import Any, NamedTuple

from watcher.changes.transitions import (
    REMOVED,
    DiffOptions,
    EventMaker,
    about,
    first_sight,
    transition,
)
from watcher.model.event import (
    BadVersion,
    Event,
    Grade,
    Kind,
    Severity,
    Tally,
    grade_of,
    worst_grade,
)
from watcher.model.pack import NodeRecord
from watcher.model.reading import Listing
from watcher.model.snapshot import Ban, KnownVersion, Mark, Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    PENDING,
    WATCHED_FIELDS,
    Version,
    age,
    created_by,
    recency,
)
from watcher.text.sanitize import plural
from watcher.timestamps import Moment

KEPT = 2000
"""The most versions without a ban that a node keeps and a listing does not show, newest first: a pack may publish and
remove without end. They may all exist, so this is far above the size of any pack.
"""

_JUDGED = {ACTIVE, FLAGGED, DELETED, BANNED}
"""The statuses of a version that is not new any more."""
_OVER = {ACTIVE, PENDING, FLAGGED}
"""Statuses that say that a version is not banned any more: what is deleted, or has an unknown one, may still be."""


_NAMED = 10
"""How many bad versions a baseline names."""


def _with_baseline(
    node: Node, listing: Listing, shown: Iterable[Version], options: DiffOptions
) -> tuple[Node, list[Event]]:
    """Return the node with its baseline, and the event of that. The node was compared with the listing before.

    `shown` are the rows of the listing, completed from what was known. An empty listing may be provisional
    (docs/dev/behaviour.md, Listings, and Baseline in Events).
    """
    if not listing.versions:
        # The earlier time counts: our clock may have been ahead then, so versions created after now are news.
        since = min(node.empty_since or listing.at, listing.at, key=recency)
        return replace(node, empty_since=since), []
    first = [(node.node, one) for one in shown if not _is_news(node, one)]
    events: list[Event] = []
    # If all its versions came after the empty listing, each is an event, or was one between incomplete listings.
    if options.baseline == "summary" and first:
        events = [baseline(about(node.node, options), first)]
    return replace(node, baseline_at=listing.at, empty_since=""), events


def _is_news(node: Node, version: Version) -> bool:
    """Return whether a version that is seen for the first time is an event by itself, and no part of a baseline."""
    is_late = node.empty_since and not created_by(version, node.empty_since)
    return bool(node.baseline_at or is_late)


def baseline(
    make: EventMaker, listed: Sequence[tuple[str, Version]], of: Tally | None = None
) -> Event:
    """Return the event of a baseline of versions, each given with its pack; `of` is what it has beside versions."""
    rows = [version for _, version in listed]
    statuses = Counter(version.status for version in rows)
    found = replace(
        of or Tally(),
        versions=len(rows),
        banned=statuses[BANNED],
        flagged=statuses[FLAGGED],
        deprecated=sum(version.deprecated for version in rows),
    )
    # The worst first: that is the `after` of the event.
    counts = {
        BANNED: found.banned,
        FLAGGED: found.flagged,
        "deprecated": found.deprecated,
    }
    bad = [name for name, count in counts.items() if count]
    worst = BANNED if found.banned_packs else next(iter(bad), None)
    packs = plural(found.packs, "more node pack" if found.has_others else "node pack")
    chosen = f" for {found.patterns}" if found.patterns else ""
    hint = "" if found.packs else ": is the pattern right?"
    parts = [f"{packs} with {plural(found.versions, 'version')}{chosen}{hint}"]
    if found.banned_packs:
        parts.append(f"banned as a whole: {found.banned_packs:,}")
    parts += [f"{name}: {counts[name]:,}" for name in bad]
    named = _bad_versions(listed)
    if named and of is None:
        # JSON has them nowhere else.
        parts.append(f"the worst: {', '.join(one.version for one in named)}")
    event = make(Kind.BASELINE, None, worst, reason="; ".join(parts))
    return replace(event, bad_versions=named, tally=found)


def _bad_versions(listed: Iterable[tuple[str, Version]]) -> tuple[BadVersion, ...]:
    """Return the banned and the flagged versions: of many the banned ones, and the latest, which come first."""

    def place(one: tuple[str, Version]) -> tuple[bool, str]:
        return one[1].status == BANNED, recency(one[1].created_at)

    # A registry has hundreds of flags from the first day, of which an event names a few.
    bad = [one for one in listed if one[1].status in {BANNED, FLAGGED}]
    return tuple(
        BadVersion(node=node, version=one.version, status=one.status)
        for node, one in nlargest(_NAMED, bad, key=place)
    )


class Difference(NamedTuple):
    """The new snapshot of the node, and the events of the change, in order."""

    node: Node
    events: tuple[Event, ...] = ()


def compare_ban(node: Node, reason: str, options: DiffOptions) -> Difference:
    """Report a ban of the node once. Its versions stay as they were.

    The event has no `before`: a listing does not say what the node was.
    """
    if node.banned:
        return Difference(node)
    event = about(node.node, options)(Kind.BANNED, None, BANNED, reason=reason)
    ban = _ban_after(node.ban, BANNED, options.now)
    return Difference(replace(node, banned=True, ban=ban), (event,))


def compare_record(node: Node, record: NodeRecord, options: DiffOptions) -> Difference:
    """Report a ban of the node as `GET /nodes` has it, unless it is known already.

    That it says otherwise ends no ban yet: a listing of it does then, as it ends a ban by 403.
    """
    if record.status != BANNED:
        return Difference(replace(node, ban_recorded=False))
    # A ban is one event, whichever endpoint says it first.
    after, events = compare_ban(node, record.status_detail, options)
    return Difference(replace(after, ban_recorded=True) if events else node, events)


def compare_listing(
    known: Node | None, listing: Listing, options: DiffOptions
) -> Difference:
    """Compare a listing with what was known of its node."""
    node = known or Node(node=listing.node)
    if node.banned and (node.ban_recorded or listing.incomplete):
        # While the ban lasts its rows say nothing.
        return Difference(node)
    returning = node.emptied and bool(listing.versions)
    events: list[Event] = []
    if ended := BANNED if node.banned else REMOVED if returning else "":
        events.append(about(node.node, options)(Kind.REINSTATED, ended, ACTIVE))
        ban = _ban_after(node.ban, ACTIVE, options.now)
        node = replace(node, banned=False, ban=ban)
    # Most listings are as the last one, and cost no comparison.
    shown = listing.versions
    settled = not any(one.mark or one.partial for one in node.versions)
    if node.rows != shown or not settled:
        node, shown, more = _compared(node, listing, options)
        events += more
    if not node.baseline_at and not listing.incomplete:
        node, more = _with_baseline(node, listing, shown, options)
        events += more
    return Difference(node, tuple(events))


def _compared(
    node: Node, listing: Listing, options: DiffOptions
) -> tuple[Node, tuple[Version, ...], list[Event]]:
    """Return the node after a listing, the listing's rows completed from what was known, and the events of versions.

    Before the baseline what is known comes from incomplete listings; `_with_baseline` handles the others.
    """
    known = {one.key: one for one in node.versions}
    listed = {version.key for version in listing.versions}
    # A row with the key of a known version is that one, whatever its text.
    by_text: defaultdict[str, list[str]] = defaultdict(list)
    for one in node.versions:
        if one.key not in listed:
            by_text[one.row.version].append(one.key)
    rows: list[Version] = []
    events: list[Event] = []
    for shown in listing.versions:
        keys = [shown.key, *by_text[shown.version]]
        old = _find(shown, [known[key] for key in keys if key in known])
        # A field that cannot be read is no empty one (docs/dev/registry.md, Answers that lie).
        unreported = listing.unreported.get(shown.key, frozenset())
        version = complete(shown, old.row, unreported) if old else shown
        # With an id that was not shown for a while, it may be two that are known.
        twin = known.get(version.key, old)
        if old:
            del known[old.key]
        if version.id and version.text_key not in listed:
            # The same version, from when it had no id.
            known.pop(version.text_key, None)
        known[version.key] = _after(version, unreported, old, twin, options)
        events += _events(node, version, old, options)
        rows.append(version)
    matched = {version.key for version in rows}
    # The node had turned empty and is listed again, which is one event. Its versions are compared with those known
    # before, and what does not come back with it is missing for the first time.
    is_back = node.emptied and bool(rows)
    node = replace(node, emptied=node.emptied and not is_back)
    # Of an emptied node it is reported that no version is left.
    if not (listing.incomplete or node.emptied):
        # A row without an id may be any version with that text.
        texts = {row.version for row in listing.versions if not row.id}
        gone = [
            one
            for key, one in known.items()
            if key not in matched
            and one.row.version not in texts
            and one.mark is not Mark.REMOVED
        ]
        # A table that changes between two pages can hide a row, and its counts still agree: once is no proof.
        again = [one for one in gone if one.mark and not is_back]
        known |= {one.key: replace(one, mark=Mark.ABSENT) for one in gone}
        if gone and again == gone and not rows:
            events.append(about(node.node, options)(Kind.REMOVED, ACTIVE, REMOVED))
            node = replace(node, emptied=True)
        else:
            for one in again:
                make = about(node.node, options, one.row)
                events.append(make(Kind.REMOVED, one.row.status, REMOVED))
                known[one.key] = replace(one, mark=Mark.REMOVED)
    # A ban's document stays, so its version does: registries ban, packs cannot.
    hidden = [one for key, one in known.items() if key not in matched and not one.ban]
    for one in sorted(hidden, key=_age)[:-KEPT]:
        del known[one.key]
    versions = tuple(sorted(known.values(), key=_age))
    return replace(node, versions=versions), tuple(rows), events


def _find(shown: Version, alike: Iterable[KnownVersion]) -> KnownVersion | None:
    """Return the known version that a row is: by id, else by version text if one side has no id.

    In this order it prefers a version that was not removed, the one with the row's key, one that the last listing
    showed, and the one created last.
    """
    # One text may be known more than once: removed, and published again under another id.
    return max(
        (one for one in alike if one.key == shown.key or not (one.row.id and shown.id)),
        key=lambda one: (
            one.mark is not Mark.REMOVED,
            one.key == shown.key,
            one.mark is None,
            _age(one),
        ),
        default=None,
    )


def _after(
    version: Version,
    unreported: Collection[str],
    old: KnownVersion | None,
    twin: KnownVersion | None,
    options: DiffOptions,
) -> KnownVersion:
    """Return what is known of a version from now on; `old` and `twin` are what was known of it."""
    known = old or KnownVersion(row=version)
    twin = twin or known
    # Of others that were not read it is not partial: a deprecation is an event whenever it is seen.
    is_partial = not WATCHED_FIELDS.keys().isdisjoint(unreported)
    is_new = old is None or old.mark is Mark.REMOVED
    return KnownVersion(
        row=version,
        partial=is_partial and (old is None or old.partial),
        past=None if is_new else _past_after(known, version.status),
        scan=known.scan or twin.scan,
        ban=_ban_after(known.ban or twin.ban, version.status, options.now),
    )


def _events(
    node: Node, version: Version, old: KnownVersion | None, options: DiffOptions
) -> Iterable[Event]:
    """Return the events of a version that a listing shows; `old` is what was known of it."""
    make = about(node.node, options, version)
    # What came before an empty listing, and was never in a complete one, was no event yet.
    is_unseen = old is None or (old.mark is Mark.ABSENT and not node.baseline_at)
    if is_unseen and _is_news(node, version):
        return first_sight(make, version)
    if old is None:
        return ()
    if old.mark is Mark.REMOVED:
        # A version that was reported removed begins anew.
        return first_sight(make, version, REMOVED)
    before = old.row
    if old.partial:
        # Its other fields were never read: that they are read now is no change.
        status, deprecated = before.status, before.deprecated
        before = replace(version, status=status, deprecated=deprecated)
    return transition(make, before, version, _past(old))


def _ban_after(ban: Ban | None, status: str, now: Moment) -> Ban | None:
    """Return a ban as it is after a version or node was seen with a status; None if there was none yet."""
    if status == BANNED:
        ban = ban or Ban(since=now, changed=now)
        # A ban that comes again goes on in the same published document.
        return replace(ban, until="", changed=now) if ban.until else ban
    is_over = ban and not ban.until and status in _OVER
    return replace(ban, until=now, changed=now) if ban and is_over else ban


def _age(known: KnownVersion) -> tuple[str, str, str]:
    return age(known.row)


def complete(shown: Version, known: Version, unreported: Collection[str]) -> Version:
    """Return a row with the known values of the fields that its answer did not report."""
    empty = {
        name for name in ("id", "version", "created_at") if not getattr(shown, name)
    }
    lacking: dict[str, Any] = {
        name: getattr(known, name) for name in empty.union(unreported)
    }
    return replace(shown, **lacking) if lacking else shown


def _past(known: KnownVersion) -> Grade | None:
    """Return the worst that was reported of a version since it was active; None if it never was that, nor bad."""
    status = known.row.status
    return known.past or (grade_of(status) if status in _JUDGED else None)


def _past_after(known: KnownVersion, status: str) -> Grade | None:
    """Return `KnownVersion.past` of a version after a row with this status."""
    if status == ACTIVE:
        return None
    if status == known.row.status:
        return known.past
    past = _past(known)
    if status not in _JUDGED:
        return past
    # An info flag was the worst so far, or nothing: what is worse follows from the status.
    is_less = past is None or past.severity is Severity.INFO
    return None if is_less else worst_grade(filter(None, [past, grade_of(status)]))
