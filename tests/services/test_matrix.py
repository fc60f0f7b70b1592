"""Matrix, with Synapse as the home server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.services.operator import Operator
from tests.services.servers.synapse import Member, Synapse

pytestmark = pytest.mark.services


@pytest.fixture
def members(synapse: Synapse, request: pytest.FixtureRequest) -> tuple[Member, Member]:
    """Who reads and who writes, in this test only."""
    name = request.node.name.replace("_", "-")
    return synapse.member(f"{name}-reader"), synapse.member(f"{name}-writer")


def test_a_mistyped_alias_makes_no_room(
    synapse: Synapse, members: tuple[Member, Member], operator: Callable[..., Operator]
) -> None:
    """Where the alias is not there, nothing is created, and the room is said to be missing."""
    _, writer = members
    surrounding = synapse.authority.trusted()
    alerted = operator(
        synapse.url(writer, "#mistyped:localhost", tls=True), surrounding=surrounding
    ).knows()
    alerted.ban()
    assert "room is not there" in alerted.said()
    assert writer.rooms() == []
    assert "room_id" not in synapse.ask("GET", "directory/room/%23mistyped:localhost")


def test_an_encrypted_room_gets_nothing_in_the_open(
    synapse: Synapse, members: tuple[Member, Member], operator: Callable[..., Operator]
) -> None:
    """With the library and TLS the message is encrypted; over plain HTTP it is refused and says why."""
    reader, writer = members
    room = reader.room("encrypted", encrypted=True)
    surrounding = synapse.authority.trusted()
    alerted = operator(
        synapse.url(writer, "#encrypted:localhost"), surrounding=surrounding
    ).knows()
    alerted.ban()
    assert "encrypted" in alerted.said()
    over_tls = alerted.but(
        alert_urls=[synapse.url(writer, "#encrypted:localhost", tls=True)]
    )
    over_tls.ban("1.1.0")
    over_tls.run("check")
    assert reader.messages(room) == []
    assert [event["type"] for event in reader.events(room)].count(
        "m.room.encrypted"
    ) == 1
