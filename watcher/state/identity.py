"""What the state knows an install by: where it is, whatever its name and its place in the settings. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.alerts.queues.channel_identity import digest
from watcher.model.pack import Source, SourceKind


def keyed(sources: Iterable[Source], salt: str) -> dict[str, Source]:
    """Return installs by their paths, their globs, or slow digests of their addresses, which are secret.

    `salt` is `Installed.salt`.
    """
    return {
        digest(one.identity, salt) if one.kind is SourceKind.URL else one.identity: one
        for one in sources
    }


def names(sources: Iterable[Source], salt: str) -> dict[str, str]:
    """Return the names of installs by what the state knows them by."""
    return {key: one.name for key, one in keyed(sources, salt).items()}
