"""Matrix, with Synapse as the home server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.services.operator import Operator, counts
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
    assert "room is not there" in alerted.said("check")
    assert writer.rooms() == []
    assert "room_id" not in synapse.ask("GET", "directory/room/%23mistyped:localhost")


def test_a_name_that_nobody_has_makes_no_account(
    synapse: Synapse, members: tuple[Member, Member], operator: Callable[..., Operator]
) -> None:
    """A login that the server does not know registers nobody."""
    reader, _ = members
    room = reader.room("no-account")
    mistyped = Member(synapse, "mistyped-name", "@mistyped-name:localhost", "")
    url = synapse.url(mistyped, room, tls=True)
    alerted = operator(url, surrounding=synapse.authority.trusted()).knows()
    alerted.ban()
    assert "1 alert still undelivered" in alerted.said("check")
    assert reader.messages(room) == []
    assert "displayname" not in synapse.ask("GET", "profile/@mistyped-name:localhost")


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
    assert "encrypted" in alerted.said("check")
    over_tls = alerted.but(
        alert_urls=[synapse.url(writer, "#encrypted:localhost", tls=True)]
    )
    over_tls.ban("1.1.0")
    over_tls.run("check")
    assert reader.messages(room) == []
    assert [event["type"] for event in reader.events(room)].count(
        "m.room.encrypted"
    ) == 1


def test_a_limit_of_messages_is_waited_for(
    synapse: Synapse, members: tuple[Member, Member], operator: Callable[..., Operator]
) -> None:
    """Synapse answers 429 with `Retry-After` to one who writes too fast: all messages come in the same poll, once."""
    reader, writer = members
    room = reader.room("limited")
    synapse.limit(writer, messages_per_second=1, burst=2)
    url = synapse.url(writer, "#limited:localhost", tls=True)
    channels = [{"name": "chat", "url": url, "grouping": "event"}]
    alerted = operator(
        channels=channels, alert_urls=[], surrounding=synapse.authority.trusted()
    ).knows()
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        alerted.ban(version)
    for number in range(5):
        alerted.registry.catalog.publish("comfyui-night-lights", f"2.{number}.0")
    assert alerted.check()["alerts"] == counts(delivered=8)
    assert len(reader.messages(room)) == 8
