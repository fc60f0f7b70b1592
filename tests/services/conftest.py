"""The real servers: each is started when a test first needs it, and ended with the last one that does."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """A Matrix server: it takes long to start, and each test makes users and rooms of its own."""
    with Synapse(tmp_path_factory.mktemp("synapse")) as server:
        yield server


@pytest.fixture
def operator(tmp_path: Path, registry: FakeRegistry) -> Callable[..., Operator]:
    """Somebody who watches a pack and is alerted at these URLs."""

    def begin(
        *urls: str, surrounding: dict[str, str] | None = None, **settings: object
    ) -> Operator:
        return Operator(
            tmp_path / "operator", registry, *urls, surrounding=surrounding, **settings
        )

    return begin


@pytest.fixture(params=["matrix", "ntfy", "mqtt", "mail", "xmpp", "syslog"])
def destination(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Destination]:
    """Each kind of channel's end in turn, with nothing in it."""
    name, folder = str(request.param), tmp_path / "server"
    if name == "matrix":
        yield destinations.synapse(
            request.getfixturevalue("synapse"), f"room-{uuid.uuid4().hex}"
        )
        return
    with contextlib.ExitStack() as ends:
        match name:
            case "ntfy":
                yield destinations.ntfy(ends.enter_context(Ntfy(folder)))
            case "mqtt":
                yield destinations.mosquitto(ends.enter_context(Mosquitto(folder)))
            case "mail":
                yield destinations.postfix(ends.enter_context(Postfix(folder)))
            case "xmpp":
                yield destinations.prosody(ends.enter_context(Prosody(folder)))
            case _:
                yield destinations.rsyslog(ends.enter_context(Rsyslog(folder)))
