"""Webhooks of one's own: the events as JSON beside the text (docs/webhook.md)."""

from __future__ import annotations

import json as codec

from watcher.alerts.payload import MOST_BYTES, event_objects, plainest_objects
from watcher.delivery.services.service import Context, Plugin


def json_post(service: Plugin, context: Context) -> None:
    """Add the events, unless the URL sets these fields itself."""
    service.payload_extras.setdefault("events", _objects(context, MOST_BYTES))
    service.payload_extras.setdefault("event_count", len(context.events))


def form(service: Plugin, context: Context) -> None:
    """Add the same JSON as a text field: fewer events, since its quotes take several bytes in a form, or in XML.

    Not to a form that is sent as a GET: its fields are part of the URL, which servers keep short.
    """
    if service.method != "GET":
        service.payload_extras.setdefault(
            "events", codec.dumps(_objects(context, MOST_BYTES // 2))
        )
    service.payload_extras.setdefault("event_count", str(len(context.events)))


def xml(service: Plugin, context: Context) -> None:
    """Add the same text as elements, which apprise's XML schema does not have: the document no longer refers to it."""
    form(service, context)
    service.xsd_url = None


def _objects(context: Context, most_bytes: int) -> list[object]:
    return (
        plainest_objects(context.events)
        if context.plain
        else event_objects(context.events, most_bytes)
    )
