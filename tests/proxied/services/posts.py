"""Mail by HTTP (SendGrid, Mailgun, Brevo, Resend), Apprise's own API, and webhooks of one's own."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Refusal, Reply, refused, says, text, throttled
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
_KEY = "a" * 32
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


def _on_sendpulse(said: Any) -> Shown:
    sent = said["email"]
    return mail("subject", "html", "text")(
        sent | {"html": b64decode(sent["html"]).decode()}
    )


def _grid(status: int, words: str) -> Refusal:
    return refused(
        {"errors": [{"message": words, "field": None, "help": None}]}, status
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
        refusals={
            "gone": refused({"error": "no such hook"}, 410),
            "token": refused({"error": "unauthorized"}, 401),
            "invalid": refused({"error": "no"}, 400),
            "too large": refused({"error": "too large"}, 413),
            "throttled": throttled({"error": "slow down"}),
            "down": refused({"error": "…"}, 503),
        },
        speaks_json=False,
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
        invalid=_grid(400, "The subject is required.").reply,
        refusals={
            "token": _grid(401, "The provided authorization grant is invalid, expired, or revoked"),
            "forbidden": _grid(403, "The from address does not match a verified Sender Identity."),
            "too large": _grid(413, "The JSON payload you have included in your request is too large."),
            "throttled": throttled({"errors": [{"message": "too many requests", "field": None, "help": None}]}),
        },
        speaks_json=False,
    ),
    Peer(
        name="mailgun",
        url=f"mailgun://user@example.com/{_KEY}-{'b' * 8}-{'c' * 8}/to@example.com",
        host="api.mailgun.net",
        path="/v3/example.com/messages",
        content_type=_FORM,
        schema={
            "type": "object",
            "required": ["from", "to", "subject", "html"],
            "properties": {
                "from": matching("[^@]*<[^@ ]+@[^@ ]+>"),
                "to": matching("[^@ ]+@[^@ ]+"),
                "subject": words(998, least=1),
                "html": words(least=1),
                "text": words(least=1),
            },
            "patternProperties": {"^[oh]:": words(least=1)},
            "additionalProperties": False,
        },
        shown=mail("subject", "html", "text"),
        taken=says({"id": "<20260101000000.1.ABC@example.com>", "message": "Queued. Thank you."}),
        invalid=says({"message": "'to' parameter is not a valid address. please check documentation"}, 400),
        refusals={
            "token": Refusal(reply=text("Forbidden", 401), said="HTTP 401", cause="gone"),
            "gone": refused({"message": "Domain not found: example.com"}, 404),
            "throttled": throttled({"message": "Domain example.com is not allowed to send: limit exceeded"}),
        },
    ),
    Peer(
        name="brevo",
        url=f"brevo://{'a' * 40}:user@example.com/to@example.com",
        host="api.brevo.com",
        path="/v3/smtp/email",
        schema=record(
            {
                "sender": _ADDRESS,
                "to": several(_ADDRESS, 99, least=1),
                "subject": words(998, least=1),
                "htmlContent": words(least=1),
            },
            textContent=words(least=1),
            headers=_HEADERS,
            replyTo=_ADDRESS,
        ),
        shown=mail("subject", "htmlContent", "textContent"),
        taken=says({"messageId": "<201798300811.5787683@relay.domain.com>"}, 201),
        refusals={
            "token": refused({"code": "unauthorized", "message": "Key not found"}, 401),
            "invalid": refused({"code": "invalid_parameter", "message": "…"}, 400),
            "throttled": throttled({"code": "too_many_requests", "message": "…"}),
        },
    ),
    Peer(
        name="resend",
        url="resend://abcd:from@example.com/to@example.com",
        host="api.resend.com",
        path="/emails",
        schema=record(
            {"from": words(320, least=3), "to": {"anyOf": [words(320, least=3), several(words(320), 50, least=1)]},
             "subject": words(998, least=1), "html": words(least=1)},
            text=words(least=1),
            headers=_HEADERS,
            reply_to={},
        ),
        shown=mail("subject", "html", "text"),
        taken=says({"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}),
        refusals={
            "token": refused({"statusCode": 401, "name": "restricted_api_key", "message": "…"}, 401),
            "forbidden": refused({"statusCode": 403, "name": "validation_error", "message": "…"}, 403),
            "invalid": refused({"statusCode": 422, "name": "missing_required_field", "message": "…"}, 422),
            "throttled": throttled({"statusCode": 429, "name": "rate_limit_exceeded", "message": "…"}),
        },
    ),
    Peer(
        name="sendpulse",
        url=f"sendpulse://user@example.com/{'a' * 32}/{'b' * 32}/to@example.com",
        host="api.sendpulse.com",
        path="/smtp/emails",
        schema=record(
            {
                "email": record(
                    {
                        "from": _ADDRESS,
                        "to": several(_ADDRESS, 500, least=1),
                        "subject": words(998, least=1),
                        "html": matching("[A-Za-z0-9+/]+=*"),
                    },
                    text=words(least=1),
                )
            }
        ),
        others=(("POST", "/oauth/access_token", says({"access_token": "t", "expires_in": 3600})),),
        shown=_on_sendpulse,
        taken=says({"result": True, "id": "pzkic9-0afezp-fc"}),
        refusals={
            "invalid": refused({"error_code": 422, "message": "…"}, 422),
            "throttled": throttled({"error_code": 429, "message": "…"}),
        },
    ),
    Peer(
        name="apprise-api",
        url=f"apprises://apprise.example/{_KEY}",
        host="apprise.example",
        path=f"/notify(?:/{_KEY})?/?",
        content_type=_FORM,
        schema=record(
            {"body": words(32768, least=1), "type": _TYPE},
            title=words(250),
            format=one_of("text", "markdown", "html"),
            tag=words(200),
            tags=words(200),
        ),
        shown=titled("title", "body"),
        taken=text("<ul class='logs'><li class='log_info'>Sent</li></ul>", 200, "text/html"),
        refusals={
            "no configuration": Refusal(reply=Reply(status=204), said=""),
            "not delivered": refused({"error": "One or more notification could not be sent."}, 424),
            "down": refused({"error": "…"}, 500),
            "throttled": throttled({"error": "…"}),
        },
        speaks_json=False,
    ),
    _own("json", _OWN_JSON, "application/json", "title", "message", "", Dialect.TEXT),
    _own("json-markdown", _OWN_JSON, "application/json", "title", "message", "?format=markdown", Dialect.MARKDOWN),
    _own("json-html", _OWN_JSON, "application/json", "title", "message", "?format=html", Dialect.HTML),
    _own("form", _OWN_FORM, _FORM, "title", "message", "", Dialect.TEXT),
    _own("xml", _OWN_XML, "application/xml", "Subject", "Message", "", Dialect.TEXT),
)  # fmt: skip
