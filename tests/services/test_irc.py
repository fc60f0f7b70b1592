"""IRC with ngIRCd: what the server did not take is no delivery, and the reason says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.operator import PACK, Operator
from tests.services.servers.ngircd import CHANNEL, CLOSED, MUTE, Ngircd, Reader

pytestmark = pytest.mark.services

_FULL = "small"
MUTE_TARGET = f"%23{MUTE}"
_MUTE = "does not let this nick speak"
_LAST = ":ref "
"""The last line of each alert."""
_NOBODY = "nobody on the IRC server has the nick"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Ngircd]:
    """An IRC server."""
    with Ngircd(tmp_path / "server", _FULL) as server:
        yield server


def test_what_is_refused_is_no_delivery(server: Ngircd, operator: Callable[..., Operator]) -> None:
    """Each alert stays owed, and each reason says why; the one that is taken comes once."""
    refused = {
        "mute": (server.url(MUTE_TARGET), _MUTE),
        "nobody": (server.url("@nobody"), _NOBODY),
        "closed": (server.url(f"%23{CLOSED}"), "is for invited nicks"),
        "full": (server.url(f"%23{_FULL}"), "the IRC channel is full"),
        "unknown": (server.url("%23elsewhere"), "has no such channel"),
        "login": (server.url(f"%23{CHANNEL}", password="wrong-s3cret"), "refused the login: check the password"),
    }
    channels = [{"name": name, "url": url} for name, (url, _) in refused.items()]
    channels.append({"name": "open", "url": server.url(f"%23{CHANNEL}", "@reader")})
    alerted = operator(channels=channels, alert_urls=[]).knows()
    with Reader(server, "reader", CHANNEL, _FULL) as reader:
        alerted.ban()
        said = alerted.said("check")
        assert f"{len(refused)} alerts still undelivered" in said
        for name, (_, why) in refused.items():
            assert any(name in line and why in line for line in said.splitlines()), (why, said)
        assert "s3cret" not in said
        heard = reader.heard()
        assert sorted(line.split()[0] for line in heard if _LAST in line) == [f"#{CHANNEL}", "reader"]
        assert sum(f":BANNED {PACK} 1.2.0" in line for line in heard) == 2


def test_a_target_beside_a_refused_one_gets_it_once(server: Ngircd, operator: Callable[..., Operator]) -> None:
    """Of three targets in one URL the two that can be reached have it after the first try, and no copy after more."""
    alerted = operator(server.url(MUTE_TARGET, f"%23{CHANNEL}", "@nobody", "@reader")).knows()
    with Reader(server, "reader", CHANNEL) as reader:
        alerted.ban()
        for _ in range(2):
            said = alerted.said("check")
            assert _MUTE in said or _NOBODY in said
            alerted.end_backoffs()
        assert sum(_LAST in line for line in reader.heard()) == 2
