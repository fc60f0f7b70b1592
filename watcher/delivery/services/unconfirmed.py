"""Services that cannot confirm a message: what is known not to have been sent is still a failure."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import Any

from apprise.plugins.xmpp import base
from apprise.plugins.xmpp.adapter import SlixmppAdapter

from watcher.delivery.services.service import Context

_LOG = "/var/run/syslog" if sys.platform == "darwin" else "/dev/log"
"""Where the C library sends what is for syslog."""
_NO_SESSION = "no XMPP session began: check the host, the login, and that the server's certificate verifies"


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

    A server that cannot be reached is tried until the time is up: no message went out then either.
    """

    class Session(SlixmppAdapter):
        """Knows whether it began. What is over does not begin any more, in the thread that still tries."""

        def __init__(self, **options: Any) -> None:  # noqa: ANN401 - apprise's own
            self._has_begun = self._is_over = False
            super().__init__(before_message=self._begin, **options)

        def process(self) -> bool:
            """Send the message, and return whether it was sent."""
            try:
                done = super().process()
            finally:
                self._is_over = True
                if not self._has_begun:
                    context.refuse(_NO_SESSION)
            return done and self._has_begun

        def _begin(self) -> None:
            self._has_begun = True
            if self._is_over:
                raise TimeoutError

    service.keepalive = False
    base.SlixmppAdapter = Session  # type: ignore[attr-defined,assignment]  # what it imports


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
