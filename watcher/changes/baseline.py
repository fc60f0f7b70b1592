"""The first complete listing of a node: what it sets, and what it tells. Pure.

Contract: the setting `baseline`, and in section Events the paragraph on listings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from watcher.changes.transitions import DiffOptions, first_sight, node_event
from watcher.model.event import Event, Kind
from watcher.model.listing import Listing
from watcher.model.snapshot import Node
from watcher.model.version import ACTIVE, BANNED, FLAGGED, Version, created_by, newest, recency


def set_baseline(node: Node, listing: Listing, terms: DiffOptions) -> tuple[Node, list[Event]]:
    """Give the node, which has been compared with the listing, with its baseline, and the events that this owes.

    What was told already, of a change between incomplete listings, is not told as a late version or by `full` again.
    An empty listing is provisional while all statuses are watched: of the next one, versions created before it are
    the baseline and later ones are events. The `baseline` event's `after` is the worst that is there today: banned,
    flagged, deprecated or None.
    """
    if not listing.versions and terms.all_watched:
        # The clock may have been ahead the first time: what is created from now on is late in any case.
        since = min(node.empty_since or listing.at, listing.at, key=recency)
        return replace(node, empty_since=since, statuses=()), []
    late: list[Version] = []
    first: list[Version] = []
    for version in listing.versions:
        is_late = node.empty_since and not node.seen.get(version.key) and not created_by(version, node.empty_since)
        (late if is_late else first).append(version)
    events: list[Event] = []
    if terms.baseline == "full":
        for version in first:
            events += [] if node.seen.get(version.key) else first_sight(node, version, terms.now, node.seen_floor)
    elif terms.baseline == "summary" and (first or not late):
        wrong = _wrong(first)
        worst = next(iter(wrong), None)
        about = _summary(first, wrong)
        events.append(node_event(node, Kind.BASELINE, terms.now, before=None, after=worst, reason=about))
    for version in late:
        events += first_sight(node, version, terms.now, node.seen_floor)
    seen = dict(node.seen)
    for key in {event.version_id or f"={event.version}" if event.version is not None else "" for event in events}:
        seen[key] = seen.get(key, node.seen_floor if key else 0) + 1
    node = replace(
        node,
        baseline_at=listing.at,
        empty_since="",
        statuses=terms.statuses,
        seen=seen,
    )
    return node, events


def _wrong(versions: list[Version]) -> dict[str, list[str]]:
    """Give the version texts of what is wrong today, worst first; what is not wrong has no entry."""
    tests: dict[str, Callable[[Version], bool]] = {
        BANNED: lambda v: v.status == BANNED,
        FLAGGED: lambda v: v.status == FLAGGED,
        "deprecated": lambda v: v.deprecated,
    }
    found = {name: [v.version for v in versions if belongs(v)] for name, belongs in tests.items()}
    return {name: named for name, named in found.items() if named}


def _summary(versions: list[Version], wrong: Mapping[str, list[str]]) -> str:
    """Say what is watched and what is wrong with it today."""
    latest = newest(v for v in versions if v.status == ACTIVE)
    parts = [f"{len(versions)} version{'' if len(versions) == 1 else 's'}"]
    if latest:
        parts.append(f"newest {latest.version}")
    for name, named in wrong.items():
        more = f" and {len(named) - 5} more" if len(named) > 5 else ""
        parts.append(f"{name}: {', '.join(named[:5])}{more}")
    return "; ".join(parts)
