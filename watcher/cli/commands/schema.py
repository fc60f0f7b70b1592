"""`schema`: JSON Schemas by name, of what others read: of the state, of what commands print, and of the settings."""

from __future__ import annotations

from watcher.cli import documents
from watcher.cli.options import no_such
from watcher.cli.terminal import show
from watcher.model.event import Event
from watcher.model.snapshot import Snapshot
from watcher.settings.model import json_schema
from watcher.state.codec import Document
from watcher.state.documents import SNAPSHOT
from watcher.state.schema import of

_FORMS: dict[str, type[object] | Document[Snapshot]] = {
    "snapshot": SNAPSHOT,
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
    raise no_such("schema", name, NAMES)
