"""The post office that the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxied.post_office import PostOffice, post_office
from tests.proxied.services.table import PEERS


@pytest.fixture(scope="session")
def office() -> Iterator[PostOffice]:
    """The process that delivers, behind a proxy that stands in for every service."""
    with post_office(PEERS.values()) as opened:
        yield opened
