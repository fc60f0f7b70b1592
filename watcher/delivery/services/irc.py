"""IRC: stay until the server has read the message. It drops what a client that leaves has not been read of.

A server reads a line or two a second, and apprise leaves after one: of twelve lines six came.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from apprise.plugins.irc.client import IRCClient
from apprise.plugins.irc.protocol import IRCAuthMode, normalise_channel
from apprise.utils.socket import AppriseSocketError

from watcher.delivery.services.service import Context

_FAILURES = (AppriseSocketError, OSError)
_NO_LOGIN = "the IRC server did not take the login: check the password and the nick"
_NO_CHANNEL = "the IRC channel cannot be joined: it is not there, full, or for others"


def irc(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Send with apprise's client. Its plugin has no hook before it leaves."""
    service.send = partial(_send, service, context)


def _send(service: Any, context: Context, *, body: str, **_: object) -> bool:  # noqa: ANN401 - as above
    """Send to each target that does not have it yet; a channel that cannot be joined does not keep it from others."""
    service.throttle()
    client = _client(service)
    targets = [
        *(("channel", name) for name in service.channels),
        *(("user", name) for name in service.users),
    ]
    done = True
    try:
        client.connect()
        if not _logs_in(client, service):
            context.refuse(_NO_LOGIN)
            return False
        for kind, name in targets:
            if service.is_delivered((kind, name)):
                continue
            if kind == "channel" and not _joins(client, service, name):
                context.refuse(_NO_CHANNEL)
                done = False
                continue
            target = normalise_channel(name) if kind == "channel" else name.lstrip("@")
            client.privmsg(target=target, message=body, timeout=context.timeout)
            client.check_connection(
                timeout=context.timeout
            )  # the PONG comes after all that was sent before
            service.mark_delivered((kind, name))
        client.quit(message=service.app_desc, timeout=service.send_timeout)
    except _FAILURES as error:
        service.logger.debug("Socket Exception: %s", error)
        return False
    finally:
        client.close()
    return done


def _client(service: Any) -> IRCClient:  # noqa: ANN401 - as above
    own = service.password
    return IRCClient(
        host=service.host,
        nickname=service.nickname or IRCClient.nick_generation(prefix=service.app_id),
        fullname=service.fullname or service.app_desc,
        port=service.port,
        secure=service.secure,
        verify=service.verify_certificate,
        timeout=service.socket_read_timeout,
        password=f"{service.user}:{own}"
        if service.auth_mode == IRCAuthMode.ZNC
        else own,
        auth_mode=service.auth_mode,
        nick_generator=IRCClient.nick_generation,
    )


def _logs_in(client: IRCClient, service: Any) -> bool:  # noqa: ANN401 - as above
    try:
        client.register(timeout=service.irc_register_timeout, prefix=service.app_id)
    except _FAILURES:
        return False
    return True


def _joins(client: IRCClient, service: Any, name: str) -> bool:  # noqa: ANN401 - as above
    """Join a channel, if that is wanted, and return whether nothing speaks against a message to it."""
    key = service.channels[name]
    if service.join or key:
        try:
            client.join(
                channel=name,
                key=key,
                timeout=service.join_timeout,
                prefix=service.app_id,
            )
        except AppriseSocketError:
            return False
    return True
