"""Chat services: nobody is mentioned, nothing but the message is shown, and as much of it as the service takes."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from apprise import NotifyFormat

from watcher.alerts.render import Format, render
from watcher.delivery.services.service import (
    NEEDS_CRYPTOGRAPHY,
    Context,
    Levels,
    Plugin,
    supports,
)
from watcher.model.event import event_id

_SUPPRESS_EMBEDS = 4
"""Discord's flag against link previews, whose text is untrusted too."""
DISCORD_EMBED = 4000
"""Bytes; Discord takes 4,096 characters as an embed's description, and 6,000 with all its other parts."""
TEAMS_CARD = 12_000
"""Bytes; Teams takes 28 KB, of which the card around the text and JSON's escapes are a part."""
TEAMS_ENCODED = 24_000
TELEGRAM = 9000
"""Bytes with markup; Telegram takes about 9,500."""
_TAG = re.compile(r"<[^>]*>")
_SLACK_TITLE = 150
"""Characters of a header block; a section has 3,000."""
_TEAMS_STYLES: Levels = ("attention", "warning", "accent")
"""The styles of a card's container, which Teams shows as a colour."""


def discord(service: Plugin, context: Context) -> None:
    """Send an embed, which has a colour and shows no previews of links, unless the URL asks for something else.

    A message that was refused as an embed goes out without one.
    """
    flags = getattr(service, "flags", None) or 0
    asked = service._format_override  # noqa: SLF001 - what `?format=` sets
    # The flag of the URL would hide our embed as well.
    embed = not flags & _SUPPRESS_EMBEDS and (
        asked is NotifyFormat.MARKDOWN or not (asked or service.template)
    )
    if embed and not context.plain:
        service._format_override = NotifyFormat.MARKDOWN  # noqa: SLF001 - as above
        # apprise knows the limit of a message without an embed.
        service.body_maxlen = DISCORD_EMBED
        if service.href is None:
            service.href = context.page
    else:
        service._format_override = None  # noqa: SLF001 - Discord reads any other text as Markdown, whatever it is called
        service.flags = flags or _SUPPRESS_EMBEDS


def visible(title: str, body: str) -> int:
    """Return the characters that Telegram shows, in units of UTF-16."""
    text = unescape(_TAG.sub("", body))
    return len(f"{title}\r\n{text}".encode("utf-16-le")) // 2


def entities(_title: str, body: str) -> int:
    """Return how much has a style of its own. Telegram shows what is beyond the hundredth as if it had none."""
    return len(_TAG.findall(body)) // 2 + 1  # the title has one


def slack(service: Plugin, context: Context) -> None:
    """Send blocks, which Slack shows whole, unless the URL asks for something else.

    `_send` is replaced because apprise has no hook for what is in a block.
    """
    if service.template:
        return
    if context.plain:
        service.use_blocks = False
    elif "blocks" not in context.asked:
        service.use_blocks = service._format_override is not NotifyFormat.TEXT  # noqa: SLF001 - what `?format=` sets
    if not service.use_blocks:
        return
    service.title_maxlen = _SLACK_TITLE
    send = service._send  # noqa: SLF001 - see above

    def shown_whole(url: str, payload: dict[str, Any], **more: object) -> object:
        for attachment in payload.get("attachments", ()):
            for block in attachment["blocks"]:
                _show_whole(block, attachment)
        return send(url, payload, **more)

    service._send = shown_whole  # noqa: SLF001 - see above


def _show_whole(block: dict[str, Any], attachment: dict[str, Any]) -> None:
    """Keep Slack from folding a block, and from making links of words in it; a lock screen shows the header."""
    if block["type"] == "header":
        attachment["fallback"] = block["text"]["text"]
    elif block["type"] == "section":
        block["expand"] = True
        if block["text"]["type"] == "mrkdwn":
            block["text"]["verbatim"] = True


def teams(service: Plugin, context: Context) -> None:
    """Use the room that a card has, where apprise would send 1,000 characters, and colour its title by severity.

    `gen_payload` is replaced because apprise has no hook for what is in a card.
    """
    service.body_maxlen = TEAMS_CARD
    if service.template or context.plain:
        return
    make = service.gen_payload

    def coloured(**message: object) -> dict[str, Any]:
        payload: dict[str, Any] = make(**message)
        card = payload["attachments"][0]["content"]
        *heading, text = card["body"]
        # A title that is cut off may hide the version.
        for line in heading:
            line["wrap"] = service.wrap
        container = {
            "type": "Container",
            "style": context.level(_TEAMS_STYLES),
            "bleed": True,
            "items": heading,
        }
        card["body"] = [container, text] if heading else [text]
        return payload

    service.gen_payload = coloured


NTFY = 7700
"""Bytes; apprise makes an attachment of more than 8,000 bytes of JSON, of which topic and names are a part."""
SUMMARY = 300
"""Bytes; PagerDuty takes 1,024 characters, and reads them out on the telephone. Its details have the rest."""
_DETAILS = 10_000
"""Bytes; PagerDuty takes 512 KB of an event."""


def ntfy(service: Plugin, context: Context) -> None:
    """Let a tap open the page of the worst event's node."""
    # What the URL sets itself is what its owner wants to happen at a tap.
    if "click" not in context.asked:
        service.click = context.page


def mqtt(service: Plugin, _context: Context) -> None:
    """Have apprise wait until the broker has the message: without that a refused login would count as sent."""
    # 0 is apprise's default: then it leaves as soon as it has written to the socket.
    service.qos = max(service.qos, 1)


def pushover(service: Plugin, context: Context) -> None:
    """Link the page of the worst event's node, and refuse what was to be encrypted without the library for it."""
    # apprise would send it unencrypted then.
    is_secret = service.encryption_key and service.e2ee
    if is_secret and not supports(service, "PUSHOVER_E2EE_SUPPORT"):
        context.refuse(NEEDS_CRYPTOGRAPHY)
    if service.supplemental_url is None:
        service.supplemental_url = context.page


def pagerduty(service: Plugin, context: Context) -> None:
    """Open an incident whose summary is one sentence; its details are the whole message.

    Its key is made from the message's events, below the one in the URL: a repeat finds its incident, no other does.
    """
    # Any other action would acknowledge or close what is open.
    service.action = "trigger"
    # Sorted: a repeat whose events stand in another order has to find its incident.
    key = event_id(*sorted(event.id for event in context.events))
    service.dedup = f"{service.dedup or 'comfy-watch'}/{key}"
    if service.click is None:
        service.click = context.page
    # The details have room for what one sentence leaves out.
    if not (context.plain or "message" in service.details):
        whole = render(context.digest, Format.TEXT, _DETAILS, 0)
        service.details["message"] = whole.body
        # Else each ban of many would open an incident.
        context.named.update({event.id for event in context.events} - {*whole.left})


def opens(service: Plugin, _context: Context) -> None:
    """Open one alert with all responders; apprise would write an info as a note to an alert that is not there."""
    service.action, service.batch_size = "new", service.default_batch_size
