"""What a sweep shows of one node that differs from what is known."""

from __future__ import annotations

from dataclasses import dataclass

from watcher.changes.whole import Shown
from watcher.model.listing import Listing
from watcher.model.snapshot import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a sweep shows of a node that has to be asked by itself."""

    key: str
    base: Node | None
    """What it is compared with."""
    listing: Listing
    digest: str
    shown: Shown
