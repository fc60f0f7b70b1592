"""Discord and Slack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Reply, says, text
from tests.proxied.schema import (
    ANYTHING,
    LINK,
    YES_OR_NO,
    Schema,
    matching,
    one_of,
    record,
    several,
    whole,
    words,
)
from tests.proxied.services.reading import split

# Discord: https://discord.com/developers/docs/resources/webhook#execute-webhook

_EMBED = record(
    {},
    title=words(256),
    description=words(4096),
    url=LINK,
    color=whole(0, 0xFFFFFF),
    author=record({"name": words(256, least=1)}, url=LINK),
)
_SILENT = {"tts": one_of(False), "wait": YES_OR_NO}
_DISCORD: Schema = {
    "oneOf": [
        # Without the flag 4 links are previewed.
        record({"content": words(2000, least=1), "flags": one_of(4)}, **_SILENT),
        record({"embeds": several(_EMBED, 10, least=1)}, **_SILENT),
    ]
}


def _discord(asked: Asked) -> Iterator[str]:
    for embed in asked.said.get("embeds", ()):
        texts = (embed["title"], embed["description"], embed["author"]["name"])
        if (total := sum(map(len, texts))) > 6000:
            yield f"{total} characters in an embed, at most 6000"


def _on_discord(said: Any) -> Shown:
    shown = split(said["content"], Dialect.MARKDOWN) if "content" in said else []
    for embed in said.get("embeds", ()):
        shown.append((Dialect.TITLE, embed["title"]))
        shown.append((Dialect.MARKDOWN, embed["description"]))
    return shown


# Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks

_PLAIN = {"type": one_of("plain_text"), "text": words(3000, least=1)}
_MARKED = {"type": one_of("mrkdwn"), "text": words(3000, least=1)}
_SLACK_TEXT = {
    "oneOf": [record(_MARKED, verbatim=YES_OR_NO), record(_PLAIN, emoji=YES_OR_NO)]
}
_HEADER = record(_PLAIN | {"text": words(150, least=1)}, emoji=YES_OR_NO)
_CONTEXT = {
    "type": one_of("context"),
    "elements": several(ANYTHING, 10, least=1),
}
_BLOCK = {
    "oneOf": [
        record({"type": one_of("header"), "text": _HEADER}),
        record({"type": one_of("section"), "text": _SLACK_TEXT}, expand=YES_OR_NO),
        record(_CONTEXT),
    ]
}
_ATTACHMENT = record(
    {"color": matching("#[0-9A-Fa-f]{6}")},
    title=words(250),
    text=words(3000),
    fallback=words(3000),
    footer=words(300),
    ts={"type": "number"},
    blocks=several(_BLOCK, 50),
)
_SLACK: Schema = record(
    {"attachments": several(_ATTACHMENT, 20, least=1)},
    channel=words(80),
    mrkdwn=YES_OR_NO,
)


def _on_slack(said: Any) -> Shown:
    shown: Shown = []
    for attachment in said["attachments"]:
        shown += [
            (Dialect.TITLE, attachment[part])
            for part in ("title", "fallback")
            if attachment.get(part)
        ]
        shown += [(Dialect.SLACK, attachment["text"])] if "text" in attachment else []
        for block in attachment.get("blocks", ()):
            content = block.get("text", {"type": "none", "text": ""})
            dialect = Dialect.SLACK if content["type"] == "mrkdwn" else Dialect.TEXT
            if block["type"] == "header":
                dialect = Dialect.TITLE
            shown.append((dialect, content["text"]))
    return shown


_HOOK = "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F"

CHAT = (
    *(
        Peer(
            name=name,
            url=f"discord://123456789{number}/token{query}",
            host="discord.com",
            path=f"/api/webhooks/123456789{number}/token",
            schema=_DISCORD,
            check=_discord,
            shown=_on_discord,
            taken=Reply(status=204),
        )
        for number, (name, query) in enumerate(
            (("discord", ""), ("discord-content", "?flags=4"))
        )
    ),
    *(
        Peer(
            name=f"slack-hook-{letter}",
            url=f"slack://{_HOOK.removeprefix('/services/')}{letter}/{query}",
            host="hooks.slack.com",
            path=f"{_HOOK}{letter}",
            schema=_SLACK,
            shown=_on_slack,
            taken=text("ok"),
        )
        for letter, query in (
            ("a", ""),
            ("c", "?format=text"),
            ("d", "?format=text&blocks=yes"),
        )
    ),
    Peer(
        name="slack-bot",
        url="slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#general",
        host="slack.com",
        path="/api/chat.postMessage",
        schema=_SLACK,
        shown=_on_slack,
        taken=says({"ok": True, "channel": "C123ABC456", "ts": "1503435956.000247"}),
    ),
)
