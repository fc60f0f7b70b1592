"""The first complete listing of a node: what it sets, and which events it has (docs/behaviour.md, Events). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from heapq import nlargest

from watcher.changes.transitions import DiffOptions, VersionEvents, counted, node_event
from watcher.model.event import BadVersion, Event, Kind, Tally
from watcher.model.listing import Listing
from watcher.model.snapshot import Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    FLAGGED,
    Version,
    created_by,
    newest,
    recency,
)

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
