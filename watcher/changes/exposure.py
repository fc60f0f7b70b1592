"""What is run and bad, compared with what was reported of it: `exposed` and `cleared`. Pure.

Rules: docs/behaviour.md, Events (What you run). The findings are made by `watcher.changes.verdict`, as in `audit`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from watcher.changes.transitions import node_url
from watcher.changes.verdict import identities
from watcher.model.acceptance import (
    Acceptance,
    Accepted,
    Wrong,
    in_order,
    longest,
    longest_of,
)
from watcher.model.event import EXPOSURES, Event, Kind, Severity, event_id, worst_of
from watcher.model.exposure import Exposure, Installed, exposure_key
from watcher.model.finding import Finding, Grade, accepted_as, is_worse, rank, worst
from watcher.model.pack import Copy, Pack, Verdict
from watcher.model.snapshot import Node

_ENDS = {Kind.REINSTATED, Kind.UNDEPRECATED}
"""The kinds of events that say that something is well again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What one poll found, as far as it matters here."""

    findings: Sequence[Finding]
    """Of every copy, as each pack that it may be."""
    installs: frozenset[str]
    """Names of all configured installs."""
    unseen: frozenset[str]
    """Those of them whose packs are not known, so that what was reported of them stays."""
    after: Mapping[str, Node]
    """The nodes after this poll, by lower-case id."""
    events: Sequence[Event]
    accept: Collection[Acceptance]
    """Findings that are known."""
    now: str


def assess(reported: Installed, poll: Poll) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is reported after a poll, and the events: one for each pack, version and verdict."""
    run: dict[str, list[Finding]] = {}
    for one in poll.findings:
        if one.pack.enabled and one.node is not None:
            key = exposure_key(one.node, one.pack.version)
            run.setdefault(key, []).append(one)
    exposures: dict[str, Exposure] = {}
    events: list[Event] = []
    acceptances = reported.acceptances
    for key in sorted(run.keys() | reported.exposures.keys()):
        findings, old = run.get(key, []), reported.exposures.get(key)
        case = _Case(
            key=key,
            findings=findings,
            old=old,
            known=acceptances.get(key),
            poll=poll,
            seen=reported.seen,
        )
        new = case.exposure()
        if new is not None:
            exposures[key] = new
        event = case.exposed(new) if new else case.cleared()
        if event is not None:
            events.append(event)
    seen = reported.seen + len(events)
    # What is well again, or not seen, may come back worse than what was accepted.
    accepted = {
        key: one
        for key, one in acceptances.items()
        if key not in exposures and {*one.all} <= {*poll.accept}
    }
    after = replace(reported, exposures=exposures, accepted=accepted, seen=seen)
    return after, tuple(events)


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


def _place(copy: Copy) -> tuple[bool, str, str]:
    return not copy.enabled, copy.install, copy.version or ""


def is_accepted(one: Exposure) -> bool:
    """Return whether all that is bad of it is accepted, so that it is not reported."""
    return one.acceptance is not None and one.acceptance.ended is None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One version of a pack that is run, or was."""

    key: str
    """Its `exposure_key`."""
    findings: Sequence[Finding]
    """Of its enabled copies."""
    old: Exposure | None
    """What was reported of it."""
    known: Accepted | None
    """How it is accepted, or was when it was last bad."""
    poll: Poll
    seen: int
    """How many events there were of installs and exposures before."""

    @property
    def node(self) -> str:
        """The lower-case id of the pack."""
        return self.key.partition("@")[0]

    @property
    def version(self) -> str | None:
        """Its text; None for a clone."""
        return self.key.partition("@")[2] or None

    def exposure(self) -> Exposure | None:
        """Return what is bad about it; None if nothing is."""
        old, poll = self.old, self.poll
        bad = [one for one in self.findings if one.verdict in EXPOSURES]
        unsure = {
            one.install for one in self.findings if one.verdict is Verdict.UNKNOWN
        }
        # Nothing is known to be well again where it cannot be judged.
        lasting = set(old.installs) & (poll.unseen | unsure) if old else set()
        installs = lasting | {one.install for one in bad}
        if not installs:
            return None
        verdict = str(worst(bad).grade) if bad else ""
        # What was found in a version cannot always be read again: the worst that was reported of it stays.
        if old and (not bad or _is_same_but_worse(old.verdict, verdict)):
            verdict = old.verdict
        by = self._accepted_by(bad, is_unseen=bool(lasting))
        return Exposure(
            verdict=verdict,
            installs=tuple(sorted(installs)),
            acceptance=self._acceptance(by, verdict) if by else None,
            ends=self._ends(verdict),
        )

    def _accepted_by(
        self, bad: Sequence[Finding], *, is_unseen: bool
    ) -> tuple[Acceptance, ...]:
        """Return what accepts its bad copies; () if one of them is not accepted.

        `is_unseen`: some of them cannot be seen, or judged, in this poll.
        """
        accept = self.poll.accept
        found = [one.covered_by(accept) for one in bad]
        if is_unseen:
            found += self._accepted_unseen()
        known = [one for one in found if one is not None]
        return in_order(known) if len(known) == len(found) else ()

    def _accepted_unseen(self) -> list[Acceptance | None]:
        """Return what accepts copies that cannot be seen: what accepts any copy, else what accepted them before."""
        accept = self.poll.accept
        anyway = longest(accept, Wrong(node=self.node, version=self.version))
        if anyway is not None or self.old is None or self.old.acceptance is None:
            return [anyway]
        return [
            longest_of(accept, before.finding) for before in self.old.acceptance.all
        ]

    def _acceptance(self, by: tuple[Acceptance, ...], verdict: str) -> Accepted:
        """Return how long it is accepted, and as what: what it was at first stays until the settings change."""
        known = self.known
        first = known.verdict if known and known.all == by else verdict
        return accepted_as(first, by, verdict, self.poll.now)

    def _ends(self, grade: str) -> Severity | None:
        """Return how bad the worst was that its end has to say; None where the verdict says it."""
        old, now = self.old, Grade(grade)
        if old is None:
            return None
        if Grade(old.verdict).verdict is now.verdict:
            return old.ends
        before = _severity_of(old)
        is_over = before is Severity.INFO or self._is_ended(before)
        return None if is_over or is_accepted(old) else worst_of(before, now.severity)

    def exposed(self, new: Exposure) -> Event | None:
        """Return the event of something that is bad; None where it is known, or another event says it."""
        kind = EXPOSURES[Grade(new.verdict).verdict]
        if is_accepted(new) or any(one.kind is kind for one in self._events()):
            return None
        old = self.old
        is_reported = old is not None and not is_accepted(old)
        # One more install that has it is news, one less is none.
        if old is None or not is_reported or not set(new.installs) <= set(old.installs):
            before = None
        elif is_worse(new.verdict, old.verdict):
            before = old.verdict
        else:
            return None
        event = self._event(Kind.EXPOSED, before=before, after=new.verdict)
        return replace(event, acceptance=new.acceptance)

    def cleared(self) -> Event | None:
        """Return the event of something that is well again; None where another event says it, or nobody can say it."""
        old = self.old
        if old is None or is_accepted(old) or self._may_be_hidden(old):
            return None
        # To take an install out of the settings clears nothing.
        is_configured = bool(set(old.installs) & self.poll.installs)
        ends = _severity_of(old)
        if not is_configured or self._is_ended(ends):
            return None
        event = self._event(Kind.CLEARED, before=old.verdict, after=None)
        return replace(event, ends=ends)

    def _is_ended(self, severity: Severity) -> bool:
        """Return whether another event of this poll says that something so bad is over."""
        return any(
            event.kind in _ENDS
            and event.ends is not None
            and event.ends.reaches(severity)
            for event in self._events()
        )

    def _may_be_hidden(self, old: Exposure) -> bool:
        """Return whether an install has a copy of the pack that is not fine and may be any version of it."""
        any_version = [
            one
            for one in self.poll.findings
            if one.pack.enabled and one.pack.version is None
        ]
        not_fine = {*EXPOSURES, Verdict.UNKNOWN}
        return any(
            (one.node or "").lower() == self.node
            and one.install in old.installs
            and one.verdict in not_fine
            for one in any_version
        )

    def _events(self) -> list[Event]:
        """Return the events of this poll about it, or about its pack as a whole."""
        versions: set[str] = set()
        if self.version is not None:  # of a clone no version is known
            versions = {one.listed.version for one in self.findings if one.listed}
            versions.add(self.version)
        return [
            event
            for event in self.poll.events
            if (event.node or "").lower() == self.node
            and (event.version is None or event.version in versions)
        ]

    def _event(self, kind: Kind, *, before: str | None, after: str | None) -> Event:
        """Return an event about it: how bad it was, and is."""
        findings = self.findings
        known = self.poll.after.get(self.node)
        node = known.node if known else next((one.node for one in findings), None)
        said = [one for one in findings if one.grade == after]
        listed = next((one.listed for one in said or findings if one.listed), None)
        was, now = _verdict(before), _verdict(after)
        return Event(
            id=event_id("installed", self.key, self.seen, kind, was, now),
            kind=kind,
            node=node or self.node,
            version=self.version,
            version_id=listed.id or None if listed else None,
            before=was,
            after=now,
            at=self.poll.now,
            url=node_url(node or self.node),
            reason=next(filter(None, (one.reason for one in said)), ""),
            published=listed.created_at if listed else "",
            safe_version=next((one.safe_version for one in said), None),
        )


def _severity_of(old: Exposure) -> Severity:
    """Return how bad the worst was that was reported of it."""
    return old.ends or Grade(old.verdict).severity


def _is_same_but_worse(old: str, new: str) -> bool:
    """Return whether a grade has the verdict of another one and is worse."""
    return _verdict(old) == _verdict(new) and rank(old) < rank(new)


def _verdict(grade: str | None) -> str | None:
    """Return the verdict of a grade."""
    return None if grade is None else str(Grade(grade).verdict)
