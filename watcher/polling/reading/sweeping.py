"""A poll by sweep: pages of any node packs are compared with what is known, and only what differs is asked about.

docs/behaviour.md, Sweeps, has the rules. A poll for which a sweep does not pay asks each node (`Survey`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watcher.changes.health import Assessment, FailureStreak
from watcher.changes.whole import assess_sweep, set_whole
from watcher.model.event import Event
from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import ALL
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot, Whole
from watcher.polling.reading.choice import (
    Way,
    is_cheaper,
    is_worth_a_look,
    most_questions,
)
from watcher.polling.reading.look import Look, Looker
from watcher.polling.reading.survey import Findings, Survey
from watcher.polling.reading.turn import DailyTurn
from watcher.registry.reader import OF_ROWS
from watcher.registry.sweep import NotSwept, Swept, sweep
from watcher.state.model import Pages
from watcher.text.plural import plural

if TYPE_CHECKING:
    from watcher.polling.reading.change import Change


@dataclass(slots=True, kw_only=True)
class Sweeper:
    """Reads the nodes of `survey`, and those that `globs` choose, by a sweep or each by itself."""

    survey: Survey
    globs: Selection
    daily: DailyTurn
    way: Way = Way.EACH
    total: int | None = None
    """How many versions the registry says that it has; before the reading, when it was last said."""
    pages: Pages = field(default_factory=Pages)
    """Before the reading those of the last sweep, then those of this one."""
    whole: Whole = field(default_factory=Whole)
    """The baseline of all."""
    looker: Looker = field(init=False)
    lacking: str | None = None
    """Why the sweep of globs was incomplete; "" if it was complete, None if there was none."""
    is_first: bool = False
    """This poll sets the baseline of all."""
    names: dict[str, str] = field(default_factory=dict)
    """By lower-case id: the nodes that were watched, as the settings write them, else as the registry does."""
    ids: dict[str, str] = field(default_factory=dict)
    """The same as the registry writes them, as far as the sweep shows it."""
    postponed: set[str] = field(default_factory=set)
    """Nodes that differ, and are not asked in this poll."""
    error: str = ""
    """Why not all was seen, where no node itself failed."""

    def with_baseline(self, known: Snapshot) -> tuple[Snapshot, Event | None]:
        """Return the snapshot with the baseline of all as this poll left it, and the event of that."""
        if not self.is_first:
            return (
                known if self.whole == known.whole else replace(known, whole=self.whole)
            ), None
        found = self.survey.findings.nodes
        joined = {key: found.get(key) or known.nodes[key] for key in self.looker.joined}
        chosen = sum(map(self.globs.matches, self.names))
        return set_whole(known, self.whole, joined, self.survey.options, chosen=chosen)

    def with_health(
        self, assessed: Assessment, streak: FailureStreak | None, threshold: int
    ) -> Assessment:
        """Return the assessment of the nodes with that of this poll's sweep; `streak` is of those before."""
        swept = assess_sweep(
            streak, assessed.snapshot, self.lacking, threshold, self.survey.options.now
        )
        health = replace(
            assessed.health, sweep=swept.streak if self.globs.chooses else None
        )
        return Assessment(
            health=health,
            snapshot=swept.snapshot,
            events=(*assessed.events, *swept.events),
        )

    def with_figures(self, change: Change) -> Change:
        """Return the change with how the nodes were read."""
        checks = replace(
            change.checks,
            total=self.total,
            way=self.way.value,
            pages=self.pages,
            turn=self.daily.turn,
            turn_error=self.daily.error,
        )
        return replace(
            change,
            checks=checks,
            unseen=len(self.looker.unseen),
            postponed=len(self.postponed),
            error=self.error,
        )

    async def read(self) -> Findings:
        """Read all nodes; failures are findings. StateError if the snapshot is corrupt."""
        survey = self.survey
        self.names = {node.lower(): node for node in survey.nodes}
        is_for, wanted = (
            (self.whole.globs, self.whole.statuses),
            (self.globs.globs, self._statuses),
        )
        self.looker = Looker(
            survey=survey,
            before=survey.snapshot,
            globs=self.globs,
            whole=self.whole,
            sets_whole=self.globs.chooses
            and not (self.whole.baseline_at and is_for == wanted),
            first=frozenset(self.names),
            names=self.names,
        )
        if not self.globs.chooses and not is_worth_a_look(len(self.names), self.total):
            return await survey.read()
        swept = await sweep(
            survey.registry,
            self._statuses,
            survey.clock,
            is_wanted=self._is_wanted,
            is_worth_it=lambda total: (
                self.globs.chooses or is_cheaper(len(self.names), total)
            ),
            known=self.pages.digests if self._are_settled(self._known_keys()) else (),
            reads_again=self.globs.chooses,
            progress=survey.progress,
        )
        if isinstance(swept, NotSwept):
            self.pages = Pages()
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
        chosen = {
            key: key
            for key in known
            if key not in self.names and self.globs.matches(key)
        }
        if (
            swept.failure is None
        ):  # those without a baseline wait for that of all, unless their own answer is awaited
            chosen = {
                key: node.node
                for key in chosen
                if (node := known[key]).baseline_at or node.banned
            }
        self.names |= chosen
        if swept.failure is not None or not self.names:
            self.way = Way.SWEEP  # no node was asked
            self.names = self.names or {ALL: ALL}
            survey.findings.unread[ALL] = swept.failure or ReadFailure(
                node=ALL, error=swept.why, fault=Fault.REGISTRY
            )
            return survey.findings
        self.lacking = swept.why
        self.error = f"{swept.why}; so each known node pack is asked, and new ones are not noticed"
        survey.nodes = tuple(self.names.values())
        return await survey.read()

    async def _compare(self, swept: Swept) -> None:
        """Take what the rows show; ask the nodes of which they show too little, and those whose turn it is."""
        survey, findings, looker = self.survey, self.survey.findings, self.looker
        keys, looks = (
            self._take_as_known(swept) if swept.is_as_known else self._take_rows(swept)
        )
        if self.globs.chooses:
            is_none_left = (
                not swept.total and bool(swept.statuses) and not looker.sets_whole
            )
            self.lacking = "" if is_none_left else swept.incomplete
        if self.lacking:
            self.error = (
                f"the pages of all node packs are incomplete: {swept.incomplete}"
            )
        elif looker.sets_whole:
            self._set_whole(swept)
        most = most_questions(swept.total)
        await self.daily.read(
            [key for key in keys if key not in looker.unseen], self.ids
        )
        turned = self.daily.to_ask(most, each=bool(swept.incomplete))
        if self._needs_each(swept):
            most, turned = len(keys), keys
        turn = set(turned)
        later = [look for look in looks[most:] if look.key not in turn]
        self.postponed = {look.key for look in later}
        await self._ask(
            [look for look in looks if look.key not in self.postponed], turned
        )
        for look in later:
            looker.take_shown(look)
        looker.unseen |= {look.key for look in later if look.shown.lacks}
        if looker.unseen and not (self.error and looker.sets_whole):
            packs = plural(len(looker.unseen), "node pack")
            unseen = (
                f"not all versions of {packs} were shown; a later poll asks about these"
            )
            self.error = f"{self.error}; {unseen}" if self.error else unseen
        self.daily.take(self.names, survey.joining)
        read = {
            key: findings.nodes[key] for key in survey.joining & findings.nodes.keys()
        }
        looker.joined |= {
            key for key, node in read.items() if node.baseline_at or node.banned
        }
        if ALL in survey.checks.health.nodes or survey.snapshot.registry_failing:
            findings.read[ALL] = False
        is_settled = bool(swept.pages) and all(key in findings.etags for key in keys)
        written = {
            key: one
            for key, one in sorted(self.ids.items())
            if one != self.names.get(key, one)
        }
        self.pages = (
            Pages(globs=self.globs.globs, digests=swept.pages, ids=written)
            if is_settled
            else Pages()
        )

    def _needs_each(self, swept: Swept) -> bool:
        """Return whether each node has to be asked, since what is new of it may be in what did not come.

        With globs there are too many of them, and the sweep is an error.
        """
        is_lacking = bool(swept.incomplete and swept.total) and not self.globs.chooses
        return is_lacking and not self.survey.registry.asked_to_wait

    def _set_whole(self, swept: Swept) -> None:
        self.is_first = True
        self.whole = Whole(
            globs=self.globs.globs,
            baseline_at=swept.at,
            statuses=swept.statuses,
            failing=self.whole.failing,
        )
        self.survey.joining |= self.looker.joined
        self.daily.begin_again()  # bans of whole packs are part of it

    async def _ask(self, looks: Sequence[Look], turned: Sequence[str]) -> None:
        """Ask nodes by themselves: those that differ, and those whose turn it is."""
        survey, findings, settled = (
            self.survey,
            self.survey.findings,
            dict(self.survey.findings.etags),
        )
        # What the rows have changed is known by now: the node whose turn it is is compared with that.
        bases = {look.key: look.base for look in looks if look.base is not None}
        survey.snapshot = survey.snapshot.with_nodes(findings.nodes | bases)
        survey.nodes = [
            self.names[key]
            for key in dict.fromkeys([*(look.key for look in looks), *turned])
        ]
        for key in turned:  # its answer may differ from its rows, which are as known
            findings.etags.pop(key, None)
        await survey.read()
        # Nobody wrote the id of a pack that only globs choose, so no warning is due that it may be wrong.
        findings.empty = [
            node for node in findings.empty if node.lower() in self.looker.first
        ]
        findings.etags |= {
            key: settled[key]
            for key in turned
            if key in settled and key not in findings.nodes
        }
        for (
            key
        ) in findings.unread:  # its rows were shown, but it did not answer in its turn
            findings.read.pop(key, None)
            findings.etags.pop(key, None)
        for look in looks:
            self.looker.take_answer(look)

    def _take_rows(self, swept: Swept) -> tuple[list[str], list[Look]]:
        """Compare all nodes; return their keys, and the looks at those to ask by themselves, the most urgent first."""
        keys, looker = self._keys(swept), self.looker
        looks = [look for key in keys if (look := looker.look(key, swept)) is not None]
        looks.sort(key=self._place)
        return keys, looks

    def _place(self, look: Look) -> tuple[bool, tuple[int, ...], int, str]:
        """Return what sorts looks: of alike ones those are last that failed most often, then those checked last."""
        checks = self.survey.checks
        failure = checks.health.nodes.get(look.key)
        count, checked_at = (
            failure.count if failure else 0,
            checks.checked.get(look.key, ""),
        )
        return look.key not in self.looker.first, look.shown.urgency, count, checked_at

    def _known_keys(self) -> dict[str, str]:
        """Return the nodes that the last poll watched, or the settings name, by lower-case id."""
        last = {node.lower(): node for node in self.survey.checks.watched}
        return {
            key: node for key, node in last.items() if self.globs.matches(key)
        } | self.names

    def _are_settled(self, keys: Collection[str]) -> bool:
        """Return whether the state has the rows of all these nodes that the last sweep showed."""
        etags = self.survey.checks.etags
        is_the_same = (
            self.pages.globs == self.globs.globs and not self.looker.sets_whole
        )
        return is_the_same and all(
            etags.get(key, "").startswith(OF_ROWS) for key in keys
        )

    def _take_as_known(self, swept: Swept) -> tuple[list[str], list[Look]]:
        """Take the nodes of a sweep that showed the same pages as the last one, as `_take_rows`."""
        self.names = self._known_keys()
        for key in self.names:
            self.looker.take_settled(key, self.survey.checks.etags[key], swept)
        self.ids = self.names | dict(self.pages.ids)
        return sorted(self.names), []

    @property
    def _statuses(self) -> tuple[str, ...]:
        """The watched statuses; empty for all."""
        return () if self.survey.options.all_watched else self.survey.options.statuses

    def _keys(self, swept: Swept) -> list[str]:
        """Return the nodes to compare, in order of their ids, and note how the registry writes these."""
        found, known = swept.names, self.survey.snapshot.nodes
        # An id that the settings named once, and that never had a version, is no pack of the registry's.
        missing = [
            known[key] for key in known if key not in found and self.globs.matches(key)
        ]
        gone = {
            node.node.lower(): node.node
            for node in missing
            if node.baseline_at or node.versions or node.banned
        }
        self.names |= {
            key: name for key, name in (found | gone).items() if key not in self.names
        }
        self.ids = self.names | found
        self.survey.findings.registry_ids |= {
            key: found[key] for key in self.looker.first & found.keys()
        }
        return sorted(self.names)
