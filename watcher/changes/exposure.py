"""What is run: what of it is bad, and what appears, compared with the last poll. Pure.

Rules: docs/behaviour.md, Events (What you run, Appearances).
`watcher.changes.verdict` makes its findings, as for `audit`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from watcher.changes.transitions import node_url
from watcher.changes.verdict import identities
from watcher.model.event import (
    EXPOSURES,
    BadVersion,
    Event,
    Kind,
    Severity,
    event_id,
    worst_of,
)
from watcher.model.finding import (
    Acceptance,
    BadCopy,
    CopyKey,
    Exposure,
    Finding,
    Grade,
    Installed,
    KnownInstall,
    KnownPack,
    is_worse,
    rank,
    worst,
)
from watcher.model.pack import Copy, Pack, Scanned, Verdict, named_after
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


def assess(reported: Installed, poll: Poll) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is bad after a poll, and all events of the poll; one that says what an `exposed` would is marked."""
    run: defaultdict[str, list[Finding]] = defaultdict(list)
    for one in poll.findings:
        if one.node is not None and one.pack.enabled:
            run[one.node.lower()].append(_as_bad(one))
    exposures: dict[str, Exposure] = {}
    standing_in: set[str] = set()
    left: dict[str, tuple[BadVersion, ...]] = {}
    events: list[Event] = []
    for key in sorted(run.keys() | reported.exposures.keys()):
        before = reported.exposures.get(key, Exposure())
        pack = _RunPack(
            key=key, findings=run[key], before=before, poll=poll, seen=reported.seen
        )
        bad = pack.bad_copies()
        news = pack.news(bad)
        for copies in news:
            if said := pack.said_by(copies):
                standing_in.update(said)
            else:
                events.append(pack.exposed(copies))
        if bad:
            reported_now = [one for copies in news for one in copies]
            exposures[key] = Exposure(copies=bad, ends=pack.ends(bad, reported_now))
            left[key] = _left(key, (one for one in bad if one not in reported_now))
        elif event := pack.cleared():
            events.append(event)
    marked = (
        replace(
            one,
            exposes=one.id in standing_in,
            bad_versions=left.get((one.node or "").lower(), ())
            if one.kind is Kind.REINSTATED
            else one.bad_versions,
        )
        for one in poll.events
    )
    seen = reported.seen + len(events)
    return replace(reported, exposures=exposures, seen=seen), (*marked, *events)


def judged_copies(poll: Poll, installed: Installed) -> dict[str, tuple[BadCopy, ...]]:
    """Return how each enabled copy stands after a poll, by the lower-case id of each pack that it may be.

    What is bad is taken from `installed`, which `assess` returned.
    """
    each: defaultdict[tuple[str, CopyKey], list[Finding]] = defaultdict(list)
    for one in poll.findings:
        if one.node is not None and one.pack.enabled:
            each[one.node.lower(), _key(one)].append(one)
    found: defaultdict[str, dict[CopyKey, BadCopy]] = defaultdict(dict)
    for (node, key), findings in each.items():
        found[node][key] = _judged(findings, poll.accept)
    for node, exposed in installed.exposures.items():
        found[node] |= {one.key: one for one in exposed.copies}
    return {node: tuple(found[node].values()) for node in sorted(found)}


def copies_of(installs: Mapping[str, Iterable[Pack]]) -> dict[str, tuple[Copy, ...]]:
    """Return the installed copies that may be each pack, by its lower-case id: enabled ones first."""
    found: dict[str, list[Copy]] = {}
    for install, packs in installs.items():
        for pack in packs:
            for one in identities(pack):
                copy = Copy(
                    install=install,
                    version=pack.version,
                    enabled=pack.enabled,
                    folder=pack.folder,
                )
                found.setdefault(one.id.lower(), []).append(copy)
    return {key: tuple(sorted(copies, key=_place)) for key, copies in found.items()}


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


def _as_bad(finding: Finding) -> Finding:
    """Return a finding by what is bad: a version that waits for its scan may be deprecated all the same."""
    row = finding.row
    if finding.verdict is Verdict.PENDING and row is not None and row.deprecated:
        return replace(finding, verdict=Verdict.DEPRECATED)
    return finding


def _judged(findings: Sequence[Finding], accept: Collection[Acceptance]) -> BadCopy:
    """Return how bad a copy is by its findings: by those that are not accepted, if there are any."""
    left = [one for one in findings if not one.covered_by(accept)]
    install, version = _key(findings[0])
    return BadCopy(
        install=install,
        version=version,
        grade=worst(left or findings).grade,
        accepted=not left,
    )


def _place(copy: Copy) -> tuple[bool, str, str]:
    return not copy.enabled, copy.install, copy.version or ""


def _left(node: str, bad: Iterable[BadCopy]) -> tuple[BadVersion, ...]:
    """Return what is run and bad all the same, the worst first; without what is accepted."""
    found = {(one.version or "", one.grade) for one in bad if not one.accepted}
    return tuple(
        BadVersion(node=node, version=version, status=grade)
        for version, grade in sorted(found, key=lambda one: (rank(one[1]), one[0]))
    )[:MOST_LEFT]


@frozen
class _RunPack:
    """A pack that is run, or was."""

    key: str
    """Its lower-case id."""
    findings: Sequence[Finding]
    """Of its enabled copies."""
    before: Exposure
    """What was bad of it at the last poll."""
    poll: Poll
    seen: int
    """How many events there were of installs and exposures before."""

    def bad_copies(self) -> tuple[BadCopy, ...]:
        """Return what is bad of it; also what was, where this poll cannot say how it is."""
        found: dict[CopyKey, BadCopy] = {}
        for copy in self.before.copies:
            scan = self.poll.scans.get(copy.install)
            if scan is not None and scan.packs is None:
                found[copy.key] = copy
            may_be = [grade for one in self._of(copy.key) if (grade := _yet(one, copy))]
            worst_yet = min(may_be, key=rank, default=None)
            # A ban of the whole pack says nothing of a single version: once it ends, nothing milder is left of it.
            if worst_yet and (worst_yet is copy.grade or not self._is_pardoned):
                found[copy.key] = replace(copy, grade=worst_yet)
        for key in {_key(one) for one in self.findings}:
            if bad := self._bad_copy(key):
                found[key] = bad
        return tuple(
            found[key] for key in sorted(found, key=lambda one: (one[0], one[1] or ""))
        )

    @property
    def _is_pardoned(self) -> bool:
        """Whether this poll saw a ban of the whole pack end."""
        return any(
            one.kind is Kind.REINSTATED
            and one.version is None
            and (one.node or "").lower() == self.key
            for one in self.poll.events
        )

    def _bad_copy(self, key: CopyKey) -> BadCopy | None:
        """Return a copy as it is bad now; as it was, if that is worse and not all was answered; None if it is not."""
        findings = self._of(key)
        bad = [one for one in findings if one.verdict in EXPOSURES]
        if not bad:
            return None
        now = _judged(bad, self.poll.accept)
        if not any(one.gaps for one in findings):
            return now
        was = [one for one in self.before.copies if one.key == key]
        return min([*was, now], key=lambda one: (one.accepted, rank(one.grade)))

    def ends(
        self, bad: Iterable[BadCopy], reported: Iterable[BadCopy]
    ) -> Severity | None:
        """Return how bad the worst was that `cleared` will end; None if all of it was accepted instead."""
        if all(one.accepted for one in bad) and not self._has_ended(bad):
            return None
        severities = [one.grade.severity for one in reported]
        return worst_of(*severities, *([self.before.ends] if self.before.ends else []))

    def _has_ended(self, bad: Iterable[BadCopy]) -> bool:
        """Return whether something that was reported has ended, and was not accepted before."""
        was, now = self._reported, {one.key for one in bad}
        if not was:  # then it ended at an earlier poll, while others were bad
            return self.before.ends is not None
        return any(key not in now and key[0] in self.poll.scans for key in was)

    @property
    def _reported(self) -> dict[CopyKey, Grade]:
        """How bad the copies were at the last poll that were not accepted."""
        return {one.key: one.grade for one in self.before.copies if not one.accepted}

    def news(self, bad: Iterable[BadCopy]) -> list[list[BadCopy]]:
        """Return the copies that are new here, worse, or accepted no more, together by version and verdict."""
        was = self._reported
        found: dict[tuple[str, Verdict], list[BadCopy]] = {}
        for one in bad:
            is_new = one.key not in was or is_worse(one.grade, was[one.key])
            if is_new and not one.accepted:
                key = one.version or "", one.grade.verdict
                found.setdefault(key, []).append(one)
        return [found[key] for key in sorted(found)]

    def said_by(self, copies: Sequence[BadCopy]) -> list[str]:
        """Return the ids of this poll's events that say that these are bad: of the version, or of the whole pack."""
        kind, version = EXPOSURES[copies[0].grade.verdict], copies[0].version
        return [
            event.id
            for event in self.poll.events
            if event.kind is kind
            and (event.node or "").lower() == self.key
            and (
                event.version is None
                or (version is not None and is_same_version(event.version, version))
            )
        ]

    def exposed(self, copies: Sequence[BadCopy]) -> Event:
        """Return the event of copies of one version with one verdict."""
        was = [self._reported.get(one.key) for one in copies]
        before = [one for one in was if one is not None]
        bad = (
            one
            for copy in copies
            for one in self._of(copy.key)
            if one.grade is copy.grade
        )
        finding = worst(bad)
        row = finding.row
        event = self._event(
            Kind.EXPOSED,
            copies[0].version,
            before=min(before, key=rank).verdict if before == was else None,
            after=finding.verdict,
        )
        return replace(
            event,
            version_id=row.id or None if row else None,
            published=row.created_at if row else "",
            reason=finding.reason,
            safe_version=finding.safe_version,
        )

    def cleared(self) -> Event | None:
        """Return the event of a pack of which nothing is bad any more.

        None if all that was is accepted, or in installs that left the settings.
        """
        if not self._has_ended(()):
            return None
        was = self._reported
        versions = {version for _, version in was}
        grades = was.values() or [one.grade for one in self.before.copies]
        event = self._event(
            Kind.CLEARED,
            versions.pop() if len(versions) == 1 else None,
            before=min(grades, key=rank).verdict,
            after=None,
        )
        return replace(event, ends=self.before.ends)

    def _of(self, key: CopyKey) -> list[Finding]:
        return [one for one in self.findings if _key(one) == key]

    def _event(
        self, kind: Kind, version: str | None, *, before: str | None, after: str | None
    ) -> Event:
        known = self.poll.after.get(self.key)
        node = known.node if known else next((one.node for one in self.findings), None)
        return Event(
            id=event_id("installed", self.key, version, self.seen, kind, before, after),
            kind=kind,
            node=node or self.key,
            version=version,
            before=before,
            after=after,
            at=self.poll.now,
            url=node_url(node or self.key),
        )


def _yet(finding: Finding, copy: BadCopy) -> Grade | None:
    """Return how bad a copy may still be that was bad; None if an answer shows that it is so no more."""
    was, may_be = copy.grade, finding.may_be
    # That a version waits for its scan hides what was not answered.
    if finding.verdict not in {Verdict.UNKNOWN, Verdict.PENDING}:
        return None
    is_delisted = was is Grade.DELISTED and finding.row is None
    if may_be is None or finding.gaps or is_delisted:
        return was
    # The milder of the two: that it may be worse than it was is no answer.
    return max(was, Grade(may_be), key=rank) if may_be in EXPOSURES else None


def _key(finding: Finding) -> CopyKey:
    return finding.install, finding.pack.version


def appear(
    reported: Installed, scans: Mapping[str, Scanned], now: str
) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is known of the installs after a poll, and the events.

    `scans` has every configured install: one that is not configured any more is forgotten.
    """
    known: dict[str, KnownInstall] = {}
    events: list[Event] = []
    for key, scan in sorted(scans.items()):
        before = reported.known.get(key)
        if before is not None:
            events += (
                _event(key, scan.name, pack, reported.seen, now)
                for pack in _new(before, scan.packs or ())
            )
        if before is not None or scan.places:
            known[key] = _after(before or KnownInstall(places=()), scan)
    seen = reported.seen + len(events)
    return replace(reported, known=known, seen=seen), tuple(events)


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


def _event(key: str, install: str, pack: Pack, seen: int, now: str) -> Event:
    one = _known(pack)
    copy = Copy(install=install, version=pack.version, enabled=pack.enabled)
    return Event(
        id=event_id("installed", key, one.id, one.name, seen, Kind.APPEARED),
        kind=Kind.APPEARED,
        node=pack.id,
        version=pack.version,
        at=now,
        url=node_url(pack.id),
        install=install,
        folder=pack.folder,
        installed=(copy,),
    )
