"""The one hook into apprise: while a message is sent it sees what goes out, what is answered, and which target has it.

Which target has the message is apprise's word (`mark_delivered`). The hook can only take it back: for a refusal inside
a success, a web page, or where no request carried the message; and it adds what apprise cannot know, that a success
whose rest was lost is one. Nothing of a request, which holds secrets, is written anywhere.
"""

from __future__ import annotations

import io
import smtplib
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any, Self

from apprise.plugins.irc import client as irc
from apprise.plugins.irc.protocol import IRCMessage
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as LostError
from requests.models import PreparedRequest, Response
from urllib3.exceptions import HTTPError

from watcher.alerts.queues import ownership
from watcher.delivery.process import Job
from watcher.delivery.refusal import Exchange, is_page, refusal_in
from watcher.delivery.services.service import NO_RULES
from watcher.registry.answer import parse_retry_after

_MOST = 2**24
"""Bytes of a body that are read."""
_BEGINNING = 2**16
"""Bytes of it that are looked at."""
_PIECE = 2**14
_TUNNEL = b"CONNECT "
"""How a request begins that is meant for an HTTP proxy: nothing of the message is in it."""
_SENDS = ("http.client.send", "smtplib.send")
"""Audit events (`sys.addaudithook`) of bytes that are about to leave."""
_MAIL_COMMANDS = ("auth", "mail", "rcpt", "data")
_IRC_COMMANDS = ("register", "join", "privmsg")
_IRC_REFUSALS = range(400, 600)
_OK = 200
_ALL = "all"
"""Stands for all targets together."""
_slow_digest = lru_cache(maxsize=256)(ownership.digest)
"""A process sends many messages to the same targets."""


class Hook:
    """Watches one message to one service, while its `with` block runs.

    `tell` is called with `taken` and the name of each target as soon as it has the message, and with `out`: True before
    something of it goes out, which it may hold up, and False when nothing is in doubt any more.
    """

    def __init__(self, job: Job, tell: Callable[[str, object], object]) -> None:
        self._job, self.tell = job, tell
        self.rules = NO_RULES
        self.mark = b""
        """A word of the message, by which a request that carries it is known. Empty: none is."""
        self.by_other_ways = False
        """The plugin speaks neither HTTP nor SMTP: what it sends once a connection is made cannot be seen."""
        self.count = 1
        """Targets in the URL."""
        self.unconnected = ""
        """Why the last connection was not made that failed."""
        self.exchanges: list[Exchange] = []
        self.known: set[str] = set()
        """Targets that have the message, by whatever says so."""
        self.denied: set[str] = set()
        """Targets that have not, though apprise says so."""
        self._names: set[str] = set()
        """All targets that apprise has asked about, but for all together."""
        self._asked: set[str] = set()
        """Those that are being sent to."""
        self._last = ""
        """The one that apprise has asked about last."""
        self._whole = ""
        """The name of all targets together, about which apprise asks first; it is another one in each process."""
        self._current: Exchange | None = None
        self._has_settled = False

    # apprise's word

    def is_delivered(self, key: object, per_message: bool = False) -> bool:  # noqa: ARG002 - apprise's signature
        """Return whether a target has the message; apprise asks before it sends to it."""
        target = self._name(key)
        # The first question after a request begins a new turn: what was answered is of those asked about before.
        if self._turn or self._asked & {target, _ALL}:
            self.settle()
            self._asked = set()
        # Several are asked about before one request where a plugin sends to all at once.
        self._asked.add(target)
        self._last = target
        self._names |= {target} - {_ALL}
        if self._job.reached and self._digest(target) in self._job.reached:
            self.known.add(target)
        return target in self.known

    def mark_delivered(self, key: object, per_message: bool = False) -> None:  # noqa: ARG002 - as above
        """Note that a target has the message, as apprise says, unless an answer says otherwise.

        All targets together have it if none of them was denied it.
        """
        target = self._name(key)
        if self._is_denied(target):
            self.denied.add(target)
        else:
            self._take(target)

    def settle(self) -> bool:
        """Take the targets whose answer began as a success and was cut; return whether all are taken by that.

        Where a plugin names none of several, or a request does not name all that were asked about before it, one
        answer is not known to be that of all.
        """
        # Only what carries the message counts: a login that is cut says nothing of it.
        sent = [one for one in self._turn if one.carries]
        is_whole = len(self._asked) == 1 or all(
            _is_named(target, one) for one in sent for target in self._asked
        )
        if _ALL in self._asked:
            is_whole = self.count == 1 and not self._names
        is_cut = any(one.is_cut for one in sent)
        if is_cut and is_whole and not any(one.is_failure for one in sent):
            self._has_settled |= not self._asked <= self.known
            for target in self._asked:
                self._take(target)
        return self._has_settled and self._names <= self.known

    @property
    def in_doubt(self) -> bool:
        """Return whether a target that is not known to have the message may have it."""
        return any(one.is_in_doubt for one in self.open)

    @property
    def open(self) -> list[Exchange]:
        """Return the exchanges with targets that are not known to have the message."""
        return [one for one in self.exchanges if not one.targets <= self.known]

    @property
    def _turn(self) -> list[Exchange]:
        """Return the exchanges since apprise has asked about the targets that are being sent to."""
        return [one for one in self.exchanges if one.targets is self._asked]

    def _is_denied(self, target: str) -> bool:
        """Return whether the answers say that a target has not taken the message."""
        if not any(one.carries for one in self.exchanges):
            # Who had it before has it. A plugin may mark a target for a part of it, about which it has asked last.
            if target == _ALL:
                return bool(self.denied) or not self.known
            return self._last not in self.known
        sent = [one for one in self.exchanges if one.carries and not self.by_other_ways]
        if target == _ALL and self._names:
            is_open = any(one.is_refused for one in sent if one in self.open)
            return is_open or bool(self.denied)
        own = [one for one in sent if target in one.targets] or sent
        # A plugin may ask about all before it sends to one after the other.
        if target != _ALL:
            own = [one for one in own if _is_named(target, one)] or own
        is_refused = any(one.is_refused for one in own)
        return is_refused or any(one.is_failure for one in own[-1:])

    def _take(self, target: str) -> None:
        # The program hears of each target at once: what it knows outlives a kill of this process.
        if target not in self.known:
            self.known.add(target)
            self.tell("taken", self._digest(target))
            self.tell("out", self.in_doubt)

    def _name(self, key: object) -> str:
        name = repr(key)
        self._whole = self._whole or name
        return _ALL if name == self._whole else name

    def _digest(self, target: str) -> str:
        """Return what is kept of a target: at another URL none counts as served. It is as slow to guess as a URL."""
        return _slow_digest(f"{self._job.key} {target}", self._job.salt)

    # What goes out, and what is answered

    def __enter__(self) -> Self:
        self._undo = ExitStack()
        self._undo.callback(_watching.remove, self)
        _watching.append(self)
        self._wrap(HTTPAdapter, "send", self._exchange_http)
        self._wrap(socket.socket, "connect", self._connect)
        for command in _MAIL_COMMANDS:
            self._wrap(smtplib.SMTP, command, self._exchange_mail)
        for command in _IRC_COMMANDS:
            self._wrap(irc.IRCClient, command, self._exchange_irc)
        self._wrap(irc, "parse_irc_line", self._hear_irc)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._undo.close()

    def _wrap(self, owner: object, name: str, around: Callable[..., Any]) -> None:
        """Have `around` called in the place of a method, with the method, until the block ends."""
        method = getattr(owner, name)

        def wrapped(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - the method's own
            return around(method, *args, **options)

        setattr(owner, name, wrapped)
        self._undo.callback(setattr, owner, name, method)

    def notice(self, sent: object) -> None:
        """Take an audit event of bytes that are about to leave: the message may be out from now on."""
        one = self._current
        if one is None or one.is_out or not isinstance(sent, bytes):
            return
        if not sent.startswith(_TUNNEL):
            # The program writes that down before a byte leaves.
            if one.carries:
                self.tell("out", True)
            one.is_out = True

    @contextmanager
    def exchange(self, *, carries: bool) -> Iterator[Exchange]:
        """Keep what is known of a request that the block makes."""
        one = Exchange(carries=carries, targets=self._asked)
        self.exchanges.append(one)
        self._current = one
        try:
            yield one
        except BaseException as error:
            one.error = f"{type(error).__name__} {error}"
            raise
        finally:
            self._current = None
            # A success may have been taken whatever its body says: the program hears that with the outcome.
            if not (carries and one.is_success):
                self.tell("out", self.in_doubt)

    def _exchange_http(
        self,
        send: Callable[..., Response],
        adapter: HTTPAdapter,
        request: PreparedRequest,
        *args: Any,  # noqa: ANN401 - the adapter's own
        **options: Any,  # noqa: ANN401
    ) -> Response:
        """Send a request, note its answer, and return it with its body read.

        Where the rest is lost the plugin gets what came of the answer to a message, and else an exception.
        """
        url, body = request.url or "", request.body
        text = body.encode() if isinstance(body, str) else body
        said = url.encode() + (text if isinstance(text, (bytes, bytearray)) else b"")
        sealed = self.rules.sealed
        is_sealed = sealed is not None and sealed.search(url) is not None
        is_in_it = bool(self.mark) and self.mark in said
        with self.exchange(carries=is_sealed or is_in_it) as one:
            one.said = said
            response = send(adapter, request, *args, **options)
            # The body is read here, so that no endless one holds up the plugin, and the head counts without it.
            one.retry_after = parse_retry_after(response.headers)
            one.status = response.status_code
            came = bytearray()
            try:
                for piece in response.raw.stream(_PIECE, decode_content=True):
                    came += piece
                    one.is_cut = len(came) > _MOST
                    if one.is_cut:
                        break
            except (HTTPError, OSError) as error:
                one.is_cut, one.error = True, f"{type(error).__name__} {error}"
            response.raw.close()
            if one.is_cut and not one.carries:
                raise LostError(one.error)
            one.body = bytes(came[:_BEGINNING])
            if one.is_success:
                one.is_page = is_page(one.body, self.rules.page)
                one.refusal = refusal_in(one.body, self.rules.refuses)
            # The plugin reads what came as if it came from the connection.
            response.raw = io.BytesIO(came)
            return response

    def _exchange_mail(
        self,
        command: Callable[..., tuple[int, bytes]],
        smtp: smtplib.SMTP,
        *args: Any,  # noqa: ANN401 - the command's own
        **options: Any,  # noqa: ANN401
    ) -> tuple[int, bytes]:
        """Have a mail server do something, and note its reply."""
        with self.exchange(carries=command.__name__ == "data") as one:
            one.protocol = "SMTP"
            try:
                # A refused login or recipient is raised by some commands, and returned by others.
                reply = command(smtp, *args, **options)
            except smtplib.SMTPResponseException as error:
                one.status = error.smtp_code
                raise
            one.status = reply[0]
            return reply

    def _exchange_irc(
        self,
        command: Callable[..., None],
        client: irc.IRCClient,
        *args: Any,  # noqa: ANN401 - the command's own
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Have an IRC server do something, and note what it refuses: apprise does not look at that after a message.

        It says nothing of what it takes.
        """
        with self.exchange(carries=command.__name__ == "privmsg") as one:
            one.protocol = "IRC"
            one.said = str(options.get("target", "")).lower().encode()
            self.tell("out", one.carries or self.in_doubt)
            one.is_out = one.carries
            command(client, *args, **options)
            # A server says nothing of what it takes: what it has not refused by now is sent.
            one.status = one.status or _OK

    def _hear_irc(self, parse: Callable[[str], IRCMessage], line: str) -> IRCMessage:
        """Parse what an IRC server says, and note that it does not take the message for a target."""
        said, one = parse(line), self._current
        code, about = said.numeric or 0, [word.lower() for word in said.params[1:2]]
        if code in _IRC_REFUSALS and one is not None and about == [one.said.decode()]:
            one.status = code
        return said

    def _connect(
        self,
        connect: Callable[[socket.socket, Any], None],
        end: socket.socket,
        address: Any,  # noqa: ANN401 - the socket's own
    ) -> None:
        """Connect a socket, and note that the message may be out once it is: what fails is as if never tried."""
        try:
            connect(end, address)
        except OSError as error:
            self.unconnected = f"{type(error).__name__} {error}"
            raise
        # Nothing more is seen of it, so from now on it may be out.
        if self.by_other_ways:
            self.tell("out", True)
            self.sent_otherwise(is_out=True)

    def sent_otherwise(self, *, is_out: bool = False) -> None:
        """Note that something is about to be sent by another way; it `is_out` once there is a connection."""
        self.exchanges.append(
            Exchange(carries=True, targets=self._asked, is_out=is_out)
        )


def _is_named(target: str, one: Exchange) -> bool:
    return target.strip("'").encode() in one.said


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Pass on what is about to be sent; an audit hook cannot be removed, and rests without a `Hook`."""
    if _watching and event in _SENDS:
        _watching[-1].notice(args[1])


_watching: list[Hook] = []
"""The one whose block runs."""
# Python traces an audit hook only if it says so, and coverage needs that.
_audit.__cantrace__ = True  # type: ignore[attr-defined]
sys.addaudithook(_audit)
