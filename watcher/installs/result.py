"""What a scan of an install gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from watcher.model.pack import Pack

_SHOWN = 3
"""Failures that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The packs of an install, as far as its folders could be read."""

    packs: tuple[Pack, ...]
    failed: tuple[str, ...] = ()
    """Why folders could not be read, each on one line without a secret: what was known of their packs still holds."""
    read: frozenset[str] = frozenset({""})
    """The places, as `Pack.place` has them, of which the packs are all there are."""

    @property
    def error(self) -> str:
        """Why not all of it could be read; "" if all could be."""
        more = len(self.failed) - _SHOWN
        return "; ".join(self.failed[:_SHOWN]) + (
            f"; and {more} more" if more > 0 else ""
        )


def in_order(packs: Iterable[Pack]) -> tuple[Pack, ...]:
    """Return packs as a list of them is shown: enabled ones first, by folder."""
    return tuple(
        sorted(
            packs,
            key=lambda pack: (
                not pack.enabled,
                pack.folder.lower(),
                pack.folder,
                pack.place,
            ),
        )
    )
