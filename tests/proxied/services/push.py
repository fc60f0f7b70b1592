"""Services that push to phones (Pushover, Gotify, ntfy), and PagerDuty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, says
from tests.proxied.schema import (
    ANYTHING,
    LINK,
    Schema,
    matching,
    one_of,
    record,
    several,
    whole,
    words,
)
from tests.proxied.services.reading import titled

# Pushover: https://pushover.net/api

_PUSHOVER: Schema = record(
    {
        "token": matching("[A-Za-z0-9]{30}"),
        "user": matching("[A-Za-z0-9]{30}"),
        "message": words(1024, least=1),
        "title": words(250),
    },
    device=matching("[A-Za-z0-9_,-]{1,250}"),
    priority=matching("-2|-1|0|1"),
    sound=matching("[a-z_]+"),
    html=one_of("0", "1"),
    url=words(512),
)


def _on_pushover(said: Any) -> Shown:
    body, dialect = said["message"], Dialect.TEXT
    if said.get("html") == "1":
        body = re.sub(
            r"</?b>|<a href=\"[^\"<>]*\">|</a>", "", body.replace("<br>", "\n")
        )
        assert "<" not in body, said
        body, dialect = unescape(body), Dialect.BARE
    return [(Dialect.TITLE, said["title"]), (dialect, body)]


# ntfy: https://docs.ntfy.sh/publish/#publish-as-json


def _ntfy(asked: Asked) -> Iterator[str]:
    if len(asked.body) > 8192:
        yield f"{len(asked.body)} bytes of JSON, at most 8192"


_NTFY: Schema = record(
    {"topic": matching("[-_A-Za-z0-9]{1,64}"), "message": words(octets=4096, least=1)},
    title=words(octets=1024),
)

# PagerDuty: https://developer.pagerduty.com/docs/send-alert-event

_INCIDENT = record(
    {
        "summary": words(1024, least=1),
        "source": words(255, least=1),
        "severity": one_of("critical", "error", "warning", "info"),
    },
    component=words(255),
    custom_details=record({"message": words(10_000, least=1)}),
)
_PAGERDUTY: Schema = record(
    {
        "routing_key": matching("[A-Za-z0-9]{32}"),
        "event_action": one_of("trigger"),
        "payload": _INCIDENT,
        "dedup_key": words(255, least=1),
    },
    client=words(255),
    links=several(record({"href": LINK}), 50),
)


def _on_pagerduty(said: Any) -> Shown:
    payload = said["payload"]
    whole = payload["custom_details"]["message"]
    return [(Dialect.TEXT, payload["summary"]), (Dialect.TEXT, whole)]


PUSH = (
    *(
        Peer(
            name=name,
            url=f"pover://{'u' * 29}{number}@{'t' * 30}{query}",
            host="api.pushover.net",
            path="/1/messages.json",
            mark=f"user={'u' * 29}{number}&".encode(),
            content_type="application/x-www-form-urlencoded",
            schema=_PUSHOVER,
            shown=_on_pushover,
            taken=says({"status": 1, "request": "647d2300"}),
        )
        for number, (name, query) in enumerate(
            (("pushover", ""), ("pushover-html", "?format=html"))
        )
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
            taken=says({"id": 25, "appid": 5, "message": "…", "priority": 5}),
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
            taken=says({"id": "sPs71M8A2T", "event": "message", "topic": "topic"}),
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
        name="pagerduty",
        url=f"pagerduty://{'A' * 32}@{'b' * 32}",
        host="events.pagerduty.com",
        path="/v2/enqueue",
        schema=_PAGERDUTY,
        shown=_on_pagerduty,
        taken=says({"status": "success", "dedup_key": "srv01"}, 202),
    ),
)
