"""The comparison of a node as it was known with its new listing: the events, and the new snapshot of the node. Pure.

Rules: docs/behaviour.md, Events and Listings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from watcher.changes.baseline import set_baseline
from watcher.changes.matching import KnownVersions, Matcher
from watcher.changes.transitions import (
    REMOVED,
    DiffOptions,
    VersionEvents,
    counted,
    node_event,
)
from watcher.model.event import Event, Kind
from watcher.model.listing import Listing
from watcher.model.pack import PackRecord
from watcher.model.snapshot import Mark, Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    WATCHED_FIELDS,
    Version,
)


@dataclass(frozen=True, slots=True, kw_only=True)
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
