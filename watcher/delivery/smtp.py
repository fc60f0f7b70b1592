"""One SMTP connection of a job: the time that a mail server may take, the mail's id, and the codes of refusals.

The connection is apprise's own object, known from an audit event (`watcher.delivery.wire`). Two of its methods are
replaced, since neither smtplib nor apprise has a hook there; the library stays as it is.
"""

from __future__ import annotations

import hashlib
import re
import smtplib
import time
from collections.abc import Callable
from typing import Any

from watcher.delivery.job import Job
from watcher.delivery.limits import CutOffError, RequestTimer
from watcher.delivery.wire import Wire

DATA_TIMEOUT = 300.0
"""Seconds that a server may take over a mail that it has: it may look for viruses. RFC 5321, 4.5.3.2.6 gives ten
minutes; a repeat that comes too early is a copy. The mails of a message share them: a further one goes out only if
there is time for a wait like the longest before it.
"""
_VERB = re.compile(rb"(ehlo|helo|starttls|auth|mail|rcpt|data)\b", re.IGNORECASE)
_ID = re.compile(
    rb"^Message-ID:[^<\r\n]*(?:\r\n[ \t])?[ \t]*<[^@>\r\n]*(?=@)",
    re.IGNORECASE | re.MULTILINE,
)


class SmtpWatch:
    """Watches the SMTP connections of a job."""

    def __init__(
        self,
        job: Job,
        timer: RequestTimer,
        wire: Wire,
        allow: Callable[[float], None],
        patience: float = DATA_TIMEOUT,
    ) -> None:
        self.refusals: list[tuple[str, int]] = []
        """The command, in lower case, and the code of each refusal."""
        self._job, self._timer, self._wire, self._allow = job, timer, wire, allow
        self._verb = ""
        self._patience = patience
        """Seconds for the answer to a mail, and for those to all mails before a further one."""
        self._waits: list[float] = []
        """Seconds that each mail has taken."""

    def notice(self, event: str, connection: Any, sent: bytes | str) -> None:  # noqa: ANN401 - apprise's own object
        """Take an event of a connection, which is about to open, or to send a command or a mail."""
        if event == "smtplib.connect":
            self._watch(connection)
            self._verb = "connect"
            self._wire.contacts += 1
            return
        line = sent.encode() if isinstance(sent, str) else sent
        if found := _VERB.match(line):
            self._verb = found[1].decode().lower()
        # Whatever is answered to these, the mail was taken or refused before.
        elif line.lower().startswith((b"rset", b"quit")):
            self._verb = ""
        elif self._verb == "data":
            self._wire.went_out()

    def _watch(self, smtp: smtplib.SMTP) -> None:
        reply, data = smtp.getreply, smtp.data

        def getreply() -> tuple[int, bytes]:
            """Read a reply, and note a refusal."""
            code, text = reply()
            if self._wire.is_out:
                self._wire.was_answered()
            if code >= 400 and self._verb:
                self.refusals.append((self._verb, code))
            return code, text

        def patient(mail: bytes) -> tuple[int, bytes]:
            """Send a mail under its own id and give the server the time that it needs to take it."""
            if sum(self._waits) + max(self._waits, default=0.0) > self._patience:
                smtp.close()  # the mail did not go out: it is the next attempt's
                raise CutOffError("timed out")
            began = time.monotonic()
            self._allow(self._patience)
            self._timer.begin(self._patience)
            timeout = smtp.sock.gettimeout() if smtp.sock else None
            self._give(smtp, self._patience)
            try:
                return data(with_id(mail, self._job))
            finally:
                self._waits.append(time.monotonic() - began)
                self._give(smtp, timeout)
                self._timer.begin()

        smtp.getreply, smtp.data = getreply, patient  # type: ignore[method-assign,assignment]  # of this object only

    @staticmethod
    def _give(smtp: smtplib.SMTP, seconds: float | None) -> None:
        if smtp.sock is not None:
            smtp.sock.settimeout(seconds)


def with_id(mail: bytes, job: Job) -> bytes:
    """Return a mail with a Message-ID that a repeat of the job has too, so that its readers see one mail."""
    head, end, body = mail.partition(b"\r\n\r\n")
    to = next(
        (line for line in head.split(b"\r\n") if line.lower().startswith(b"to:")), b""
    )
    seed = "\n".join(
        [job.reached.key, job.reached.salt, *(event.id for event in job.events)]
    ).encode()
    name = hashlib.blake2b(seed + to, digest_size=16).hexdigest().encode()
    return _ID.sub(b"Message-ID: <" + name, head, count=1) + end + body
