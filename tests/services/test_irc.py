"""IRC with ngIRCd: what is known not to have been sent is no delivery; the rest is sent, and nobody confirms it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.operator import PACK, Operator, counts
from tests.services.servers.ngircd import CHANNEL, CLOSED, Ngircd, Reader

pytestmark = pytest.mark.services

_FULL = "small"
_LAST = "BANNED "
"""The line of each alert."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Ngircd]:
    """An IRC server."""
    with Ngircd(tmp_path / "server", _FULL) as server:
        yield server


def test_what_is_sent_arrives_and_is_unconfirmed(
    server: Ngircd, operator: Callable[..., Operator]
) -> None:
    """A channel and a nick get each alert once, it counts as unconfirmed, and every command says so."""
    alerted = operator(server.url(f"%23{CHANNEL}", "@reader")).knows()
    with Reader(server, "reader", CHANNEL) as reader:
        alerted.ban()
        assert alerted.check()["alerts"] == counts(unconfirmed=1)
        alerted.check()
        heard = reader.heard()
        assert sorted(line.split()[0] for line in heard if _LAST in line) == [
            f"#{CHANNEL}",
            "reader",
        ]
        assert sum(f"BANNED {PACK} 1.2.0" in line for line in heard) == 2
        said = alerted.said("test-alerts", code=0)
        assert "irc: sent, unconfirmed: IRC cannot say whether it arrived" in said
        assert "irc (unconfirmed)" in alerted.said("status", code=0)
        assert "irc (irc://***, unconfirmed)" in alerted.said("config", code=0)


def test_what_is_refused_before_the_message_is_no_delivery(
    server: Ngircd, operator: Callable[..., Operator]
) -> None:
    """A refused login, a channel that cannot be joined and a server that is away leave the alert owed."""
    refused = {
        "login": server.url(f"%23{CHANNEL}", password="wrong-s3cret"),
        "closed": server.url(f"%23{CLOSED}"),
        "full": server.url(f"%23{_FULL}"),
        "unknown": server.url("%23elsewhere"),
        "away": "irc://127.0.0.1:9/%23room",
    }
    channels = [{"name": name, "url": url} for name, url in refused.items()]
    alerted = operator(channels=channels, alert_urls=[]).knows()
    with Reader(server, "reader", CHANNEL, _FULL) as reader:
        alerted.ban()
        said = alerted.said("check")
        assert f"{len(refused)} alerts still undelivered" in said
        assert "connection refused" in said
        assert "s3cret" not in said
        assert reader.heard() == []


def test_a_nick_that_is_not_there_is_owed_the_alert(
    server: Ngircd, operator: Callable[..., Operator]
) -> None:
    """The target that works gets it once; the other one gets it later, alone."""
    alerted = operator(server.url("@nobody", "@reader")).knows()
    with Reader(server, "reader") as reader:
        alerted.ban()
        said = alerted.said("check")
        assert "1 alert still undelivered" in said
        assert "IRC 401, nobody is there by this name" in said
        with Reader(server, "nobody") as nobody:
            alerted.end_backoffs()
            assert alerted.check()["alerts"] == counts(unconfirmed=1)
            for one in (nobody, reader):
                assert sum(_LAST in line for line in one.heard()) == 1


def test_hostile_text_cannot_begin_a_line(
    server: Ngircd, operator: Callable[..., Operator]
) -> None:
    """Whatever a version or a reason holds, the server gets no command in it: all that is heard is for the reader."""
    channel = {"name": "irc", "url": server.url("@reader"), "grouping": "event"}
    alerted = operator(channels=[channel], alert_urls=[]).knows()
    ends = ("\r\n", "\n", "\r", "\0", "\x85", "\u2028")
    with Reader(server, "reader", CHANNEL) as reader:
        for number, end in enumerate(ends):
            text = f"{end}PRIVMSG #{CHANNEL} :injected{end}QUIT"
            alerted.registry.catalog.publish(
                PACK, f"2.0.{number}{text}", status="banned", reason=text
            )
        alerted.check()
        heard = reader.heard()
    assert {line.split()[0] for line in heard} == {"reader"}
    assert sum("injected" in line for line in heard) >= len(ends)
    assert _LAST in heard[-1]
    assert all(line.isprintable() for line in heard)
