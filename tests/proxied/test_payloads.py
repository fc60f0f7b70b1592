"""What each service gets is what it takes: its schema, its limits, and nothing in it that is more than text."""

from __future__ import annotations

import pytest

from tests.proxied.post_office import PostOffice
from tests.proxied.scenes import SCENES, hostile
from tests.proxied.services.table import PEERS

_DAILY = ("ban", "hostile")
_INVENTED = 12


@pytest.mark.parametrize("scene", _DAILY)
def test_every_service_takes_every_message(office: PostOffice, scene: str) -> None:
    """Each service gets one message, which is valid, within its limits and inert, and is delivered once it is taken."""
    assert office.wrong(PEERS.values(), SCENES[scene]()) == []


@pytest.mark.bounded
@pytest.mark.parametrize("seed", range(1, _INVENTED))
def test_no_text_breaks_a_payload(office: PostOffice, seed: int) -> None:
    """Whatever the registry's texts, each service gets a message that it takes and that holds nothing but text."""
    assert office.wrong(PEERS.values(), hostile(seed)) == []
