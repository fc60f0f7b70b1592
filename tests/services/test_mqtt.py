"""MQTT with Mosquitto: what the broker did not take is no delivery, and the reason says what to do."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.services.operator import Operator
from tests.services.servers.mosquitto import TOPIC, Mosquitto

pytestmark = pytest.mark.services

_FORBIDDEN = "comfy/secret"
_MQTT_5 = b"\x05"


@contextlib.contextmanager
def _without_mqtt_5(server: Mosquitto, says: bytes) -> Iterator[Mosquitto]:
    """Have the broker refuse MQTT 5, as older ones do: a gate before it answers that so, and lets the rest through."""

    def passed(source: socket.socket, to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    def serve(near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            hello = near.recv(65_536)
            if (
                hello[8:9] == _MQTT_5
            ):  # after the packet's head and "MQTT" with its length; in MQTT 3.1 the name is longer
                near.sendall(says)
                return
            with socket.create_connection(("127.0.0.1", behind)) as far:
                far.sendall(hello)
                with ThreadPoolExecutor() as pool:
                    pool.submit(passed, near, far)
                    pool.submit(passed, far, near)

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                pool.submit(serve, gate.accept()[0])

    behind = server.port
    with socket.create_server(("127.0.0.1", 0)) as gate, ThreadPoolExecutor() as pool:
        pool.submit(listen)
        server.port = gate.getsockname()[1]
        try:
            yield server
        finally:
            server.port = behind
            gate.shutdown(socket.SHUT_RDWR)


_OLD = pytest.mark.parametrize("says", [b"\x20\x02\x00\x01", b""], ids=["refuses", "hangs up"])
_QOS = pytest.mark.parametrize("more", ["", "?qos=0", "?qos=2"], ids=["default", "qos 0", "qos 2"])


def _named(url: str) -> list[dict[str, str]]:
    """Return a channel that keeps its alerts when its URL changes."""
    return [{"name": "broker", "url": url}]


@_QOS
def test_a_topic_that_is_not_allowed_is_no_delivery(
    tmp_path: Path, operator: Callable[..., Operator], more: str
) -> None:
    """Whatever QoS the URL asks for, a message that the access list denies stays owed, and the reason names it."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(server.url(topic=_FORBIDDEN, more=more)).knows()
        alerted.ban()
        said = alerted.said("check")
        assert "1 alert still undelivered" in said
        assert "does not let this user publish to the topic" in said
        assert server.payloads() == []


@_QOS
def test_a_wrong_login_is_no_delivery(tmp_path: Path, operator: Callable[..., Operator], more: str) -> None:
    """Whatever QoS the URL asks for, a refused login is said, and nothing that is said has the password."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(server.url("wrong-s3cret", more)).knows()
        alerted.ban()
        said = alerted.said("check")
        assert "the MQTT broker refused the login: check the user and the password" in said
        assert "s3cret" not in said
        assert server.payloads() == []


@pytest.mark.parametrize("more", ["?version=v3.1&qos=0", "?version=v3.1.1"])
def test_an_older_version_in_the_url_is_used(tmp_path: Path, operator: Callable[..., Operator], more: str) -> None:
    """A URL may name an older version; a wrong login is known there too."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(channels=_named(server.url("wrong-s3cret", more)), alert_urls=[]).knows()
        alerted.ban()
        assert "the MQTT broker refused the login" in alerted.said("check")
        alerted = operator(channels=_named(server.url(more=more)), alert_urls=[])
        alerted.end_backoffs()
        assert alerted.check()["alerts"] == {"delivered": 1, "unconfirmed": 0, "pending": 0, "expired": 0}
        assert len(server.payloads()) == 1
        # its log counts 3.1 as 1 and 3.1.1 as 2
        assert f"(p{1 if 'v3.1&' in more else 2}, c1," in server.log


@_OLD
def test_a_broker_without_mqtt_5_gets_its_message_once(
    tmp_path: Path, operator: Callable[..., Operator], says: bytes
) -> None:
    """A broker that speaks an older version gets the message in that, once; a wrong login is known."""
    with Mosquitto(tmp_path / "server") as server, _without_mqtt_5(server, says):
        alerted = operator(channels=_named(server.url("wrong-s3cret")), alert_urls=[]).knows()
        alerted.ban()
        assert "the MQTT broker refused the login" in alerted.said("check")
        alerted = operator(channels=_named(server.url()), alert_urls=[])
        alerted.end_backoffs()
        assert alerted.check()["alerts"] == {"delivered": 1, "unconfirmed": 0, "pending": 0, "expired": 0}
        assert len(server.payloads()) == 1


def test_an_allowed_topic_beside_a_forbidden_one_gets_it_once(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """Of two topics in one URL the allowed one has the message after the first try, and no copy after the second."""
    with Mosquitto(tmp_path / "server") as server:
        url = server.url(topic="", more=f"?to={_FORBIDDEN},{TOPIC}")
        alerted = operator(url).knows()
        alerted.ban()
        for _ in range(2):
            assert "does not let this user publish" in alerted.said("check")
            alerted.end_backoffs()
        assert len(server.payloads()) == 1


def test_too_big_a_message_goes_out_plain(tmp_path: Path, operator: Callable[..., Operator]) -> None:
    """What the broker has refused three times for its size goes out in its plainest form, and is taken."""
    with Mosquitto(tmp_path / "server", "max_packet_size 250") as server:
        alerted = operator(server.url()).knows()
        alerted.ban()
        for _ in range(2):
            assert "too large" in alerted.said("check")
            alerted.end_backoffs()
        alerted.said("check", code=0)
        [text] = server.payloads()
    assert "1.2.0" in text


def test_a_certificate_that_does_not_verify_is_no_delivery(tmp_path: Path, operator: Callable[..., Operator]) -> None:
    """A broker whose authority is not trusted gets nothing, and the reason says what to do; once it is, it gets it."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(server.url(tls=True)).knows()
        alerted.ban()
        said = alerted.said("check")
        assert "the certificate does not verify" in said
        assert "SSL_CERT_FILE" in said
        assert server.payloads() == []
        trusting = operator(server.url(tls=True), surrounding=server.authority.trusted())
        trusting.end_backoffs()
        assert trusting.check()["alerts"] == {"delivered": 1, "unconfirmed": 0, "pending": 0, "expired": 0}
        assert len(server.payloads()) == 1
