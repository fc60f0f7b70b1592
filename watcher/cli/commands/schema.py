"""`schema`: JSON Schemas by name, of the state's files, of what commands print, and of the settings."""

from __future__ import annotations

from watcher.cli import documents
from watcher.errors import UsageError
from watcher.settings.model import json_schema
from watcher.state import schema
from watcher.text.mask import describe
from watcher.text.near import nearest

PRINTED: dict[str, type[object]] = {
    "check": documents.CheckDocument,
    "audit": documents.AuditDocument,
    "versions": documents.VersionsDocument,
    "wait": documents.WaitDocument,
    "webhook": documents.WebhookDocument,
}
SETTINGS = "settings"
NAMES = (*schema.NAMES, *PRINTED, SETTINGS)


def document_of(name: str) -> dict[str, object]:
    """Return a schema; UsageError with the known names if there is none of this name."""
    if name == SETTINGS:
        return json_schema()
    if name in PRINTED:
        return schema.of(PRINTED[name])
    if name in schema.NAMES:
        return schema.of_file(name)
    near = nearest(name, NAMES)
    raise UsageError(
        f"there is no schema {describe(name)}",
        hint=f"did you mean {near}?" if near else f"schemas: {', '.join(NAMES)}",
    )
