"""Chat services for teams: Teams, Rocket.Chat, Mattermost, Google Chat, Zulip, Webex, and those of China."""

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
    words,
)
from tests.proxied.services.reading import headed

# Teams workflows: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors (28 KB a message)

_TEXT_BLOCK = record(
    {"type": one_of("TextBlock"), "text": words()},
    id=words(100),
    style=one_of("default", "heading"),
    weight=one_of("Default", "Lighter", "Bolder"),
    size=one_of("Default", "Small", "Medium", "Large", "ExtraLarge"),
    color=one_of("Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"),
    isSubtle=YES_OR_NO,
    wrap=YES_OR_NO,
    spacing=words(20),
    separator=YES_OR_NO,
)
_CONTAINER = record(
    {
        "type": one_of("Container"),
        "items": several(_TEXT_BLOCK, 100, least=1),
        "style": one_of(
            "default", "emphasis", "good", "attention", "warning", "accent"
        ),
    },
    bleed=YES_OR_NO,
)
_CARD = record(
    {
        "$schema": one_of("http://adaptivecards.io/schemas/adaptive-card.json"),
        "type": one_of("AdaptiveCard"),
        "version": matching(r"1\.[0-6]"),
        "body": several({"oneOf": [_TEXT_BLOCK, _CONTAINER]}, 100, least=1),
    },
    msteams=record({}, width=one_of("full")),
    fallbackText=words(),
)
_TEAMS: Schema = record(
    {
        "type": one_of("message"),
        "attachments": several(
            record(
                {
                    "contentType": one_of("application/vnd.microsoft.card.adaptive"),
                    "content": _CARD,
                },
                contentUrl={"type": "null"},
            ),
            1,
            least=1,
        ),
    },
    summary=words(),
)


def _teams(asked: Asked) -> Iterator[str]:
    if len(asked.body) > 28 * 1024:
        yield f"{len(asked.body)} bytes, at most 28 KB"


def _on_teams(said: Any) -> Shown:
    container, *rest = said["attachments"][0]["content"]["body"]
    return [
        *((Dialect.TITLE, line["text"]) for line in container["items"]),
        *((Dialect.CARD, block["text"]) for block in rest),
    ]


# Google Chat: https://developers.google.com/workspace/chat/quickstart/webhooks


def _google_chat(asked: Asked) -> Iterator[str]:
    if asked.parameters.keys() < {"key", "token"}:
        yield "no key or token"
    if len(asked.body) > 32_000:
        yield f"{len(asked.body)} bytes, at most 32,000"


# Lark and Feishu, DingTalk, WeCom: an error is an answer of 200 with a number in it


ROOMS = (
    Peer(
        name="teams",
        url=f"workflows://prod.example/{'a' * 32}/signature",
        host="prod.example",
        path=f"/workflows/{'a' * 32}/triggers/manual/paths/invoke",
        schema=_TEAMS,
        check=_teams,
        shown=_on_teams,
        taken=Reply(status=202),
    ),
    Peer(
        name="rocket-chat",
        url=f"rockets://{'a' * 24}/{'b' * 64}@rocket.example/#general",
        host="rocket.example",
        path=f"/hooks/{'a' * 24}/{'b' * 64}",
        schema=record(
            {"text": words(5000, least=1)},
            channel=words(100),
            alias=words(100),
            username=words(100),
            avatar=LINK,
            emoji=words(50),
            attachments=several(ANYTHING, 20),
        ),
        shown=headed("text", Dialect.MARKDOWN),
        taken=says({"success": True}),
    ),
    Peer(
        name="mattermost",
        url="mmosts://mattermost.example/3ccdd113474722377935511fc85d3dd4",
        host="mattermost.example",
        path="/hooks/3ccdd113474722377935511fc85d3dd4",
        schema=record(
            {"text": words(16383, least=1)},
            channel=words(64),
            username=words(64),
            icon_url=LINK,
            icon_emoji=words(64),
            props=ANYTHING,
        ),
        shown=headed("text", Dialect.MARKDOWN),
        taken=text("ok"),
    ),
    Peer(
        name="google-chat",
        url="gchat://workspace/key/token",
        host="chat.googleapis.com",
        path="/v1/spaces/workspace/messages",
        schema=record({"text": words(4096, least=1)}, thread=ANYTHING),
        check=_google_chat,
        shown=headed("text", Dialect.SLACK),
        taken=says({"name": "spaces/workspace/messages/UMxbHmzDlr4.UMxbHmzDlr4", "sender": {"type": "BOT"}}),
    ),
    Peer(
        name="zulip",
        url=f"zulip://bot@org/{'a' * 32}/general",
        host="org.zulipchat.com",
        path="/api/v1/messages",
        content_type="application/x-www-form-urlencoded",
        schema=record(
            {"type": one_of("stream", "channel"), "to": words(60, least=1), "content": words(10000, least=1)},
            topic=words(60, least=1),
        ),
        shown=lambda said: [(Dialect.TITLE, said["topic"]), (Dialect.MARKDOWN, said["content"])],
        taken=says({"result": "success", "msg": "", "id": 42}),
    ),
)  # fmt: skip
