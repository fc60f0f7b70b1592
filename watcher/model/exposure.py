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
class Installed:
    """What was reported of all installs."""

    failing: tuple[str, ...] = ()
    """Names of the installs that were reported failing and have not recovered, sorted."""
    seen: int = 0
    """How many events installs and exposures had, so that each event has an id of its own."""
    awaited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By lower-case id of an installed pack: its versions that were never good and old enough, which may become an
    `update`. Sorted.
    """
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    """By `exposure_key`."""


def exposure_key(node: str, version: str | None) -> str:
    """Return the key of a version of a pack that is run; without a version, of a clone."""
    return f"{node.lower()}@{version or ''}"
