"""What the registry says of packs as a whole, asked once a day: bans, and the repositories of clones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.changes.diff import compare_record
from watcher.changes.transitions import DiffOptions
from watcher.durations import DAY
from watcher.model.pack import PackRecord
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import ACTIVE, BANNED
from watcher.polling.reading.survey import Findings
from watcher.registry.client import Registry
from watcher.registry.packs import read_packs
from watcher.state.model import Checks
from watcher.text.status_reason import summarize

_HOUR = 3600
"""Seconds until `GET /nodes` is asked again after it gave no usable answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is known of the packs after this poll."""

    known: Mapping[str, PackRecord | None]
    """By lower-case id: the answer of this poll, or the last one; None for a pack that the registry does not know."""
    fresh: Mapping[str, PackRecord]
    """What was answered in this poll."""
    at: str
    """When it was last asked about all."""
    error: str
    """Why there was no usable answer then."""


async def ask(
    registry: Registry, checks: Checks, nodes: Sequence[str], registry_ids: Mapping[str, str], now: str
) -> Asked:
    """Ask about the packs if a day has passed since, and before that about those that are new.

    `registry_ids` has how the registry spells ids that were given in another way, as far as this poll shows it: `GET
    /nodes` compares them with their case. The last answer shows it too.
    """
    keys = {node.lower(): node for node in nodes}
    known = {key: record for key, record in checks.packs.items() if key in keys}
    is_due = not checks.packs_at or not 0 <= timestamps.seconds_between(checks.packs_at, now) < (
        _HOUR if checks.packs_error else DAY
    )
    wanted = [key for key in keys if is_due or (key not in known and not checks.packs_error)]
    if not wanted:
        return Asked(known=known, fresh={}, at=checks.packs_at, error=checks.packs_error)
    spelled = {key: record.id for key, record in known.items() if record} | dict(registry_ids)
    answer = await read_packs(registry, [spelled.get(key, keys[key]) for key in wanted])
    known |= {key: answer.records.get(key) for key in answer.answered if key in keys}
    fresh = {key: record for key, record in answer.records.items() if key in keys}
    return Asked(known=known, fresh=fresh, at=now if is_due else checks.packs_at, error=answer.error)


def is_banned(checks: Checks, node: str) -> bool:
    """Return whether the last answer says that a pack is banned."""
    record = checks.packs.get(node.lower())
    return record is not None and record.status == BANNED


def take(fresh: Mapping[str, PackRecord], findings: Findings, snapshot: Snapshot, options: DiffOptions) -> None:
    """Add to the findings what fresh records say of bans."""
    for key, record in fresh.items():
        node = findings.nodes.get(key) or snapshot.nodes.get(key) or Node(node=record.id)
        said = replace(record, status_detail=summarize(record.status_detail))
        listed = key in findings.read and key not in findings.banned
        difference = compare_record(node, said, options, listed=listed)
        if difference.node != node:
            findings.nodes[key] = difference.node
        if node.banned and not difference.node.banned:
            findings.etags.pop(key, None)  # what changed under the ban was answered by the ban, and is compared now
        if difference.events:
            findings.events[key] = (*findings.events.get(key, ()), *difference.events)


def believed(record: PackRecord | None, node: Node | None) -> PackRecord | None:
    """Return a pack's record; a ban that has ended since it was recorded is left out."""
    if record is not None and record.status == BANNED and not (node and node.banned):
        return replace(record, status=ACTIVE)
    return record
