"""What stops a scan, and the order of what it finds."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.errors import WatchError
from watcher.model.failure import ReadFailure
from watcher.model.pack import Inventory, Pack, Source


class Unscannable(WatchError):  # noqa: N818 - it says what the install is
    """An install cannot be scanned. `what` says what was looked for and what was found instead; no secret is in it.

    It says nothing about what is installed: a list that a scan gave before still holds.
    """


def failed(source: Source, error: Unscannable) -> Inventory:
    """Return the inventory of an install that cannot be scanned."""
    failure = ReadFailure(install=source.name, error=error.what, hint=error.hint)
    return Inventory(install=source.name, failure=failure, places=frozenset())


def in_order(packs: Iterable[Pack]) -> tuple[Pack, ...]:
    """Return packs as a list of them is shown: enabled ones first, by folder."""

    def key(pack: Pack) -> tuple[bool, str, str, str]:
        return not pack.enabled, pack.folder.lower(), pack.folder, pack.place

    return tuple(sorted(packs, key=key))
