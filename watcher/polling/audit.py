"""One look at installed packs: what the registry says of each, with nothing kept and nothing sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from watcher.changes.facts import VersionKey, with_scans
from watcher.changes.packs import ids_under, with_packs, without_id
from watcher.changes.transitions import DiffOptions
from watcher.changes.verdict import as_one, explained_rows, identities, judge_each
from watcher.model.event import EXPLAINED, Grade, grade_rank
from watcher.model.finding import Acceptance, Finding, in_force
from watcher.model.pack import Inventory, NodeRecords
from watcher.model.reading import Fault, ReadFailure
from watcher.model.snapshot import Snapshot
from watcher.model.version import MinimumAge
from watcher.polling.clock import clock
from watcher.polling.reading.compare import PollChange, compare_nodes
from watcher.polling.reading.plan import Plan
from watcher.polling.reading.read import read, read_all
from watcher.registry.client import Registry
from watcher.registry.packs import read_all_nodes
from watcher.streams import Progress
from watcher.text.sanitize import Trusted
from watcher.text.status_reason import Reason
from watcher.values import frozen


@frozen
class Audit:
    """What one look found."""

    inventories: tuple[Inventory, ...]
    findings: tuple[Finding, ...]
    """One for each pack, worst first."""
    problems: tuple[ReadFailure, ...]
    """What was not read or not answered, each thing once."""


def fails(audit: Audit, grades: Collection[Grade]) -> bool:
    """Return whether something that is enabled, and not accepted, has one of the grades."""
    return any(
        one.grade in grades and one.pack.enabled and one.acceptance is None
        for one in audit.findings
    )


def is_limit(problem: ReadFailure) -> bool:
    """Return whether the registry never says it, so that asking again is of no use: no part of the exit code."""
    # A registry without the endpoint stays so: an exit code of 1 would fail each run, and teach to ignore it.
    is_about_all = problem.node is None and problem.install is None
    return is_about_all and problem.fault is Fault.NOT_FOUND


async def audit(
    registry: Registry,
    inventories: tuple[Inventory, ...],
    *,
    minimum_age: float,
    accept: Collection[Acceptance],
    progress: Progress,
) -> Audit:
    """Return what the registry says of every pack; it is not asked if none has an id or a repository.

    No answer is an exception.

    `minimum_age` is in seconds, and `accept` has known findings. ConfigError if the environment names a proxy that
    cannot be used.
    """
    all_nodes, now = None, clock()
    accept = in_force(accept, now)
    async with registry:
        repositories = without_id(pack for one in inventories for pack in one.packs)
        if repositories:
            all_nodes = await read_all_nodes(registry, progress)
        # A clone without an id is judged as the pack that the registry has under its repository.
        under = ids_under(repositories, {}, all_nodes)
        packs = [
            (one, with_packs(pack, under)) for one in inventories for pack in one.packs
        ]
        ids = {one.id.lower(): one.id for _, pack in packs for one in identities(pack)}
        plan = Plan(
            nodes=ids,
            may_sweep=False,
            options=DiffOptions(baseline="silent", now=now),
        )
        answers = await read(registry, plan, clock, progress, all_nodes)
        polled, records = compare_nodes(plan, answers), answers.packs
        known = PollChange(
            answers=answers,
            polled=polled,
            records=records,
            minimum_age=MinimumAge(seconds=minimum_age, now=now),
            snapshot=Snapshot(
                nodes={key: one.after for key, one in polled.items() if one.after}
            ),
        )
        wanted = {
            (finding.node or "", row.key): row.status
            for of, pack in packs
            for row, finding in explained_rows(of.install, pack, known.known_of)
        }
        # Only what is bad has a reason that anybody reads.
        reasons = await read_all(registry, wanted, registry.limits.timeout, progress)
        scanned = with_scans(known.snapshot.nodes, (), reasons)
        known = replace(known, snapshot=known.snapshot.with_nodes(scanned))
        findings = []
        for of, pack in packs:
            each = judge_each(of.install, pack, known.known_of)
            worst = as_one([one.accepted_by(accept) for one in each])
            findings.append(replace(_explained(worst, reasons), named=of.named))
    is_unfound = bool(repositories - under.keys())
    lookup = all_nodes.failure if all_nodes and is_unfound else None
    return Audit(
        inventories=inventories,
        findings=tuple(sorted(findings, key=_order)),
        problems=(
            *(one.failure for one in inventories if one.failure),
            *_unanswered(findings, records, lookup),
        ),
    )


def _unanswered(
    findings: Iterable[Finding], records: NodeRecords, lookup: ReadFailure | None
) -> Iterator[ReadFailure]:
    """Yield what was not read or not answered, each thing once; `lookup` is why some clones were not looked up."""
    gaps = dict.fromkeys(gap for one in findings for gap in one.gaps)
    yield from (gap for gap in gaps if gap.install)
    of_nodes = [gap for gap in gaps if gap.node]
    # What was not tried follows from the other packs; it is no matter of what an install shows.
    tried = [gap for gap in of_nodes if gap.fault is not Fault.UNTRIED] or of_nodes
    yield from tried
    failure, what = records.failure or lookup, "clones cannot be recognised"
    if records.failure:
        lead = "were not looked at" if records.absent else "may be missing"
        what = f"bans of whole packs {lead}, and {what}"
    if failure and failure.error not in {gap.error for gap in tried}:
        yield ReadFailure(error=f"{what}: {failure.error}", fault=failure.fault)


def _explained(finding: Finding, reasons: Mapping[VersionKey, Reason]) -> Finding:
    """Return a finding with a summary of why the installed version is banned, flagged or deleted."""
    row, node = finding.row, finding.node
    if row is None or node is None or row.status not in EXPLAINED:
        return finding
    reason = reasons.get((node.lower(), row.key))
    unread = Trusted("the registry's reason could not be read")
    detail = reason.summary if reason else unread
    return replace(finding, detail=detail)


def _order(finding: Finding) -> tuple[object, ...]:
    pack = finding.pack
    return (
        grade_rank(finding.grade),
        not pack.enabled,
        (pack.id or pack.folder).lower(),
        finding.install,
        pack.folder,
    )
