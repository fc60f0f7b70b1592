"""A history of a whole registry: `python -m bench.history FOLDER EVENTS` writes it beside the snapshot of a state.

Its events are as long as real ones: two of three are releases, the others mostly flags with what the scanner found.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from watcher import timestamps
from watcher.changes.transitions import node_url
from watcher.model.event import Event, Kind, event_id
from watcher.model.scan import Scan, ScanFinding
from watcher.model.snapshot import Node
from watcher.model.version import SafeVersion, Version
from watcher.state.store import StateFolder

_DAYS = 180
_KINDS = {
    Kind.NEW: 66,
    Kind.FLAGGED: 22,
    Kind.REINSTATED: 6,
    Kind.BANNED: 3,
    Kind.DELETED: 2,
    Kind.DEPRECATED: 1,
}
"""How many of a hundred events are of each kind."""
_FOUND = ScanFinding(
    rule="python_dangerous_eval", severity="info", file="nodes/sampling.py", line=120
)
_SCAN = Scan(items=(_FOUND,) * 5, count=12, is_whole=True)
_REASON = "12 findings: python_dangerous_eval (info) in nodes/sampling.py:120, and more"


def main() -> None:
    """Write the history of a folder, spread over the days before its last poll."""
    folder, count = StateFolder(Path(sys.argv[1])), int(sys.argv[2])
    state = folder.load()
    dice = random.Random(count)  # noqa: S311 - the same history each time
    all_of = [
        (node, version)
        for node in state.snapshot.nodes.values()
        for version in node.rows
    ]
    chosen = dice.choices(all_of, k=count)
    step = _DAYS * 86_400 / count
    events = [
        _event(
            node,
            version,
            dice.choices([*_KINDS], [*_KINDS.values()])[0],
            timestamps.later(state.checks.polled_at, -step * (count - number)),
        )
        for number, (node, version) in enumerate(chosen)
    ]
    with folder.locked():
        folder.record(tuple(events))


def _event(node: Node, version: Version, kind: Kind, at: str) -> Event:
    is_bad = kind in {Kind.FLAGGED, Kind.BANNED}
    return Event(
        id=event_id(node.node, version.key, kind, at),
        kind=kind,
        node=node.node,
        version=version.version,
        version_id=version.id,
        before=None if kind is Kind.NEW else "active",
        after=kind if is_bad or kind is Kind.DELETED else "active",
        reason=_REASON if is_bad else "",
        at=at,
        url=node_url(node.node),
        published=version.created_at,
        safe_version=SafeVersion(version.version),
        scan=_SCAN if kind is Kind.FLAGGED else None,
    )


if __name__ == "__main__":
    main()
