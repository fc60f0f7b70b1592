"""Services that cannot confirm a message: what is known not to have been sent is still a failure."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from apprise.plugins.xmpp.adapter import SlixmppAdapter, XMPPConfig
from apprise.plugins.xmpp.common import SECURE_MODES

from watcher.delivery.services.service import Context

_LOG = "/var/run/syslog" if sys.platform == "darwin" else "/dev/log"
"""Where the C library sends what is for syslog."""
_NO_SESSION = "no XMPP session began: check the host, the login, and that the server's certificate verifies"
_CONFIG: Any = XMPPConfig  # apprise's dataclass hides its fields from type checkers


def mqtt(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Publish at QoS 1 or more: apprise then waits until the broker has the message. A refused login ends the wait."""

    def connected(
        _client: object,
        _data: object,
        _flags: object,
        code: Any,  # noqa: ANN401 - paho's
        _more: object,
    ) -> None:
        if code.is_failure:
            context.refuse(
                f"the MQTT broker refused the login ({str(code).lower()}): check the user and the password"
            )
            service.socket_read_timeout = 0

    service.qos = max(service.qos, 1)
    service.client.on_connect = connected
    service.client.connect_timeout = context.timeout
    if service.ca_certs:  # trusted as for mail
        service.ca_certs = os.environ.get("SSL_CERT_FILE", service.ca_certs)


def xmpp(service: Any, context: Context) -> None:  # noqa: ANN401 - as above
    """Count a message only if its session began: apprise takes a connection that ends before that for a success.

    `keepalive` is the place where apprise takes a session that is there already.
    """
    begun: list[None] = []

    def send_message(
        *, targets: list[tuple[str, str]], subject: str, body: str
    ) -> bool:
        config = _CONFIG(
            jid=service.jid,
            password=service.password or "",
            host=service.xmpp_host or service.host,
            port=service.port or SECURE_MODES[service.secure_mode]["default_port"],
            secure=service.secure_mode,
            verify_certificate=service.verify_certificate,
            use_channel_binding=service.scramplus,
        )
        session = SlixmppAdapter(
            config=config,
            targets=targets,
            subject=subject,
            body=body,
            timeout=service.socket_connect_timeout,
            roster=service.roster,
            want_muc=service.want_muc,
            default_nickname=service.name,
            before_message=lambda: begun.append(None),
        )
        try:
            return session.process() and bool(begun)
        finally:
            if not begun:
                context.refuse(_NO_SESSION)

    service.keepalive = True
    service._adapter = SimpleNamespace(send_message=send_message, close=lambda: None)  # noqa: SLF001 - no other place


def syslog(_service: object, context: Context) -> None:
    """Refuse to send where no daemon listens: the C library says nothing of that."""
    if not has_listener(_LOG):
        context.refuse(
            f"no syslog daemon listens on {_LOG} here: start one, or use rsyslog:// to another machine"
        )


def has_listener(path: str) -> bool:
    """Return whether something can be connected to at a path, as the C library tries it."""
    if sys.platform != "win32":  # apprise has no syslog there
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with suppress(OSError), socket.socket(socket.AF_UNIX, kind) as end:
                end.connect(path)
                return True
    return False
