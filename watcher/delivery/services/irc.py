"""IRC: stay connected until the server has read the whole message.

A server reads a line or two a second. When a client disconnects, it drops the lines that it has not read yet. apprise
disconnects after a second: of twelve lines six came.
"""

from __future__ import annotations

from typing import Any

from apprise.plugins.irc import base
from apprise.plugins.irc.client import IRCClient
from apprise.plugins.irc.protocol import normalise_channel
from apprise.utils.socket import AppriseSocketError

from watcher.delivery.services.service import Context

LINE = 380
"""Bytes of a line; the server takes 512, of which it needs some for the names."""
LINES = 12
"""The most lines, since a server reads slowly."""
_NO_LOGIN = "the IRC server did not take the login: check the password and the nick"
_NO_CHANNEL = "the IRC channel cannot be joined: it is not there, full, or for others"


def longest_line(_title: str, body: str) -> int:
    """Return the bytes of the longest line."""
    return max(len(line.encode()) for line in body.splitlines())


def irc(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Have the plugin use a client of ours, of this process alone: it has no hook before it leaves.

    apprise sends each line by itself, and has room for one alone. A channel that cannot be joined does not keep the
    message from the other ones.
    """
    service.body_maxlen = LINE * LINES
    closed: set[str] = set()
    mark = service.mark_delivered

    class Client(IRCClient):
        """Says what was refused, and waits until a message was read."""

        def register(self, timeout: float, prefix: str) -> None:
            """Log in."""
            try:
                super().register(timeout, prefix)
            except (AppriseSocketError, OSError):
                context.refuse(_NO_LOGIN)
                raise

        def join(
            self, channel: str, timeout: float, prefix: str, key: str | None = None
        ) -> None:
            """Join a channel, or note that it is closed."""
            try:
                super().join(channel, timeout, prefix, key)
            except AppriseSocketError:
                context.refuse(_NO_CHANNEL)
                closed.add(channel)

        def privmsg(self, target: str, message: str, timeout: float) -> None:
            """Send a message, and wait for the PONG that comes after all that was sent before."""
            if target not in closed:
                super().privmsg(target, message, timeout)
                self.check_connection(context.timeout)

        def quit(self, message: str, timeout: float) -> None:
            """Leave. The plugin has failed unless all got the message."""
            super().quit(message, timeout)
            if closed:
                raise OSError(_NO_CHANNEL)

    def mark_delivered(target: Any, *more: Any, **options: Any) -> None:  # noqa: ANN401 - as above
        is_channel = isinstance(target, tuple) and target[0] == "channel"
        if not (is_channel and normalise_channel(target[1]) in closed):
            mark(target, *more, **options)

    service.mark_delivered = mark_delivered
    base.IRCClient = Client  # type: ignore[attr-defined]  # what it imports
