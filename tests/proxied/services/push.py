"""Services that push to phones: Pushover, Prowl, Gotify, ntfy, Bark, Pushbullet and Signal."""

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
    YES_OR_NO,
    Schema,
    matching,
    one_of,
    record,
    several,
    whole,
    words,
)
from tests.proxied.services.reading import titled

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


# Prowl: https://www.prowlapp.com/api.php


# ntfy: https://docs.ntfy.sh/publish/#publish-as-json


def _ntfy(asked: Asked) -> Iterator[str]:
    if len(asked.body) > 8192:
        yield f"{len(asked.body)} bytes of JSON, at most 8192"


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
        )
        for number, (name, query) in enumerate(
            (
                ("pushover", ""),
                ("pushover-emergency", "?priority=emergency"),
                ("pushover-html", "?format=html"),
            )
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
            taken=says(
                {
                    "id": 25,
                    "appid": 5,
                    "message": "…",
                    "priority": 5,
                    "date": "2026-01-01T00:00:00Z",
                }
            ),
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
)
