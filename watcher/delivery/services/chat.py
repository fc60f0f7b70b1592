"""Chat services: nobody is mentioned, and nothing but the message is shown."""

from __future__ import annotations

from typing import Any

from watcher.delivery.services.service import Context

_SUPPRESS_EMBEDS = 4  # Discord's flag against link previews, whose text is untrusted too


def discord(service: Any, context: Context) -> None:  # noqa: ANN401, ARG001 - apprise's own object; a `Prepare`
    """Show no previews of links, unless the URL has flags of its own."""
    if not getattr(service, "flags", 0):
        service.flags = None if "format" in service.url_parameters() else _SUPPRESS_EMBEDS
