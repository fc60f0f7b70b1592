"""The events of a message as JSON objects, for a webhook whose reader is a program (docs/webhook.md). Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from watcher.alerts.digest import worst_first
from watcher.model.event import Event, bounded
from watcher.model.event_form import EventForm, public_form
from watcher.text.sanitize import escape_values

MOST_EVENTS = 200
MOST_BYTES = 60_000
"""Of the objects as ASCII JSON: with the text beside them, less than what common web frameworks take (100 KB)."""
_SHORT_TEXT, _FEW = 80, 3
"""Characters of each text, and installed copies and findings, of an event that is too large. Then any takes less than
half of `MOST_BYTES`.
"""


def event_objects(
    events: Sequence[Event], most_bytes: int = MOST_BYTES
) -> list[object]:
    """Return the events as `check --json` shows them, worst first, as many as fit.

    The texts of an event that does not fit are shortened first; after one that does not fit even then there is none.
    """
    objects: list[object] = []
    left = most_bytes
    for event in worst_first(events)[:MOST_EVENTS]:
        form = escape_values(public_form(event))
        if _size(form) > left:
            form = escape_values(_short_form(event))
        left -= _size(form)
        if left < 0:
            break
        objects.append(form)
    return objects


def plainest_objects(events: Sequence[Event]) -> list[object]:
    """Return the worst event alone, without the texts of others: for a message that was refused for what it is.

    There must be at least one event.
    """
    worst = worst_first(events)[0]
    form = _short_form(replace(worst, reason="", changes=()))
    # Only here: the severity of the event rests on its findings.
    return [escape_values(replace(form, findings=(), finding_count=0))]


def _short_form(event: Event) -> EventForm:
    return public_form(bounded(event, _SHORT_TEXT, _FEW, _FEW))


def _size(form: object) -> int:
    return len(json.dumps(form)) + len(", ")
