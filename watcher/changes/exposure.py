"""What is run: what of it is bad, and what appears, compared with the last poll. Pure.

Rules: docs/dev/behaviour.md, Events (What you run, Appearances).
`watcher.changes.verdict` makes its findings, as for `audit`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from watcher.changes.transitions import make_event
from watcher.changes.verdict import as_one, identities
from watcher.model.event import (
    BadVersion,
    Event,
    Grade,
    Kind,
    Severity,
    grade_rank,
    worst_grade,
    worst_of,
)
from watcher.model.finding import (
    Acceptance,
    CopyKey,
    Exposure,
    Finding,
    Installed,
    JudgedCopy,
    KnownInstall,
    KnownPack,
    worst,
)
from watcher.model.pack import Copy, Pack, Scanned, named_after
from watcher.model.snapshot import Node
from watcher.model.version import is_same_version
from watcher.values import frozen

MOST_LEFT = 5
"""How many versions a `reinstated` names that are run and bad."""


@frozen
class Poll:
    """What one poll found, as far as it matters here."""

    findings: Sequence[Finding]
    """Of every copy, as each pack that it may be."""
    scans: Mapping[str, Scanned]
    """Of all configured installs, by name."""
    after: Mapping[str, Node]
    """The nodes after this poll, by lower-case id."""
    events: Sequence[Event]
    accept: Collection[Acceptance]
    """Findings that are known."""
    now: str
    revision: int
    """Of the snapshot before it, for the ids of events."""


Judged = Mapping[str, tuple[JudgedCopy, ...]]
"""How each enabled copy stands, by the lower-case id of each pack that it may be."""


def assess(
    reported: Installed, poll: Poll
) -> tuple[Installed, Judged, tuple[Event, ...]]:
    """Return what is bad after a poll, how all copies stand, and all events of the poll.

    One that says what an `exposed` would is marked.
    """
    run: defaultdict[str, defaultdict[CopyKey, list[Finding]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for one in poll.findings:
        # What ComfyUI does not load harms nobody, and what names no pack cannot be bad.
        if one.node is not None and one.pack.enabled:
            copy = one.install, one.pack.version
            run[one.node.lower()][copy].append(_as_bad(one, poll.accept))
    judged: dict[str, tuple[JudgedCopy, ...]] = {}
    exposures: dict[str, Exposure] = {}
    standing_in: set[str] = set()
    left: dict[str, tuple[BadVersion, ...]] = {}
    events: list[Event] = []
    for key in sorted(run.keys() | reported.exposures.keys()):
        before = reported.exposures.get(key, Exposure())
        pack = _RunPack(key=key, findings=run[key], before=before, poll=poll)
        for copies in pack.news():
            # One change is one alert: who hears of the ban need not hear that it is run.
            if said := pack.said_by(copies[0]):
                standing_in.update(said)
            else:
                events.append(pack.exposed(copies))
        if pack.bad:
            exposures[key] = Exposure(copies=tuple(pack.bad.values()), ends=pack.ends)
            left[key] = pack.left()
        # A pack has one end, however many copies were bad, so that it says that all is well.
        elif pack.has_ended:
            events.append(pack.cleared())
        stand = {copy: as_one(found).judged for copy, found in run[key].items()}
        if stand := stand | pack.bad:
            judged[key] = tuple(stand.values())
    marked = (
        replace(
            one,
            exposes=one.id in standing_in,
            bad_versions=left.get(one.node_key, ())
            if one.kind is Kind.REINSTATED
            else one.bad_versions,
        )
        for one in poll.events
    )
    after = replace(reported, exposures=exposures)
    return after, judged, (*marked, *events)


def copies_of(installs: Mapping[str, Iterable[Pack]]) -> dict[str, tuple[Copy, ...]]:
    """Return the installed copies that may be each pack, by its lower-case id: enabled ones first."""
    found: dict[str, list[Copy]] = {}
    for install, packs in installs.items():
        for pack in packs:
            # What an archive says of itself may be a lie, so a copy counts for each pack that it may be.
            for one in identities(pack):
                copy = Copy(
                    install=install,
                    version=pack.version,
                    enabled=pack.enabled,
                    folder=pack.folder,
                )
                found.setdefault(one.id.lower(), []).append(copy)

    def place(one: Copy) -> tuple[object, ...]:
        return not one.enabled, one.install, one.version or ""

    return {key: tuple(sorted(copies, key=place)) for key, copies in found.items()}


def with_copies(
    events: Iterable[Event], copies: Mapping[str, tuple[Copy, ...]]
) -> tuple[Event, ...]:
    """Return the events with the installed copies of their packs, which say how urgent they are.

    A pack without an id that appeared has its own copy already.
    """
    return tuple(
        replace(event, installed=copies.get(event.node.lower(), ()))
        if event.node is not None
        else event
        for event in events
    )


def _as_bad(finding: Finding, accept: Collection[Acceptance]) -> Finding:
    """Return a finding by what is bad, and what accepts that."""
    row = finding.row
    # A version that waits for its scan may be deprecated all the same.
    if finding.grade is Grade.PENDING and row is not None and row.deprecated:
        finding = replace(finding, grade=Grade.DEPRECATED)
    return finding.accepted_by(accept)


def _bad_copy(
    was: JudgedCopy | None, findings: Sequence[Finding], *, is_pardoned: bool
) -> JudgedCopy | None:
    """Return a copy as it is bad now, or may still be; None if it is not."""
    if bad := [one for one in findings if one.grade.is_bad]:
        now = as_one(bad).judged
        # What was not answered makes nothing milder.
        is_sure = not any(one.gaps for one in findings)
        return now if was is None or is_sure else min(was, now, key=JudgedCopy.rank)
    if was is None:
        return None
    grade = worst_grade(_yet(one, was.grade) for one in findings)
    # A ban of the whole pack says nothing of a single version: once it ends, nothing milder is left of it.
    is_over = not grade.is_bad or (is_pardoned and grade is not was.grade)
    return None if is_over else replace(was, grade=grade)


def _yet(finding: Finding, was: Grade) -> Grade:
    """Return how bad a copy may still be that was bad; `ok` if an answer shows that it is so no more."""
    # That a version waits for its scan hides what was not answered.
    if finding.grade not in {Grade.UNKNOWN, Grade.PENDING}:
        return Grade.OK
    # A copy of another repository is unknown without a row, but its version may be listed again.
    is_delisted = was is Grade.DELISTED and not finding.is_listed
    if finding.may_be is None or finding.gaps or is_delisted:
        return was
    # The milder of the two: that it may be worse than it was is no answer.
    return max(was, finding.may_be, key=grade_rank)


@dataclass(frozen=True, kw_only=True)  # without slots: it keeps what is bad
class _RunPack:
    """A pack that is run, or was."""

    key: str
    """Its lower-case id."""
    findings: Mapping[CopyKey, Sequence[Finding]]
    """Of its enabled copies."""
    before: Exposure
    """What was bad of it at the last poll."""
    poll: Poll

    @cached_property
    def bad(self) -> dict[CopyKey, JudgedCopy]:
        """What is bad of it now; also what was, where this poll cannot say how it is."""
        was = {one.key: one for one in self.before.copies}
        is_pardoned = any(
            one.kind is Kind.REINSTATED
            and one.version is None
            and one.node_key == self.key
            for one in self.poll.events
        )
        found: dict[CopyKey, JudgedCopy] = {}
        keys = was.keys() | self.findings.keys()
        for key in sorted(keys, key=lambda one: (one[0], one[1] or "")):
            scan, copy = self.poll.scans.get(key[0]), was.get(key)
            # Without a scan it is not known what is installed there, and so not that the copy is gone.
            if scan is None or scan.packs is not None:
                findings = self.findings.get(key, ())
                copy = _bad_copy(copy, findings, is_pardoned=is_pardoned)
            if copy:
                found[key] = copy
        return found

    @property
    def ends(self) -> Severity | None:
        """How bad the worst was that `cleared` will end; None if all of it was accepted instead."""
        if all(one.accepted for one in self.bad.values()) and not self.has_ended:
            return None
        before = [self.before.ends] if self.before.ends else []
        news = filter(self.before.is_news, self.bad.values())
        return worst_of(*before, *(one.grade.severity for one in news))

    def left(self) -> tuple[BadVersion, ...]:
        """Return what was bad before and still is, the worst first; without what is accepted."""
        found = {
            (grade_rank(one.grade), one.version or "", one.grade)
            for one in self.bad.values()
            # What is news has an event of its own.
            if not (one.accepted or self.before.is_news(one))
        }
        return tuple(
            BadVersion(node=self.key, version=version, status=grade)
            for _, version, grade in sorted(found)[:MOST_LEFT]
        )

    @property
    def has_ended(self) -> bool:
        """Whether something that was reported has ended, and was not accepted before."""
        was = self.before.reported
        if not was:  # then it ended at an earlier poll, while others were bad
            return self.before.ends is not None
        # What leaves with its install ends without an event.
        return any(key not in self.bad and key[0] in self.poll.scans for key in was)

    def news(self) -> list[list[JudgedCopy]]:
        """Return the copies that are new here, worse, or accepted no more, together by version and verdict."""
        found: defaultdict[tuple[str, Grade], list[JudgedCopy]] = defaultdict(list)
        for one in filter(self.before.is_news, self.bad.values()):
            found[one.version or "", one.grade.verdict].append(one)
        return [found[key] for key in sorted(found)]

    def said_by(self, copy: JudgedCopy) -> list[str]:
        """Return the ids of this poll's events that say that it is bad: of the version, or of the whole pack."""
        return [
            event.id
            for event in self.poll.events
            if event.kind is copy.grade.kind
            and event.node_key == self.key
            and (
                event.version is None
                or (
                    copy.version is not None
                    and is_same_version(event.version, copy.version)
                )
            )
        ]

    def exposed(self, copies: Sequence[JudgedCopy]) -> Event:
        """Return the event of copies of one version with one verdict."""
        was = self.before.reported
        before = [was[one.key] for one in copies if one.key in was]
        is_known = len(before) == len(copies)
        # It may be bad as several packs: the finding that is as bad as the copy explains it.
        finding = worst(
            one
            for copy in copies
            for one in self.findings[copy.key]
            if one.grade is copy.grade
        )
        event = self._event(
            Kind.EXPOSED,
            copies[0].version,
            worst_grade(before).verdict if is_known else None,
            finding.grade.verdict,
        )
        row = finding.row
        return replace(
            event,
            version_id=row.id or None if row else None,
            published=row.created_at if row else "",
            reason=finding.reason,
            safe_version=finding.safe_version,
        )

    def cleared(self) -> Event:
        """Return the event of a pack of which nothing is bad any more."""
        was = self.before.reported
        versions = {version for _, version in was}
        version = versions.pop() if len(versions) == 1 else None
        grades = was.values() or [one.grade for one in self.before.copies]
        before = worst_grade(grades).verdict
        event = self._event(Kind.CLEARED, version, before, None)
        return replace(event, ends=self.before.ends)

    def _event(
        self, kind: Kind, version: str | None, before: str | None, after: str | None
    ) -> Event:
        known = self.poll.after.get(self.key)
        named = (one.node for found in self.findings.values() for one in found)
        node = known.node if known else next(named, None) or self.key
        of = "installed", self.key, version, self.poll.revision
        event = make_event(of, kind, before, after, now=self.poll.now, node=node)
        return replace(event, version=version)


def appear(
    reported: Installed, scans: Mapping[str, Scanned], now: str, revision: int
) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is known of the installs after a poll, and the events; `revision` is that of the snapshot before.

    `scans` has every configured install: one that is not configured any more is forgotten.
    """
    known: dict[str, KnownInstall] = {}
    events: list[Event] = []
    for key, scan in sorted(scans.items()):
        # Who adds an install has had its packs for long: the first scan makes no events.
        before = reported.known.get(key)
        if before is not None:
            events += (
                _event(key, scan.name, pack, revision, now)
                for pack in _new(before, scan.packs or ())
            )
        if before is not None or scan.places:
            known[key] = _after(before or KnownInstall(places=()), scan)
    return replace(reported, known=known), tuple(events)


def _new(known: KnownInstall, packs: Iterable[Pack]) -> list[Pack]:
    """Return the packs that are not known, of several copies of one only the first."""
    ids = {one.id for one in known.packs if one.id}
    names = {one.name for one in known.packs}
    nameless = {one.name for one in known.packs if one.id is None}
    found: dict[tuple[str | None, str], Pack] = {}
    for pack in packs:
        one = _known(pack)
        # A folder whose id is lost or found is the same pack.
        is_known = one.name in (nameless if one.id else names) or one.id in ids
        # In a folder that is read for the first time a pack may have been for long, unless all was read once.
        is_first = known.places is not None and pack.place not in known.places
        if not is_known and not is_first:
            found.setdefault((one.id, "" if one.id else one.name), pack)
    return list(found.values())


def _after(known: KnownInstall, scan: Scanned) -> KnownInstall:
    """Return what is known of an install after a scan. What only a part of it did not show may still be there."""
    there = set(map(_known, scan.packs or ()))
    places: tuple[str, ...] | None = None
    # A folder that is not mounted hides its packs, which are no news when it is back.
    if not scan.is_whole:
        there.update(known.packs)
        if known.places is not None:
            places = tuple(sorted(scan.places.union(known.places)))
    packs = sorted(there, key=lambda one: (one.name, one.id or ""))
    return KnownInstall(packs=tuple(packs), places=places)


def _known(pack: Pack) -> KnownPack:
    return KnownPack(
        name=named_after(pack.folder).lower(), id=pack.id.lower() if pack.id else None
    )


def _event(key: str, install: str, pack: Pack, revision: int, now: str) -> Event:
    one = _known(pack)
    copy = Copy(install=install, version=pack.version, enabled=pack.enabled)
    of = "installed", key, one.id, one.name, revision
    return replace(
        make_event(of, Kind.APPEARED, None, None, now=now, node=pack.id),
        version=pack.version,
        install=install,
        folder=pack.folder,
        installed=(copy,),
    )
