"""Mail by HTTP (SendGrid, Mailgun, Brevo, Resend), Apprise's own API, and webhooks of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Reply, text
from tests.proxied.schema import (
    ANYTHING,
    Schema,
    matching,
    one_of,
    record,
    several,
    words,
)
from tests.proxied.services.reading import mail, titled

_FORM = "application/x-www-form-urlencoded"
_ADDRESS = record({"email": matching("[^@ ]+@[^@ ]+")}, name=words(200))
_HEADERS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_RESERVED = {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to",
             "from", "subject", "reply-to", "cc", "bcc"}  # fmt: skip


# SendGrid: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send


def _sendgrid(asked: Asked) -> Iterator[str]:
    kinds = [part["type"] for part in asked.said["content"]]
    if kinds != sorted(kinds, key=["text/plain", "text/html"].index):
        yield "the plain text has to come first"
    if wrong := _RESERVED & {name.lower() for name in asked.said.get("headers", ())}:
        yield f"reserved headers: {sorted(wrong)}"


def _on_sendgrid(said: Any) -> Shown:
    parts = {part["type"]: part["value"] for part in said["content"]}
    return mail("subject", "text/html", "text/plain")(
        parts | {"subject": said["subject"]}
    )


def _own(
    name: str,
    schema: Schema,
    content_type: str,
    title: str,
    body: str,
    query: str,
    dialect: Dialect,
) -> Peer:
    kind, _, _ = name.partition("-")
    return Peer(
        name=name,
        url=f"{kind}s://{name}.example/hook{query}",
        host=f"{name}.example",
        path="/hook",
        content_type=content_type,
        schema=schema,
        shown=titled(title, body, dialect),
        taken=Reply(status=204) if name == "json" else text("thanks"),
    )


_TYPE = one_of("info", "success", "warning", "failure")
_OWN_JSON = record(
    {
        "version": words(10),
        "title": words(250),
        "message": words(32768, least=1),
        "type": _TYPE,
        "attachments": several(ANYTHING, 0),
        "events": {"type": "array"},
        "event_count": {"type": "integer", "minimum": 1},
    },
    ref=words(8),
)
_OWN_FORM = record(
    {
        "version": words(10),
        "title": words(250),
        "message": words(32768, least=1),
        "type": _TYPE,
    },
    events=words(),
    event_count=words(),
    ref=words(8),
)
_OWN_XML = record(
    {
        "Version": words(10),
        "Subject": words(250),
        "Message": words(32768, least=1),
        "MessageType": _TYPE,
    },
    events=words(),
    event_count=words(),
    ref=words(8),
)

POSTS = (
    Peer(
        name="sendgrid",
        url="sendgrid://abcd123.abcd-456:from@example.com/to@example.com",
        host="api.sendgrid.com",
        path="/v3/mail/send",
        schema=record(
            {
                "personalizations": several(record({"to": several(_ADDRESS, 1000, least=1)}), 1000, least=1),
                "from": _ADDRESS,
                "subject": words(998, least=1),
                "content": several(
                    record({"type": one_of("text/plain", "text/html"), "value": words(least=1)}), 2, least=1
                ),
            },
            headers=_HEADERS,
            reply_to=_ADDRESS,
        ),
        check=_sendgrid,
        shown=_on_sendgrid,
        taken=Reply(status=202),
    ),
    _own("json", _OWN_JSON, "application/json", "title", "message", "", Dialect.TEXT),
    _own("json-markdown", _OWN_JSON, "application/json", "title", "message", "?format=markdown", Dialect.MARKDOWN),
    _own("json-html", _OWN_JSON, "application/json", "title", "message", "?format=html", Dialect.HTML),
    _own("form", _OWN_FORM, _FORM, "title", "message", "", Dialect.TEXT),
    _own("xml", _OWN_XML, "application/xml", "Subject", "Message", "", Dialect.TEXT),
)  # fmt: skip
