"""How a pack is named in a table, safe to print. Pure."""

from __future__ import annotations

from watcher.cli.terminal import dim
from watcher.model.pack import Pack, named_after
from watcher.text.sanitize import sanitize_line

_COMMIT = 7
"""Characters of a commit in a table, as git shows it."""


def base_name(pack: Pack) -> str:
    """Return the name of a pack's folder or file, not sanitized, without what marks it as disabled.

    That it is disabled, and its version, have words of their own in a table.
    """
    return pack.folder if pack.enabled else named_after(pack.folder)


def shown_name(pack: Pack) -> str:
    """Return `base_name`, safe to print."""
    return sanitize_line(base_name(pack))


def version_cell(pack: Pack) -> str:
    """Return the version of a pack, or its commit."""
    if pack.version is not None:
        return sanitize_line(pack.version)
    commit = sanitize_line((pack.commit or "")[:_COMMIT])
    return dim(f"commit {commit}") if commit else "-"
