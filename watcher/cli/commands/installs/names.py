"""How a pack, and its version, are named in a table."""

from __future__ import annotations

from watcher.cli.terminal import table
from watcher.model.pack import Pack, named_after
from watcher.text.sanitize import sanitize_line


def base_name(pack: Pack) -> str:
    """Return the name of a pack's folder or file, not sanitized, without what marks it as disabled.

    That it is disabled, and its version, have words of their own in a table.
    """
    return pack.folder if pack.enabled else named_after(pack.folder)


def shown_name(pack: Pack) -> str:
    """Return `base_name`, safe to print."""
    return sanitize_line(base_name(pack))


VERSION = 100
"""Characters of a version."""
_COMMIT = 10


def version_cell(pack: Pack) -> str:
    """Return the version of a pack, or its commit."""
    if pack.version is not None:
        return sanitize_line(pack.version, VERSION)
    return f"commit {sanitize_line(pack.commit[:_COMMIT])}" if pack.commit else "-"


def wrapped(line: str, width: int | None) -> list[str]:
    """Return a line as it fits a terminal; `width` is None for a pipe, which has whole lines."""
    return [line] if width is None else table((), [(line,)], width)
