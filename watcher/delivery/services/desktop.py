"""Desktop notifications: why none is shown."""

from __future__ import annotations

from typing import Any

from watcher.delivery.services.service import Context

_NO_SESSION = (
    "no desktop session shows notifications here: run comfy-watch as the user who is logged in, with that session's "
    "DBUS_SESSION_BUS_ADDRESS"
)


def desktop(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Say what to do where nobody takes a notification: all that the plugin says of it is that it failed."""
    send = service.send

    def explained(**message: object) -> bool:
        done = False
        try:
            done = bool(send(**message))
        finally:
            if not done:
                context.refuse(_NO_SESSION)
        return done

    service.send = explained
