"""MQTT with Mosquitto: what the broker did not get is no delivery; what it got is sent, and nobody confirms it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.operator import Operator, counts
from tests.services.servers.mosquitto import Mosquitto

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


def test_a_message_that_the_broker_drops_is_unconfirmed(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """A broker acknowledges a message that its access list denies: it does not count as delivered."""
    with Mosquitto(tmp_path / "server") as server:
        alerted = operator(server.url(topic="comfy/secret")).knows()
        alerted.ban()
        assert alerted.check()["alerts"] == _SENT
        assert server.payloads() == []
