"""What people run themselves: Matrix, with and without a bridge, and Kodi."""

from __future__ import annotations

import re
from html import unescape

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.peer import Peer, says
from tests.proxied.schema import one_of, record, words
from tests.proxied.services.reading import split

_API = "/_matrix/client/v3"
_ROOM = f"{_API}/rooms/!room:x"


def _headed(page: str) -> Shown:
    heading, _, rest = page.rpartition("</h1>")
    title = re.sub(r"\A<h1>", "", heading)
    return [
        *([(Dialect.TITLE, unescape(title))] if title else []),
        (Dialect.HTML, rest),
    ]


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
    ),
)  # fmt: skip
