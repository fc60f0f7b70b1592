"""Real servers behind a proxy that cuts their answers: what they took, how often, and what the program says of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from tests.services import destinations
from tests.services.ahead import BETWEEN, DAY, Ahead
from tests.services.cutting import Cut, Cutting, Way
from tests.services.servers.ntfy import Ntfy
from tests.services.servers.postfix import READER, Postfix
from tests.services.servers.synapse import Member, Synapse
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fork_server import ForkServer

pytestmark = pytest.mark.services

_BEFORE_DAILY = 5
"""Attempts at a message whose answers were lost, before it goes out once a day."""
_PLENTY = {"visitor-request-limit-burst": 100_000}
"""ntfy counts requests by the real clock."""
_BAN = "BANNED"
"""A word of the ban's message, and of no other one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A server behind the proxy."""

    proxy: Cutting
    url: str
    read: Callable[[], list[str]]
    """Returns the texts of the messages that the server has."""

    def cut(self, at: str, way: Way) -> None:
        """Cut the answers to requests that have this pattern in them."""
        self.proxy.cut = Cut(at=at, way=way)

    def copies(self, word: str = _BAN) -> int:
        """Return how many messages with a word the server has."""
        return sum(word in text for text in self.read())


@pytest.fixture
def ntfy(tmp_path: Path) -> Iterator[Behind]:
    """The topics `one` and `two` of ntfy."""
    with Ntfy(tmp_path / "server", **_PLENTY) as server, Cutting(server.port) as proxy:
        read = destinations.ntfy(server).texts
        yield Behind(proxy=proxy, url=f"ntfy://127.0.0.1:{proxy.port}/one", read=read)


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[Behind]:
    """A mailbox of Postfix."""
    with (
        Postfix(tmp_path / "server") as server,
        Cutting(server.port, mail=True) as proxy,
    ):
        url = server.url().replace(str(server.port), str(proxy.port))
        yield Behind(proxy=proxy, url=url, read=destinations.postfix(server).texts)


@pytest.fixture
def members(synapse: Synapse) -> tuple[Member, Member]:
    """Who reads and who writes, in this test only."""
    name = uuid.uuid4().hex
    return synapse.member(f"{name}-reader"), synapse.member(f"{name}-writer")


@pytest.fixture
def matrix(synapse: Synapse, members: tuple[Member, Member]) -> Iterator[Behind]:
    """A room of Synapse."""
    reader, writer = members
    room = reader.room(reader.name)
    with Cutting(synapse.port) as proxy:
        url = synapse.url(writer, f"#{reader.name}:localhost").replace(
            str(synapse.port), str(proxy.port)
        )
        yield Behind(
            proxy=proxy,
            url=url,
            read=lambda: [str(one["body"]) for one in reader.messages(room)],
        )


@pytest.fixture
def behind(request: pytest.FixtureRequest) -> Behind:
    """One of the servers, by its name."""
    return cast("Behind", request.getfixturevalue(request.param))


@pytest.fixture
def ahead(
    tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer
) -> Callable[..., Ahead]:
    """Somebody who polls every three hours and is alerted at these URLs."""

    def begin(*urls: str, **settings: str) -> Ahead:
        return Ahead(tmp_path / "operator", registry, fork_server, *urls, **settings)

    return begin


def _at(*rows: tuple[str, str, Way]) -> pytest.MarkDecorator:
    """Try each server (by its fixture's name) with its answers to such requests cut in this way."""
    ids = [
        f"{name} {at.strip('/ ').partition(' ')[0]} {way.name}"
        for name, at, way in rows
    ]
    return pytest.mark.parametrize(
        ("behind", "at", "way"), rows, indirect=["behind"], ids=ids
    )


_EACH = pytest.mark.parametrize("behind", ["ntfy", "mail", "matrix"], indirect=True)


@_at(
    ("ntfy", _BAN, Way.LOST),
    ("ntfy", _BAN, Way.SILENT),
    ("mail", _BAN, Way.LOST),
    ("matrix", _BAN, Way.LOST),
)
def test_a_message_in_doubt_comes_five_times_and_then_daily(
    behind: Behind, ahead: Callable[..., Ahead], at: str, way: Way
) -> None:
    """No answer to the message begins: it comes five times, once more on each further day, and counts as delivered
    only when an answer says so.
    """
    days = 2
    alerted = ahead(behind.url, timeout="1s" if way is Way.SILENT else "30s")
    alerted.ban()
    behind.cut(at, way)
    alerted.live(days)
    assert behind.copies() in (_BEFORE_DAILY + days - 1, _BEFORE_DAILY + days)
    assert (alerted.delivered, alerted.owed) == (0, 1)
    behind.proxy.mend()
    alerted.poll(1 + DAY // BETWEEN)
    assert (alerted.delivered, alerted.owed) == (1, 0)


@_EACH
def test_a_message_in_doubt_holds_up_no_other(
    behind: Behind, ahead: Callable[..., Ahead]
) -> None:
    """While the ban's answers are lost each day's release comes on its day, once, and is delivered."""
    alerted = ahead(behind.url)
    behind.cut(_BAN, Way.LOST)

    def daily(day: int) -> None:
        assert [behind.copies(f"9.{earlier}.0") for earlier in range(day)] == [1] * day
        alerted.release(f"9.{day}.0")

    alerted.ban()
    alerted.poll()
    alerted.live(2, daily)
    assert (alerted.delivered, alerted.owed) == (2, 1)


@_at(
    ("ntfy", _BAN, Way.HALF),
    ("mail", _BAN, Way.AFTER),
    ("mail", "quit", Way.LOST),
    ("matrix", _BAN, Way.HALF),
    ("matrix", "/logout", Way.LOST),
)
def test_what_was_taken_does_not_come_again(
    behind: Behind, ahead: Callable[..., Ahead], at: str, way: Way
) -> None:
    """The answer to the message is a success: it is delivered and comes once, whatever is lost after that."""
    alerted = ahead(behind.url)
    alerted.ban()
    behind.cut(at, way)
    alerted.poll(3)
    assert behind.proxy.count(at) > 0
    assert (alerted.delivered, alerted.owed, behind.copies()) == (1, 0, 1)


@_at(
    ("ntfy", _BAN, Way.UNSENT),
    ("ntfy", _BAN, Way.REFUSED),
    ("mail", "ehlo", Way.LOST),
    ("mail", "rcpt TO", Way.LOST),
    ("mail", _BAN, Way.UNSENT),
    ("mail", _BAN, Way.REFUSED),
    ("matrix", "/login", Way.LOST),
    ("matrix", "/login", Way.HALF),
    ("matrix", "/login", Way.LAST),
    ("matrix", "/join/", Way.LOST),
    ("matrix", "/join/", Way.HALF),
    ("matrix", "/state/m.room.encryption", Way.LOST),
    ("matrix", "/state/m.room.encryption", Way.HALF),
    ("matrix", "/state/m.room.encryption", Way.LAST),
    ("matrix", _BAN, Way.UNSENT),
    ("matrix", _BAN, Way.REFUSED),
)
def test_what_the_server_has_not_got_is_owed(
    behind: Behind, ahead: Callable[..., Ahead], at: str, way: Way
) -> None:
    """The message did not come to the server: it is owed, and comes once when nothing is cut any more."""
    alerted = ahead(behind.url)
    alerted.ban()
    behind.cut(at, way)
    alerted.poll()
    assert behind.proxy.count(at) > 0
    assert (alerted.delivered, alerted.owed, behind.copies()) == (0, 1, 0)
    behind.proxy.mend()
    alerted.poll(2)
    assert (alerted.delivered, alerted.owed, behind.copies()) == (1, 0, 1)


@pytest.mark.parametrize(
    ("at", "way"),
    [
        ("two", Way.UNSENT),
        ("two", Way.LOST),
        ("two", Way.REFUSED),
        ("one|two", Way.LAST),
    ],
)
def test_a_target_that_fails_is_no_other_ones_failure(
    ntfy: Behind, ahead: Callable[..., Ahead], at: str, way: Way
) -> None:
    """Of two topics one fails: the other has the message once, and it is owed until both have it."""
    alerted = ahead(f"{ntfy.url}/two")
    alerted.ban()
    ntfy.cut(f'"topic": "({at})"', way)
    alerted.poll(3)
    taken = 3 if way is Way.LOST else 0
    assert (alerted.delivered, alerted.owed, ntfy.copies()) == (0, 1, 1 + taken)
    ntfy.proxy.mend()
    alerted.poll()
    assert (alerted.delivered, alerted.owed, ntfy.copies()) == (1, 0, 2 + taken)
    assert ntfy.proxy.count('"topic": "one"') == 1


def test_a_mailbox_that_is_refused(mail: Behind, ahead: Callable[..., Ahead]) -> None:
    """Of two addresses Postfix refuses the second: the first has one mail, and the message is owed."""
    alerted = ahead(
        mail.url.replace(READER.replace("@", "%40"), f"{READER},nobody@example.org")
    )
    alerted.ban()
    alerted.poll(3)
    assert mail.proxy.count("rcpt TO:<nobody") == 3
    assert (alerted.delivered, alerted.owed, mail.copies()) == (0, 1, 1)
