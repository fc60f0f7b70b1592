"""Webhooks of one's own: the events beside the text."""

from __future__ import annotations

from typing import Any

from watcher.delivery.services.service import Context

_IDS_AT_MOST = 500


def json(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Add the events, unless the URL sets these fields itself."""
    service.payload_extras.setdefault("events", [event.id for event in context.events[:_IDS_AT_MOST]])
    service.payload_extras.setdefault("event_count", len(context.events))
