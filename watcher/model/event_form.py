"""The public JSON form of an event: in `check --json`, `history --json` and what a webhook gets (docs/webhook.md)."""

from __future__ import annotations

from watcher import timestamps
from watcher.model.event import Event, severity_of


def public_form(event: Event) -> dict[str, object]:
    """Return the form.

    `safe_version` is absent where it is not known, `channel` and `install` but in events on one, and `bad_versions`
    where there are none.
    """
    form: dict[str, object] = {
        "id": event.id,
        "kind": event.kind.value,
        "node": event.node,
        "version": event.version,
        "version_id": event.version_id,
        "before": event.before,
        "after": event.after,
        "reason": event.reason,
        "changes": [
            {"field": one.field, "before": one.before, "after": one.after}
            for one in event.changes
        ],
        "at": event.at,
        "published": public_time(event.published),
        "severity": severity_of(event).value,
    }
    if event.safe_version != "":
        form["safe_version"] = event.safe_version
    form["installed"] = [
        {"install": copy.install, "version": copy.version, "enabled": copy.enabled}
        for copy in event.installed
    ]
    if event.bad_versions:
        form["bad_versions"] = [
            {"node": one.node, "version": one.version, "status": one.status}
            for one in event.bad_versions
        ]
    if event.channel is not None:
        form["channel"] = event.channel
    if event.install is not None:
        form["install"] = event.install
    return form | {"url": event.url}


def public_time(text: str) -> str | None:
    """Return a time of the registry's as the program writes times; None for what is no time."""
    try:
        return timestamps.show(timestamps.read(text)) if text else None
    except (ValueError, OverflowError):
        return None
