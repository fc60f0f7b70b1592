"""The comparison: one node as it was known, and as it was just read, give events and the new picture. Pure.

The rules are the contract's section Events. Nothing here looks at a clock: `now` is when the poll began, `checked_at`
when the node was last read completely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from watcher.baseline import set_baseline
from watcher.events import Event, Kind
from watcher.listing import Listing, NodeBanned
from watcher.sightings import Terms, counted, first_sight, node_event, transition, version_event
from watcher.snapshot import Mark, Node
from watcher.versions import ACTIVE, BANNED, STATUSES, Version, created_by, in_order, recency

_REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The node's new picture and what happened on the way to it, in the order it was seen."""

    node: Node
    events: tuple[Event, ...] = ()


def compare_ban(known: Node | None, reading: NodeBanned, terms: Terms) -> Difference:
    """Take a 403 for the node: an event the first time, and its versions stay as they were."""
    node = known or Node(node=reading.node)
    if node.banned:
        return Difference(node=node)
    before = ACTIVE if node.baseline_at else None
    event = node_event(node, Kind.BANNED, terms.now, before=before, after=BANNED, reason=reading.message)
    return Difference(node=replace(counted(node), banned=True), events=(event,))


def compare_listing(known: Node | None, listing: Listing, terms: Terms, checked_at: str) -> Difference:
    """Compare a listing with what was known of its node.

    `checked_at` is the time of the last complete listing ("" if there was none): where statuses were not watched
    before, versions created up to then are taken in without an event.
    """
    node = known or Node(node=listing.node)
    pardon: tuple[Event, ...] = ()
    if node.banned and not listing.incomplete:
        pardon = (node_event(node, Kind.REINSTATED, terms.now, before=BANNED, after=ACTIVE),)
        node = replace(counted(node), banned=False)
    rest = _compare_known(node, listing, terms, checked_at)
    if not node.baseline_at and not listing.incomplete:
        set_node, events = set_baseline(rest.node, listing, terms)
        rest = Difference(node=set_node, events=(*rest.events, *events))
    return Difference(node=rest.node, events=pardon + rest.events)


def missing_from(known: Node | None, listing: Listing, terms: Terms) -> frozenset[str]:
    """Give the keys of versions that a listing of some statuses should show, by what was known, and does not."""
    if known is None or terms.all_watched:
        return frozenset()
    shown = {version.key for version in listing.versions}
    kept = {version.key for version in known.versions if version.status in terms.statuses}
    return frozenset(key for key in kept - shown if known.marks.get(key) not in {Mark.LEFT, Mark.REMOVED})


@dataclass(slots=True)
class _Progress:
    """What the walk over one listing gathers."""

    seen: dict[str, int]
    marks: dict[str, Mark]
    partial: set[str]
    rows: dict[str, Version]
    events: list[Event] = field(default_factory=list)


def _compare_known(node: Node, listing: Listing, terms: Terms, checked_at: str) -> Difference:
    """Compare with the versions that were seen before; before the baseline those are what incomplete listings showed,
    and whatever else comes is the baseline's to tell.
    """
    if node.versions == listing.versions and not node.marks and not node.partial and node.statuses == terms.statuses:
        return Difference(node=node)
    walk = _Progress(
        seen=dict(node.seen),
        marks=dict(node.marks),
        partial=set(node.partial),
        rows={version.key: version for version in node.versions},
    )
    named = {version.key for version in listing.versions}
    by_text = {version.version: version for version in node.versions if version.key not in named}
    matched: set[str] = set()
    for shown in listing.versions:
        old = _match(shown, walk.rows, by_text)
        version = _carry(shown, old, listing)
        is_partial = shown.key in listing.partial and (old is None or old.key in walk.partial)
        events = _events_of(node, old, version, walk, terms, covered=_covered(node, version, checked_at))
        if old is not None and old.key != version.key:
            walk.rows.pop(old.key)
            walk.seen[version.key] = walk.seen.pop(old.key, 0)
            walk.marks.pop(old.key, None)
            walk.partial.discard(old.key)
        walk.rows[version.key] = version
        walk.marks.pop(version.key, None)
        walk.partial.discard(version.key)
        if is_partial:
            walk.partial.add(version.key)
        if events:
            walk.seen[version.key] = walk.seen.get(version.key, 0) + 1
            walk.events += events
        matched.add(version.key)
    statuses = node.statuses
    if not listing.incomplete:
        _take_absences(node, walk, matched, listing.elsewhere, terms)
        statuses = terms.statuses
    after = replace(
        node,
        statuses=statuses,
        seen=walk.seen,
        marks=walk.marks,
        partial=tuple(sorted(walk.partial)),
        versions=in_order(walk.rows.values()),
    )
    return Difference(node=after, events=tuple(walk.events))


def _match(shown: Version, rows: Mapping[str, Version], by_text: Mapping[str, Version]) -> Version | None:
    """Find the known version: by id, else by version text where one side has no id. `by_text` has those alone that the
    listing does not name by their own id: one row is one version's.
    """
    found = rows.get(shown.key)
    if found is None and (same := by_text.get(shown.version)) and not (same.id and shown.id):
        found = rows.get(same.key)
    return found


def _carry(shown: Version, old: Version | None, listing: Listing) -> Version:
    """Complete a row with what this answer did not tell of it."""
    if old is None:
        return shown
    if shown.key in listing.partial:
        return replace(old, status=shown.status, id=shown.id or old.id, version=shown.version or old.version)
    if old.id and not shown.id:
        shown = replace(shown, id=old.id)
    if not listing.admin_tags_told and old.tags_admin:
        shown = replace(shown, tags_admin=old.tags_admin)
    return shown


def _covered(node: Node, version: Version, checked_at: str) -> bool:
    """Tell whether a version unknown so far must be a new fact, not merely newly watched."""
    if not node.baseline_at:
        return False
    watched_before = version.status in node.statuses or set(node.statuses) >= set(STATUSES)
    # After a crash between the two, the picture knows of a later listing than the checks do.
    known_at = max(checked_at, node.baseline_at, key=recency)
    return watched_before or not created_by(version, known_at)


def _events_of(
    node: Node, old: Version | None, version: Version, walk: _Progress, terms: Terms, *, covered: bool
) -> list[Event]:
    mark = walk.marks.get(old.key) if old else None
    count = walk.seen.get(old.key if old else version.key, 0)
    if old is None:
        return first_sight(node, version, terms.now) if covered else []
    if mark is Mark.REMOVED:
        return first_sight(node, version, terms.now, before=_REMOVED, count=count)
    if old.key in walk.partial:
        old = replace(version, status=old.status, deprecated=old.deprecated)
    if old == version and mark is not Mark.LEFT:
        return []
    return transition(node, old, version, terms.now, count, returned=mark is Mark.LEFT)


def _take_absences(node: Node, walk: _Progress, matched: set[str], elsewhere: frozenset[str], terms: Terms) -> None:
    """Decide what a complete listing says of the versions that it does not show.

    One that is missing altogether is missed twice before it is believed, as nothing is told of it but its return.
    """
    missing = [version for version in walk.rows.values() if version.key not in matched]
    gone = [version for version in missing if walk.marks.get(version.key) is not Mark.REMOVED]
    if not terms.all_watched:
        for version in gone:
            if version.status in terms.statuses:
                left = version.key in elsewhere or walk.marks.get(version.key) in {Mark.ABSENT, Mark.LEFT}
                walk.marks[version.key] = Mark.LEFT if left else Mark.ABSENT
        return
    again = [version for version in gone if walk.marks.get(version.key) is Mark.ABSENT]
    emptied = not matched
    for version in gone:
        walk.marks[version.key] = Mark.ABSENT
    if not again or (emptied and len(again) < len(gone)):
        return
    for version in again:
        walk.marks[version.key] = Mark.REMOVED
        if not emptied:
            count = walk.seen.get(version.key, 0)
            walk.events.append(
                version_event(node, version, Kind.REMOVED, terms.now, count, before=version.status, after=_REMOVED)
            )
        walk.seen[version.key] = walk.seen.get(version.key, 0) + 1
    if emptied:
        counted_so_far = replace(node, seen=walk.seen)
        walk.events.append(node_event(counted_so_far, Kind.REMOVED, terms.now, before=ACTIVE, after=_REMOVED))
        walk.seen[""] = walk.seen.get("", 0) + 1
