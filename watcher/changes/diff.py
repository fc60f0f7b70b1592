"""The comparison of a node as it was known with its new listing: the events, and the new snapshot of the node. Pure.

Rules: docs/behaviour.md, Events and Listings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Any, Self

from watcher.changes.transitions import (
    REMOVED,
    DiffOptions,
    VersionEvents,
    counted,
    node_event,
)
from watcher.model.event import BadVersion, Event, Kind, Severity, Tally, worst_of
from watcher.model.pack import PackRecord
from watcher.model.reading import Listing
from watcher.model.scan import Scan
from watcher.model.snapshot import Ban, Mark, Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    WATCHED_FIELDS,
    Version,
    created_by,
    in_order,
    newest,
    recency,
)
from watcher.values import frozen

KEPT = 2000
"""The most versions that a node keeps and a listing does not show, newest first: a pack may publish and remove without
end. They may all exist, so this is far above the size of any pack.
"""

_BAD = {
    FLAGGED: Severity.WARNING,
    DELETED: Severity.WARNING,
    BANNED: Severity.CRITICAL,
}
"""How bad a version of each status is, unless `Node.ends` says it."""


@dataclass(slots=True, kw_only=True)
class KnownVersions:
    """A node's versions by key and what is known of them, as one listing changes it. The fields are those of `Node`."""

    rows: dict[str, Version]
    seen: dict[str, int]
    seen_floor: int
    marks: dict[str, Mark]
    partial: set[str]
    scans: dict[str, Scan]
    ends: dict[str, Severity | None]
    bans: dict[str, Ban]

    @classmethod
    def of(cls, node: Node) -> Self:
        """Return what is known of the node."""
        return cls(
            rows={version.key: version for version in node.versions},
            seen=dict(node.seen),
            seen_floor=node.seen_floor,
            marks=dict(node.marks),
            partial=set(node.partial),
            scans=dict(node.scans),
            ends=dict(node.ends),
            bans=dict(node.bans),
        )

    def put_into(self, node: Node) -> Node:
        """Return the node with what is known now."""
        return replace(
            node,
            seen=self.seen,
            seen_floor=self.seen_floor,
            marks=self.marks,
            partial=tuple(sorted(self.partial)),
            ends=dict(sorted(self.ends.items())),
            versions=in_order(self.rows.values()),
            scans=self.scans,
            bans=self.bans,
        )

    def count(self, *keys: str) -> int:
        """Return how many changes a version had under all of its keys."""
        return max(self.seen.get(key, self.seen_floor) for key in keys)

    def count_one(self, key: str) -> None:
        """Count one more change of a version, or of the node itself (the key "")."""
        self.seen[key] = self.seen.get(key, self.seen_floor if key else 0) + 1

    def take(self, version: Version, old: Version | None, *, partial: bool) -> None:
        """Replace what was known of a version with a row that was read."""
        key = version.key
        if old is not None and old.key != key:
            if old.key in self.seen or key in self.seen:
                self.seen[key] = self.count(old.key, key)
            if old.key in self.scans:
                self.scans[key] = self.scans[old.key]
            if old.key in self.bans:
                self.bans[key] = self.bans[old.key]
            self.forget(old.key)
        self.rows[key] = version
        self.marks.pop(key, None)
        if partial:
            self.partial.add(key)
        else:
            self.partial.discard(key)

    def worst_of(self, version: Version) -> Severity | None:
        """Return how bad the worst was that was reported of a version since it was active; None if nothing was."""
        return self.ends.get(version.key, _BAD.get(version.status))

    def is_decided(self, version: Version) -> bool:
        """Return whether a version is, or was, active or bad, so that it is not new when it becomes active."""
        has_been = version.key in self.ends
        return has_been or version.status == ACTIVE or version.status in _BAD

    def take_end(self, version: Version, old: Version | None) -> None:
        """Record what the row does not say of how bad the version was (`Node.ends`). `old` is None for a new one."""
        is_kept, own = (
            old is not None and old.key in self.ends,
            _BAD.get(version.status),
        )
        worst = self.worst_of(old) if old else None
        is_decided = old is not None and self.is_decided(old)
        for key in {version.key} if old is None else {version.key, old.key}:
            self.ends.pop(key, None)
        if old is None or version.status == ACTIVE:
            return
        if old.status == version.status:
            if is_kept:
                self.ends[version.key] = worst
        elif own is None:
            if is_decided:
                self.ends[version.key] = worst
        elif worst not in {None, Severity.INFO}:
            self.ends[version.key] = worst_of(worst, own)

    def forget(self, key: str) -> None:
        """Drop a version. The floor rises to its counter, so that no event id is used twice."""
        self.rows.pop(key, None)
        self.marks.pop(key, None)
        self.partial.discard(key)
        self.scans.pop(key, None)
        self.ends.pop(key, None)
        self.bans.pop(key, None)
        self.seen_floor = max(self.seen_floor, self.seen.pop(key, 0))

    def forget_the_rest(self, shown: Collection[str]) -> None:
        """Drop the oldest versions that a listing does not show, if too many, and counters of lost ones."""
        hidden = [row for key, row in self.rows.items() if key not in shown]
        for version in in_order(hidden)[:-KEPT]:
            self.forget(version.key)
        for key in self.seen.keys() - self.rows.keys() - {""}:
            self.forget(key)


class Matcher:
    """Finds the known version of each row of a listing: by id, else by version text if one side has no id."""

    def __init__(self, known: KnownVersions, listing: Listing) -> None:
        # A row with the key of a known version matches only that one.
        self._known = known
        named = {version.key for version in listing.versions}
        self._by_text: dict[str, list[Version]] = {}
        # The newest first: of equals `min` in `find` keeps the first.
        for version in reversed(known.rows.values()):
            if version.key not in named:
                self._by_text.setdefault(version.version, []).append(version)

    def find(self, shown: Version) -> Version | None:
        """Return the known version that a row is, or None.

        In this order it prefers a version that was not removed, the one with the row's key, one that the last listing
        showed, and the one created last.
        """
        rows = self._known.rows
        found = [
            one
            for one in self._by_text.get(shown.version, ())
            if one.key in rows and not (one.id and shown.id)
        ]
        if (own := rows.get(shown.key)) is not None:
            found.append(own)
        return min(found, key=lambda one: self._rank(one, shown), default=None)

    def _rank(self, one: Version, shown: Version) -> tuple[bool, bool, bool]:
        mark = self._known.marks.get(one.key)
        return mark is Mark.REMOVED, one.key != shown.key, mark is not None


_NAMED = 10
"""How many bad versions a baseline names."""


def set_baseline(
    node: Node, listing: Listing, options: DiffOptions
) -> tuple[Node, list[Event]]:
    """Return the node with its baseline, and the events of that. The node was compared with the listing before.

    An empty listing may be provisional. Events that were reported between incomplete listings are not repeated
    (docs/behaviour.md, Listings, and Baseline in Events).
    """
    if not listing.versions:
        # The earlier time counts: our clock may have been ahead then, so versions created after now are news.
        since = min(node.empty_since or listing.at, listing.at, key=recency)
        return replace(node, empty_since=since), []
    late: list[Version] = []
    first: list[Version] = []
    for version in listing.versions:
        is_late = (
            node.empty_since
            and not node.seen.get(version.key)
            and not created_by(version, node.empty_since)
        )
        (late if is_late else first).append(version)

    events: list[Event] = []
    if options.baseline == "summary" and (first or not late):
        wrong = _wrong(first)
        summary = node_event(
            node,
            Kind.BASELINE,
            options.now,
            after=next(iter(wrong), None),
            reason=_summary(first, wrong),
        )
        summary = replace(
            summary,
            bad_versions=bad_versions((node.node, version) for version in first),
            tally=tally(first),
        )
        events.append(summary)
    for version in late:
        about = VersionEvents(
            node=node.node, now=options.now, version=version, count=node.seen_floor
        )
        events += about.first_sight()
    node = counted(node, *{event.key for event in events})
    return replace(node, baseline_at=listing.at, empty_since=""), events


def bad_versions(versions: Iterable[tuple[str, Version]]) -> tuple[BadVersion, ...]:
    """Return the banned and the flagged ones of versions, each given with its pack, the latest first.

    Of many the banned ones are kept, and the latest.
    """

    def place(one: tuple[str, Version]) -> tuple[bool, str]:
        return one[1].status == BANNED, recency(one[1].created_at)

    bad = [one for one in versions if one[1].status in {BANNED, FLAGGED}]
    return tuple(
        BadVersion(node=node, version=one.version, status=one.status)
        for node, one in nlargest(_NAMED, bad, key=place)
    )


def tally(versions: Iterable[Version]) -> Tally:
    """Return how many versions of a pack there are, and how many of them are bad."""
    found = tuple(versions)
    return Tally(
        versions=len(found),
        banned=sum(one.status == BANNED for one in found),
        flagged=sum(one.status == FLAGGED for one in found),
        deprecated=sum(one.deprecated for one in found),
    )


def _wrong(versions: list[Version]) -> dict[str, list[str]]:
    """Return the version texts by problem, worst first."""
    found = {
        status: [v.version for v in versions if v.status == status]
        for status in (BANNED, FLAGGED)
    }
    found["deprecated"] = [v.version for v in versions if v.deprecated]
    return {name: named for name, named in found.items() if named}


def _summary(versions: list[Version], wrong: Mapping[str, list[str]]) -> str:
    """Return a summary of the versions and their problems."""
    latest = newest(v for v in versions if v.status == ACTIVE)
    parts = [f"{len(versions)} version{'' if len(versions) == 1 else 's'}"]
    if latest:
        parts.append(f"newest {latest.version}")
    for name, named in wrong.items():
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""
        parts.append(f"{name}: {', '.join(named[:5])}{more}")
    return "; ".join(parts)


@frozen
class Difference:
    """The new snapshot of the node, and the events of the change, in order."""

    node: Node
    events: tuple[Event, ...] = ()


def compare_ban(node: Node, reason: str, now: str) -> Difference:
    """Report a ban of the node once. Its versions stay as they were.

    The event has no `before`: a listing does not say what the node was.
    """
    if node.banned:
        return Difference(node=node)
    event = node_event(node, Kind.BANNED, now, after=BANNED, reason=reason)
    return Difference(node=replace(counted(node, ""), banned=True), events=(event,))


def compare_record(node: Node, record: PackRecord, now: str) -> Difference:
    """Report a ban of the node as `GET /nodes` has it, unless it is known already.

    That it says otherwise ends no ban yet: a listing of it does then, as it ends a ban by 403.
    """
    if record.status != BANNED:
        return Difference(node=replace(node, ban_recorded=False))
    if node.banned:
        return Difference(node=node)
    banned = compare_ban(node, record.status_detail, now)
    return replace(banned, node=replace(banned.node, ban_recorded=True))


def compare_listing(
    known: Node | None, listing: Listing, options: DiffOptions
) -> Difference:
    """Compare a listing with what was known of its node."""
    node = known or Node(node=listing.node)
    if node.banned and (node.ban_recorded or listing.incomplete):
        # While the ban lasts its rows say nothing.
        return Difference(node=node)
    returning = node.emptied and bool(listing.versions)
    events: list[Event] = []
    ended = BANNED if node.banned else REMOVED if returning else ""
    if ended:
        events.append(
            node_event(node, Kind.REINSTATED, options.now, before=ended, after=ACTIVE)
        )
        node = replace(counted(node, ""), banned=False)
    # Most listings are as the last one, and cost no comparison.
    settled = not node.marks and not node.partial
    if node.versions != listing.versions or not settled:
        comparison = _Comparison(
            node=node,
            known=KnownVersions.of(node),
            listing=listing,
            options=options,
            returning=returning,
            events=events,
        )
        node, listing = comparison.run()
    if not node.baseline_at and not listing.incomplete:
        node, more = set_baseline(node, listing, options)
        events += more
    return Difference(node=node, events=tuple(events))


@dataclass(slots=True, kw_only=True)
class _Comparison:
    """One listing compared with the versions that were seen before.

    Before the baseline these come from incomplete listings; `set_baseline` handles the others.
    """

    node: Node
    known: KnownVersions
    listing: Listing
    options: DiffOptions
    returning: bool
    """The node had turned empty and is listed again, which is one event. Its versions are compared with those known
    before. Versions that were reported removed before that are treated as new.
    """
    events: list[Event]

    def run(self) -> tuple[Node, Listing]:
        """Add the events; return the node, and the listing with its rows completed from what was known."""
        matcher = Matcher(self.known, self.listing)
        listed = {version.key for version in self.listing.versions}
        rows: list[Version] = []
        for shown in self.listing.versions:
            old = matcher.find(shown)
            version = self._complete(shown, old)
            # Of others that were not read the version is not partial: a deprecation is an event whenever it is seen.
            partial = bool(self._unreported(shown) & WATCHED_FIELDS.keys())
            self._compare(version, old, partial=partial)
            if version.id and version.text_key not in listed:
                # The same version, from when it had no id.
                self.known.forget(version.text_key)
            rows.append(version)
        matched = {version.key for version in rows}
        node = self.node = replace(
            self.node, emptied=self.node.emptied and not self.returning
        )
        # Of an emptied node it is reported that no version is left.
        if not (self.listing.incomplete or node.emptied):
            self._compare_missing(
                matched,
                {row.version for row in self.listing.versions if not row.id},
            )
        self.known.forget_the_rest(matched)
        return self.known.put_into(self.node), replace(
            self.listing, versions=tuple(rows)
        )

    def _about(self, version: Version, *keys: str) -> VersionEvents:
        count = self.known.count(*keys or (version.key,))
        return VersionEvents(
            node=self.node.node, now=self.options.now, version=version, count=count
        )

    def _unreported(self, shown: Version) -> frozenset[str]:
        return self.listing.unreported.get(shown.key, frozenset())

    def _complete(self, shown: Version, old: Version | None) -> Version:
        """Return the row with the known values of the fields that this answer did not report."""
        if old is None:
            return shown
        empty = {
            name for name in ("id", "version", "created_at") if not getattr(shown, name)
        }
        known: dict[str, Any] = {
            name: getattr(old, name) for name in self._unreported(shown) | empty
        }
        return replace(shown, **known) if known else shown

    def _compare(self, version: Version, old: Version | None, *, partial: bool) -> None:
        known = self.known
        relisted = old is not None and known.marks.get(old.key) is Mark.REMOVED
        if old is None:
            is_news = bool(self.node.baseline_at)
            events = self._about(version).first_sight() if is_news else []
        elif relisted:
            events = self._about(version, old.key, version.key).first_sight(
                before=REMOVED
            )
        else:
            events = self._changes(old, version)
        # A version that was reported removed begins anew.
        known.take_end(version, None if relisted else old)
        known.take(
            version, old, partial=partial and (old is None or old.key in known.partial)
        )
        if events:
            known.count_one(version.key)
            self.events += events

    def _changes(self, old: Version, version: Version) -> list[Event]:
        """Return the events between two readings of a version that was not removed."""
        known = self.known
        about = self._about(version, old.key, version.key)
        is_decided, ends = known.is_decided(old), known.worst_of(old)
        if old.key in known.partial:
            # Its other fields were never read: that they are read now is no change.
            old = replace(version, status=old.status, deprecated=old.deprecated)
        if old == version:
            return []
        return about.transition(old, is_decided=is_decided, ends=ends)

    def _compare_missing(self, matched: set[str], texts: set[str]) -> None:
        """Mark the known versions that a complete listing does not show; report those missing for the second time.

        `matched` are the keys of the versions that it shows. `texts` are the version texts of its rows without an id:
        each may be any version with that text.
        """
        hidden = [
            row
            for key, row in self.known.rows.items()
            if key not in matched and row.version not in texts
        ]
        gone = [
            version
            for version in hidden
            if self.known.marks.get(version.key) is not Mark.REMOVED
        ]
        known = self.known
        # A version that does not come back with its node is missing for the first time.
        again = [
            version
            for version in gone
            if known.marks.get(version.key) is Mark.ABSENT and not self.returning
        ]
        for version in gone:
            known.marks[version.key] = Mark.ABSENT
        if gone and len(again) == len(gone) and not self.listing.versions:
            self.events.append(
                node_event(
                    self.node,
                    Kind.REMOVED,
                    self.options.now,
                    before=ACTIVE,
                    after=REMOVED,
                )
            )
            known.count_one("")
            self.node = replace(self.node, emptied=True)
            return
        for version in again:
            self.events.append(
                self._about(version).event(Kind.REMOVED, version.status, REMOVED)
            )
            known.count_one(version.key)
            known.marks[version.key] = Mark.REMOVED
