"""The comparison: one node as it was known, and as it was just read, give events and the new picture. Pure.

The rules are the contract's section Events. Nothing here looks at a clock: `now` is when the poll began, `checked_at`
when the node was last read completely.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from watcher.changes.baseline import set_baseline
from watcher.changes.matching import Known, Matcher
from watcher.changes.transitions import DiffOptions, counted, first_sight, node_event, transition, version_event
from watcher.model.event import Event, Kind
from watcher.model.listing import Listing, NodeBanned
from watcher.model.snapshot import Mark, Node
from watcher.model.version import ACTIVE, BANNED, STATUSES, Version, created_by

_REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The node's new picture and what happened on the way to it, in the order it was seen."""

    node: Node
    events: tuple[Event, ...] = ()


def compare_ban(known: Node | None, reading: NodeBanned, terms: DiffOptions) -> Difference:
    """Take a 403 for the node: an event the first time, and its versions stay as they were."""
    node = known or Node(node=reading.node)
    if node.banned:
        return Difference(node=node)
    before = ACTIVE if node.baseline_at else None
    event = node_event(node, Kind.BANNED, terms.now, before=before, after=BANNED, reason=reading.message)
    return Difference(node=replace(counted(node), banned=True), events=(event,))


def compare_listing(known: Node | None, listing: Listing, terms: DiffOptions, checked_at: str) -> Difference:
    """Compare a listing with what was known of its node.

    `checked_at` is the time of the last complete listing ("" if there was none): where statuses were not watched
    before, versions created up to then are taken in without an event.
    """
    node = known or Node(node=listing.node)
    returning = node.turned_empty and bool(listing.versions)
    events: list[Event] = []
    if node.banned and not listing.incomplete:
        events.append(node_event(node, Kind.REINSTATED, terms.now, before=BANNED, after=ACTIVE))
        node = replace(counted(node), banned=False)
    elif returning and not node.banned:
        events.append(node_event(node, Kind.REINSTATED, terms.now, before=_REMOVED, after=ACTIVE))
        node = counted(node)
    node, listing, told = _compare_known(node, listing, terms, checked_at, returning=returning)
    events += told
    if not node.baseline_at and not listing.incomplete:
        node, told = set_baseline(node, listing, terms)
        events += told
    return Difference(node=node, events=tuple(events))


def missing_from(known: Node | None, listing: Listing, terms: DiffOptions) -> frozenset[str]:
    """Give the keys of versions that a listing of some statuses should show, by what was known, and does not."""
    if known is None or terms.all_watched or (known.turned_empty and not listing.versions):
        return frozenset()
    shown = {version.key for version in listing.versions}
    kept = {version.key for version in known.versions if version.status in terms.statuses}
    return frozenset(key for key in kept - shown if known.marks.get(key) not in {Mark.LEFT, Mark.REMOVED})


def _compare_known(
    node: Node, listing: Listing, terms: DiffOptions, checked_at: str, *, returning: bool
) -> tuple[Node, Listing, list[Event]]:
    """Compare with the versions that were seen before, and complete the listing's rows with what was known of them.

    Before the baseline those are what incomplete listings showed, and whatever else comes is the baseline's to tell.

    `returning` says that the node had turned empty and is listed again. One event tells that, so those of its versions
    that went and come with it are compared with what was known of them. One that had been reported removed before is
    not among them, unless the state is from before the two were told apart.
    """
    if node.versions == listing.versions and not node.marks and not node.partial and node.statuses == terms.statuses:
        return node, listing, []
    known = Known.of(node)
    matcher = Matcher(known, listing)
    listed = {version.key for version in listing.versions}
    taken: list[Version] = []
    events: list[Event] = []
    undivided = returning and node.all_removed
    for shown in listing.versions:
        old = matcher.find(shown)
        version = _carry(shown, old, listing)
        reborn = old is not None and known.marks.get(old.key) is Mark.REMOVED and not undivided
        partial = shown.key in listing.partial and (old is None or old.key in known.partial)
        if old is None:
            count = known.count(version.key)
            told = first_sight(node, version, terms.now, count) if _covered(node, version, checked_at) else []
        elif reborn:
            told = first_sight(node, version, terms.now, known.count(old.key, version.key), before=_REMOVED)
        else:
            told = _changes(node, old, version, known, terms)
        known.take_decision(version, None if reborn else old)
        known.take(version, old, partial=partial)
        if version.id and f"={version.version}" not in listed:
            known.forget(f"={version.version}")  # the same version, from when it had no id
        if told:
            known.count_one(version.key)
            events += told
        taken.append(version)
    matched = {version.key for version in taken}
    node = replace(node, emptied=node.turned_empty and not returning)
    if listing.incomplete:
        known.forget_unseen(matched)
    else:
        node = replace(node, statuses=terms.statuses)
        if not node.emptied:
            gone = known.missing(matched, {version.version for version in listing.versions if not version.id})
            if terms.all_watched:
                node, told = _take_absences(node, known, gone, listing, terms, returning=returning)
                events += told
            else:
                _take_leavings(known, gone, listing, terms, returning=returning)
            known.forget_the_rest()
    return known.put_into(node), replace(listing, versions=tuple(taken)), events


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
    # After a crash between the two, the picture alone knows of a first listing. Else its time says nothing more: the
    # clock may have been ahead then.
    return watched_before or not created_by(version, checked_at or node.baseline_at)


def _changes(node: Node, old: Version, version: Version, known: Known, terms: DiffOptions) -> list[Event]:
    """Give the events between two sights of one version that was not gone."""
    left = known.marks.get(old.key) is Mark.LEFT
    decided = old.key in known.decided or (left and ACTIVE in node.statuses)
    count = known.count(old.key, version.key)
    if old.key in known.partial:
        old = replace(version, status=old.status, deprecated=old.deprecated)
    if old == version and not left:
        return []
    return transition(node, old, version, terms.now, count, returned=left, decided=decided)


def _take_absences(
    node: Node, known: Known, gone: list[Version], listing: Listing, terms: DiffOptions, *, returning: bool
) -> tuple[Node, list[Event]]:
    """Decide what a complete listing of all statuses says of the versions that are `gone` from it.

    One is missed twice before it is believed, as nothing is told of it but its return. A version that does not come
    back with its node is missed for the first time.
    """
    again = [version for version in gone if known.marks.get(version.key) is Mark.ABSENT and not returning]
    for version in gone:
        known.marks[version.key] = Mark.ABSENT
    if gone and len(again) == len(gone) and not listing.versions:
        event = node_event(node, Kind.REMOVED, terms.now, before=ACTIVE, after=_REMOVED)
        known.count_one_of_the_node()
        return replace(node, emptied=True), [event]
    events: list[Event] = []
    for version in again:
        count = known.count(version.key)
        events.append(
            version_event(node, version, Kind.REMOVED, terms.now, count, before=version.status, after=_REMOVED)
        )
        known.count_one(version.key)
        known.marks[version.key] = Mark.REMOVED
    return node, events


def _take_leavings(known: Known, gone: list[Version], listing: Listing, terms: DiffOptions, *, returning: bool) -> None:
    """Decide what a complete listing of some statuses says of the versions that are `gone` from it: one that is
    elsewhere, or missing twice, has left them.
    """
    for version in gone:
        if version.status in terms.statuses:
            missed = known.marks.get(version.key) in {Mark.ABSENT, Mark.LEFT} and not returning
            if missed or version.key in listing.elsewhere:
                known.leave(version, active_is_watched=ACTIVE in terms.statuses)
            else:
                known.marks[version.key] = Mark.ABSENT
