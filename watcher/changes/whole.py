"""The whole registry as one watch: what a sweep shows of a node, the one baseline of all, incomplete sweeps. Pure.

Rules: docs/behaviour.md, Sweeps, and Events (Failing).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from heapq import nlargest

from watcher import timestamps
from watcher.changes.diff import Difference, compare_listing
from watcher.changes.health import FailureStreak, in_polls, once_more
from watcher.changes.transitions import DiffOptions, registry_event
from watcher.model.event import INCOMPLETE, BadVersion, Event, Kind, rank
from watcher.model.listing import Listing
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Snapshot, Whole
from watcher.model.version import BANNED, FLAGGED, STATUSES, is_watched, recency
from watcher.text.plural import plural

SHOWN = "only a page of all node packs shows it"
"""Why the rows that a sweep shows of a node are no complete listing."""
_LATEST = 10
"""How many of the bad versions the baseline names."""
_LONGEST_GLOBS = 60
"""Characters of the globs that it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The rows that a sweep shows of a node, compared with what is known of it."""

    difference: Difference
    """What follows from the rows alone."""
    is_news: bool
    """Something differs, or is not shown: the node itself has to be asked."""
    lacks: bool
    """A known version is not shown."""

    @property
    def urgency(self) -> tuple[int, ...]:
        """Sorts nodes by what their rows show, the worst first; those that only lack rows are last."""
        return min(map(rank, self.difference.events), default=_LAST)


_LAST = (len(Kind),)


def compare_shown(
    node: Node, listing: Listing, options: DiffOptions, checked_at: str
) -> Shown:
    """Compare what a sweep shows of a node with what is known: nothing follows from what is not shown."""
    is_settled = (
        node.statuses == options.statuses
        and not node.failing
        and bool(node.baseline_at)
    )
    is_plain = is_settled and not (
        node.marks or node.partial or node.emptied or listing.incomplete
    )
    if is_plain and node.versions == listing.versions:
        return Shown(difference=Difference(node=node), is_news=False, lacks=False)
    difference = compare_listing(
        node, replace(listing, incomplete=SHOWN), options, checked_at
    )
    shown = {version.key for version in listing.versions}
    lacks = any(
        version.key not in shown and is_watched(version.status, options.statuses)
        for version in node.listed
    )
    is_news = (
        not is_settled
        or lacks
        or bool(listing.incomplete or difference.events)
        or difference.node != node
    )
    return Shown(difference=difference, is_news=is_news, lacks=lacks)


def came_since(whole: Whole, listing: Listing) -> bool:
    """Return whether the last baseline of all would have had the node if it had shown these rows then.

    Where only some statuses were watched then, one of the rows has to have one of these.
    """
    if not (whole.baseline_at and Selection(globs=whole.globs).matches(listing.node)):
        return False
    return not whole.statuses or any(
        is_watched(row.status, whole.statuses) for row in listing.versions
    )


def newcomer(known: Node | None, listing: Listing, whole: Whole) -> Node:
    """Return a pack that the baseline of all did not have as it was then: without a version of the watched statuses.

    So each of these versions is news, whatever its date.
    """
    node = known or Node(node=listing.node)
    return replace(
        node, baseline_at=whole.baseline_at, statuses=whole.statuses or STATUSES
    )


def left_out(known: Node | None, listing: Listing) -> Node:
    """Return a pack that the baseline of all leaves out, since not every row of it can be read."""
    node = known or Node(node=listing.node)
    return replace(node, left_out_at=node.left_out_at or listing.at)


def set_whole(
    snapshot: Snapshot,
    whole: Whole,
    joined: Mapping[str, Node],
    options: DiffOptions,
    *,
    chosen: int,
) -> tuple[Snapshot, Event | None]:
    """Return the snapshot with the baseline of all, and its event; None with `baseline = "silent"`, or if it takes in
    none of the `chosen` nodes.

    `joined` are the nodes that the baseline takes in. `baseline = "full"` has the summary too.
    """
    after = replace(snapshot, whole=whole)
    if not whole.globs or options.baseline == "silent" or (chosen and not joined):
        return after, None
    worst, reason = _summary(
        joined.values(), whole, had_others=bool(snapshot.whole.baseline_at)
    )
    # The worst is part of the id, as of a pack's own baseline.
    after, event = registry_event(
        after,
        Kind.BASELINE,
        options.now,
        id_parts=(None, worst),
        after=worst,
        reason=reason,
    )
    return after, replace(event, bad_versions=_latest(joined.values()))


def _summary(
    nodes: Collection[Node], of: Whole, *, had_others: bool
) -> tuple[str | None, str]:
    """Return the worst status of all, and a summary for people; `had_others`: a baseline of other globs was before."""
    versions = [version for node in nodes for version in node.listed]
    whole = sum(node.banned for node in nodes)
    bad = {
        BANNED: sum(version.status == BANNED for version in versions),
        FLAGGED: sum(version.status == FLAGGED for version in versions),
        "deprecated": sum(version.deprecated for version in versions),
    }
    counts = {name: count for name, count in bad.items() if count}
    packs = plural(
        len(nodes), "more node pack" if had_others and nodes else "node pack"
    )
    chosen = "" if of.globs == ("*",) else f" for {_shown(of.globs)}"
    hint = (
        "" if nodes or of.statuses else ": is the pattern right?"
    )  # of other statuses there may be some
    parts = [f"{packs} with {plural(len(versions), 'version')}{chosen}{hint}"]
    if whole:
        parts.append(f"banned as a whole: {whole:,}")
    parts += [f"{name}: {count:,}" for name, count in counts.items()]
    return (BANNED if whole else next(iter(counts), None)), "; ".join(parts)


def _shown(globs: tuple[str, ...]) -> str:
    text = " ".join(globs)
    return text if len(text) <= _LONGEST_GLOBS else f"{text[: _LONGEST_GLOBS - 1]}…"


def _latest(nodes: Collection[Node]) -> tuple[BadVersion, ...]:
    """Return the latest of the bad versions."""
    versions = [(node.node, version) for node in nodes for version in node.listed]
    bad = [one for one in versions if one[1].status in {BANNED, FLAGGED}]
    latest = nlargest(_LATEST, bad, key=lambda one: recency(one[1].created_at))
    return tuple(
        BadVersion(node=node, version=one.version, status=one.status)
        for node, one in latest
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepAssessment:
    """The incomplete sweeps in a row, the snapshot with what was reported of them, and the events."""

    streak: FailureStreak | None
    snapshot: Snapshot
    events: tuple[Event, ...] = ()


def assess_sweep(
    streak: FailureStreak | None,
    snapshot: Snapshot,
    lacking: str | None,
    threshold: int,
    now: str,
) -> SweepAssessment:
    """Count one poll's sweep, and report that new node packs may be missed, or are seen again.

    `lacking` is why the sweep was incomplete, "" if it was complete, None if there was none: that changes nothing.
    While the registry as a whole is reported failing, nothing is reported of its sweeps.
    """
    if lacking is None:
        return SweepAssessment(streak=streak, snapshot=snapshot)
    streak = once_more(streak, lacking, now) if lacking else None
    whole = snapshot.whole
    is_failing = streak is not None and (whole.failing or streak.count >= threshold)
    if is_failing == whole.failing or (is_failing and snapshot.registry_failing):
        return SweepAssessment(streak=streak, snapshot=snapshot)
    if streak is not None:
        reason = _story(streak, whole)
        snapshot, event = registry_event(
            snapshot, Kind.FAILING, now, after=INCOMPLETE, reason=reason
        )
    else:
        snapshot, event = registry_event(
            snapshot, Kind.RECOVERED, now, before=INCOMPLETE
        )
    snapshot = replace(snapshot, whole=replace(whole, failing=is_failing))
    return SweepAssessment(streak=streak, snapshot=snapshot, events=(event,))


def _story(streak: FailureStreak, whole: Whole) -> str:
    since = timestamps.for_people(streak.since)
    return f"{incomplete_in_words(streak)}, since {since}: {streak.error}; {at_stake(whole)}"


def incomplete_in_words(streak: FailureStreak) -> str:
    """Return how often in a row the sweeps were incomplete, as the beginning of a sentence."""
    return f"the pages of all node packs were incomplete in {in_polls(streak)}"


def at_stake(whole: Whole) -> str:
    """Return what incomplete sweeps may cost, as the end of a sentence."""
    if whole.baseline_at:
        return "new node packs may be missed"
    return "until they are complete, nothing new is reported of node packs that only a pattern includes"
