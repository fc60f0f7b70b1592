"""XMPP with Prosody: what is no session is no delivery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.operator import Operator
from tests.services.servers.prosody import Prosody

pytestmark = pytest.mark.services


@pytest.fixture
def prosody(tmp_path: Path) -> Iterator[Prosody]:
    """A server with two accounts, whose certificate no public authority has signed."""
    with Prosody(tmp_path / "server") as server:
        yield server


def test_a_certificate_that_does_not_verify_is_no_delivery(prosody: Prosody, operator: Callable[..., Operator]) -> None:
    """Apprise ends the connection and calls that a success; the alert stays owed, and the reason is said."""
    alerted = operator(prosody.url(verify="yes")).knows()
    alerted.ban()
    assert "the certificate does not verify" in alerted.said("check")
    assert prosody.messages() == []
