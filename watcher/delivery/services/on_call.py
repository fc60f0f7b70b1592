"""On-call services: a message opens an alert, and nothing that we send acknowledges, closes or resolves one."""

from __future__ import annotations

from watcher.alerts.render import Format, render
from watcher.delivery.services.service import Context, Plugin
from watcher.model.event import event_id

SUMMARY = 300
"""Bytes; PagerDuty takes 1,024 characters, and reads them out on the telephone. Its details have the rest."""
_DETAILS = 10_000
"""Bytes; PagerDuty takes 512 KB of an event."""


def pagerduty(service: Plugin, context: Context) -> None:
    """Open an incident whose summary is one sentence; its details are the whole message.

    Its key is made from the message's events, below the one in the URL: a repeat finds its incident, no other does.
    """
    service.action = "trigger"
    key = event_id(*sorted(event.id for event in context.events))
    service.dedup = f"{service.dedup or 'comfy-watch'}/{key}"
    if service.click is None:
        service.click = context.page
    if not context.plain:
        whole = render(context.digest, Format.TEXT, _DETAILS, 0)
        service.details.setdefault("message", whole.body)


def opens(service: Plugin, _context: Context) -> None:
    """Open one alert with all responders; apprise would write an info as a note to an alert that is not there."""
    service.action, service.batch_size = "new", service.default_batch_size
