"""A mail server on loopback that keeps the mail it takes."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Self, cast
from urllib.parse import urlencode

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail: the recipients of its envelope, and the message itself."""

    recipients: tuple[str, ...]
    message: EmailMessage


class Mailbox:
    """Speaks SMTP without TLS on 127.0.0.1 while its `with` block runs; `mails` grows as they come.

    `refuse` is a reply (like "554 no") given instead of taking a mail, or empty; `replies` has refusals by command
    ("RCPT", "DATA") and recipient. With 421 it closes the connection; "" is no reply at all. After a mail it `leaves`.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.refuse = ""
        self.replies: dict[tuple[str, str], str] = {}
        self.leaves = False

    def __enter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(listener.getsockname()[1])
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, started)),
            name="mailbox",
            daemon=True,
        )
        self._thread.start()
        self._loop, self._leave = started.result()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()

    def apprise_url(self, to: str = "reader@example.org") -> str:
        """Return the apprise URL that mails the address through this server, without TLS or login."""
        query = urlencode({"from": "watcher@example.org", "to": to, "mode": "insecure"})
        return f"mailto://127.0.0.1:{self.port}?{query}"

    async def handle_DATA(
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take a mail, or refuse it: the hook that the SMTP server calls by this name."""
        for refusal in (self.refuse or None, *map(self._of_data, envelope.rcpt_tos)):
            if refusal is not None:
                return await self._said(server, refusal)
        content = cast("bytes", envelope.content)
        message = email.message_from_bytes(content, policy=email.policy.default)
        self.mails.append(
            Mail(
                recipients=tuple(envelope.rcpt_tos),
                message=message,
            )
        )
        return await self._said(server, "250 taken", leaves=self.leaves)

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: object,
    ) -> str:
        """Take a recipient, or refuse it: a hook as the one above."""
        if (reply := self.replies.get(("RCPT", address))) is not None:
            return await self._said(server, reply)
        envelope.rcpt_tos.append(address)
        return "250 known"

    def _of_data(self, address: str) -> str | None:
        return self.replies.get(("DATA", address))

    async def _said(self, server: SMTP, reply: str, *, leaves: bool = False) -> str:
        """Return a reply, after which the connection is closed if it `leaves`, or says so."""
        if not reply:
            await self._leaving.wait()
        if (leaves or reply.startswith("421")) and server.transport is not None:
            self._loop.call_later(0.01, server.transport.close)
        return reply

    async def _serve(
        self,
        listener: socket.socket,
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]],
    ) -> None:
        leave = self._leaving = asyncio.Event()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(self, hostname="localhost", loop=loop), sock=listener
        )
        started.set_result((loop, leave))
        await leave.wait()
        server.close()
