"""XMPP: a message counts only if there was a session to send it in.

apprise takes a connection that ends for success unless the login was refused: also one whose certificate does not
verify, or whose server offers no login that can be used.
"""

from __future__ import annotations

from typing import Any

from apprise.plugins.xmpp.adapter import SlixmppAdapter, XMPPConfig
from apprise.plugins.xmpp.common import SECURE_MODES

from watcher.delivery.services.service import Context

_NO_SESSION = "no XMPP session: the certificate does not verify, or the server offers no login that can be used"

_CONFIG: Any = XMPPConfig  # apprise's dataclass hides its fields from type checkers


def xmpp(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Send through a session that counts. `keepalive` is the place where apprise takes one that is there already."""
    service.keepalive = True
    service._adapter = _Session(service, context)  # noqa: SLF001 - apprise has no other place for it


class _Session:
    """A session for one message, in place of apprise's own."""

    def __init__(self, service: Any, context: Context) -> None:  # noqa: ANN401 - as above
        self._service = service
        self._context = context
        self._begun = 0

    def send_message(self, targets: list[tuple[str, str]], subject: str, body: str) -> bool:
        """Send the message to all targets, and return whether it went out to each of them."""
        service = self._service
        config = _CONFIG(
            jid=service.jid,
            password=service.password or "",
            host=service.xmpp_host or service.host,
            port=service.port or SECURE_MODES[service.secure_mode]["default_port"],
            secure=service.secure_mode,
            verify_certificate=service.verify_certificate,
            use_channel_binding=service.scramplus,
        )
        adapter = SlixmppAdapter(
            config=config,
            targets=targets,
            subject=subject,
            body=body,
            timeout=service.socket_connect_timeout,
            roster=service.roster,
            want_muc=service.want_muc,
            default_nickname=service.name,
            before_message=self._count,
        )
        try:
            done = adapter.process()
        finally:
            self._context.kept_back.append(not self._begun)
        if done and self._begun < max(1, len(targets)):
            self._context.refuse(_NO_SESSION)
            return False
        return done

    def close(self) -> None:
        """Do nothing: the session ended with its message."""

    def _count(self) -> None:
        self._begun += 1
