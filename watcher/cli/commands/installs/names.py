"""How the folder or file of a pack is named in a table."""

from __future__ import annotations

from watcher.model.pack import Pack
from watcher.text.sanitize import sanitize_line

_ASIDE = ".disabled/"
_SUFFIX = ".disabled"


def base_name(pack: Pack) -> str:
    """Return the name of a pack's folder or file, not sanitized, without what marks it as disabled.

    The Manager keeps a disabled `pack` as `.disabled/pack@1_2_0`, an older one as `pack.disabled`. That it is disabled,
    and its version, have words of their own in a table.
    """
    if pack.enabled:
        return pack.folder
    name = pack.folder.removeprefix(_ASIDE).removesuffix(_SUFFIX)
    return name.partition("@")[0] or name


def shown_name(pack: Pack) -> str:
    """Return `base_name`, safe to print."""
    return sanitize_line(base_name(pack))
