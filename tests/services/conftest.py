"""The real servers: each is started when a test first needs it, and ended with the last one that does."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services import destinations
from tests.services.destinations import Destination
from tests.services.operator import Operator
from tests.services.servers.mosquitto import Mosquitto
from tests.services.servers.ntfy import Ntfy
from tests.services.servers.postfix import Postfix
from tests.services.servers.prosody import Prosody
from tests.services.servers.rsyslog import Rsyslog
from tests.services.servers.synapse import Synapse
from tests.support.fake_registry.server import FakeRegistry

_ENDS: dict[str, tuple[Any, Callable[[Any], Destination]]] = {
    "ntfy": (Ntfy, destinations.ntfy),
    "mqtt": (Mosquitto, destinations.mosquitto),
    "mail": (Postfix, destinations.postfix),
    "xmpp": (Prosody, destinations.prosody),
    "syslog": (Rsyslog, destinations.rsyslog),
}
"""What serves each kind of channel, and what reads it."""


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """A Matrix server: it takes long to start, and each test makes users and rooms of its own."""
    with Synapse(tmp_path_factory.mktemp("synapse")) as server:
        yield server


@pytest.fixture
def operator(tmp_path: Path, registry: FakeRegistry) -> Callable[..., Operator]:
    """Somebody who watches a pack and is alerted at these URLs."""

    def begin(*urls: str, **settings: Any) -> Operator:
        return Operator(tmp_path / "operator", registry, *urls, **settings)

    return begin


@pytest.fixture(params=["matrix", *_ENDS])
def destination(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Destination]:
    """Each kind of channel's end in turn, with nothing in it."""
    if request.param == "matrix":
        server = request.getfixturevalue("synapse")
        yield destinations.synapse(server, f"room-{uuid.uuid4().hex}")
        return
    serve, read = _ENDS[request.param]
    with serve(tmp_path / "server") as server:
        yield read(server)
