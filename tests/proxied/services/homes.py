"""What people run themselves: Matrix, with and without a bridge, and Kodi."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, refused, says, throttled
from tests.proxied.schema import LINK, matching, one_of, record, several, words
from tests.proxied.services.reading import split

_API = "/_matrix/client/v3"
_ROOM = f"{_API}/rooms/!room:x"
_ATTACHMENT = record(
    {"title": words(250), "text": words(least=1)},
    color=matching("#[0-9A-Fa-f]{6}"),
    ts={"type": "number"},
    footer=words(100),
)


def _headed(page: str) -> Shown:
    heading, _, rest = page.rpartition("</h1>")
    title = re.sub(r"\A<h1>", "", heading)
    return [
        *([(Dialect.TITLE, unescape(title))] if title else []),
        (Dialect.HTML, rest),
    ]


def _attached(said: Any) -> Shown:
    [attachment] = said["attachments"]
    return [
        (Dialect.TITLE, attachment["title"]),
        (Dialect.BARE, unescape(attachment["text"])),
    ]


def _pop_up(asked: Asked) -> Iterator[str]:
    shown = asked.said["params"]["message"]
    if shown.count("\n") > 1:
        yield f"{shown.count(chr(10)) + 1} lines, at most 2 are shown"
    if not re.search(r"\bref [0-9a-f]{8}\Z", shown):
        yield "no reference at the end"


def _matrix(code: str, status: int) -> Any:
    return refused({"errcode": code, "error": "…"}, status)


HOMES = (
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
                "m.mentions": record({}),
            },
            format=one_of("org.matrix.custom.html"),
            formatted_body=words(octets=32_000, least=1),
        ),
        shown=lambda said: [*_headed(said["formatted_body"]), *split(said["body"], Dialect.BARE)],
        others=(
            ("GET", "/.well-known/matrix/client", says({"errcode": "M_NOT_FOUND", "error": "…"}, 404)),
            ("POST", f"{_API}/login", says({"access_token": "t", "user_id": "@u:matrix.example", "device_id": "d"})),
            ("POST", f"{_API}/join/!room:x", says({"room_id": "!room:x"})),
            ("GET", f"{_ROOM}/state/m.room.encryption.*", says({"errcode": "M_NOT_FOUND", "error": "…"}, 404)),
            ("POST", f"{_API}/keys/upload", says({"one_time_key_counts": {"signed_curve25519": 50}})),
            ("POST", f"{_API}/logout", says({})),
        ),
        is_slow=True,
        taken=says({"event_id": "$YUwRidLecu:matrix.example"}),
        refusals={
            "forbidden": _matrix("M_FORBIDDEN", 403),
            "too large": _matrix("M_TOO_LARGE", 413),
        },
    ),
    Peer(
        name="matrix-hook",
        url="matrixs://hook:token@hookshot.example/?mode=hookshot",
        host="hookshot.example",
        path="/webhook/token",
        schema=record({"text": words(least=1), "html": words(least=1)}, username=words(100)),
        shown=lambda said: [*_headed(said["html"]), *split(said["text"], Dialect.BARE)],
        taken=says({"ok": True}),
        refusals={
            "gone": refused({"ok": False, "error": "Webhook not found"}, 404),
            "throttled": throttled({"ok": False, "error": "…"}),
        },
    ),
    Peer(
        name="matrix-slack",
        url="matrixs://hook:token@bridge.example/?mode=slack",
        host="bridge.example",
        path="/api/v1/matrix/hook/token",
        schema=record({"attachments": several(_ATTACHMENT, 1, least=1)}, username=words(100), mrkdwn=one_of(False)),
        shown=_attached,
        taken=says({"success": True}),
        refusals={"gone": refused({"success": False, "message": "invalid hook"}, 404)},
    ),
    Peer(
        name="kodi",
        url="kodis://kodi.example",
        host="kodi.example",
        path="/jsonrpc",
        schema=record(
            {
                "jsonrpc": one_of("2.0"),
                "method": one_of("GUI.ShowNotification"),
                "params": record(
                    {"title": words(250, least=1), "message": words(least=1)},
                    displaytime={"type": "integer", "minimum": 1500},
                    image={"anyOf": [one_of("info", "warning", "error"), LINK]},
                ),
                "id": {},
            },
            type=words(20),
        ),
        check=_pop_up,
        shown=lambda said: [(Dialect.TITLE, said["params"]["title"]),
                            (Dialect.TEXT, said["params"]["message"].replace("\r\n", "\n"))],
        taken=says({"id": 1, "jsonrpc": "2.0", "result": "OK"}),
        refusals={"login": refused({"error": {"code": -32600, "message": "Unauthorized"}}, 401)},
    ),
)  # fmt: skip
