"""Chat services for teams: Teams, Mattermost, Google Chat, Zulip, and Matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Reply, says, text
from tests.proxied.schema import (
    YES_OR_NO,
    Schema,
    matching,
    one_of,
    record,
    several,
    words,
)
from tests.proxied.services.reading import headed, split

# Teams workflows: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors (28 KB a message)

_TEXT_BLOCK = record(
    {"type": one_of("TextBlock"), "text": words()},
    id=words(100),
    style=one_of("default", "heading"),
    weight=one_of("Default", "Lighter", "Bolder"),
    size=one_of("Default", "Small", "Medium", "Large", "ExtraLarge"),
    wrap=YES_OR_NO,
)
_CONTAINER = record(
    {
        "type": one_of("Container"),
        "items": several(_TEXT_BLOCK, 100, least=1),
        "style": one_of("attention", "warning", "accent"),
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
)
_ATTACHED = record(
    {
        "contentType": one_of("application/vnd.microsoft.card.adaptive"),
        "content": _CARD,
    },
    contentUrl={"type": "null"},
)
_TEAMS: Schema = record(
    {"type": one_of("message"), "attachments": several(_ATTACHED, 1, least=1)}
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
    if len(asked.body) > 32_000:
        yield f"{len(asked.body)} bytes, at most 32,000"


# Matrix: https://spec.matrix.org/latest/client-server-api/

_API = "/_matrix/client/v3"
_ROOM = f"{_API}/rooms/!room:x"
_NOT_FOUND = says({"errcode": "M_NOT_FOUND", "error": "…"}, 404)
_LOGIN = {"access_token": "t", "user_id": "@u:matrix.example", "device_id": "d"}


def _on_matrix(said: Any) -> Shown:
    heading, _, page = said["formatted_body"].rpartition("</h1>")
    title = unescape(re.sub(r"\A<h1>", "", heading))
    return [
        (Dialect.TITLE, title),
        (Dialect.HTML, page),
        *split(said["body"], Dialect.BARE),
    ]


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
        name="mattermost",
        url="mmosts://mattermost.example/3ccdd113474722377935511fc85d3dd4",
        host="mattermost.example",
        path="/hooks/3ccdd113474722377935511fc85d3dd4",
        schema=record({"text": words(16383, least=1)}, username=words(64)),
        shown=headed("text", Dialect.MARKDOWN),
        taken=text("ok"),
    ),
    Peer(
        name="google-chat",
        url="gchat://workspace/key/token",
        host="chat.googleapis.com",
        path="/v1/spaces/workspace/messages",
        schema=record({"text": words(4096, least=1)}),
        check=_google_chat,
        shown=headed("text", Dialect.SLACK),
        taken=says({"name": "spaces/workspace/messages/UMxbHmzDlr4.UMxbHmzDlr4"}),
    ),
    Peer(
        name="zulip",
        url=f"zulip://bot@org/{'a' * 32}/general",
        host="org.zulipchat.com",
        path="/api/v1/messages",
        content_type="application/x-www-form-urlencoded",
        schema=record(
            {
                "type": one_of("stream", "channel"),
                "to": words(60, least=1),
                "content": words(10000, least=1),
            },
            topic=words(60, least=1),
        ),
        shown=lambda said: [
            (Dialect.TITLE, said["topic"]),
            (Dialect.MARKDOWN, said["content"]),
        ],
        taken=says({"result": "success", "msg": "", "id": 42}),
    ),
    Peer(
        name="matrix",
        url="matrixs://user:password@matrix.example/!room:x",
        host="matrix.example",
        method="PUT",
        path=f"{_ROOM}/send/m.room.message/.+",
        schema=record(
            {
                "msgtype": one_of("m.text", "m.notice"),
                "body": words(octets=32_000, least=1),
                "format": one_of("org.matrix.custom.html"),
                "formatted_body": words(octets=32_000, least=1),
                "m.mentions": record({}),
            },
        ),
        shown=_on_matrix,
        others=(
            ("GET", "/.well-known/matrix/client", _NOT_FOUND),
            ("POST", f"{_API}/login", says(_LOGIN)),
            ("POST", f"{_API}/join/!room:x", says({"room_id": "!room:x"})),
            ("GET", f"{_ROOM}/state/m.room.encryption.*", _NOT_FOUND),
            ("POST", f"{_API}/(keys/upload|logout)", says({})),
        ),
        is_slow=True,
        taken=says({"event_id": "$YUwRidLecu:matrix.example"}),
    ),
)
