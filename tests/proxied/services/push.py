"""Services that push to phones: Pushover, Prowl, Gotify, ntfy, Bark, Pushbullet and Signal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Refusal, refused, says, text, throttled
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
from tests.proxied.services.reading import headed, titled

_FORM = "application/x-www-form-urlencoded"


# Pushover: https://pushover.net/api

_PUSHOVER: Schema = record(
    {
        "token": matching("[A-Za-z0-9]{30}"),
        "user": matching("[A-Za-z0-9]{30}"),
        "message": words(1024, least=1),
    },
    title=words(250),
    device=matching("[A-Za-z0-9_,-]{1,250}"),
    priority=matching("-2|-1|0|1|2"),
    retry=matching("[0-9]+"),
    expire=matching("[0-9]+"),
    sound=matching("[a-z_]+"),
    html=one_of("0", "1"),
    monospace=one_of("0", "1"),
    timestamp=matching("[0-9]+"),
    ttl=matching("[1-9][0-9]*"),
    url=words(512),
    url_title=words(100),
)


def _pushover(asked: Asked) -> Iterator[str]:
    said = asked.said
    if said.get("priority") == "2":
        if int(said.get("retry") or 0) < 30:
            yield "retry: an emergency is repeated after 30 seconds at the earliest"
        if not 0 < int(said.get("expire") or 0) <= 10800:
            yield "expire: an emergency lasts up to 10,800 seconds"
    if said.get("html") == "1" and said.get("monospace") == "1":
        yield "html and monospace exclude each other"


def _on_pushover(said: Any) -> Shown:
    body = said["message"]
    if said.get("html") == "1":
        body = re.sub(
            r"</?b>|<a href=\"[^\"<>]*\">|</a>", "", body.replace("<br>", "\n")
        )
        assert "<" not in body, said
        return [(Dialect.TITLE, said["title"]), (Dialect.BARE, unescape(body))]
    return [(Dialect.TITLE, said["title"]), (Dialect.TEXT, body)]


def _pushed_over(status: int, **errors: str) -> Refusal:
    return refused(
        {**errors, "errors": list(errors.values()), "status": 0, "request": "5042853c"},
        status,
    )


_PUSHOVER_SAYS = {
    "token": replace(_pushed_over(400, token="invalid"), cause="gone"),
    "user": replace(_pushed_over(400, user="invalid"), cause="gone"),
    "throttled": throttled(
        {
            "errors": ["application is over its quota"],
            "status": 0,
            "request": "5042853c",
        }
    ),
    "down": _pushed_over(500, server="temporarily unavailable"),
}

# Prowl: https://www.prowlapp.com/api.php


def _prowled(code: int, words: str, cause: str = "other") -> Refusal:
    body = f'<?xml version="1.0" encoding="UTF-8"?><prowl><error code="{code}">{words}</error></prowl>'
    return Refusal(reply=text(body, code, "text/xml"), said=f"HTTP {code}", cause=cause)


# ntfy: https://docs.ntfy.sh/publish/#publish-as-json


def _ntfy(asked: Asked) -> Iterator[str]:
    if len(asked.body) > 8192:
        yield f"{len(asked.body)} bytes of JSON, at most 8192"


def _notified(code: int, status: int, words: str) -> Refusal:
    return refused(
        {"code": code, "http": status, "error": words}, status, said=f"HTTP {status}"
    )


_NTFY: Schema = record(
    {"topic": matching("[-_A-Za-z0-9]{1,64}"), "message": words(octets=4096, least=1)},
    title=words(octets=1024),
    priority=whole(1, 5),
    tags=several(words(100), 20),
    click=LINK,
    markdown=YES_OR_NO,
    actions=several(ANYTHING, 3),
    icon=LINK,
    delay=words(20),
)

PUSH = (
    *(
        Peer(
            name=name,
            url=f"pover://{'u' * 29}{number}@{'t' * 30}{query}",
            host="api.pushover.net",
            path="/1/messages.json",
            mark=f"user={'u' * 29}{number}&".encode(),
            content_type=_FORM,
            schema=_PUSHOVER,
            check=_pushover,
            shown=_on_pushover,
            taken=says(
                {"status": 1, "request": "647d2300-702c-4b38-8b2f-d56326ae460b"}
            ),
            invalid=_pushed_over(400, message="cannot be blank").reply,
            refusals=_PUSHOVER_SAYS,
        )
        for number, (name, query) in enumerate(
            (
                ("pushover", ""),
                ("pushover-emergency", "?priority=emergency"),
                ("pushover-html", "?format=html"),
            )
        )
    ),
    Peer(
        name="prowl",
        url=f"prowl://{'a' * 40}",
        host="api.prowlapp.com",
        path="/publicapi/add",
        content_type=_FORM,
        schema=record(
            {"apikey": matching("[0-9a-f]{40}"), "application": words(256, least=1)},
            event=words(1024, least=1),
            description=words(10000, least=1),
            priority=matching("-2|-1|0|1|2"),
            url=words(512),
            providerkey=matching("[0-9a-f]{40}"),
        ),
        shown=titled("event", "description"),
        taken=text(
            '<?xml version="1.0"?><prowl><success code="200" remaining="9" resetdate="1"/></prowl>',
            200,
            "text/xml",
        ),
        invalid=_prowled(400, "Bad request").reply,
        refusals={
            "token": _prowled(401, "Invalid API key", "gone"),
            "throttled": _prowled(406, "IP address has exceeded the API limit"),
            "approval": _prowled(409, "Not approved"),
            "invalid": _prowled(400, "Bad request", "content"),
            "down": _prowled(500, "Internal server error"),
        },
        speaks_json=False,
    ),
    *(
        Peer(
            name=name,
            url=f"gotifys://{host}/abcdefghijklmno{query}",
            host=host,
            path="/message",
            schema=record(
                {"message": words(least=1)},
                title=words(250),
                priority=whole(0, 10),
                extras=ANYTHING,
            ),
            shown=titled("title", "message", dialect),
            taken=says(
                {
                    "id": 25,
                    "appid": 5,
                    "message": "…",
                    "priority": 5,
                    "date": "2026-01-01T00:00:00Z",
                }
            ),
            invalid=says(
                {"error": "Bad Request", "errorCode": 400, "errorDescription": "…"}, 400
            ),
            refusals={
                "token": refused(
                    {
                        "error": "Unauthorized",
                        "errorCode": 401,
                        "errorDescription": "…",
                    },
                    401,
                ),
                "forbidden": refused(
                    {"error": "Forbidden", "errorCode": 403, "errorDescription": "…"},
                    403,
                ),
                "throttled": throttled(
                    {"error": "Too Many Requests", "errorCode": 429}
                ),
            },
        )
        for name, host, query, dialect in (
            ("gotify", "gotify.example", "", Dialect.TEXT),
            (
                "gotify-markdown",
                "gotify-md.example",
                "?format=markdown",
                Dialect.MARKDOWN,
            ),
        )
    ),
    *(
        Peer(
            name=name,
            url=url,
            host=host,
            path="/",
            schema=_NTFY,
            check=_ntfy,
            shown=titled("title", "message", dialect),
            taken=says(
                {
                    "id": "sPs71M8A2T",
                    "time": 1,
                    "expires": 2,
                    "event": "message",
                    "topic": "topic",
                }
            ),
            invalid=_notified(
                40024, 400, "invalid request: request body must be message JSON"
            ).reply,
            refusals={
                "token": _notified(40101, 401, "unauthorized"),
                "forbidden": _notified(40301, 403, "forbidden"),
                "too large": _notified(41303, 413, "JSON payload too large"),
                "throttled": _notified(42901, 429, "limit reached: too many requests"),
                "down": Refusal(reply=text("bad gateway", 502), said="HTTP 502"),
            },
        )
        for name, url, host, dialect in (
            ("ntfy", "ntfy://topic", "ntfy.sh", Dialect.TEXT),
            (
                "ntfy-markdown",
                "ntfys://ntfy.example/topic?format=markdown",
                "ntfy.example",
                Dialect.MARKDOWN,
            ),
        )
    ),
    Peer(
        name="bark",
        url="barks://bark.example/key",
        host="bark.example",
        path="/push",
        schema=record(
            {"device_key": words(50, least=1), "body": words(4096, least=1)},
            title=words(250),
            icon=LINK,
            url=LINK,
            group=words(100),
            level=one_of("critical", "active", "timeSensitive", "passive"),
            sound=words(50),
        ),
        shown=titled("title", "body"),
        taken=says({"code": 200, "message": "success", "timestamp": 1}),
        refusals={
            "gone": refused(
                {"code": 400, "message": "failed to get device token"}, 400
            ),
            "throttled": throttled({"code": 429, "message": "too many requests"}),
        },
    ),
    Peer(
        name="pushbullet",
        url=f"pbul://{'a' * 32}",
        host="api.pushbullet.com",
        path="/v2/pushes",
        schema=record(
            {"type": one_of("note"), "body": words(least=1)},
            title=words(250),
            email=words(200),
        ),
        shown=titled("title", "body"),
        taken=says({"active": True, "iden": "ujpah72o0sjAoRtnM0jc", "type": "note"}),
        refusals={
            "token": refused(
                {"error": {"code": "invalid_access_token", "type": "invalid_request"}},
                401,
            ),
            "throttled": throttled(
                {"error": {"code": "ratelimited", "type": "invalid_request"}}
            ),
        },
    ),
    Peer(
        name="signal-api",
        url="signals://signal.example/+15551234567/+15557654321",
        host="signal.example",
        path="/v2/send",
        schema=record(
            {
                "message": words(least=1),
                "number": matching(r"\+[0-9]{6,15}"),
                "recipients": several(matching(r"\+[0-9]{6,15}"), 100, least=1),
            },
            text_mode=one_of("normal", "styled"),
        ),
        shown=headed("message"),
        taken=says({"timestamp": "1700000000000"}, 201),
        refusals={
            "gone": refused({"error": "User +15557654321 is not registered."}, 400),
            "throttled": throttled({"error": "Rate limit exceeded"}),
            "down": refused({"error": "Specified account does not exist"}, 500),
        },
    ),
)
