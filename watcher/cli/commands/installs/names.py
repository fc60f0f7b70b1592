"""How the folder or file of a pack is named in a table."""

from __future__ import annotations

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
