"""The services that alerts go to: apprise URLs that end on loopback, and what of each message a reader is shown."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from html import unescape
from typing import Any
from urllib.parse import parse_qs

from tests.support.fakes.webhook import Answer, Message, Webhook


class Dialect(StrEnum):
    """How a service reads a text."""

    MARKDOWN = "markdown"
    HTML = "html"
    CARD = "card"
    """An Adaptive Card: Markdown without code."""
    SLACK = "slack"
    TELEGRAM_1 = "telegram 1"
    TELEGRAM_2 = "telegram 2"
    TITLE = "title"
    """Our own words alone, but for a node's id that needs no quoting."""
    TEXT = "text"
    """Shown as it is, though links may be found in it; untrusted text stands between backticks."""
    BARE = "bare"
    """As `TEXT`, without the backticks."""


Shown = list[tuple[Dialect, str]]
Body = Callable[[Any], Shown]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: `url` has `{port}` for the webhook's, `path` is where its posts arrive, `body` takes one apart.

    A `*` in a path stands for anything. `before` is what else it asks, and is answered. `most` is how long the service
    lets a text be, in UTF-8 bytes, or what we promise where it has no limit, and `lines` how many lines it takes. A
    `slow` one gets few messages.
    """

    name: str
    url: str
    path: str
    body: Body
    most: int = 4096
    lines: int = 1000
    answer: bytes = b"{}"
    before: Mapping[str, bytes] = field(default_factory=dict)
    slow: bool = False

    def sent(self, message: Message) -> bool:
        """Return whether it is this service's message."""
        return fnmatchcase(message.path, self.path)

    def shown(self, message: Message) -> Shown:
        """Return the texts of a message with the dialect that each is read in."""
        decoded = message.json
        if decoded is None:
            decoded = {name: values[0] for name, values in parse_qs(message.body.decode()).items()}
        return self.body(decoded)


def _field(name: str, dialect: Dialect, title: str = "") -> Body:
    def body(decoded: Any) -> Shown:
        return [(dialect, decoded[name]), *([(Dialect.TITLE, decoded[title])] if title else [])]

    return body


def _titled(name: str, dialect: Dialect) -> Body:
    """Take a text whose first line is apprise's heading."""

    def body(decoded: Any) -> Shown:
        return _split(decoded[name], dialect)

    return body


def _split(text: str, dialect: Dialect) -> Shown:
    heading, _, rest = text.partition("\n")
    return [(Dialect.TITLE, heading.strip()), (dialect, rest)]


def _headed(html: str) -> Shown:
    heading, _, rest = html.rpartition("</h1>")
    return [*([(Dialect.TITLE, unescape(heading.removeprefix("<h1>")))] if heading else []), (Dialect.HTML, rest)]


def _embeds(decoded: Any) -> Shown:
    assert "content" not in decoded
    return [
        (dialect, text)
        for embed in decoded["embeds"]
        for dialect, text in (
            (Dialect.TITLE, embed["title"]),
            (Dialect.MARKDOWN, embed.get("description", "")),
            *((Dialect.MARKDOWN, field[part]) for field in embed.get("fields", ()) for part in ("name", "value")),
        )
    ]


def _attachments(decoded: Any) -> Shown:
    found: Shown = []
    for attachment in decoded["attachments"]:
        found += [(Dialect.TITLE, attachment[part]) for part in ("title", "fallback") if attachment.get(part)]
        if "text" in attachment:
            found.append((Dialect.SLACK, attachment["text"]))
        for block in (block for block in attachment.get("blocks", ()) if "text" in block):
            dialect = Dialect.SLACK if block["text"]["type"] == "mrkdwn" else Dialect.TEXT
            found.append((Dialect.TITLE if block["type"] == "header" else dialect, block["text"]["text"]))
    return found


def _mail(subject: str, page: str, text: str) -> Body:
    def body(decoded: Any) -> Shown:
        return [(Dialect.TITLE, decoded[subject]), (Dialect.HTML, decoded[page]), (Dialect.BARE, decoded[text])]

    return body


def _sent_by_pulse(decoded: Any) -> Shown:
    mail = decoded["email"]
    page = b64decode(mail["html"]).decode()
    return [(Dialect.TITLE, mail["subject"]), (Dialect.HTML, page), (Dialect.BARE, mail["text"])]


def _card(decoded: Any) -> Shown:
    title, text = decoded["attachments"][0]["content"]["body"]
    return [(Dialect.TITLE, title["text"]), (Dialect.CARD, text["text"])]


def _room(decoded: Any) -> Shown:
    assert decoded["m.mentions"] == {}
    return [*_headed(decoded["formatted_body"]), *_split(decoded["body"], Dialect.BARE)]


def _attached(decoded: Any) -> Shown:
    [attachment] = decoded["attachments"]
    return [(Dialect.TITLE, attachment["title"]), (Dialect.BARE, unescape(attachment["text"]))]


def _pop_up(decoded: Any) -> Shown:
    said = decoded["params"]
    assert re.search(r"\bref [0-9a-f]{8}\Z", said["message"])
    return [(Dialect.TITLE, said["title"]), (Dialect.TEXT, said["message"].replace("\r\n", "\n"))]


def _without_code(decoded: Any) -> Shown:
    """Take HTML that has lost its code tags: without the tags that are ours, it is a bare text."""
    text = re.sub(r"</?b>|<a href=\"[^\"<>]*\">|</a>", "", decoded["message"].replace("<br>", "\n"))
    assert "<" not in text, decoded
    return [(Dialect.TITLE, decoded["title"]), (Dialect.BARE, unescape(text))]


_MATRIX = "/_matrix/client/v3"
_BOT = "123456789:abcdefg_hijklmnop"
_TELEGRAM = f"/api.telegram.org/bot{_BOT}/sendMessage"
_SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F"

SERVICES = (
    Service(
        name="json", url="json://127.0.0.1:{port}/json", path="/json", body=_field("message", Dialect.TEXT, "title")
    ),
    Service(
        name="json-markdown",
        url="json://127.0.0.1:{port}/json-markdown?format=markdown",
        path="/json-markdown",
        body=_field("message", Dialect.MARKDOWN, "title"),
    ),
    Service(
        name="json-html",
        url="json://127.0.0.1:{port}/json-html?format=html",
        path="/json-html",
        body=_field("message", Dialect.HTML, "title"),
    ),
    Service(
        name="discord",
        url="discord://1234567890/token",
        path="/discord.com/api/webhooks/1234567890/token",
        body=_titled("content", Dialect.MARKDOWN),
        most=8000,
    ),
    Service(
        name="discord-embeds",
        url="discord://1234567891/token?format=markdown",
        path="/discord.com/api/webhooks/1234567891/token",
        body=_embeds,
        most=8000,
    ),
    *(
        Service(
            name=f"slack-{letter}",
            url=f"{_SLACK}{letter}/{query}",
            path=f"/hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F{letter}",
            body=_attachments,
            answer=b"ok",
        )
        for letter, query in (("a", ""), ("b", "?blocks=yes"), ("c", "?format=text"), ("d", "?format=text&blocks=yes"))
    ),
    *(
        Service(
            name=f"telegram-{number}",
            url=f"tgram://{_BOT}{number}/12315544/{query}",
            path=_TELEGRAM.replace(_BOT, f"{_BOT}{number}"),
            body=_titled("text", dialect),
            most=8000,
            answer=b'{"ok": true, "result": {}}',
        )
        for number, query, dialect in (
            (1, "", Dialect.HTML),
            (2, "?format=markdown&mdv=v1", Dialect.TELEGRAM_1),
            (3, "?format=markdown&mdv=v2", Dialect.TELEGRAM_2),
        )
    ),
    Service(
        name="matrix-hook",
        url="matrix://hook:token@127.0.0.1:{port}/?mode=hookshot",
        path="/webhook/token",
        body=lambda decoded: [*_headed(decoded["html"]), *_split(decoded["text"], Dialect.BARE)],
    ),
    Service(
        name="mattermost",
        url="mmost://127.0.0.1:{port}/3ccdd113474722377935511fc85d3dd4",
        path="/hooks/3ccdd113474722377935511fc85d3dd4",
        body=_titled("text", Dialect.MARKDOWN),
        answer=b"ok",
    ),
    Service(
        name="rocket-chat",
        url=f"rocket://{'a' * 24}/{'b' * 64}@127.0.0.1:{{port}}/#general",
        path=f"/hooks/{'a' * 24}/{'b' * 64}",
        body=_titled("text", Dialect.MARKDOWN),
    ),
    Service(
        name="google-chat",
        url="gchat://workspace/key/token",
        path="/chat.googleapis.com/v1/spaces/workspace/messages",
        body=_titled("text", Dialect.SLACK),
    ),
    Service(
        name="zulip",
        url=f"zulip://bot@org/{'a' * 32}/general",
        path="/org.zulipchat.com/api/v1/messages",
        body=_field("content", Dialect.TEXT, "topic"),
    ),
    Service(
        name="pushover",
        url=f"pover://{'u' * 30}@{'t' * 30}?format=html",
        path="/api.pushover.net/1/messages.json",
        body=_without_code,
    ),
    Service(name="ntfy", url="ntfy://127.0.0.1:{port}/topic", path="/", body=_field("message", Dialect.TEXT, "title")),
    Service(
        name="ntfy-markdown",
        url="ntfys://ntfy.example/topic?format=markdown",
        path="/ntfy.example/",
        body=_field("message", Dialect.MARKDOWN, "title"),
    ),
    Service(
        name="gotify-markdown",
        url="gotify://127.0.0.1:{port}/abcdefghijklmno?format=markdown",
        path="/message",
        body=_field("message", Dialect.MARKDOWN, "title"),
    ),
    Service(name="kodi", url="kodi://127.0.0.1:{port}", path="/jsonrpc", body=_pop_up, lines=2),
    Service(
        name="teams",
        url=f"workflows://prod.example/{'a' * 32}/signature",
        path=f"/prod.example/workflows/{'a' * 32}/triggers/manual/paths/invoke",
        body=_card,
        most=4000,
    ),
    Service(
        name="matrix",
        url="matrix://user:password@127.0.0.1:{port}/!room:x",
        path=f"{_MATRIX}/rooms/%21room%3Ax/send/m.room.message/*",
        body=_room,
        before={
            f"{_MATRIX}/login": b'{"access_token": "t", "user_id": "@u:127.0.0.1", "device_id": "d"}',
            f"{_MATRIX}/join/%21room%3Ax": b'{"room_id": "!room:x"}',
            f"{_MATRIX}/logout": b"{}",
        },
        slow=True,
    ),
    Service(
        name="matrix-slack",
        url="matrix://hook:token@127.0.0.1:{port}/?mode=slack",
        path="/api/v1/matrix/hook/token",
        body=_attached,
    ),
    Service(
        name="brevo",
        url=f"brevo://{'a' * 40}:user@example.com/to@example.com",
        path="/api.brevo.com/v3/smtp/email",
        body=_mail("subject", "htmlContent", "textContent"),
    ),
    Service(
        name="sendpulse",
        url=f"sendpulse://user@example.com/{'a' * 32}/{'b' * 32}/to@example.com",
        path="/api.sendpulse.com/smtp/emails",
        body=_sent_by_pulse,
        before={"/api.sendpulse.com/oauth/access_token": b'{"access_token": "t", "expires_in": 3600}'},
    ),
)


def answers(webhook: Webhook) -> None:
    """Have the webhook answer each service as that service would."""
    for service in SERVICES:
        webhook.answer |= {path: Answer(body=body) for path, body in service.before.items()}
        webhook.answer[service.path] = Answer(body=service.answer)
