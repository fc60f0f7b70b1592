"""Which node packs are watched: ids by name, and globs that choose from what the registry has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from watcher.values import frozen

NODE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What an id may be."""
_GLOB = re.compile(r"\A!|[*?\[\]]")
"""What no id has."""

INTERVAL_OF_GLOBS = 3600.0
"""The default of the setting `interval`, in seconds, where there is a glob."""

_EVERYTHING = "*"
_LEAVES_OUT = "!"


@frozen
class Selection:
    """Ids and globs over ids. What is named is watched, whatever the globs say."""

    names: tuple[str, ...] = ()
    """Ids as they are written."""
    globs: tuple[str, ...] = ()
    """Globs in lower case, in order. One that begins with `!` leaves out what it matches."""

    def matches(self, node: str) -> bool:
        """Return whether the globs choose a node: one of them matches its id, in any case, and none with `!` does.

        They never choose a node called `*`, which is no id and stands for the registry itself (`model.listing.ALL`).
        """
        key = node.lower()
        if key == _EVERYTHING or self.leaves_out(key):
            return False
        return any(_matches(key, glob) for glob in self.globs if not _leaves_out(glob))

    def leaves_out(self, node: str) -> bool:
        """Return whether a glob with `!` matches a node's id, in any case."""
        key = node.lower()
        return any(_matches(key, glob[1:]) for glob in self.globs if _leaves_out(glob))

    @property
    def is_everything(self) -> bool:
        """Whether the whole registry is watched."""
        return _EVERYTHING in self.globs and not any(map(_leaves_out, self.globs))

    @property
    def chooses(self) -> bool:
        """Whether a glob chooses nodes, and not only leaves some out."""
        return not all(map(_leaves_out, self.globs))


def split(entries: Iterable[str]) -> Selection:
    """Return the entries of the setting `nodes`, apart as names and globs."""
    names: list[str] = []
    globs: dict[str, None] = {}
    for entry in entries:
        if is_glob(entry):
            globs[entry.lower()] = None
        else:
            names.append(entry)
    return Selection(names=tuple(names), globs=tuple(globs))


def is_glob(entry: str) -> bool:
    """Return whether an entry chooses or leaves out nodes by a pattern, and is no id."""
    return bool(_GLOB.search(entry))


def _leaves_out(glob: str) -> bool:
    return glob.startswith(_LEAVES_OUT)


def _matches(key: str, glob: str) -> bool:
    # The most usual glob is asked about every pack of the registry.
    return glob == _EVERYTHING or fnmatchcase(key, glob)
