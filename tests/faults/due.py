"""What each poll of a case must report, written by hand from docs/dev/behaviour.md; nothing here asks the program.

In short: of an incomplete listing what was seen counts, an error changes
nothing, `failing` comes with the poll that makes the threshold full, `recovered` with the first good one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.cases import THRESHOLD, Breadth, Case, Stage
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import FLAGGED, NEW, Means

Fact = tuple[str, str | None, str | None]
"""An event by kind, node and version."""

VERSIONS = tuple(f"1.{number}.0" for number in range(5))
"""Of every node, from the start."""


class Moment(StrEnum):
    """What the world is like during a poll."""

    BEFORE = "before the fault"
    FAULT = "with the fault"
    AFTER = "after the fault"
    CHANGED = "after another change"
    QUIET = "in a quiet poll afterwards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What one poll owes: its events, and the nodes that it says could not be read; `warned` if it doubts their ids.

    `number` counts faulty polls.
    """

    moment: Moment
    number: int = 0
    events: Counter[Fact] = field(default_factory=Counter)
    failed: tuple[str, ...] = ()
    warned: bool = False

    def __str__(self) -> str:
        return (
            f"{self.moment} ({self.number})"
            if self.moment is Moment.FAULT
            else self.moment.value
        )


def publish(registry: FakeRegistry, nodes: Iterable[str]) -> None:
    """Fill the registry: nodes of five versions."""
    for node in nodes:
        for version in VERSIONS:
            registry.catalog.publish(
                node,
                version,
                created_at="2025-03-01T10:00:00Z",
            )


def change(registry: FakeRegistry, node: str, round_: int) -> None:
    """Let a node live on, as `changes` reports it."""
    registry.catalog.set_status(
        node, f"1.{round_}.0", "flagged", "Rejected by a scanner"
    )
    registry.catalog.publish(node, f"2.{round_}.0")


def changes(
    nodes: Iterable[str], round_: int, kinds: Iterable[str] = (FLAGGED, NEW)
) -> Counter[Fact]:
    """Return what is reported of a round of `change`; of some `kinds` only, if others were not shown."""
    versions = {FLAGGED: f"1.{round_}.0", NEW: f"2.{round_}.0"}
    return Counter((kind, node, versions[kind]) for node in nodes for kind in kinds)


def script(case: Case, polls: int, *, with_change: bool) -> Iterator[Due]:
    """Return the polls of a case's life in order, `polls` of them with the fault, and maybe one with another change."""
    if case.stage is not Stage.FIRST:
        yield Due(
            moment=Moment.BEFORE,
            events=_OF_ALL
            if case.breadth is Breadth.PAGE
            else _of_nodes("baseline", case.nodes),
        )
    for number in range(polls):
        yield Due(
            moment=Moment.FAULT,
            number=number,
            events=_under(case, number),
            failed=_failed(case),
            warned=case.expected.means is Means.EMPTY
            and case.stage is Stage.FIRST
            and case.breadth is not Breadth.PAGE,
        )
    yield Due(moment=Moment.AFTER, events=_after(case, polls))
    if with_change:
        yield Due(moment=Moment.CHANGED, events=changes(case.living, 2))
    yield Due(moment=Moment.QUIET)


def _of_nodes(kind: str, nodes: Iterable[str]) -> Counter[Fact]:
    return Counter((kind, node, None) for node in nodes)


_OF_ALL: Counter[Fact] = Counter({("baseline", None, None): 1})
"""The one baseline of a whole registry."""


def _failed(case: Case) -> tuple[str, ...]:
    if case.breadth is Breadth.PAGE:
        # Every node of which rows are missing is asked by itself, but a sweep that lacks some may hide others.
        return () if case.is_whole else ("*",)
    return case.met if case.failing is not None else ()


def _hit(case: Case) -> set[str]:
    """Return those who change and meet the fault."""
    return set(case.living) & set(case.met)


def _shown(case: Case) -> tuple[str, ...]:
    """Return the kinds of change that the first faulty poll shows of those who meet the fault."""
    match case.expected.means:
        case Means.COMPLETE:
            return (FLAGGED, NEW)
        case Means.INCOMPLETE if case.fault == "filter_ignored" and case.breadth in (
            Breadth.CROWD,
            Breadth.EVERYONE,
        ):
            return (NEW,)  # the newest rows of fifty nodes fill the page
        case Means.INCOMPLETE:
            return case.expected.shows
        case _:
            return ()


def _under(case: Case, number: int) -> Counter[Fact]:
    """Return what a poll under the fault reports."""
    if case.breadth is Breadth.PAGE:
        return _of_page(case, number)
    means = case.expected.means
    events: Counter[Fact] = Counter()
    if number == 0 and case.stage is Stage.FIRST:
        unmet = set(case.nodes) - set(case.met)
        events += _of_nodes(
            "baseline", case.nodes if case.expected.counts_at_first else unmet
        )
    if number == 0 and case.stage is Stage.CHANGE:
        events += changes(set(case.living) - set(case.met), 1) + changes(
            _hit(case), 1, _shown(case)
        )
    if means is Means.BANNED and number == 0:
        events += _of_nodes("banned", case.met)
    if means is Means.EMPTY and number == 1 and case.stage is not Stage.FIRST:
        events += _of_nodes("removed", case.met)
    if means is Means.EMPTY and case.stage is Stage.FIRST and number + 1 == THRESHOLD:
        events += _of_nodes("failing", case.met)  # no version of theirs was ever found
    if case.failing is not None and number + 1 == THRESHOLD:
        events[("failing", case.failing or None, None)] += 1
    return events


def _after(case: Case, polls: int) -> Counter[Fact]:
    """Return what the first poll reports that comes after the fault."""
    if case.breadth is Breadth.PAGE:
        return _after_page(case, polls)
    means = case.expected.means
    events: Counter[Fact] = Counter()
    if case.stage is Stage.FIRST and not case.expected.counts_at_first:
        events += _of_nodes("baseline", case.met)
    if case.stage is Stage.CHANGE:
        events += changes(_hit(case), 1, {FLAGGED, NEW} - set(_shown(case)))
    if means is Means.BANNED or (
        means is Means.EMPTY and case.stage is not Stage.FIRST
    ):
        # Twice there was nothing, so that the node was gone; it is back as one event, plus what changed meanwhile.
        events += _of_nodes("reinstated", case.met)
    if means is Means.EMPTY and case.stage is Stage.FIRST and polls >= THRESHOLD:
        events += _of_nodes("recovered", case.met)
    if case.failing is not None and polls >= THRESHOLD:
        events[("recovered", case.failing or None, None)] += 1
    return events


def _of_page(case: Case, number: int) -> Counter[Fact]:
    """Return what a poll reports whose pages have the fault.

    The first reports all that other pages show, or single nodes. While there is no baseline nothing counts as read.
    """
    if not case.is_whole and number + 1 == THRESHOLD:
        return Counter({("failing", None, None): 1})
    if number > 0 or (case.stage is Stage.FIRST and not case.is_whole):
        return Counter()
    match case.stage:
        case Stage.FIRST if case.fault == "wrong_details":
            # Each has a row on the page, which cannot be read whole: so each has a baseline of its own.
            return _of_nodes("baseline", case.nodes)
        case Stage.FIRST:
            return _OF_ALL
        case Stage.CHANGE:
            return changes(case.living, 1)
        case Stage.QUIET:
            return Counter()


def _after_page(case: Case, polls: int) -> Counter[Fact]:
    """Return what the first poll reports in which the page is as it should be."""
    if not case.is_whole:
        recovered = Counter({("recovered", None, None): int(polls >= THRESHOLD)})
        return recovered + (_OF_ALL if case.stage is Stage.FIRST else Counter())
    return Counter()
