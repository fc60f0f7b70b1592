"""Hostile text in the messages of every service whose stand-in is quick."""

from __future__ import annotations

from tests.proxied.post_office import post_office
from tests.proxied.scenes import hostile
from tests.proxied.services.table import PEERS


def test_hostile_text_is_text_to_every_service() -> None:
    """Each service reads nothing but our markup and our links in it, and takes it."""
    quick = [peer for peer in PEERS.values() if not peer.is_slow]
    with post_office(quick) as office:
        assert office.wrong(quick, hostile(1)) == []
