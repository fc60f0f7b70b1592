"""XMPP with Prosody: what is no session is no delivery; the rest is sent, and nobody confirms it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services.operator import Operator
from tests.services.servers.prosody import Prosody
from tests.support.worker import job
from watcher.delivery.sender import send
from watcher.delivery.urls import load
from watcher.model.outcome import Delivered, Undelivered

pytestmark = pytest.mark.services


@pytest.fixture
def prosody(tmp_path: Path) -> Iterator[Prosody]:
    """A server with two accounts, whose certificate no public authority has signed."""
    with Prosody(tmp_path / "server") as server:
        yield server


def test_a_certificate_that_does_not_verify_is_no_delivery(
    prosody: Prosody, operator: Callable[..., Operator]
) -> None:
    """Apprise ends the connection and calls that a success; the alert stays owed, and the reason is said."""
    alerted = operator(prosody.url(verify="yes")).knows()
    alerted.ban()
    assert (
        "check the host, the login, and that the server's certificate verifies"
        in alerted.said("check")
    )
    assert prosody.messages() == []


def test_a_session_that_never_began_leaves_no_doubt(prosody: Prosody) -> None:
    """A message that was not sent, since the login or the connection was refused, cannot have been taken."""
    load()
    refused = job(prosody.url(password="wrong"), 10)
    for failing in (refused, job("xmpp://user:word@127.0.0.1:9", 3)):
        outcome = send(failing, print, print)
        assert isinstance(outcome, Undelivered)
        assert "no XMPP session began" in outcome.reason
        assert not outcome.unanswered
    assert send(job(prosody.url(), 10), print, print) == Delivered(confirmed=False)
    assert len(prosody.messages()) == 1
