"""IRC with a server in a few lines; `tests/services/test_irc.py` has a real one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.fakes.unanswering import unanswering_port
from tests.support.worker import job
from tests.unit.delivery.services.conftest import event
from watcher.delivery.sender import send
from watcher.model.outcome import Delivered, Undelivered

# Of how apprise opens a socket.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
_CLOSED = "#closed"


class _Server:
    """Takes every login but that of `nobody`, lets everybody into every channel but one, and keeps what is said."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.said: list[str] = []
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw", newline="\r\n") as lines:
                nick = "nobody"
                for line in lines:
                    word, _, rest = line.strip().partition(" ")
                    nick = rest if word == "NICK" else nick
                    answer = self._answer(word, rest, nick)
                    if answer:
                        lines.write(f":{answer}\r\n")
                        lines.flush()

    def _answer(self, word: str, rest: str, nick: str) -> str:
        if word == "PRIVMSG":
            target, _, text = rest.partition(" :")
            self.said.append(target)
            self.lines.append(text)
        channel = rest.split(" ", maxsplit=1)[0]
        answers = {
            "USER": f"irc 464 {nick} :no"
            if nick == "nobody"
            else f"irc 001 {nick} :hi",
            "PING": f"irc PONG irc {rest}",
            "JOIN": f"irc 473 {nick} {channel} :no"
            if channel == _CLOSED
            else f"{nick}!u@h JOIN {channel}",
        }
        return answers.get(word, "")


@pytest.fixture
def server() -> Iterator[_Server]:
    """The server."""
    opened = _Server()
    yield opened
    opened.close()


def _send(
    server: _Server, targets: str, nick: str = "watcher", **more: Any
) -> tuple[object, list[str]]:
    url = f"irc://{nick}@127.0.0.1:{server.port}/{targets}?nick={nick}"
    taken = list[str]()
    return send(job(url, **more), taken.append, lambda _: None), taken


def test_a_closed_channel_keeps_the_message_from_no_other(server: _Server) -> None:
    """A channel that cannot be joined does not have the message, and says why; the one behind it has it."""
    outcome, taken = _send(server, "%23closed/%23open")
    assert isinstance(outcome, Undelivered)
    assert "cannot be joined" in outcome.reason
    assert not outcome.unanswered
    assert len(taken) == 1
    assert set(server.said) == {"#open"}


def test_what_the_server_has_read_is_unconfirmed(server: _Server) -> None:
    """A channel and a nick get the message."""
    outcome, taken = _send(server, "%23open/@reader")
    assert outcome == Delivered(confirmed=False)
    assert len(taken) >= 2
    assert set(server.said) == {"#open", "reader"}


def test_each_event_has_a_line_that_the_server_takes(server: _Server) -> None:
    """Twenty long events are a dozen lines of at most 380 bytes, and the last one counts what has no line."""
    many = tuple(
        event(id=f"id{number}", version=f"1.{number}.0", reason="keys " * 100)
        for number in range(20)
    )
    outcome, _ = _send(server, "%23open", events=many)
    assert outcome == Delivered(confirmed=False)
    assert len(server.lines) == 12
    assert max(len(line.encode()) for line in server.lines) <= 380
    assert all("⛔ BANNED `" in line for line in server.lines[:-1])
    assert "9 more" in server.lines[-1]


def test_a_refused_login_is_named(server: _Server) -> None:
    """Nothing is said where the server does not take the login, which leaves no doubt."""
    outcome, _ = _send(server, "%23open", nick="nobody")
    reason = "the IRC server did not take the login: check the password and the nick"
    assert outcome == Undelivered(reason=reason)
    assert server.said == []


def test_a_server_that_cannot_be_reached_leaves_no_doubt() -> None:
    """No message goes out before a connection: one that is refused, or not answered in time, sends nothing."""
    with unanswering_port() as port:
        for at, reason in ((port, "timed out"), (9, "connection refused: check ")):
            url = f"irc://watcher@127.0.0.1:{at}/%23open"
            outcome = send(job(url, 0.5), print, print)
            assert isinstance(outcome, Undelivered)
            assert outcome.reason.startswith(reason)
            assert replace(outcome, reason="") == Undelivered(reason="")
