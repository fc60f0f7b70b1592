"""What to look for in the registry, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from watcher.model.failure import ReadFailure
from watcher.model.version import Version, recency


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which versions to look for; what is empty matches all."""

    nodes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    """Short names."""
    reason: str = ""
    """Text that the registry searches for in reasons."""
    deprecated: bool = False
    """Only deprecated ones."""
    since: str = ""
    """Only those that were published at this time or later; RFC 3339, UTC."""

    def match(self, version: Version) -> bool:
        """Return whether a version matches, but for its node and its reason."""
        if self.statuses and version.status not in self.statuses:
            return False
        if self.deprecated and not version.deprecated:
            return False
        return not self.since or age_key(version.created_at) >= recency(self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVersion:
    """A version that matches. All texts are untrusted."""

    node: str
    """As the registry spells it."""
    version: Version
    changelog: str
    """Its beginning."""
    reason: str | None = None
    """A summary; None if it was not asked for, or could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look found."""

    versions: tuple[FoundVersion, ...] = ()
    """Newest first, up to the limit."""
    total: int = 0
    """How many versions match."""
    packs: int = 0
    """Of how many packs."""
    by_status: Mapping[str, int] = field(default_factory=dict)
    """Worst first."""
    deprecated: int = 0
    problems: tuple[ReadFailure, ...] = ()
    incomplete: str = ""
    """How much could not be read, for a person; "" if all could."""


def age_key(created_at: str) -> str:
    """Return a key that sorts times of the registry; text that is none is older than any."""
    return recency(created_at) if created_at[:4].isdigit() else ""
