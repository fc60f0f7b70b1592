"""What the registry says of one copy of a pack: what `audit` shows, and what the watch reports of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from watcher.model.failure import ReadFailure
from watcher.model.malware import names_malware
from watcher.model.pack import Pack, Verdict
from watcher.model.version import SafeVersion, Version

_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}


def rank(verdict: Verdict | str) -> int:
    """Return a key that sorts verdicts, the worst first."""
    return _RANKS[Verdict(verdict)]


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
    safe_version: SafeVersion | None = None
    """The newest good version; None if that is not known."""
    by: str = ""
    """What says that it is that pack, if not its own id and version do."""
    why: str = ""
    """Why the verdict is `unknown` or `delisted`, or what it rests on."""
    detail: str = ""
    """A summary of the registry's reason."""
    gaps: tuple[ReadFailure, ...] = ()
    """What was not read or not answered: the truth may be worse than the verdict."""
    accepted: bool = False
    named: bool = False
    """A workflow names it: nobody need run it."""

    @property
    def reason(self) -> str:
        """What the verdict rests on, and the registry's reason."""
        return ": ".join(filter(None, (self.by, self.why, self.detail)))

    @property
    def is_malware(self) -> bool:
        """Whether the copy is banned for malware: then no other version is advised."""
        is_installed = not self.named
        is_banned = self.verdict is Verdict.BANNED
        return is_installed and is_banned and names_malware(self.detail)

    @property
    def advised(self) -> SafeVersion | None:
        """The version that is advised; None if none is known, or none may be advised."""
        return None if self.is_malware else self.safe_version


def worst(findings: Iterable[Finding]) -> Finding:
    """Return the first of the worst findings."""
    return min(findings, key=lambda one: rank(one.verdict))
