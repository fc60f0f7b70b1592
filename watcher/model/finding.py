"""What the registry says of one copy of a pack, what of it is accepted, and what of it was reported as bad."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import date

from watcher.model.event import Grade, Severity, grade_rank
from watcher.model.pack import Pack
from watcher.model.reading import ReadFailure
from watcher.model.scan import Scan
from watcher.model.version import SafeVersion, Version, is_same_version
from watcher.timestamps import MomentOrEmpty
from watcher.values import frozen


def is_worse(now: Grade, before: Grade) -> bool:
    """Return whether a grade is worse than an earlier one, first by its severity. A flag is no worse than a flag.

    What the scanner found does not change, but it cannot always be read again.
    """
    if now.verdict is before.verdict:
        return False
    if now.severity is not before.severity:
        # Who hears of warnings alone did not hear of a flag that is an info.
        return now.severity.reaches(before.severity)
    return grade_rank(now) < grade_rank(before)


_COMMIT = re.compile(r"[0-9A-Fa-f]{7,64}")
"""The beginning of a commit, long enough to mean one."""


@frozen
class Acceptance:
    """One known finding, as the settings or the command line have it."""

    node: str
    """The id of a pack, in any case."""
    copy: str = ""
    """A version, or the beginning of a clone's commit; "" for copies without a known version."""
    worst: Grade = Grade.FLAGGED
    """The worst that it covers."""
    reason: str = ""
    """Why it is accepted, in the user's own words; "" if they say nothing."""
    until: date | None = None
    """The last day on which it is accepted (UTC); None if it has no end."""

    def covers(self, finding: Finding) -> bool:
        """Return whether it means what is wrong with a copy."""
        pack = finding.pack
        # That a flag is accepted is no word about a ban that comes later.
        is_milder = grade_rank(finding.grade) >= grade_rank(self.worst)
        if self.node.lower() != (finding.id or "").lower() or not is_milder:
            return False
        if finding.of_pack and finding.grade is Grade.BANNED:
            # It is about every version, so that none can be meant.
            return not self.copy
        if not self.copy:
            return pack.version is None
        if pack.version is not None:
            return is_same_version(self.copy, pack.version)
        # A few letters would match commits that nobody has looked at.
        is_commit = _COMMIT.fullmatch(self.copy) is not None
        return is_commit and (pack.commit or "").lower().startswith(self.copy.lower())

    @property
    def in_words(self) -> str:
        """That it is accepted, and until when."""
        return f"accepted until {self.until}" if self.until else "accepted"


def in_force(accept: Iterable[Acceptance], now: str) -> tuple[Acceptance, ...]:
    """Return what is accepted at a moment (RFC 3339, UTC)."""
    # UTC, so that the last day ends at the same moment on each machine.
    today = date.fromisoformat(now[:10])
    return tuple(one for one in accept if (one.until or date.max) >= today)


@frozen
class Finding:
    """One verdict on one installed pack, and what it rests on. Every text but `install` may be untrusted."""

    install: str
    pack: Pack
    grade: Grade
    id: str | None = None
    """The pack that the copy was judged as, as written; None without an id."""
    node: str | None = None
    """The same, as the registry spells it where that is known."""
    row: Version | None = None
    """The installed version as the registry lists it; also None where the verdict does not rest on it."""
    is_listed: bool = False
    """Whether the registry lists the version by which the copy is judged, whatever the verdict rests on."""
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
    may_be: Grade | None = None
    """The worst that is bad of any version which it may be, `ok` if none is; None if not all is known."""
    of_pack: bool = False
    """The verdict is about the pack as a whole, whatever the version."""
    acceptance: Acceptance | None = None
    """What accepts it; None if nothing does."""
    named: bool = False
    """A file names it: nobody need run it."""

    def accepted_by(self, accept: Iterable[Acceptance]) -> Finding:
        """Return it with what accepts it for longest, if something does and something is wrong."""
        covering = [one for one in accept if one.covers(self)]
        if self.grade is Grade.OK or not covering:
            return self
        # An entry with a date takes nothing away from one without.
        longest = max(covering, key=lambda one: one.until or date.max)
        return replace(self, acceptance=longest)

    @property
    def judged(self) -> JudgedCopy:
        """How the copy stands by it."""
        return JudgedCopy(
            install=self.install,
            version=self.pack.version,
            grade=self.grade,
            accepted=self.acceptance is not None,
        )

    @property
    def basis(self) -> str:
        """What the verdict rests on, but for the registry's reason."""
        return ": ".join(filter(None, (self.by, self.why)))

    @property
    def reason(self) -> str:
        """What the verdict rests on, and the registry's reason."""
        return ": ".join(filter(None, (self.basis, self.detail)))


def worst(findings: Iterable[Finding]) -> Finding:
    """Return the first of the worst findings."""
    return min(findings, key=lambda one: grade_rank(one.grade))


CopyKey = tuple[str, str | None]
"""The install of a copy, as the state knows it (`watcher.state.model`), and its version."""


@frozen
class JudgedCopy:
    """How an enabled copy of a pack stood at the last poll that could say it. Of several alike it is the worst."""

    install: str
    """What the state knows its install by."""
    version: str | None = None
    """As written there; None for a clone."""
    grade: Grade
    """How it stood."""
    accepted: bool = False
    """All that is bad of it is accepted, so that it is not reported."""

    @property
    def key(self) -> CopyKey:
        """What tells it from other copies of the pack."""
        return self.install, self.version

    def rank(self) -> tuple[bool, int]:
        """A key that sorts copies: what is accepted last, then the worst first."""
        # What is accepted hides no copy that is not.
        return self.accepted, grade_rank(self.grade)


@frozen
class Exposure:
    """What was bad of one pack that is run, at the last poll."""

    copies: tuple[JudgedCopy, ...] = ()
    """Sorted."""
    ends: Severity | None = None
    """How bad the worst was that was reported since the pack was last fine; None if all of it was accepted since."""

    @property
    def reported(self) -> dict[CopyKey, Grade]:
        """How bad the copies were that were not accepted."""
        return {one.key: one.grade for one in self.copies if not one.accepted}

    def is_news(self, bad: JudgedCopy) -> bool:
        """Return whether a copy is bad now that was not, or less, or accepted."""
        was = self.reported.get(bad.key)
        is_new = was is None or is_worse(bad.grade, was)
        return is_new and not bad.accepted


@frozen
class KnownPack:
    """A pack that an install has, as far as it decides whether one is new. Untrusted text, in lower case."""

    name: str
    """What its folder or file is named after."""
    id: str | None = None
    """None where there is none."""


@frozen
class KnownInstall:
    """What an install is known to have: each scan is compared with it."""

    packs: tuple[KnownPack, ...] = ()
    """Sorted."""
    places: tuple[str, ...] | None = None
    """The folders that were read, as `Pack.place` has them, sorted; None once a scan has read everything."""


@frozen
class Installed:
    """What was reported of all installs, each by what the state knows it by."""

    salt: str = ""
    """The key of the digests of their addresses, in hexadecimal; "" while none has one."""
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    """By lower-case id of the pack."""
    known: Mapping[str, KnownInstall] = field(default_factory=dict)
    """What each install has; one that was never read is absent."""
