"""Push services: how loud a message is, and where a tap on it leads. On-call services: a message opens an alert.

Nothing that we send acknowledges, closes or resolves one.
"""

from __future__ import annotations

from watcher.alerts.render import Format, render
from watcher.delivery.services.service import (
    NEEDS_CRYPTOGRAPHY,
    Context,
    Plugin,
    supports,
)
from watcher.model.event import Severity, event_id

NTFY = 7700
"""Bytes; apprise makes an attachment of more than 8,000 bytes of JSON, of which topic and names are a part."""
SUMMARY = 300
"""Bytes; PagerDuty takes 1,024 characters, and reads them out on the telephone. Its details have the rest."""
_DETAILS = 10_000
"""Bytes; PagerDuty takes 512 KB of an event."""
_NTFY_TAGS = {
    Severity.CRITICAL: "no_entry",
    Severity.WARNING: "warning",
    Severity.INFO: "information_source",
}
"""Tags that ntfy shows as an emoji."""


def ntfy(service: Plugin, context: Context) -> None:
    """Tag the message with its severity, and let a tap, or a button, open the page of the worst event's node."""
    if "click" not in context.asked:
        service.click = context.page
    if "actions" not in context.asked and context.page:
        service._NotifyNtfy__actions = f"view, Registry, {context.page}"  # noqa: SLF001 - no hook
    if "xtags" not in context.asked:
        service._NotifyNtfy__tags = [  # noqa: SLF001 - no hook
            _NTFY_TAGS[context.severity],
            str(context.worst.kind),
        ]


def mqtt(service: Plugin, _context: Context) -> None:
    """Have apprise wait until the broker has the message: without that a refused login would count as sent."""
    service.qos = max(service.qos, 1)


def pushover(service: Plugin, context: Context) -> None:
    """Link the page of the worst event's node, and refuse what was to be encrypted without the library for it."""
    is_secret = service.encryption_key and service.e2ee
    if is_secret and not supports(service, "PUSHOVER_E2EE_SUPPORT"):
        context.refuse(NEEDS_CRYPTOGRAPHY)
    if service.supplemental_url is None:
        service.supplemental_url = context.page


def pagerduty(service: Plugin, context: Context) -> None:
    """Open an incident whose summary is one sentence; its details are the whole message.

    Its key is made from the message's events, below the one in the URL: a repeat finds its incident, no other does.
    """
    service.action = "trigger"
    key = event_id(*sorted(event.id for event in context.events))
    service.dedup = f"{service.dedup or 'comfy-watch'}/{key}"
    if service.click is None:
        service.click = context.page
    if not (context.plain or "message" in service.details):
        whole = render(context.digest, Format.TEXT, _DETAILS, 0)
        service.details["message"] = whole.body
        # Else each ban of many would open an incident.
        context.named.update({event.id for event in context.events} - {*whole.left})


def opens(service: Plugin, _context: Context) -> None:
    """Open one alert with all responders; apprise would write an info as a note to an alert that is not there."""
    service.action, service.batch_size = "new", service.default_batch_size
