"""Services that refuse within a 200, and whose answers apprise does not read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Refusal, refused, says, throttled
from tests.proxied.schema import matching, one_of, record, several, whole, words
from tests.proxied.services.reading import split, titled
from tests.proxied.services.sms import one_part

_FORM = "application/x-www-form-urlencoded"
_KEY = "a" * 32
_NUMBER = "15557654321"


def _one_part(asked: Asked) -> Iterator[str]:
    for _, text in _sent(asked.said):
        yield from one_part(text)


def _sent(said: Any) -> Shown:
    """Return the text messages of ClickSend, MSG91 or seven."""
    texts = said.get("messages", said.get("recipients", [said]))
    return [(Dialect.BARE, one["body" if "body" in one else "text"]) for one in texts]


def _denied(document: object, said: str = "refused") -> Refusal:
    return Refusal(reply=says(document), said=said)


def _synology(said: Any) -> Shown:
    return split(json.loads(said["payload"])["text"])


def _notified(said: Any) -> Shown:
    return [
        (Dialect.TITLE, said["headings"]["en"]),
        (Dialect.TEXT, said["contents"]["en"]),
    ]


def _clicksend(status: str, code: str = "SUCCESS") -> dict[str, object]:
    message = {
        "to": f"+{_NUMBER}",
        "body": "…",
        "message_id": "BF7AD270",
        "status": status,
    }
    return {
        "http_code": 200,
        "response_code": code,
        "response_msg": "…",
        "data": {"messages": [message]},
    }


def _seven(success: str, *, one: bool) -> dict[str, object]:
    message = {
        "id": "77229135982",
        "text": "…",
        "success": one,
        "error": None if one else success,
    }
    return {"success": success, "total_price": 0.075, "messages": [message]}


UNREAD = (
    Peer(
        name="synology-chat",
        url=f"synologys://nas.example/{_KEY}",
        host="nas.example",
        path="/webapi/entry.cgi",
        content_type=_FORM,
        schema=record({"payload": words(least=1)}),
        shown=_synology,
        taken=says(
            {"data": {"succ": {"user_id_post_map": {"3": 8589934594}}}, "success": True}
        ),
        refusals={
            "token": _denied(
                {"error": {"code": 404, "errors": "invalid token"}, "success": False},
                "404",
            ),
            "too fast": _denied(
                {
                    "error": {"code": 411, "errors": "create post too fast"},
                    "success": False,
                },
                "411",
            ),
            "no reason": _denied({"success": False}),
        },
    ),
    Peer(
        name="pushdeer",
        url=f"pushdeers://{_KEY}",
        host="api2.pushdeer.com",
        path="/message/push",
        content_type=_FORM,
        schema=record({"text": words(least=1)}, type=one_of("text"), desp=words()),
        shown=titled("text", "desp"),
        taken=says(
            {
                "code": 0,
                "content": {"result": ['{"counter":1,"logs":[],"success":"ok"}']},
            }
        ),
        refusals={
            "key": _denied({"code": 0, "content": {"result": False}}),
            "no device": _denied({"code": 0, "content": {"result": []}}),
            "arguments": _denied({"code": 80501, "error": "…"}, "80501"),
        },
    ),
    Peer(
        name="serverchan",
        url=f"schan://{_KEY}",
        host="sctapi.ftqq.com",
        path=f"/{_KEY}.send",
        content_type=_FORM,
        schema=record({"title": words(250, least=1), "desp": words(32_000)}),
        shown=titled("title", "desp"),
        taken=says(
            {
                "code": 0,
                "message": "",
                "data": {"pushid": "1", "readkey": "r", "error": "SUCCESS", "errno": 0},
            }
        ),
        refusals={
            "key": refused(
                {
                    "message": "[AUTH]",
                    "code": 40001,
                    "info": "…",
                    "args": [None],
                    "scode": 461,
                },
                400,
            ),
            "too many": _denied({"code": 40001, "message": "…", "data": None}, "40001"),
            "channel": _denied(
                {"code": 0, "message": "", "data": {"error": "FAIL", "errno": 1024}},
                "1024",
            ),
        },
    ),
    Peer(
        name="join",
        url=f"join://{_KEY}/group.all",
        host="joinjoaomgcd.appspot.com",
        path="/_ah/api/messaging/v1/sendPush",
        content_type=_FORM,
        schema=record(
            {
                "apikey": words(32),
                "title": words(250, least=1),
                "text": words(1000, least=1),
            },
            deviceId=words(40, least=1),
            priority=matching("-?[0-2]"),
        ),
        shown=titled("title", "text"),
        taken=says({"success": True, "userAuthError": False}),
        refusals={
            "key": _denied(
                {"success": False, "errorMessage": "…", "userAuthError": True}
            ),
            "throttled": throttled({"error": {"code": 429}}),
        },
    ),
    Peer(
        name="smtp2go",
        url=f"smtp2go://watcher@example.org/{_KEY}/reader@example.net",
        host="api.smtp2go.com",
        path="/v3/email/send",
        schema=record(
            {
                "api_key": words(100, least=1),
                "sender": words(300, least=3),
                "subject": words(500, least=1),
                "to": several(words(300, least=3), 100, least=1),
            },
            html_body=words(),
            text_body=words(),
        ),
        shown=lambda said: [
            (Dialect.TITLE, said["subject"]),
            (Dialect.HTML, said["html_body"]),
        ],
        taken=says(
            {
                "request_id": "r",
                "data": {"succeeded": 1, "failed": 0, "failures": [], "email_id": "1"},
            }
        ),
        refusals={
            "recipient": _denied(
                {
                    "request_id": "r",
                    "data": {"succeeded": 0, "failed": 1, "failures": ["…"]},
                }
            ),
            "key": refused(
                {"request_id": "r", "data": {"error": "…", "error_code": "E_X"}}, 401
            ),
        },
    ),
    Peer(
        name="clicksend",
        url=f"clicksend://user:{_KEY}@{_NUMBER}",
        host="rest.clicksend.com",
        path="/v3/sms/send",
        schema=record(
            {
                "messages": several(
                    record(
                        {
                            "body": words(160, least=1),
                            "to": matching(r"\+[0-9]{6,15}"),
                            "source": words(20),
                        }
                    ),
                    1000,
                )
            }
        ),
        shown=_sent,
        check=_one_part,
        taken=says(_clicksend("SUCCESS")),
        refusals={
            "number": _denied(_clicksend("INVALID_RECIPIENT"), "INVALID_RECIPIENT"),
            "credit": _denied(_clicksend("INSUFFICIENT_CREDIT"), "INSUFFICIENT_CREDIT"),
            "whole": _denied(_clicksend("SUCCESS", "BAD_REQUEST"), "BAD_REQUEST"),
        },
    ),
    Peer(
        name="msg91",
        url=f"msg91://{'t' * 20}@{_KEY}/{_NUMBER}",
        host="control.msg91.com",
        path="/api/v5/flow/",
        schema=record(
            {
                "template_id": words(40, least=1),
                "recipients": several(
                    record(
                        {
                            "mobiles": matching("[0-9]{6,15}"),
                            "body": words(160, least=1),
                            "type": words(20),
                        }
                    ),
                    100,
                ),
            },
            short_url=whole(0, 1),
        ),
        shown=_sent,
        check=_one_part,
        taken=says({"type": "success", "message": "3763646c3058373530393938"}),
        refusals={
            "template": _denied(
                {"type": "error", "message": "template id missing or invalid"}, "error"
            )
        },
    ),
    Peer(
        name="seven",
        url=f"seven://{_KEY}/{_NUMBER}",
        host="gateway.seven.io",
        path="/api/sms",
        schema=record({"to": matching(r"\+[0-9]{6,15}"), "text": words(1520, least=1)}),
        shown=_sent,
        check=_one_part,
        taken=says(_seven("100", one=True)),
        refusals={
            "login": _denied("900", "900"),
            "bare": _denied(900, "900"),
            "credit": _denied(_seven("500", one=False), "500"),
            "number": _denied(_seven("101", one=False), "101"),
        },
    ),
    Peer(
        name="onesignal",
        url=f"onesignal://{'b' * 8}-0000-4000-8000-000000000000@{_KEY}/{'c' * 8}-0000-4000-8000-000000000000",
        host="api.onesignal.com",
        path="/notifications",
        schema=record(
            {
                "app_id": words(36),
                "contents": record({"en": words(least=1)}),
                "content_available": one_of(True),
            },
            headings=record({"en": words(250, least=1)}),
            include_subscription_ids=several(words(36), 2000),
            include_player_ids=several(words(36), 2000),
        ),
        shown=_notified,
        taken=says({"id": "458dcec4-cf53-11e3-add2-000c2940e62c", "external_id": None}),
        refusals={
            "nobody": _denied(
                {"id": "", "errors": ["All included players are not subscribed"]}
            ),
            "some": _denied(
                {"id": "458dcec4", "errors": {"invalid_player_ids": ["5fdc92b2"]}}
            ),
        },
    ),
)
