"""IRC with ngIRCd: what is known not to have been sent is no delivery; the rest is sent, and nobody confirms it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.operator import PACK, Operator
from tests.services.servers.ngircd import CHANNEL, CLOSED, Ngircd, Reader
from tests.support.harness import counts

pytestmark = pytest.mark.services

_LAST = "BANNED "
"""The line of each alert."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Ngircd]:
    """An IRC server."""
    with Ngircd(tmp_path / "server") as server:
        yield server


def test_what_is_sent_arrives_and_is_unconfirmed(
    server: Ngircd, operator: Callable[..., Operator]
) -> None:
    """A channel and a nick get each alert once, and it counts as unconfirmed."""
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


def test_what_is_refused_before_the_message_is_no_delivery(
    server: Ngircd, operator: Callable[..., Operator]
) -> None:
    """A refused login, a channel that cannot be joined and a server that is away leave the alert owed."""
    refused = {
        "login": server.url(f"%23{CHANNEL}", password="wrong-s3cret"),
        "closed": server.url(f"%23{CLOSED}"),
        "unknown": server.url("%23elsewhere"),
        "away": "irc://127.0.0.1:9/%23room",
    }
    channels = [{"name": name, "url": url} for name, url in refused.items()]
    alerted = operator(channels=channels, alert_urls=[]).knows()
    with Reader(server, "reader", CHANNEL) as reader:
        alerted.ban()
        said = alerted.said()
        assert f"{len(refused)} alerts still undelivered" in said
        assert "connection refused" in said
        assert "s3cret" not in said
        assert reader.heard() == []


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
