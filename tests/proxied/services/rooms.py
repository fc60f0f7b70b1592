"""Chat services for teams: Teams, Rocket.Chat, Mattermost, Google Chat, Zulip, Webex, and those of China."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Refusal, Reply, refused, says, text, throttled
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
from tests.proxied.services.reading import headed, split

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
_CARD = record(
    {
        "$schema": one_of("http://adaptivecards.io/schemas/adaptive-card.json"),
        "type": one_of("AdaptiveCard"),
        "version": matching(r"1\.[0-6]"),
        "body": several(_TEXT_BLOCK, 100, least=1),
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
    title, *rest = said["attachments"][0]["content"]["body"]
    return [
        (Dialect.TITLE, title["text"]),
        *((Dialect.CARD, block["text"]) for block in rest),
    ]


def _flow(code: str, status: int) -> Refusal:
    return refused(
        {"error": {"code": code, "message": "The workflow could not be run."}}, status
    )


_TEAMS_SAYS = {
    "gone": _flow("WorkflowNotFound", 404),
    "token": _flow("DirectApiAuthorizationRequired", 401),
    "invalid": _flow("InvalidRequestContent", 400),
    "too large": _flow("RequestEntityTooLarge", 413),
    "throttled": throttled(
        {
            "error": {
                "code": "WorkflowTriggerRateLimitExceeded",
                "message": "Rate limit exceeded.",
            }
        }
    ),
}

# Google Chat: https://developers.google.com/workspace/chat/quickstart/webhooks


def _google(code: int, status: str) -> Refusal:
    return refused({"error": {"code": code, "message": "…", "status": status}}, code)


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
        invalid=_TEAMS_SAYS["invalid"].reply,
        refusals=_TEAMS_SAYS,
        speaks_json=False,
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
        invalid=says({"success": False, "error": "error-message-size-exceeded"}, 400),
        refusals={
            "gone": refused({"success": False, "error": "Invalid integration id or token provided."}, 404),
            "channel": refused({"success": False, "error": "invalid-channel"}, 400),
            "throttled": throttled({"success": False, "error": "Too many requests"}),
        },
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
        invalid=says({"id": "web.incoming_webhook.text.app_error", "status_code": 400}, 400),
        refusals={
            "disabled": refused({"id": "web.incoming_webhook.disabled.app_error", "status_code": 501}, 501),
            "gone": refused({"id": "web.incoming_webhook.channel.app_error", "status_code": 404}, 404),
            "throttled": Refusal(reply=text("limit exceeded", 429, Retry_After="7"), said="HTTP 429", retry_after=7),
        },
        speaks_json=False,
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
        invalid=_google(400, "INVALID_ARGUMENT").reply,
        refusals={
            "gone": _google(404, "NOT_FOUND"),
            "token": _google(401, "UNAUTHENTICATED"),
            "forbidden": _google(403, "PERMISSION_DENIED"),
            "invalid": _google(400, "INVALID_ARGUMENT"),
            "throttled": throttled({"error": {"code": 429, "message": "…", "status": "RESOURCE_EXHAUSTED"}}),
        },
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
        shown=lambda said: [(Dialect.TITLE, said["topic"]), *split(said["content"], Dialect.MARKDOWN)],
        taken=says({"result": "success", "msg": "", "id": 42}),
        invalid=says({"result": "error", "msg": "Invalid", "code": "BAD_REQUEST"}, 400),
        refusals={
            "token": refused({"result": "error", "msg": "Invalid API key", "code": "INVALID_API_KEY"}, 401),
            "stream": refused(
                {"result": "error", "msg": "Channel 'general' does not exist", "code": "STREAM_DOES_NOT_EXIST"}, 400
            ),
            "throttled": throttled({"result": "error", "code": "RATE_LIMIT_HIT", "retry-after": 7.0, "msg": "…"}),
        },
    ),
)  # fmt: skip
