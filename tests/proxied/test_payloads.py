"""What each service gets is what it takes: its schema, its limits, and nothing in it that is more than text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxied.post_office import PostOffice, post_office
from tests.proxied.scenes import SCENES
from tests.proxied.services.table import PEERS

pytestmark = pytest.mark.bounded


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    """The process that delivers, behind a proxy that stands in for every service."""
    with post_office(PEERS.values()) as opened:
        yield opened


@pytest.mark.parametrize("scene", SCENES)
def test_every_service_takes_every_message(office: PostOffice, scene: str) -> None:
    """Each service gets one message, which is valid, within its limits and inert, and is delivered once it is taken."""
    assert office.wrong(PEERS.values(), SCENES[scene]) == []
