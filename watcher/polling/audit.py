"""One look at installed packs: what the registry says of each, with nothing kept and nothing sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from watcher.changes.transitions import DiffOptions, node_url
from watcher.changes.verdict import Judgement, Known, Missing, identities, judge, rank
from watcher.model.event import Kind
from watcher.model.exposure import Exposure, accepts, exposure_key
from watcher.model.failure import Fault, ReadFailure
from watcher.model.pack import Pack, PackKind, PackRecords, Verdict
from watcher.model.snapshot import Node, Snapshot
from watcher.polling.reading.reasons import read_summaries
from watcher.polling.reading.survey import Findings, Survey
from watcher.progress import Progress, silent
from watcher.registry.client import Registry, RequestLimits
from watcher.registry.packs import joined, read_packs
from watcher.state.model import Checks
from watcher.text.status_reason import summarize

EXPLAINED = (Verdict.BANNED, Verdict.FLAGGED, Verdict.DELETED)
"""The verdicts for which the registry has a reason."""
_PATIENCE = 15.0
"""Seconds that the registry's reasons may take. The verdicts need none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """The packs of one install, and why not all of them could be read."""

    install: str
    packs: tuple[Pack, ...] = ()
    error: str = ""
    named: bool = False
    """It is a workflow, which names packs: nobody need run them."""
    unnamed: tuple[str, ...] = ()
    """The types of a workflow's nodes that name no pack: untrusted text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One installed pack, and what the registry says of it."""

    install: str
    pack: Pack
    judgement: Judgement
    reason: str = ""
    """What the verdict rests on, and the registry's reason: untrusted text."""
    url: str | None = None
    """The pack's page; None without an id."""
    accepted: bool = False
    named: bool = False
    """A workflow names it."""

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.judgement.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What one look found."""

    findings: tuple[Finding, ...] = ()
    """Worst first."""
    problems: tuple[ReadFailure, ...] = ()
    """What was not read or not answered, each thing once."""
    unread: int = 0
    """How many packs could not be judged by all that the registry knows."""


def fails(audit: Audit, verdicts: Collection[str]) -> bool:
    """Return whether something that is run has one of the verdicts, and is not accepted."""
    return any(
        one.verdict in verdicts and one.pack.enabled and not one.accepted
        for one in audit.findings
    )


def is_limit(problem: ReadFailure) -> bool:
    """Return whether the registry never says it, so that asking again is of no use: no part of the exit code."""
    is_about_all = problem.node is None and problem.install is None
    return is_about_all and problem.fault is Fault.NOT_FOUND


async def audit(
    scanned: Iterable[Scanned],
    *,
    registry_url: str,
    limits: RequestLimits,
    accept: Collection[str] = (),
    reported: Mapping[str, Exposure] = MappingProxyType({}),
    clock: Callable[[], str],
    progress: Progress = silent,
) -> Audit:
    """Return what the registry says of every pack; it is not asked if none has an id. No answer is an exception.

    `accept` has versions as `pack@1.2.0`, and `reported` by `exposure_key` what a watch knows of them: what has become
    worse since it was accepted there is not accepted. ConfigError if the environment names a proxy that cannot be used.
    """
    scanned = tuple(scanned)
    installed = [
        (scan, _unclaimed(pack) if scan.named else pack)
        for scan in scanned
        for pack in scan.packs
    ]
    ids = {
        one.id.lower(): one.id
        for _, pack in installed
        for one in reversed(identities(pack))
    }
    async with Registry(registry_url, limits, progress=progress) as registry:
        found = await _audit(
            registry, installed, ids, _Accepted(accept, reported), clock, progress
        )
    return replace(
        found,
        problems=(
            *map(_unnamed, (scan for scan in scanned if scan.unnamed)),
            *found.problems,
        ),
    )


def _unnamed(scan: Scanned) -> ReadFailure:
    """Return that nodes of a workflow name no pack: which ones it takes cannot be said."""
    return ReadFailure(
        install=scan.install,
        error=f"nodes that name no pack: {', '.join(scan.unnamed)}",
    )


def _unclaimed(pack: Pack) -> Pack:
    """Return a pack that a workflow names by its id and a commit as one of unknown version: the id is no claim."""
    return (
        replace(pack, kind=PackKind.CLAIMED)
        if pack.kind is PackKind.GIT and not pack.repository
        else pack
    )


async def _audit(
    registry: Registry,
    installed: Sequence[tuple[Scanned, Pack]],
    ids: Mapping[str, str],
    accepted: _Accepted,
    clock: Callable[[], str],
    progress: Progress,
) -> Audit:
    options = DiffOptions(baseline="silent", now=clock())
    survey = Survey(
        registry=registry,
        nodes=tuple(ids.values()),
        snapshot=Snapshot(),
        checks=Checks(),
        options=options,
        concurrency=registry.limits.concurrency,
        clock=clock,
        progress=progress,
    )
    found, records = await asyncio.gather(
        survey.read(), read_packs(registry, ids.values())
    )
    # GET /nodes compares ids with their case, and the versions show the registry's.
    spelled = [
        spelling
        for key, spelling in found.registry_ids.items()
        if key not in records.records
    ]
    if spelled and records.failure is None:
        records = joined([records, await read_packs(registry, spelled)])
    known = _known_by(found, records, options.now)
    judged = [(scan, pack, judge(pack, known)) for scan, pack in installed]
    reasons = await _reasons(registry, judged, found, records, progress)
    findings = [
        Finding(
            install=scan.install,
            pack=pack,
            judgement=judgement,
            reason=": ".join(
                filter(
                    None,
                    (judgement.by, judgement.why, reasons.get(_place(judgement), "")),
                )
            ),
            url=node_url(found.registry_ids.get(judgement.id.lower(), judgement.id))
            if judgement.id
            else None,
            accepted=accepted.has(pack, judgement),
            named=scan.named,
        )
        for scan, pack, judgement in judged
    ]
    return Audit(
        findings=tuple(sorted(findings, key=_order)),
        problems=tuple(_problems(judged, found, records)),
        unread=sum(judgement.gap is not None for _, _, judgement in judged),
    )


def _known_by(
    found: Findings, records: PackRecords, now: str
) -> Callable[[str], Known]:
    """Return what returns what was found of a node, by its id. One that the registry does not know has no version."""

    def known(name: str) -> Known:
        key = name.lower()
        node, unread = found.nodes.get(key), found.unread.get(key)
        # Where nothing of the API is there, it may be another server, which says nothing of a pack.
        if (
            unread is not None
            and unread.fault is Fault.NOT_FOUND
            and not records.absent
        ):
            node, unread = Node(node=name, empty_since=now), None
        return Known(
            node=node,
            record=records.records.get(key),
            no_node=f"it could not be checked: {unread.error}" if unread else "",
            no_records=records.failure,
        )

    return known


def _problems(
    judged: Iterable[tuple[Scanned, Pack, Judgement]],
    found: Findings,
    records: PackRecords,
) -> Iterable[ReadFailure]:
    """Yield what was not read or not answered, each thing once; what concerns all packs is one."""
    unread = [
        one
        for one in found.unread.values()
        if records.absent or one.fault is not Fault.NOT_FOUND
    ]
    # What was not tried follows from the failures before it.
    failed = [one for one in unread if one.fault is not Fault.UNTRIED] or unread
    asked = len(found.read) + len(found.unread)
    errors = Counter(one.error for one in failed)
    for error, count in errors.items():
        is_of_all = 1 < count == len(failed) and len(unread) == asked
        nodes = (
            [None]
            if is_of_all
            else [each.node for each in failed if each.error == error]
        )
        for node in nodes:
            yield ReadFailure(
                node=node,
                error=f"no pack could be checked: {error}" if is_of_all else error,
            )
    if records.failure and records.failure.error not in errors:
        lead = (
            "bans of whole packs were not looked at"
            if records.absent
            else "bans of whole packs may be missing"
        )
        yield ReadFailure(
            error=f"{lead}, and clones cannot be recognised: {records.failure.error}",
            fault=records.failure.fault,
        )
    yield from _gaps(judged, records, asked)


def _gaps(
    judged: Iterable[tuple[Scanned, Pack, Judgement]], records: PackRecords, asked: int
) -> Iterable[ReadFailure]:
    """Yield what is not known of single packs, each thing once; one of all packs if it is the same of all."""
    of_nodes: dict[str, dict[str, None]] = {}
    for scan, pack, judgement in judged:
        gap = judgement.gap
        if (
            gap is None
            or gap.of is Missing.VERSIONS
            or (gap.of is Missing.PACK and records.failure)
        ):
            continue
        if gap.of is Missing.FILE:
            yield ReadFailure(install=scan.install, error=f"{pack.folder}: {gap.why}")
        elif judgement.id is not None:
            of_nodes.setdefault(gap.why, {})[judgement.id] = None
    for why, nodes in of_nodes.items():
        about = [None] if 1 < len(nodes) == asked else [*nodes]
        yield from (ReadFailure(node=node, error=why) for node in about)


class _Accepted:
    """The findings that are known."""

    def __init__(self, accept: Iterable[str], reported: Mapping[str, Exposure]) -> None:
        self._accept = tuple(accept)
        self._reported = reported

    def has(self, pack: Pack, judgement: Judgement) -> bool:
        """Return whether a finding is accepted, and no worse than when a watch saw it first."""
        if judgement.verdict in {Verdict.UNKNOWN, Verdict.OK} or judgement.id is None:
            return False
        if not accepts(self._accept, judgement.id, pack.version):
            return False
        known = self._reported.get(exposure_key(judgement.id, pack.version))
        return (
            known is None
            or not known.accepted
            or rank(judgement.verdict) >= rank(Verdict(known.accepted))
        )


_Place = tuple[str, str]
"""A node, and the key of a version in it, or "" for the whole pack."""


def _place(judgement: Judgement) -> _Place:
    listed = (
        "" if judgement.of_pack or judgement.listed is None else judgement.listed.key
    )
    return (judgement.id or "").lower(), listed


async def _reasons(
    registry: Registry,
    judged: Iterable[tuple[Scanned, Pack, Judgement]],
    found: Findings,
    records: PackRecords,
    progress: Progress,
) -> Mapping[_Place, str]:
    """Return summaries of why packs, and installed versions, are banned, flagged or deleted."""
    reasons: dict[_Place, str] = {}
    wanted: dict[str, dict[str, str]] = {}
    for _, _, judgement in judged:
        key = (judgement.id or "").lower()
        if judgement.of_pack:
            record = records.records.get(key)
            said = summarize(record.status_detail) if record else ""
            reasons[key, ""] = said or next(
                (
                    event.reason
                    for event in found.events.get(key, ())
                    if event.kind is Kind.BANNED and not event.version
                ),
                "",
            )
        elif judgement.listed is not None and judgement.verdict in EXPLAINED:
            wanted.setdefault(key, {})[judgement.listed.key] = judgement.listed.status
    return {**reasons, **await read_summaries(registry, wanted, _PATIENCE, progress)}


def _order(finding: Finding) -> tuple[object, ...]:
    pack = finding.pack
    return (
        rank(finding.verdict),
        not pack.enabled,
        (pack.id or pack.folder).lower(),
        finding.install,
        pack.folder,
    )
