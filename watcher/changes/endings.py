"""How bad the flags were that a poll reported, for the events that will end them. Pure.

That depends on the registry's reasons, which are read when everything is compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watcher.model.event import (
    Event,
    Kind,
    Severity,
    is_meant,
    severity_of,
    worst_of,
)
from watcher.model.exposure import Exposure, exposure_key
from watcher.model.finding import Grade
from watcher.model.pack import Verdict
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import FLAGGED


def with_flags(snapshot: Snapshot, events: Iterable[Event]) -> Snapshot:
    """Return the snapshot with the severity of the flags that the events of a poll report.

    What was reported before, and has not ended, stays if it is worse.
    """
    nodes: dict[str, Node] = {}
    exposures = dict(snapshot.installed.exposures)
    for event in events:
        if event.after != FLAGGED or event.node is None:
            continue
        key, severity = event.node.lower(), severity_of(event)
        node = nodes.get(key) or snapshot.nodes.get(key)
        if event.kind is Kind.FLAGGED and node is not None:
            nodes[key] = _flagged(node, event.key, severity)
        for run in _run(event):
            if run in exposures:
                exposures[run] = _exposed(exposures[run], severity)
    changed = {key: node for key, node in nodes.items() if node != snapshot.nodes[key]}
    snapshot = snapshot.with_nodes(changed)
    if exposures == snapshot.installed.exposures:
        return snapshot
    installed = replace(snapshot.installed, exposures=exposures)
    return replace(snapshot, installed=installed)


def _flagged(node: Node, key: str, severity: Severity) -> Node:
    """Return the node after a flag of a version was reported; a flag is a warning unless something else is stored."""
    is_flagged = any(one.key == key and one.status == FLAGGED for one in node.versions)
    ends = _worst(node.ends.get(key), severity)
    if not is_flagged or ends is Severity.WARNING:
        return node
    return replace(node, ends={**node.ends, key: ends})


def _exposed(exposure: Exposure, severity: Severity) -> Exposure:
    if Grade(exposure.verdict).verdict is not Verdict.FLAGGED:
        return exposure
    return replace(exposure, ends=_worst(exposure.ends, severity))


def _worst(before: Severity | None, severity: Severity) -> Severity:
    return severity if before is None else worst_of(before, severity)


def _run(event: Event) -> set[str]:
    """Return the keys of what somebody runs and the event reports."""
    match event.kind:
        case Kind.EXPOSED:
            return {exposure_key(event.node or "", event.version)}
        case Kind.FLAGGED:
            versions = {
                copy.version
                for copy in event.installed
                if copy.enabled and is_meant(copy, event)
            }
            return {exposure_key(event.node or "", version) for version in versions}
        case _:
            return set()
