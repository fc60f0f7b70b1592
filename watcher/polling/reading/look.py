"""What a sweep shows of single nodes, compared with what is known of them (docs/behaviour.md, Sweeps)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from watcher.changes.whole import Shown, came_since, compare_shown, left_out, newcomer
from watcher.model.listing import Listing, ServerTime
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Snapshot, Whole
from watcher.polling.reading.survey import Survey
from watcher.registry.sweep import Swept

_STALE = "its rows are older than what is known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a sweep shows of a node that has to be asked by itself."""

    key: str
    base: Node | None
    """What it is compared with."""
    listing: Listing
    digest: str
    shown: Shown


@dataclass(slots=True, kw_only=True)
class Looker:
    """Takes what the rows of a sweep show of each node, and says which nodes have to be asked by themselves."""

    survey: Survey
    before: Snapshot
    """What was known before this poll."""
    globs: Selection
    whole: Whole
    """The baseline of all as it was before this poll."""
    sets_whole: bool
    """The baseline of all is still to be set, for these globs and statuses."""
    first: frozenset[str]
    """The nodes that are watched whatever the globs choose."""
    names: Mapping[str, str]
    """By lower-case id: the nodes that were watched, as the settings write them, else as the registry does."""
    joined: set[str] = field(default_factory=set)
    """The nodes that the baseline of all takes in, if this poll sets it."""
    unseen: set[str] = field(default_factory=set)
    """Nodes of which not all was seen in this poll, though nothing failed for them alone."""

    def look(self, key: str, swept: Swept) -> Look | None:
        """Compare one node's rows with what is known; return them if the node has to be asked by itself."""
        survey, digest = self.survey, swept.digest(key)
        if survey.checks.etags.get(key) == digest and key not in swept.doubtful:
            self.take_settled(key, digest, swept)
            return None
        known = survey.snapshot.nodes.get(key)
        listing = swept.listing(self.names[key])
        if known is None or not known.baseline_at:
            return self._first_look(key, known, listing, digest, swept)
        shown = self._compared(key, known, listing)
        if shown.is_news:
            if survey.is_stale(key, listing.server_time):
                listing = replace(
                    listing, versions=(), server_time=ServerTime(), incomplete=_STALE
                )
                shown = self._compared(key, known, listing)
            return Look(
                key=key, base=known, listing=listing, digest=digest, shown=shown
            )
        self.take_settled(key, digest, swept)
        return None

    def _first_look(
        self, key: str, known: Node | None, listing: Listing, digest: str, swept: Swept
    ) -> Look | None:
        """Take a node that has no baseline yet; return it if it has to be asked by itself."""
        is_chosen = self.globs.matches(key)
        # A ban that its own answer said: only another answer ends it.
        is_refused = known is not None and known.banned and not known.ban_recorded
        # Its first listing was no baseline, so it has one of its own, or is part of the next one of all.
        is_provisional = known is not None and bool(
            known.empty_since or known.left_out_at
        )
        is_news = came_since(self.whole, listing) and not is_provisional
        if is_chosen and self.sets_whole and not (is_refused or is_news):
            return self._join(key, known, listing, digest, swept)
        base = known
        # Else an id that is maybe wrong.
        is_there = bool(
            listing.versions or listing.incomplete or (known and known.versions)
        )
        is_whole = bool(listing.versions) and not (
            swept.incomplete or listing.incomplete
        )
        if is_chosen and is_there and not (is_refused or is_provisional):
            base = newcomer(known, listing, self.whole)
        elif is_whole and not is_refused:
            self.survey.take_listing(listing, key)
            self._keep_digest(key, listing, digest)
            return None
        return Look(
            key=key,
            base=base,
            listing=listing,
            digest=digest,
            shown=self._compared(key, base, listing),
        )

    def _join(
        self, key: str, known: Node | None, listing: Listing, digest: str, swept: Swept
    ) -> Look | None:
        """Take a node into the baseline of all, if every row of it came; return it if it has to be asked by itself."""
        if listing.versions and not (swept.incomplete or listing.incomplete):
            self.survey.take_listing(listing, key, baseline="silent")
            self._keep_digest(key, listing, digest)
            self.joined.add(key)
            return None
        base = known
        is_unreadable = bool(listing.incomplete) and not swept.incomplete
        if is_unreadable:
            base = left_out(known, listing)  # unless its own answer can be read
            if key not in self.first:
                self.survey.joining.add(key)
        look = Look(
            key=key,
            base=base,
            listing=listing,
            digest=digest,
            shown=self._compared(key, base, listing),
        )
        if is_unreadable or key in self.first:
            return look
        self.take_shown(look)  # a later poll sees the rest
        self.unseen.add(key)
        return None

    def _compared(self, key: str, known: Node | None, listing: Listing) -> Shown:
        checked_at = self.survey.checks.checked.get(key, "")
        return compare_shown(
            known or Node(node=listing.node), listing, self.survey.options, checked_at
        )

    def take_settled(self, key: str, digest: str, swept: Swept) -> None:
        """Take a node of which every known row, and no other, was shown as it is known."""
        findings = self.survey.findings
        findings.read[key], findings.etags[key] = False, digest
        server_time = swept.server_times.get(key, ServerTime())
        if self.survey.is_stale(key, server_time):
            return
        self.survey.take_server_time(key, server_time)
        if not swept.incomplete:
            findings.checked[key] = swept.at

    def _keep_digest(self, key: str, listing: Listing, digest: str) -> None:
        """Note that the state reflects a node's rows, if it does."""
        findings = self.survey.findings
        node = findings.nodes.get(key) or self.survey.snapshot.nodes.get(key)
        if key in findings.banned or not self._compared(key, node, listing).is_news:
            findings.etags[key] = digest

    def take_answer(self, look: Look) -> None:
        """Take the rows that were shown of a node that could not be asked; else note whether they are dealt with."""
        if (
            look.key in self.survey.findings.unread
            or look.key in self.survey.findings.stale_since
        ):
            self.take_shown(look)
        else:
            if (
                look.base is not None and look.base.versions
            ):  # else only a page ever had it
                self.survey.findings.nodes.setdefault(look.key, look.base)
            self._keep_digest(look.key, look.listing, look.digest)

    def take_shown(self, look: Look) -> None:
        """Take what the rows of a node show, without its answer, which alone counts while the node is banned."""
        findings, difference = self.survey.findings, look.shown.difference
        if (node := findings.nodes.get(look.key)) is not None:
            difference = self._compared(look.key, node, look.listing).difference
        stored = node or self.before.nodes.get(look.key) or Node(node=look.listing.node)
        if stored.banned:
            return
        if difference.node != stored:
            findings.nodes[look.key] = difference.node
        if look.listing.versions:
            self.survey.take_server_time(look.key, look.listing.server_time)
        if difference.events:
            findings.events[look.key] = (
                *findings.events.get(look.key, ()),
                *difference.events,
            )
