"""What the programs say of the folder, in their own forms, read into plain values."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.installs.tools import Tools

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


def outdated(tools: Tools) -> set[tuple[str, str, str | None]]:
    """Return source, name, and version or commit of each pack of which `comfy outdated` says what is installed.

    The name is the id of what it takes for a pack of the registry, and the folder of any other.
    """
    said: dict[str, Any] = json.loads(tools.comfy("--json", "outdated"))
    return {
        (pack["source"], pack["name"], pack["installed"])
        for pack in said["data"]["packs"]
    }
