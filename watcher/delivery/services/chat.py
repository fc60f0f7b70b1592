"""Chat services: nobody is mentioned, nothing but the message is shown, and as much of it as the service takes."""

from __future__ import annotations

from typing import Any

from apprise import NotifyFormat

from watcher.delivery.services.service import Context

_SUPPRESS_EMBEDS = 4
"""Discord's flag against link previews, whose text is untrusted too."""
DISCORD_EMBED = 4000
"""Bytes; Discord takes 4,096 characters as an embed's description, and 6,000 with all its other parts."""
TEAMS_CARD = 12_000
"""Bytes; Teams takes 28 KB, of which the card around the text and JSON's escapes are a part."""
TEAMS_ENCODED = 24_000
ROCKET_CHAT = 4900
"""Bytes; Rocket.Chat takes 5,000 characters unless its administrator says otherwise."""


def discord(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Send an embed, which has a colour and shows no previews of links, unless the URL asks for something else.

    A message that was refused as an embed goes out without one.
    """
    flags = getattr(service, "flags", None) or 0
    asked = service._format_override  # noqa: SLF001 - what `?format=` sets
    embed = not flags & _SUPPRESS_EMBEDS and (
        asked is NotifyFormat.MARKDOWN or not (asked or service.template)
    )
    if embed and not context.plain:
        service._format_override = NotifyFormat.MARKDOWN  # noqa: SLF001 - as above
        service.body_maxlen = DISCORD_EMBED
        if service.href is None:
            service.href = context.page
    else:
        service._format_override = None  # noqa: SLF001 - Discord reads any other text as Markdown, whatever it is called
        service.flags = flags or _SUPPRESS_EMBEDS


def teams(service: Any, context: Context) -> None:  # noqa: ANN401, ARG001 - apprise's own object; a `Prepare`
    """Use the room that a card has; apprise would send 1,000 characters."""
    service.body_maxlen = TEAMS_CARD


def rocket_chat(service: Any, context: Context) -> None:  # noqa: ANN401, ARG001 - as above
    """Use the room that a message has; apprise would send 1,000 characters."""
    service.body_maxlen = ROCKET_CHAT


def zulip(service: Any, context: Context) -> None:  # noqa: ANN401, ARG001 - as above
    """Send all messages to one topic of the channel: the title, which apprise takes for the topic, is in the text."""
    service.title_maxlen = 0
