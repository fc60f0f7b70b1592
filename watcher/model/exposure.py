"""What is bad of the packs that somebody runs, as values; `watcher.state` keeps it in `snapshot.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from watcher.model.event import Severity
from watcher.model.finding import Grade

CopyKey = tuple[str, str | None]
"""The install of a copy, as the state knows it (`watcher.state.identity`), and its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCopy:
    """An enabled copy of a pack that was bad at the last poll. Of several alike it is the worst."""

    install: str
    """What the state knows its install by."""
    version: str | None = None
    """As written there; None for a clone."""
    grade: Grade
    """What is wrong with it."""
    accepted: bool = False
    """All that is bad of it is accepted, so that it is not reported."""

    @property
    def key(self) -> CopyKey:
        """What tells it from other copies of the pack."""
        return self.install, self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What was bad of one pack that is run, at the last poll."""

    copies: tuple[BadCopy, ...] = ()
    """Sorted."""
    ends: Severity | None = None
    """How bad the worst was that was reported since the pack was last fine; None if all of it was accepted since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPack:
    """A pack that an install has, as far as it decides whether one is new. Untrusted text, in lower case."""

    name: str
    """What its folder or file is named after."""
    id: str | None = None
    """None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownInstall:
    """What an install is known to have: each scan is compared with it."""

    packs: tuple[KnownPack, ...] = ()
    """Sorted."""
    places: tuple[str, ...] | None = None
    """The folders that were read, as `Pack.place` has them, sorted; None once a scan has read everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What was reported of all installs, each by what the state knows it by."""

    salt: str = ""
    """The key of the digests of their addresses, in hexadecimal; "" while none has one."""
    failing: tuple[str, ...] = ()
    """The installs that were reported failing and have not recovered, sorted."""
    seen: int = 0
    """How many events installs and what is in them had, so that each event has an id of its own."""
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    """By lower-case id of the pack."""
    known: Mapping[str, KnownInstall] = field(default_factory=dict)
    """What each install has; one that was never read is absent."""
