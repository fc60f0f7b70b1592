"""One look at installed packs: what the registry says of each, with nothing kept and nothing sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from watcher.changes.transitions import DiffOptions, node_url
from watcher.changes.verdict import Judgement, Known, judge, names_a_node, rank
from watcher.model.event import Kind
from watcher.model.exposure import Exposure, exposure_key
from watcher.model.listing import FetchFailed
from watcher.model.pack import Pack, PackKind, PackRecords, Verdict
from watcher.model.snapshot import Node, Snapshot
from watcher.polling.reading.reasons import read_summaries
from watcher.polling.reading.survey import Findings, Survey
from watcher.progress import Progress, silent
from watcher.registry.client import Limits, Registry
from watcher.registry.packs import joined, read_packs
from watcher.state.model import Checks
from watcher.text.status_reason import summarize

BAD = (Verdict.BANNED, Verdict.FLAGGED, Verdict.DELETED, Verdict.DEPRECATED, Verdict.DELISTED)
_PATIENCE = 15.0
"""Seconds that the registry's reasons may take. The verdicts need none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """The packs of one install, or why they cannot be read."""

    install: str
    packs: tuple[Pack, ...] = ()
    error: str = ""
    named: bool = False
    """It is a workflow, which names packs: nobody need run them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One installed pack, and what the registry says of it."""

    install: str
    pack: Pack
    judgement: Judgement
    reason: str = ""
    """The registry's, else why so little is known: untrusted text."""
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
    unread: tuple[FetchFailed, ...] = ()
    """The nodes that could not be read, or not completely."""
    no_records: str = ""
    """Why nothing is known of packs as a whole; "" if that is known."""


def fails(audit: Audit, verdicts: Collection[str]) -> bool:
    """Return whether something that is run has one of the verdicts, and is not accepted."""
    return any(one.verdict in verdicts and one.pack.enabled and not one.accepted for one in audit.findings)


async def audit(
    scanned: Iterable[Scanned],
    *,
    registry_url: str,
    limits: Limits,
    accept: Collection[str] = (),
    reported: Mapping[str, Exposure] = MappingProxyType({}),
    clock: Callable[[], str],
    progress: Progress = silent,
) -> Audit:
    """Return what the registry says of every pack; it is not asked if none has an id. No answer is an exception.

    `accept` has versions as `pack@1.2.0`, and `reported` by `exposure_key` what a watch knows of them: what has become
    worse since it was accepted there is not accepted. ConfigError if the environment names a proxy that cannot be used.
    """
    installed = [(scan, _unclaimed(pack) if scan.named else pack) for scan in scanned for pack in scan.packs]
    ids = {pack.id.lower(): pack.id for _, pack in installed if pack.id and names_a_node(pack)}
    async with Registry(registry_url, limits, progress=progress) as registry:
        return await _audit(registry, installed, ids, _Accepted(accept, reported), clock, progress)


def _unclaimed(pack: Pack) -> Pack:
    """Return a pack that a workflow names by its id and a commit as one of unknown version: the id is no claim."""
    return replace(pack, kind=PackKind.CLAIMED) if pack.kind is PackKind.GIT and not pack.repository else pack


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
    found, records = await asyncio.gather(survey.read(), read_packs(registry, ids.values()))
    # GET /nodes compares ids with their case, and the versions show the registry's.
    spelled = [spelling for key, spelling in found.registry_ids.items() if key not in records.records]
    if spelled and not records.error:
        records = joined([records, await read_packs(registry, spelled)])
    judged = [(scan, pack, judge(pack, _known(pack, found, records, options.now))) for scan, pack in installed]
    reasons = await _reasons(registry, judged, found, records, progress)
    findings = [
        Finding(
            install=scan.install,
            pack=pack,
            judgement=judgement,
            reason=judgement.why or reasons.get(_place(pack, judgement), ""),
            url=node_url(found.registry_ids.get(pack.id.lower(), pack.id)) if pack.id and names_a_node(pack) else None,
            accepted=accepted.has(pack, judgement),
            named=scan.named,
        )
        for scan, pack, judgement in judged
    ]
    unread = tuple(one for one in found.unread.values() if not one.not_found)
    return Audit(findings=tuple(sorted(findings, key=_order)), unread=unread, no_records=records.error)


class _Accepted:
    """The findings that are known."""

    def __init__(self, accept: Iterable[str], reported: Mapping[str, Exposure]) -> None:
        self._keys = {exposure_key(node, version) for node, _, version in (text.rpartition("@") for text in accept)}
        self._reported = reported

    def has(self, pack: Pack, judgement: Judgement) -> bool:
        """Return whether a finding is accepted, and no worse than when a watch saw it first."""
        if judgement.verdict in {Verdict.UNKNOWN, Verdict.OK} or self._keys.isdisjoint(_keys(pack, judgement)):
            return False
        known = self._reported.get(exposure_key(pack.id or "", pack.version))
        return known is None or not known.accepted or rank(judgement.verdict) >= rank(Verdict(known.accepted))


def _known(pack: Pack, found: Findings, records: PackRecords, now: str) -> Known:
    """Return what was found of the node that a pack names. One that the registry does not know has no version."""
    key = (pack.id or "").lower()
    node, unread = found.nodes.get(key), found.unread.get(key)
    if unread is not None and unread.not_found:
        node, unread = Node(node=unread.node, empty_since=now), None
    no_record = "" if key in records.answered else f"the registry does not say which repository it has: {records.error}"
    return Known(
        node=node,
        record=records.records.get(key),
        no_node=f"it could not be checked: {unread.error}" if unread else "",
        no_record=no_record,
    )


_Place = tuple[str, str]
"""A node, and the key of a version in it, or "" for the whole pack."""


def _place(pack: Pack, judgement: Judgement) -> _Place:
    listed = "" if judgement.of_pack or judgement.listed is None else judgement.listed.key
    return (pack.id or "").lower(), listed


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
    for _, pack, judgement in judged:
        key = (pack.id or "").lower()
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
        elif judgement.listed is not None and judgement.verdict in BAD[:3]:
            wanted.setdefault(key, {})[judgement.listed.key] = judgement.listed.status
    return {**reasons, **await read_summaries(registry, wanted, _PATIENCE, progress)}


def _keys(pack: Pack, judgement: Judgement) -> set[str]:
    """Return how an accepted finding may name a pack: by the version as it is installed, and as the registry has it."""
    versions = {pack.version, judgement.listed.version if judgement.listed else pack.version}
    return {exposure_key(pack.id, version) for version in versions} if pack.id else set()


def _order(finding: Finding) -> tuple[object, ...]:
    pack = finding.pack
    return rank(finding.verdict), not pack.enabled, (pack.id or pack.folder).lower(), finding.install, pack.folder
