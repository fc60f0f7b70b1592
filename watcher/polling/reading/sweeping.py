"""A poll by sweep: pages of any node packs are compared with what is known, and only what differs is asked about.

docs/behaviour.md, Sweeps, has the rules. A poll for which a sweep does not pay asks each node (`Survey`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watcher.changes.whole import Shown, compare_shown, newcomer, set_whole
from watcher.model.event import Event
from watcher.model.listing import ALL, FetchFailed, Listing
from watcher.model.pack import PackRecords
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Snapshot, Whole
from watcher.model.version import BANNED
from watcher.polling.reading import records, turn
from watcher.polling.reading.choice import Way, is_cheaper, is_worth_a_look, most_questions
from watcher.polling.reading.survey import Findings, Survey
from watcher.registry.packs import read_packs
from watcher.registry.sweep import NotSwept, Swept, sweep
from watcher.state.model import Turn

if TYPE_CHECKING:
    from watcher.polling.reading.change import Change


@dataclass(slots=True, kw_only=True)
class Sweeper:
    """Reads the nodes of `survey`, and those that `globs` choose, by a sweep or each by itself."""

    survey: Survey
    globs: Selection
    way: Way = Way.EACH
    total: int | None = None
    """How many versions the registry says that it has; before the reading, when it was last said."""
    turn: Turn = field(default_factory=Turn)
    turn_error: str = ""
    """Why `GET /nodes` gave no usable answer."""
    whole: Whole = field(default_factory=Whole)
    """The baseline of all."""
    first: frozenset[str] = frozenset()
    """The nodes of `survey`, which are asked before those that globs choose."""
    joined: set[str] = field(default_factory=set)
    """The nodes that this poll's baseline of all takes in."""
    names: dict[str, str] = field(default_factory=dict)
    """By lower-case id: the nodes that were watched, as the settings write them, else as the registry does."""
    ids: dict[str, str] = field(default_factory=dict)
    """The same as the registry writes them, as far as the sweep shows it."""
    postponed: set[str] = field(default_factory=set)
    """Nodes that a later poll asks."""
    unseen: set[str] = field(default_factory=set)
    """Nodes of which not all was seen in this poll, though nothing failed for them alone."""
    error: str = ""
    """Why a sweep was not whole, if pages failed or the baseline of all waits for them."""
    not_swept: str = ""
    """Why each node was asked though globs need a sweep."""
    _turned: list[str] = field(default_factory=list)

    def with_baseline(self, known: Snapshot) -> tuple[Snapshot, Event | None]:
        """Return the snapshot with the baseline of all as this poll left it, and the event of that."""
        if self.whole == known.whole:
            return known, None
        findings = self.survey.findings
        joined = {key: findings.nodes.get(key) or known.nodes[key] for key in self.joined}
        return set_whole(known, self.whole, joined, self.survey.options, chosen=len(self.names))

    def with_figures(self, change: Change) -> Change:
        """Return the change with how the nodes were read."""
        checks = replace(
            change.checks, total=self.total, way=self.way.value, turn=self.turn, turn_error=self.turn_error
        )
        return replace(
            change,
            checks=checks,
            unseen=len(self.unseen),
            postponed=len(self.postponed),
            error=self.error,
            not_swept=self.not_swept,
        )

    async def read(self) -> Findings:
        """Read all nodes; failures are findings. StateError if the snapshot is corrupt."""
        survey = self.survey
        self.names = {node.lower(): node for node in survey.nodes}
        self.first = frozenset(self.names)
        if not self.globs.chooses and not is_worth_a_look(len(self.names), self.total):
            return await survey.read()
        swept = await sweep(
            survey.registry,
            () if survey.options.all_watched else survey.options.statuses,
            survey.clock,
            is_wanted=self._is_wanted,
            is_worth_it=lambda total: self.globs.chooses or is_cheaper(len(self.names), total),
            progress=survey.progress,
        )
        if isinstance(swept, NotSwept):
            return await self._read_without(swept)
        self.way, self.total = Way.SWEEP, swept.total
        await self._compare(swept)
        return survey.findings

    def _is_wanted(self, key: str) -> bool:
        return key in self.names or self.globs.matches(key)

    async def _read_without(self, swept: NotSwept) -> Findings:
        """Read each node that is known by itself, unless the registry does not answer at all."""
        survey = self.survey
        self.total = self.total if swept.total is None else swept.total
        if not self.globs.chooses:
            return await survey.read()
        known = survey.snapshot.nodes
        chosen = [key for key in known if key not in self.names and self.globs.matches(key)]
        self.names |= {key: known[key].node if swept.failure is None else key for key in chosen}
        if swept.failure is not None or not self.names:
            self.names = self.names or {ALL: ALL}
            failure = FetchFailed(node=ALL, error=swept.why, registry_wide=True)
            survey.findings.unread[ALL] = swept.failure or failure
            return survey.findings
        self.not_swept = swept.why
        survey.nodes = tuple(self.names.values())
        return await survey.read()

    async def _compare(self, swept: Swept) -> None:
        """Take what the rows show; ask the nodes of which they show too little, and those whose turn it is."""
        survey = self.survey
        if ALL in survey.checks.health.nodes:
            survey.findings.read[ALL] = False
        keys = self._keys(swept)
        looks = [look for key in keys if (look := self._look(key, swept)) is not None]
        if swept.has_failed or (swept.incomplete and self._sets_whole):
            self.error = f"the pages of all node packs are incomplete: {swept.incomplete}"
        elif self._sets_whole:
            self.whole = Whole(globs=self.globs.globs, baseline_at=swept.at)
        looks.sort(key=lambda look: (look.key not in self.first, look.shown.urgency))
        most = most_questions(swept.total)
        asked, later = looks[:most], looks[most:]
        packs = None if self._sets_whole else await self._read_packs(keys)
        turned = self._take_turn(packs, swept, most)
        bases = {look.key: look.base for look in asked if look.base is not None}
        survey.snapshot = survey.snapshot.with_nodes(bases)
        survey.nodes = [self.names[key] for key in dict.fromkeys([*(look.key for look in asked), *turned])]
        await survey.read()
        for key in survey.findings.unread:
            survey.findings.read.pop(key, None)  # its rows were shown, but it did not answer in its turn
        for look in asked:
            self._take_answer(look)
        for look in later:
            self._take_shown(look)
            self.postponed.add(look.key)
            if look.shown.lacks:
                self.unseen.add(look.key)
        self._take_packs(packs)

    @property
    def _sets_whole(self) -> bool:
        """Whether the baseline of all is still to be set, for these globs."""
        return self.globs.chooses and (self.whole.globs != self.globs.globs or not self.whole.baseline_at)

    def _keys(self, swept: Swept) -> list[str]:
        """Return the nodes to compare, in order of their ids, and note how the registry writes these."""
        found, known = swept.names, self.survey.snapshot.nodes
        gone = {key: known[key].node for key in known if key not in found and self.globs.matches(key)}
        self.names |= {key: name for key, name in (found | gone).items() if key not in self.names}
        self.ids = self.names | found
        self.survey.findings.registry_ids |= {key: found[key] for key in self.first & found.keys()}
        return sorted(self.names)

    def _look(self, key: str, swept: Swept) -> _Look | None:
        """Compare one node's rows with what is known; return them if the node has to be asked by itself."""
        survey, digest = self.survey, swept.digest(key)
        if survey.checks.etags.get(key) == digest and key not in swept.doubtful:
            self._take_settled(key, digest, swept)
            return None
        known = survey.snapshot.nodes.get(key)
        listing = swept.listing(self.names[key])
        if known is None or not known.baseline_at:
            return self._first_look(key, known, listing, digest, swept)
        shown = self._compared(key, known, listing)
        if shown.is_news:
            return _Look(key=key, base=known, listing=listing, digest=digest, shown=shown)
        self._take_settled(key, digest, swept)
        return None

    def _first_look(self, key: str, known: Node | None, listing: Listing, digest: str, swept: Swept) -> _Look | None:
        """Take a node that has no baseline yet; return it if it has to be asked by itself."""
        survey, base = self.survey, known
        is_whole = bool(listing.versions) and not (swept.incomplete or listing.incomplete)
        is_chosen = self.globs.matches(key)
        joins = is_chosen and self._sets_whole
        if is_chosen and not joins and not (known and known.empty_since):
            base = newcomer(known, listing, self.whole, survey.options)
        elif is_whole:
            survey.take_listing(listing, key, baseline="silent" if joins else "")
            self._keep_digest(key, listing, digest)
            if joins:
                self.joined.add(key)
            return None
        look = _Look(key=key, base=base, listing=listing, digest=digest, shown=self._compared(key, base, listing))
        if not joins or key in self.first:
            return look
        self._take_shown(look)  # a later sweep will be whole
        self.unseen.add(key)
        return None

    def _compared(self, key: str, known: Node | None, listing: Listing) -> Shown:
        checked_at = self.survey.checks.checked.get(key, "")
        return compare_shown(known or Node(node=listing.node), listing, self.survey.options, checked_at)

    def _take_settled(self, key: str, digest: str, swept: Swept) -> None:
        """Take a node of which every known row, and no other, was shown as it is known."""
        findings = self.survey.findings
        findings.read[key] = False
        findings.etags[key] = digest
        if not swept.incomplete:
            findings.checked[key] = swept.at

    def _keep_digest(self, key: str, listing: Listing, digest: str) -> None:
        """Note that the state reflects a node's rows, if it does."""
        findings = self.survey.findings
        node = findings.nodes.get(key) or self.survey.snapshot.nodes.get(key)
        if key in findings.banned or not self._compared(key, node, listing).is_news:
            findings.etags[key] = digest

    def _take_answer(self, look: _Look) -> None:
        """Take the rows that were shown of a node that could not be asked; else note whether they are dealt with."""
        if look.key in self.survey.findings.unread:
            self._take_shown(look)
        else:
            self._keep_digest(look.key, look.listing, look.digest)

    def _take_shown(self, look: _Look) -> None:
        """Take what the rows of a node show, without its answer."""
        findings, difference = self.survey.findings, look.shown.difference
        if (node := findings.nodes.get(look.key)) is not None:
            difference = self._compared(look.key, node, look.listing).difference
        if difference.node != (node or look.base) and look.listing.versions:
            findings.nodes[look.key] = difference.node
        if difference.events:
            findings.events[look.key] = (*findings.events.get(look.key, ()), *difference.events)

    async def _read_packs(self, keys: Sequence[str]) -> PackRecords | None:
        """Return what the registry says of the packs whose turn it is; None if it is no pack's."""
        self._turned = turn.due(keys, self.turn, self.survey.options.now)
        if not self._turned:
            return None
        return await read_packs(self.survey.registry, [self.ids[key] for key in self._turned])

    def _take_turn(self, packs: PackRecords | None, swept: Swept, most: int) -> list[str]:
        """Return the nodes to ask by themselves in their turn: without records, or with pages that lack rows, all.

        Else those that a 403 called banned, since only another answer ends that.
        """
        if packs is None:
            return []
        self.turn_error = packs.error
        asked = self._turned
        if packs.error or swept.incomplete:
            asked = self._turned = asked[:most]
        else:
            asked = [key for key in asked if self._is_banned_by_answer(key)]
        self.turn = Turn(after=self._turned[-1], at=self.survey.options.now)
        return asked

    def _is_banned_by_answer(self, key: str) -> bool:
        node = self.survey.findings.nodes.get(key) or self.survey.snapshot.nodes.get(key)
        return node is not None and node.banned and not node.ban_recorded

    def _take_packs(self, packs: PackRecords | None) -> None:
        """Take the bans of whole packs, and their ends. A pack that joins the baseline of all is counted there."""
        if packs is None:
            return
        findings, survey = self.survey.findings, self.survey
        fresh = {key: record for key, record in packs.records.items() if key in self.names}
        for key in fresh.keys() & self.joined:
            if fresh[key].status == BANNED and (node := findings.nodes.get(key)) is not None and not node.banned:
                findings.nodes[key] = replace(node, banned=True, ban_recorded=True)
        records.take(fresh, findings, survey.snapshot, survey.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What a sweep shows of a node that has to be asked by itself."""

    key: str
    base: Node | None
    """What it is compared with."""
    listing: Listing
    digest: str
    shown: Shown
