"""What the pages of a sweep mean: of one node's rows, of the baseline of all, of incomplete sweeps. Pure.

Rules: docs/behaviour.md, Sweeps, and Events (Failing).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from watcher import timestamps
from watcher.changes.diff import bad_versions, complete, tally
from watcher.changes.health import (
    Assessment,
    FailureStreak,
    Health,
    in_polls,
    once_more,
    story_of,
)
from watcher.changes.transitions import DiffOptions, registry_event
from watcher.model.event import INCOMPLETE, UNLISTED, Event, Kind, Tally
from watcher.model.reading import Listing, NodeBanned
from watcher.model.selection import Selection
from watcher.model.snapshot import Mark, Node, Snapshot, SweepBaseline
from watcher.model.version import (
    BANNED,
    FLAGGED,
    Version,
    by_key,
    find_row,
    in_order,
)
from watcher.text.sanitize import plural

_LONGEST_GLOBS = 60
"""Characters of the globs that it shows."""


def shows_all(node: Node, rows: Mapping[str, Version]) -> bool:
    """Return whether readable rows, by key, are all that is known of a node, so that nothing is left to ask."""
    listed = {one.key: one for one in node.listed}
    # Of a version that was missed once, or never read whole, its return and the rest of it are awaited.
    is_awaited = any(
        one.partial or one.mark is Mark.ABSENT
        for one in node.versions
        if one.key in listed
    )
    is_settled = node.baseline_at and not (node.failing or is_awaited)
    if not is_settled or len(rows) != len(listed):
        return False
    found = by_key(node.listed)

    def whole(row: Version) -> Version:
        # A page may leave out what its version is known by.
        known = find_row(row, found)
        return complete(row, known, ()) if known else row

    return rows == listed or listed == {
        one.key: one for one in map(whole, rows.values())
    }


def lacks_rows(node: Node | None, rows: Iterable[Version]) -> bool:
    """Return whether a known version is not shown, or it is not known which there are."""
    if node is None or not node.baseline_at:
        return True
    shown = {version.key for version in rows}
    return any(one.key not in shown for one in node.listed)


def with_rows(answer: Listing, rows: Listing | NodeBanned | None) -> Listing:
    """Return an incomplete answer with the rows of the versions that it does not show; the others are older."""
    if not isinstance(rows, Listing):
        return answer
    shown = by_key(answer.versions)
    left = [one for one in rows.versions if find_row(one, shown) is None]
    unreported = {
        one.key: rows.unreported[one.key] for one in left if one.key in rows.unreported
    }
    return replace(
        answer,
        versions=in_order([*answer.versions, *left]),
        unreported={**answer.unreported, **unreported},
    )


def came_since(sweep_baseline: SweepBaseline, node: str) -> bool:
    """Return whether the last baseline of all would have had the node if it had been there."""
    globs = Selection(globs=sweep_baseline.globs)
    return bool(sweep_baseline.baseline_at) and globs.matches(node)


def newcomer(node: str, sweep_baseline: SweepBaseline) -> Node:
    """Return a pack that the baseline of all did not have: each of its versions is news, whatever its date."""
    return Node(node=node, baseline_at=sweep_baseline.baseline_at)


def set_baseline(
    snapshot: Snapshot,
    sweep_baseline: SweepBaseline,
    joined: Mapping[str, Node],
    options: DiffOptions,
    *,
    chosen: int,
) -> tuple[Snapshot, Event | None]:
    """Return the snapshot with the baseline of all, and its event; None with `baseline = "silent"`, or if it takes in
    none of the `chosen` nodes.

    `joined` are the nodes that the baseline takes in.
    """
    after = replace(snapshot, sweep_baseline=sweep_baseline)
    if (
        not sweep_baseline.globs
        or options.baseline == "silent"
        or (chosen and not joined)
    ):
        return after, None
    nodes = joined.values()
    listed = [(node.node, version) for node in nodes for version in node.listed]
    is_whole = sweep_baseline.globs == ("*",)
    found = replace(
        tally(version for _, version in listed),
        packs=len(nodes),
        banned_packs=sum(node.banned for node in nodes),
        patterns="" if is_whole else _shown(sweep_baseline.globs),
        has_others=bool(snapshot.sweep_baseline.baseline_at) and bool(nodes),
    )
    worst = BANNED if found.banned_packs else next(iter(_bad(found)), None)
    # The worst is part of the id, as of a pack's own baseline.
    after, event = registry_event(
        after,
        Kind.BASELINE,
        options.now,
        after=worst,
        reason=_summary(found),
    )
    return after, replace(event, bad_versions=bad_versions(listed), tally=found)


def _bad(found: Tally) -> dict[str, int]:
    """Return how many versions are bad in which way, the worst first."""
    bad = {
        BANNED: found.banned,
        FLAGGED: found.flagged,
        "deprecated": found.deprecated,
    }
    return {name: count for name, count in bad.items() if count}


def _summary(found: Tally) -> str:
    """Return a summary for people."""
    packs = plural(found.packs, "more node pack" if found.has_others else "node pack")
    chosen = f" for {found.patterns}" if found.patterns else ""
    hint = "" if found.packs else ": is the pattern right?"
    parts = [f"{packs} with {plural(found.versions, 'version')}{chosen}{hint}"]
    if found.banned_packs:
        parts.append(f"banned as a whole: {found.banned_packs:,}")
    parts += [f"{name}: {count:,}" for name, count in _bad(found).items()]
    return "; ".join(parts)


def _shown(globs: tuple[str, ...]) -> str:
    text = " ".join(globs)
    return text if len(text) <= _LONGEST_GLOBS else f"{text[: _LONGEST_GLOBS - 1]}…"


def assess_sweep(
    health: Health, snapshot: Snapshot, lacking: str | None, threshold: int, now: str
) -> Assessment:
    """Count one poll's sweep, and report that new node packs may be missed, or are seen again.

    `lacking` is why the sweep was incomplete, "" if it was complete, None if there was none: that changes nothing.
    """
    known = snapshot.sweep_baseline
    if lacking is None:
        return Assessment(health=health, snapshot=snapshot, events=())
    streak = once_more(health.sweep, lacking, now) if lacking else None
    story = _story(known, streak) if streak else ""
    after, events = _turned(
        snapshot, INCOMPLETE, streak, story, threshold, now, was_failing=known.failing
    )
    if events:
        baseline = replace(known, failing=not known.failing)
        after = replace(after, sweep_baseline=baseline)
    return Assessment(
        health=replace(health, sweep=streak), snapshot=after, events=events
    )


def assess_list(
    health: Health, snapshot: Snapshot, lacking: str | None, threshold: int, now: str
) -> Assessment:
    """Count one reading of the list of all packs, and report that publishers' packs may be missed, or are seen again.

    `lacking` as for `assess_sweep`.
    """
    was_failing = snapshot.unlisted
    if lacking is None:
        return Assessment(health=health, snapshot=snapshot, events=())
    streak = once_more(health.lists, lacking, now) if lacking else None
    story = story_of(streak) if streak else ""
    after, events = _turned(
        snapshot, UNLISTED, streak, story, threshold, now, was_failing=was_failing
    )
    if events:
        after = replace(after, unlisted=not was_failing)
    return Assessment(
        health=replace(health, lists=streak), snapshot=after, events=events
    )


def _turned(
    snapshot: Snapshot,
    what: str,
    streak: FailureStreak | None,
    story: str,
    threshold: int,
    now: str,
    *,
    was_failing: bool,
) -> tuple[Snapshot, tuple[Event, ...]]:
    """Return the event of pages that are failing now, or have recovered, and the snapshot that counts it.

    `what` is their failure, as its event calls it. Nothing is reported while the registry as a whole is reported
    failing.
    """
    if streak is None and was_failing:
        after, event = registry_event(snapshot, Kind.RECOVERED, now, before=what)
        return after, (event,)
    is_due = streak is not None and streak.count >= threshold
    if was_failing or snapshot.registry_failing or not is_due:
        return snapshot, ()
    after, event = registry_event(snapshot, Kind.FAILING, now, after=what, reason=story)
    return after, (event,)


def _story(known: SweepBaseline, streak: FailureStreak) -> str:
    since = timestamps.for_people(streak.since)
    return f"{incomplete_in_words(streak)}, since {since}: {streak.error}; {at_stake(known)}"


def incomplete_in_words(streak: FailureStreak) -> str:
    """Return how often in a row the sweeps were incomplete, as the beginning of a sentence."""
    return f"the pages of all node packs were incomplete in {in_polls(streak)}"


def at_stake(sweep_baseline: SweepBaseline) -> str:
    """Return what incomplete sweeps may cost, as the end of a sentence."""
    if sweep_baseline.baseline_at:
        return "new node packs may be missed"
    return "until they are complete, nothing new is reported of node packs that only a pattern includes"
