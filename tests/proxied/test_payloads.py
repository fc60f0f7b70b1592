"""What each service gets is what it takes: its schema, its limits, and nothing in it that is more than text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.strategies import events
from tests.proxied.peer import Peer
from tests.proxied.post_office import PostOffice
from tests.proxied.scenes import SCENES, hostile
from tests.proxied.services.table import PEERS
from tests.support import factories
from tests.support.parameters import examples
from watcher.model.event import Event

_INVENTED = 7
_QUICK = [peer for peer in PEERS.values() if not peer.is_slow]


@pytest.mark.bounded
@pytest.mark.parametrize("scene", SCENES)
def test_every_service_takes_every_message(office: PostOffice, scene: str) -> None:
    """Each service gets one message, which is valid, within its limits and inert, and is delivered once it is taken."""
    assert office.wrong(PEERS.values(), SCENES[scene]()) == []


@pytest.mark.bounded
@examples(25)
@given(events(), st.sampled_from(_QUICK))
def test_any_text_in_any_payload(
    office: PostOffice, made: list[Event], peer: Peer
) -> None:
    """Whatever the texts, what a service gets holds no more than our markup, and the service takes it."""
    assert office.wrong([peer], tuple(made)) == []


@pytest.mark.bounded
@pytest.mark.parametrize("name", ["json-markdown", "mattermost", "rocket-chat"])
def test_a_quotation_may_end_in_a_backslash(office: PostOffice, name: str) -> None:
    """A backslash before a quotation's end escapes nothing."""
    backslashes = (
        factories.event("1", reason="evil \\"),
        factories.event("2", version="evil\\", reason="*evil*"),
    )
    assert office.wrong([PEERS[name]], backslashes) == []
    [message] = office.proxy.received()
    assert "\\`" not in "".join(
        text for _, text in PEERS[name].shown(message.asked.said)
    )


@pytest.mark.bounded
@pytest.mark.parametrize("seed", range(1, _INVENTED))
def test_no_text_breaks_a_payload(office: PostOffice, seed: int) -> None:
    """Whatever the registry's texts, each service gets a message that it takes and that holds nothing but text."""
    assert office.wrong(PEERS.values(), hostile(seed)) == []
