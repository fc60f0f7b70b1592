"""`schema`: JSON Schemas by name, of what others read: of the state, of what commands print, and of the settings."""

from __future__ import annotations

from watcher.cli import documents
from watcher.cli.terminal import show
from watcher.errors import UsageError
from watcher.model.event import Event
from watcher.settings.model import json_schema
from watcher.state.documents import SNAPSHOT
from watcher.state.schema import of
from watcher.text.mask import describe, nearest

_FORMS: dict[str, type[object]] = {
    "snapshot": SNAPSHOT.form,
    "history": Event,  # a line of the file
    "check": documents.CheckDocument,
    "audit": documents.AuditDocument,
    "versions": documents.VersionsDocument,
    "wait": documents.WaitDocument,
    "webhook": documents.WebhookDocument,
}
_SETTINGS = "settings"
NAMES = (*_FORMS, _SETTINGS)


def schema(name: str) -> int:
    """Print a schema."""
    show(document_of(name))
    return 0


def document_of(name: str) -> dict[str, object]:
    """Return a schema; UsageError with the known names if there is none of this name."""
    if name == _SETTINGS:
        return json_schema()
    if form := _FORMS.get(name):
        return of(form)
    near = nearest(name, NAMES)
    raise UsageError(
        f"there is no schema {describe(name)}",
        hint=f"did you mean {near}?" if near else f"schemas: {', '.join(NAMES)}",
    )
