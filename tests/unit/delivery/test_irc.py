"""IRC, which says nothing of what it takes: what it refuses is heard, target by target."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.fakes.ports import Listener
from tests.support.worker import deliver, job
from tests.unit.delivery.test_sender import sent
from watcher.delivery.sender import CutOffError, send
from watcher.model.channel import Cause, Outcome


class _Server(Listener):
    """An IRC server that refuses commands with a code, or leaves after a message's first line."""

    def __init__(self) -> None:
        self.refuses: dict[str, int] = {}
        self.leaves = False
        self.heard: list[tuple[str, str]] = []
        """The commands of each target, each once."""

    def serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            for line in lines:
                command, target, *_ = f"{line.decode().strip()} ".split(" ")
                if (command, target) not in self.heard:
                    self.heard.append((command, target))
                if command == "PRIVMSG" and self.leaves:
                    return
                code = self.refuses.get(f"{command} {target}")
                if code is None:
                    code = {"JOIN": 366}.get(command)
                if command == "USER":
                    code = self.refuses.get("USER", 1)
                if code is not None:
                    connection.sendall(f":irc {code:03} me {target} :No\r\n".encode())

    def url_of(self, *targets: str) -> str:
        """Return the apprise URL of channels and nicks."""
        return f"{self.url.replace('http', 'irc')}/{'/'.join(targets)}".replace(
            "#", "%23"
        )

    def got(self) -> list[str]:
        """Return the targets of messages, each once, in order."""
        return [target for command, target in self.heard if command == "PRIVMSG"]


@pytest.fixture
def server() -> Iterator[_Server]:
    """An IRC server on loopback."""
    with _Server() as listening:
        yield listening


def test_a_nick_that_is_not_there_has_nothing(server: _Server) -> None:
    """The alert is owed to it alone; targets behind it have theirs, and get it once."""
    server.refuses["PRIVMSG Gone"] = 401
    taken: list[str] = []
    outcome = sent(server.url_of("#room", "@Gone", "@me"), taken=taken)
    assert outcome.reason.startswith("IRC 401, nobody is there")
    assert (outcome.cause, outcome.unanswered, len(taken)) == (Cause.OTHER, False, 2)
    server.heard.clear()
    del server.refuses["PRIVMSG Gone"]
    again = sent(server.url_of("#room", "@Gone", "@me"), reached=frozenset(taken))
    assert again == Outcome(taken=True, confirmed=False)
    assert server.got() == ["Gone"]


@pytest.mark.parametrize(
    ("refused", "code", "reason"),
    [
        ("USER", 464, "the login was refused"),
        ("JOIN #room", 473, "refused the message"),
    ],
)
def test_what_is_refused_before_the_message_may_not_have_arrived(
    server: _Server, refused: str, code: int, reason: str
) -> None:
    """A login or a channel that is refused is a failure, of which nothing is in doubt."""
    server.refuses[refused] = code
    assert deliver(server.url_of("#room")) == Outcome(reason=reason)
    assert server.got() == []


def test_what_had_no_leave_to_go_out_has_not_arrived(server: _Server) -> None:
    """A message whose time is up while the program still notes that it goes out is a failure, and not in doubt."""

    def never(what: str, is_out: object) -> None:
        if (what, is_out) == ("out", True):
            raise CutOffError

    outcome = send(job(server.url_of("@me")), never)
    assert not outcome.taken
    assert not outcome.unanswered
    assert server.got() == []


def test_a_server_that_leaves_may_have_taken_it(server: _Server) -> None:
    """What broke off in the middle of a message may have arrived; who had it before has it."""
    server.leaves = True
    outcome = deliver(server.url_of("@me"))
    assert not outcome.taken
    assert outcome.unanswered
