"""What the registry says of packs as a whole, asked once a day: bans, and the repositories of clones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.changes.diff import compare_record
from watcher.changes.transitions import DiffOptions
from watcher.durations import DAY
from watcher.model.failure import Fault, ReadFailure
from watcher.model.pack import PACK_STATUSES, PackRecord
from watcher.model.snapshot import Node, Snapshot
from watcher.model.version import ACTIVE, BANNED
from watcher.polling.reading.survey import Findings, Survey
from watcher.registry.client import Registry
from watcher.registry.packs import read_packs
from watcher.state.model import Checks
from watcher.text.plural import plural
from watcher.text.status_reason import summarize


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is known of the packs after this poll."""

    known: Mapping[str, PackRecord | None]
    """By lower-case id: the answer of this poll, or the last one; None for a pack that no registry was seen to have."""
    fresh: Mapping[str, PackRecord]
    """What was answered in this poll."""
    at: str
    """When it was last asked about all."""
    failure: ReadFailure | None = None
    """Why there was no usable answer, or not about all, when it was last asked."""

    @property
    def is_absent(self) -> bool:
        """Whether the registry does not answer about packs as a whole at all."""
        return self.failure is not None and self.failure.fault is Fault.NOT_FOUND


async def ask(
    registry: Registry, checks: Checks, nodes: Sequence[str], survey: Survey
) -> Asked:
    """Ask about the packs once a day, and in each poll about those that have no answer that counts.

    A pack without a version may be in no registry, so that a registry that does not show it has answered. `GET /nodes`
    compares ids with their case: how the registry spells them this poll shows, else its last answer.
    """
    keys, now = {node.lower(): node for node in nodes}, survey.options.now
    known = {key: record for key, record in checks.packs.items() if key in keys}
    is_due = (
        not checks.packs_at
        or not 0 <= timestamps.seconds_between(checks.packs_at, now) < DAY
    )
    has_versions = {
        key
        for key in keys
        if (node := survey.node(key)) is not None and (node.versions or node.banned)
    }
    unanswered = {
        key
        for key in keys
        if key not in known or (known[key] is None and key in has_versions)
    }
    wanted = [key for key in keys if is_due or key in unanswered]
    if not wanted:
        return Asked(known=known, fresh={}, at=checks.packs_at)
    spelled = {
        key: record.id for key, record in known.items() if record
    } | survey.findings.registry_ids
    answer = await read_packs(registry, [spelled.get(key, keys[key]) for key in wanted])
    fresh = {
        key: one
        for key, one in answer.records.items()
        if key in keys and one.status in PACK_STATUSES
    }
    silent = set(wanted) - fresh.keys()
    lacking = silent & has_versions
    if answer.failure:
        known |= fresh
    else:  # what was known of a pack that it leaves out now is not known any more
        kept = {key: record for key, record in known.items() if key not in silent}
        known = kept | fresh | dict.fromkeys(silent - lacking)
    failure = answer.failure
    if lacking and failure is None:
        error = f"GET /nodes does not say how {plural(len(lacking), 'pack')} stand"
        failure = ReadFailure(error=error)
    return Asked(
        known=known,
        fresh=fresh,
        at=now if is_due and answer.failure is None else checks.packs_at,
        failure=failure,
    )


def is_banned(checks: Checks, node: str) -> bool:
    """Return whether the last answer says that a pack is banned."""
    record = checks.packs.get(node.lower())
    return record is not None and record.status == BANNED


def take(
    fresh: Mapping[str, PackRecord],
    findings: Findings,
    snapshot: Snapshot,
    options: DiffOptions,
) -> None:
    """Add to the findings what fresh records say of bans. A status that is not known says nothing of them."""
    for key, record in fresh.items():
        if record.status not in PACK_STATUSES:
            continue
        node = (
            findings.nodes.get(key) or snapshot.nodes.get(key) or Node(node=record.id)
        )
        said = replace(record, status_detail=summarize(record.status_detail))
        listed = key in findings.read and key not in findings.banned
        difference = compare_record(node, said, options, listed=listed)
        if difference.node != node:
            findings.nodes[key] = difference.node
        if node.banned and not difference.node.banned:
            findings.etags.pop(
                key, None
            )  # what changed under the ban was answered by the ban, and is compared now
        if difference.events:
            findings.events[key] = (*findings.events.get(key, ()), *difference.events)


def believed(record: PackRecord | None, node: Node | None) -> PackRecord | None:
    """Return a pack's record; a ban that has ended since it was recorded is left out."""
    if record is not None and record.status == BANNED and not (node and node.banned):
        return replace(record, status=ACTIVE)
    return record
