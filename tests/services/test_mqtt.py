"""MQTT with Mosquitto: what the broker did not get is no delivery; what it got is sent, and nobody confirms it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.operator import Operator, counts
from tests.services.servers.mosquitto import Mosquitto
from tests.support.fakes.unanswering import unanswering_port
from tests.support.worker import job
from watcher.delivery.sender import send
from watcher.delivery.urls import load
from watcher.model.outcome import Undelivered

pytestmark = pytest.mark.services

_QOS = pytest.mark.parametrize(
    "more", ["", "?qos=0", "?qos=2"], ids=["default", "qos 0", "qos 2"]
)
_SENT = counts(unconfirmed=1)


@_QOS
def test_what_is_published_arrives_and_is_unconfirmed(
    tmp_path: Path, operator: Callable[..., Operator], more: str
) -> None:
    """Whatever QoS the URL asks for, a topic's readers get an alert once, and it counts as unconfirmed."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(server.url(more=more)).knows()
        alerted.ban()
        assert alerted.check()["alerts"] == _SENT
        assert len(server.payloads()) == 1


@_QOS
def test_a_wrong_login_is_no_delivery(
    tmp_path: Path, operator: Callable[..., Operator], more: str
) -> None:
    """Whatever QoS the URL asks for, a refused login is said, and nothing that is said has the password."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(server.url("wrong-s3cret", more)).knows()
        alerted.ban()
        said = alerted.said("check")
        assert "the MQTT broker refused the login" in said
        assert "may have arrived" not in said
        assert "s3cret" not in said
        assert server.payloads() == []


def test_a_message_that_the_broker_drops_is_unconfirmed(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """A broker acknowledges a message that its access list denies: it does not count as delivered."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(server.url(topic="comfy/secret")).knows()
        alerted.ban()
        assert alerted.check()["alerts"] == _SENT
        assert server.payloads() == []


def test_a_certificate_that_does_not_verify_is_no_delivery(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """A broker whose authority is not trusted gets nothing, and the reason says what to do; once it is, it gets it."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(server.url(tls=True)).knows()
        alerted.ban()
        said = alerted.said("check")
        assert "the certificate does not verify" in said
        assert "SSL_CERT_FILE" in said
        assert server.payloads() == []
        trusting = operator(
            server.url(tls=True), surrounding=server.authority.trusted()
        )
        trusting.end_backoffs()
        assert trusting.check()["alerts"] == _SENT
        assert len(server.payloads()) == 1


def test_a_broker_that_cannot_be_reached_leaves_no_doubt() -> None:
    """No message goes out before a connection: one that was not answered in time is known not to have been sent."""
    load()
    with unanswering_port() as port:
        url = f"mqtt://127.0.0.1:{port}/topic"
        assert send(job(url, 0.5), print, print) == Undelivered(reason="timed out")
