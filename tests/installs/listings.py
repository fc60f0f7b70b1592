"""What the programs say of the folder, in their own forms, read into plain values."""

from __future__ import annotations

import re

_SHOWN = re.compile(
    r"^\[ +(?P<state>ENABLED|DISABLED) +\] +.*? (?P<id>\S+) +\(author: [^)]*\) \[(?P<version>[^]]*)\]$",
    re.MULTILINE,
)


def shown(text: str) -> set[tuple[str, str, bool]]:
    """Return id, version and whether enabled of each pack that `show installed` lists; a clone's version is nightly."""
    return {
        (row["id"], row["version"], row["state"] == "ENABLED")
        for row in _SHOWN.finditer(text)
    }
