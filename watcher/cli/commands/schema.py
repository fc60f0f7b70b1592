"""`schema`: the JSON Schemas that come with the program, by name."""

from __future__ import annotations

from watcher.cli.terminal import to_json
from watcher.errors import UsageError
from watcher.settings.model import json_schema
from watcher.state import schemas
from watcher.text.mask import describe

SETTINGS = "settings"
NAMES = (*schemas.NAMES, SETTINGS)


def text_of(name: str) -> str:
    """Return a schema as JSON text; UsageError with the known names if there is none of this name."""
    if name == SETTINGS:
        return to_json(json_schema())
    if name not in schemas.NAMES:
        raise UsageError(
            f"there is no schema {describe(name)}",
            hint=f"schemas are {', '.join(NAMES)}",
        )
    return schemas.schema(name).rstrip("\n")
