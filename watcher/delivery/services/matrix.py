"""Matrix: a message mentions nobody, goes only to what is there, and not unencrypted to an encrypted room.

Private methods of the object are replaced, because apprise has no hook for a message's content, and no option that
keeps it from making rooms and accounts.
"""

from __future__ import annotations

from typing import Any

from watcher.delivery.services.service import (
    NEEDS_CRYPTOGRAPHY,
    Context,
    Plugin,
    supports,
)
from watcher.model.channel import Cause

_NOT_THERE = 404
_DISCOVERY = "/.well-known/matrix/client"
"""Where a server may say that it has another address. Most have no such page, which is not why a message failed."""
_NEW_ROOM = "/createRoom"
_MESSAGE = "/send/m.room.message/"


def matrix(service: Plugin, context: Context) -> None:
    """Keep apprise from everything but sending the message, as it should be."""
    # The order counts: each `_fetch` calls the one before.
    _create_nothing(service, context)
    _mention_nobody(service)
    if service.e2ee:
        _encrypt_where_it_must_be(service, context)


def _create_nothing(service: Plugin, context: Context) -> None:
    """Say what is not there. apprise would make a room for a mistyped alias, and an account for a mistyped name."""
    fetch = service._fetch  # noqa: SLF001 - see above

    # A room that nobody is in takes every message, and the alert would count as delivered.
    def no_room(_: str) -> None:
        context.refuse("the Matrix room is not there: is its alias right?", Cause.GONE)

    def to_somebody(path: str | None, payload: Any = None, **more: object) -> object:  # noqa: ANN401 - JSON
        """Make a room for direct messages only to a user who is there; a server makes one for any name."""
        # Rooms for aliases are never made (`no_room`), so this is one for a user.
        if path == _NEW_ROOM:
            [name] = payload["invite"]
            found, said, status = fetch(f"/profile/{service.quote(name)}", method="GET")
            if status == _NOT_THERE or (
                isinstance(said, dict) and said.get("errcode") == "M_NOT_FOUND"
            ):
                context.refuse(
                    "the Matrix user is not there: is the name right?", Cause.GONE
                )
            # A server that does not answer is asked again by the next attempt, and makes no room now.
            if not found:
                return found, said, status
        return fetch(path, payload=payload, **more)

    service._room_create = no_room  # noqa: SLF001 - as above
    service._register = lambda: False  # noqa: SLF001
    service._fetch = to_somebody  # noqa: SLF001


def _encrypt_where_it_must_be(service: Plugin, context: Context) -> None:
    """Send no plain text to an encrypted room, unless the URL says `e2ee=no`; apprise would if it cannot encrypt."""
    fetch = service._fetch  # noqa: SLF001 - see above

    def checked(path: str | None, payload: object = None, **more: object) -> object:
        if _MESSAGE in (path or "") and (
            failed := not_in_the_open(str(path).partition(_MESSAGE)[0])
        ):
            return failed
        return fetch(path, payload=payload, **more)

    def not_in_the_open(room: str) -> object:
        """Return what `_fetch` would of a failure, unless the room says that it is not encrypted."""
        known, encryption, status = fetch(
            f"{room}/state/m.room.encryption", method="GET", ok_status={_NOT_THERE}
        )
        # 404 is Matrix's word for a room whose state has no encryption.
        if status == _NOT_THERE or (known and not encryption):
            return None
        # Without an answer the request has its own failure.
        if known:
            why = _NOT_ENCRYPTED if service.secure else _NO_TLS
            if not supports(service, "MATRIX_E2EE_SUPPORT"):
                why = NEEDS_CRYPTOGRAPHY
            context.refuse(why)
        return False, {}, status

    service._fetch = checked  # noqa: SLF001 - as above


_NOT_ENCRYPTED = "the Matrix room is encrypted, and encrypting the message failed"
_NO_TLS = (
    "the Matrix room is encrypted: use matrixs:// (or ?e2ee=no to send it unencrypted)"
)


def _mention_nobody(service: Plugin) -> None:
    """Make each message state that it mentions nobody. Otherwise clients notify users whose names occur in it.

    Code also stays in its line in the plain text that apprise makes of the HTML.
    """
    names = "_fetch", "_e2ee_get_megolm", "_matrix_plain_fallback"
    ask, session_of, text_of = (getattr(service, name) for name in names)

    def fetch(path: str | None, payload: object = None, **more: object) -> object:
        if str(more.get("url_override")).endswith(_DISCOVERY):
            more["ok_status"] = {_NOT_THERE}
        return ask(path, payload=_with_no_mentions(payload), **more)

    def session(room: object) -> object:
        found = session_of(room)
        encrypt = found.encrypt
        found.encrypt = lambda event: encrypt(
            event | {"content": _with_no_mentions(event["content"])}
        )
        return found

    def fallback(body: str, *more: object) -> object:
        return text_of(body.replace("code>", "samp>"), *more)

    for name, ours in zip(names, (fetch, session, fallback), strict=True):
        setattr(service, name, ours)


def _with_no_mentions(content: object) -> object:
    return (
        content | {"m.mentions": {}}
        if isinstance(content, dict) and "msgtype" in content
        else content
    )
