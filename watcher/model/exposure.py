"""What was reported of the packs that somebody runs, as values; `watcher.state` keeps it in `snapshot.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from watcher.model.acceptance import Accepted
from watcher.model.event import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Something bad that is run, as it was last reported."""

    verdict: str
    """What is wrong with it: a verdict, or `flagged-info`."""
    installs: tuple[str, ...]
    """Names of the installs that run it, sorted."""
    acceptance: Accepted | None = None
    """What accepts all that is bad of it; None if nothing does."""
    ends: Severity | None = None
    """How bad the worst was that was reported of it, where that does not follow from its verdict."""


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
    """What was reported of all installs."""

    failing: tuple[str, ...] = ()
    """Names of the installs that were reported failing and have not recovered, sorted."""
    seen: int = 0
    """How many events installs and what is in them had, so that each event has an id of its own."""
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    """By `exposure_key`."""
    accepted: Mapping[str, Accepted] = field(default_factory=dict)
    """By `exposure_key`: how something was accepted that is well now. It may become worse than it was at first."""
    known: Mapping[str, KnownInstall] = field(default_factory=dict)
    """What each install has, by its name; one that was never read is absent."""

    @property
    def acceptances(self) -> dict[str, Accepted]:
        """How something is accepted, or was when it was last bad, by `exposure_key`."""
        found = {
            key: one.acceptance
            for key, one in self.exposures.items()
            if one.acceptance is not None
        }
        return {**self.accepted, **found}


def exposure_key(node: str, version: str | None) -> str:
    """Return the key of a version of a pack that is run; without a version, of a clone."""
    return f"{node.lower()}@{version or ''}"
