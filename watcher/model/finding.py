"""What the registry says of one copy of a pack: what `audit` shows, and what the watch reports of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from watcher.model.acceptance import Acceptance, Accepted, End, Wrong, longest
from watcher.model.event import Severity
from watcher.model.failure import ReadFailure
from watcher.model.pack import Pack, Verdict
from watcher.model.scan import Scan
from watcher.model.version import SafeVersion, Version
from watcher.timestamps import MomentOrEmpty


class Grade(StrEnum):
    """A verdict, and of a flag how bad it is; the worst first. `audit --fail-on` takes these words."""

    BANNED = "banned"
    FLAGGED = "flagged"
    """A warning."""
    DELETED = "deleted"
    DELISTED = "delisted"
    FLAGGED_INFO = "flagged-info"
    """The scanner found nothing but what is informational and was in an earlier version too."""
    PENDING = "pending"
    DEPRECATED = "deprecated"
    UNKNOWN = "unknown"
    OUTDATED = "outdated"
    OK = "ok"

    @property
    def verdict(self) -> Verdict:
        """The verdict alone."""
        return Verdict.FLAGGED if self is Grade.FLAGGED_INFO else Verdict(self)

    @property
    def severity(self) -> Severity:
        """How bad it is, in the words for events."""
        if self is Grade.BANNED:
            return Severity.CRITICAL
        return Severity.INFO if self in _CALM else Severity.WARNING

    @property
    def in_words(self) -> str:
        """The verdict, with its severity where that is not the usual one."""
        return "flagged (info)" if self is Grade.FLAGGED_INFO else str(self)


_CALM = {Grade.FLAGGED_INFO, Grade.PENDING, Grade.OUTDATED, Grade.OK}
_RANKS = {grade: rank for rank, grade in enumerate(Grade)}


def grade_of(verdict: Verdict, scan: Scan | None) -> Grade:
    """Return the grade of a verdict. `scan` is what the scanner found in the version; None if that was not read."""
    is_calm = verdict is Verdict.FLAGGED and scan is not None and scan.is_harmless
    return Grade.FLAGGED_INFO if is_calm else Grade(verdict)


def rank(grade: Grade | Verdict | str) -> int:
    """Return a key that sorts grades, the worst first. A verdict alone is as bad as it can be."""
    return _RANKS[Grade(grade)]


def is_worse(grade: Grade | str, than: Grade | str) -> bool:
    """Return whether a grade is worse than an earlier one, first by its severity. A flag is no worse than a flag.

    What the scanner found does not change, but it cannot always be read again.
    """
    now, before = Grade(grade), Grade(than)
    if now.verdict is before.verdict:
        return False
    if now.severity is not before.severity:
        # Who hears of warnings alone did not hear of a flag that is an info.
        return now.severity.reaches(before.severity)
    return rank(now) < rank(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One verdict on one installed pack, and what it rests on. Every text but `install` may be untrusted."""

    install: str
    pack: Pack
    verdict: Verdict
    id: str | None = None
    """The pack that the copy was judged as, as written; None without an id."""
    node: str | None = None
    """The same, as the registry spells it where that is known."""
    listed: Version | None = None
    """The installed version as the registry lists it."""
    scan: Scan | None = None
    """What the scanner found in it; None if that was not read."""
    safe_version: SafeVersion | None = None
    """The newest good version; None if that is not known."""
    at: MomentOrEmpty = ""
    """When that was judged; "" without an id."""
    by: str = ""
    """What says that it is that pack, if not its own id and version do."""
    why: str = ""
    """Why the verdict is `unknown` or `delisted`, or what it rests on."""
    detail: str = ""
    """A summary of the registry's reason."""
    gaps: tuple[ReadFailure, ...] = ()
    """What was not read or not answered: the truth may be worse than the verdict."""
    of_pack: bool = False
    """The verdict is about the pack as a whole, whatever the version."""
    acceptance: Accepted | None = None
    """What accepts it, or did until that ended; None if nothing does."""
    named: bool = False
    """A file names it: nobody need run it."""

    @property
    def grade(self) -> Grade:
        """The verdict, and of a flag how bad it is."""
        return grade_of(self.verdict, self.scan)

    def covered_by(self, accept: Iterable[Acceptance]) -> Acceptance | None:
        """Return what accepts it for longest; None if nothing covers it, or nothing is known to be wrong."""
        if self.id is None or self.verdict in {Verdict.UNKNOWN, Verdict.OK}:
            return None
        wrong = Wrong(
            node=self.id,
            version=self.pack.version,
            commit=self.pack.commit or "",
            is_ban_of_pack=self.of_pack and self.verdict is Verdict.BANNED,
        )
        return longest(accept, wrong)

    @property
    def is_accepted(self) -> bool:
        """Whether it is known, and is not reported."""
        return self.acceptance is not None and self.acceptance.ended is None

    @property
    def basis(self) -> str:
        """What the verdict rests on, but for the registry's reason."""
        return ": ".join(filter(None, (self.by, self.why)))

    @property
    def reason(self) -> str:
        """What the verdict rests on, and the registry's reason."""
        return ": ".join(filter(None, (self.basis, self.detail)))


def accepted_as(
    first: Grade | str, by: tuple[Acceptance, ...], grade: Grade | str, now: str
) -> Accepted:
    """Return how something is accepted that was of a `first` grade, and is of another at a moment (RFC 3339).

    `by` is not empty, and has what ends first first.
    """
    ended = None
    soonest, *others = by
    if soonest.is_over(now):
        ended = End.DAY
    elif is_worse(grade, first):
        ended = End.WORSE
    return Accepted(verdict=str(first), by=soonest, others=tuple(others), ended=ended)


def worst(findings: Iterable[Finding]) -> Finding:
    """Return the first of the worst findings."""
    return min(findings, key=lambda one: rank(one.grade))
