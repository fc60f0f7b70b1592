"""Mail by HTTP (SendGrid), and webhooks of one's own."""

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
from tests.proxied.services.reading import titled

# SendGrid: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send

_ADDRESS = record({"email": matching("[^@ ]+@[^@ ]+")})
_PART = {"type": one_of("text/plain", "text/html"), "value": words(least=1)}
_TO = several(record({"to": several(_ADDRESS, 1000, least=1)}), 1000, least=1)


def _sendgrid(asked: Asked) -> Iterator[str]:
    kinds = [part["type"] for part in asked.said["content"]]
    if kinds != sorted(kinds, key=["text/plain", "text/html"].index):
        yield "the plain text has to come first"


def _on_sendgrid(said: Any) -> Shown:
    dialects = {"text/html": Dialect.HTML, "text/plain": Dialect.BARE}
    return [
        (Dialect.TITLE, said["subject"]),
        *((dialects[part["type"]], part["value"]) for part in said["content"]),
    ]


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
)
_OWN_FORM = record(
    {
        "version": words(10),
        "title": words(250),
        "message": words(32768, least=1),
        "type": _TYPE,
    },
)
_OWN_XML = record(
    {
        "Version": words(10),
        "Subject": words(250),
        "Message": words(32768, least=1),
        "MessageType": _TYPE,
    },
)


def _own(
    name: str,
    schema: Schema = _OWN_JSON,
    content_type: str = "application/json",
    title: str = "title",
    body: str = "message",
    dialect: Dialect = Dialect.TEXT,
) -> Peer:
    """Return a webhook, whose name has the scheme of its URL and the format that it asks for."""
    kind, _, form = name.partition("-")
    return Peer(
        name=name,
        url=f"{kind}s://{name}.example/hook{form and f'?format={form}'}",
        host=f"{name}.example",
        path="/hook",
        content_type=content_type,
        schema=schema,
        shown=titled(title, body, dialect),
        taken=text("thanks"),
    )


POSTS = (
    Peer(
        name="sendgrid",
        url="sendgrid://abcd123.abcd-456:from@example.com/to@example.com",
        host="api.sendgrid.com",
        path="/v3/mail/send",
        schema=record(
            {
                "personalizations": _TO,
                "from": _ADDRESS,
                "subject": words(998, least=1),
                "content": several(record(_PART), 2, least=1),
            },
        ),
        check=_sendgrid,
        shown=_on_sendgrid,
        taken=Reply(status=202),
    ),
    _own("json"),
    _own("json-markdown", dialect=Dialect.MARKDOWN),
    _own("json-html", dialect=Dialect.HTML),
    _own("form", _OWN_FORM, "application/x-www-form-urlencoded"),
    _own("xml", _OWN_XML, "application/xml", "Subject", "Message"),
)
