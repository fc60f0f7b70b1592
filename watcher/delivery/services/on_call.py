"""On-call services: a message opens an alert of its own, and nothing that we send acknowledges, closes or resolves one.

Their plugins choose the action by apprise's type of message, and the key of an incident by its title: a release could
close a ban, and one ban could be taken for a repeat of another.
"""

from __future__ import annotations

from typing import Any

from watcher.alerts.reference import key_of
from watcher.alerts.render import Format, render
from watcher.delivery.services.service import Context, Prepare

SUMMARY = 300
"""Bytes; PagerDuty takes 1,024 characters, and reads them out on the telephone. Its details have the rest."""
_DETAILS = 10_000
"""Bytes; PagerDuty takes 512 KB of an event."""


def opens(action: str, key: str) -> Prepare:
    """Return the rule that opens an alert, whatever the URL asks for.

    `action` is the plugin's word for that, `key` its attribute for the key of the alert.
    """

    def rule(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
        service.action = action
        _set_key(service, key, context)

    return rule


def _set_key(service: Any, key: str, context: Context) -> None:  # noqa: ANN401 - as above
    """Make the key from the message's events, below the one in the URL: a repeat finds its alert, no other does."""
    own = getattr(service, key, None)
    setattr(service, key, f"{own or 'comfy-watch'}/{key_of(context.events)}")


def opsgenie(service: Any, context: Context) -> None:  # noqa: ANN401 - as above
    """Open one alert with all responders: Opsgenie and Jira would drop a second one with the same alias."""
    _NEW(service, context)
    service.batch_size = service.default_batch_size


def pagerduty(service: Any, context: Context) -> None:  # noqa: ANN401 - as above
    """Open an incident whose summary is one sentence; its details are the whole message."""
    _DEDUPED(service, context)
    if service.click is None:
        service.click = context.page
    if not context.plain:
        whole = render(context.digest, Format.TEXT, _DETAILS, 0)
        service.details.setdefault("message", whole.body)


def pagertree(service: Any, context: Context) -> None:  # noqa: ANN401 - as above
    """Open an alert; fields in the URL could make something else of it."""
    _CREATE(service, context)
    for name in ("event_type", "id"):
        service.payload_extras.pop(name, None)


def signl4(service: Any, context: Context) -> None:  # noqa: ANN401 - as above
    """Open an alert; a status in the URL could resolve it."""
    _TRIGGER(service, context)
    service.status = None


def splunk(service: Any, context: Context) -> None:  # noqa: ANN401 - as above
    """Open an incident, or add what is only an info to the timeline."""
    if service.action not in ("critical", "warning", "info"):
        service.action = "map"
    words = {"failure": "CRITICAL", "warning": "WARNING"}
    for kind, word in service.mapping.items():
        if word not in ("CRITICAL", "WARNING", "INFO"):
            service.mapping[kind] = words.get(kind.value, "INFO")
    _set_key(service, "entity_id", context)


_NEW = opens("new", "alias")
_CREATE = opens("create", "thirdparty")
_TRIGGER = opens("trigger", "external_id")
_DEDUPED = opens("trigger", "dedup")
