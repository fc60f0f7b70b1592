"""IRC: a message counts only once the server has answered what was sent after it.

A server says nothing of a message that it takes, and sends a number for one that it does not: nobody has that nick, one
may not speak there. apprise does not read these. So a PING follows each message: what comes before its PONG is about
the message.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from apprise.plugins.irc.client import IRCClient
from apprise.plugins.irc.protocol import IRCAuthMode, normalise_channel, parse_irc_line
from apprise.utils.socket import AppriseSocketError

from watcher.delivery.services.service import Context

_PASSWORD = "the IRC server refused the login: check the password"  # noqa: S105 - a sentence
_NICK = "the IRC server refused the nick: put another one into the channel's URL (?nick=)"
_BANNED = "the IRC server has banned this user or host"
_MUTE = "the IRC channel does not let this nick speak: give it a voice, or take the mode m or n away"
_NO_CHANNEL = "the IRC server has no such channel: correct the channel's URL"
_REFUSALS = {
    401: "nobody on the IRC server has the nick in the channel's URL",
    403: _NO_CHANNEL,
    404: _MUTE,
    405: "the IRC server lets this nick join no more channels",
    411: _NO_CHANNEL,
    432: _NICK,
    433: "the nick is in use on the IRC server: put another one into the channel's URL (?nick=)",
    442: _MUTE,
    464: _PASSWORD,
    465: _BANNED,
    471: "the IRC channel is full",
    473: "the IRC channel is for invited nicks: invite this one, or take the mode i away",
    474: "the IRC channel has banned this nick",
    475: "the IRC channel wants another key: put it into the channel's URL (#channel:key)",
    476: _NO_CHANNEL,
    477: "the IRC channel is for registered nicks: name the password of one (?mode=nickserv)",
    489: "the IRC channel is for TLS: use ircs://",
    520: "the IRC channel is for operators",
}
"""What a server's numbers for refusals mean (RFC 2812, 5.2; from 477 on as servers use them)."""
_CLOSINGS = {"password": _PASSWORD, "banned": _BANNED, "line": _BANNED, "nick": _NICK}
"""What the last words of a server that ends the connection mean, by what is in them. Some send no number."""
_CLOSED = "the IRC server ended the connection"


def irc(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Send in a session that reads the answers. apprise's has no hook at them."""
    service.send = partial(_send, service, context)


def _send(service: Any, context: Context, *, body: str, **_: object) -> bool:  # noqa: ANN401 - as above
    """Send to each target that does not have it yet; a refusal of one does not keep it from the others."""
    service.throttle()
    session = _Session(service)
    done = True
    try:
        session.connect()
        session.register(timeout=service.irc_register_timeout, prefix=service.app_id)
        for key in [*(("channel", one) for one in service.channels), *(("user", one) for one in service.users)]:
            if service.is_delivered(key):
                continue
            session.refusal = ""
            if session.takes(service, key, body, context.timeout):
                service.mark_delivered(key)
                continue
            context.refuse(session.refusal)
            done = False
        session.quit(message=service.app_desc, timeout=service.send_timeout)
    except (AppriseSocketError, OSError) as error:
        if session.refusal:
            context.refuse(session.refusal)
        service.logger.debug("Socket Exception: %s", error)
        return False
    finally:
        context.kept_back.append(not session.owes)
        session.close()
    return done


class _Session(IRCClient):
    """A session that knows why the server refused something."""

    def __init__(self, service: Any) -> None:  # noqa: ANN401 - as above
        own = service.password
        super().__init__(
            host=service.host,
            nickname=service.nickname or IRCClient.nick_generation(prefix=service.app_id),
            fullname=service.fullname or service.app_desc,
            port=service.port,
            secure=service.secure,
            verify=service.verify_certificate,
            timeout=service.socket_read_timeout,
            password=f"{service.user}:{own}" if service.auth_mode == IRCAuthMode.ZNC else own,
            auth_mode=service.auth_mode,
            nick_generator=IRCClient.nick_generation,
        )
        self.refusal = ""
        """Why, in our words, since this was last emptied."""
        self.owes = False
        """A message went out and is not answered."""
        self._has_pong = False

    def takes(self, service: Any, key: tuple[str, str], body: str, timeout: float) -> bool:  # noqa: ANN401 - as above
        """Send the message to one target, and return whether the server has taken it.

        OSError, or apprise's own, if it does not say.
        """
        kind, name = key
        target = normalise_channel(name) if kind == "channel" else name.lstrip("@")
        password = service.channels.get(name) if kind == "channel" else None
        if kind == "channel" and (service.join or password):
            self._ask([f"JOIN {target} {password or ''}".rstrip()], timeout)
            if self.refusal:
                return False
        self.owes = True
        self._ask([f"PRIVMSG {target} :{line}" for line in body.splitlines() if line.strip()], timeout)
        self.owes = False
        return not self.refusal

    def _ask(self, lines: list[str], timeout: float) -> None:
        """Send lines, and read until the server has said what it has to say of them."""
        deadline = time.monotonic() + timeout
        self._has_pong = False
        for line in (*lines, "PING :comfy-watch"):
            self._write(line, deadline)
        while time.monotonic() < deadline and not self._has_pong:
            self._handshake(deadline, prefix="")  # an empty line ends it too
        if not self._has_pong:
            raise TimeoutError("timed out")

    def _read(self, deadline: float) -> str | None:
        """Read a line and note what it refuses; None at the deadline."""
        if self._has_pong:
            return None
        line: str | None = super()._read(deadline)
        if line:
            message = parse_irc_line(line)
            command = message.command.upper()
            self._has_pong = command == "PONG"
            if command == "ERROR":
                words = (message.trailing or "").lower()
                known = next((why for part, why in _CLOSINGS.items() if part in words), "")
                self.refusal = known or self.refusal or _CLOSED
            elif message.numeric in _REFUSALS:
                self.refusal = _REFUSALS[message.numeric]
            elif message.numeric == 1:
                self.refusal = ""  # another nick was free
        return line
