"""What holds for every channel, with the real server at its end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hostile import parsers
from tests.hostile.corpus import FLOODS, TEXTS
from tests.services.destinations import Destination
from tests.services.operator import PACK, REASON, Operator
from tests.services.servers.server import until
from tests.support.harness import counts

pytestmark = pytest.mark.services


@pytest.fixture
def alerted(destination: Destination, operator: Callable[..., Operator]) -> Operator:
    """Somebody who knows the pack, and is alerted there."""
    return operator(destination.url, surrounding=destination.surrounding).knows()


def _come(destination: Destination, count: int) -> list[str]:
    """Wait for so many messages and return all that there are."""
    if not destination.answers:
        until(lambda: len(destination.read()) >= count, f"{count} messages")
    return destination.texts()


def test_an_alert_comes_once_and_says_what_happened(
    destination: Destination, alerted: Operator
) -> None:
    """One message says which version of which pack was banned and why; the next poll sends nothing."""
    alerted.ban()
    sent = counts(1) if destination.confirmed else counts(unconfirmed=1)
    assert alerted.check()["alerts"] == sent
    alerted.check()
    [text] = _come(destination, 1)
    assert PACK in text
    assert "1.2.0" in text
    assert "banned" in text.lower()
    assert REASON.split("'")[0] in text
    assert f"https://registry.comfy.org/nodes/{PACK}" in text


def test_hostile_text_is_only_text(destination: Destination, alerted: Operator) -> None:
    """Whatever a reason holds, the reader of what the server has stored sees it as a quotation."""
    texts = [text for text in TEXTS if text not in FLOODS]
    for number, text in enumerate(texts):
        alerted.registry.catalog.publish(
            PACK, f"2.0.{number}", status="banned", reason=text
        )
    alerted.registry.catalog.publish(PACK, "3.0.0", dependencies=[*TEXTS[:40]])
    assert alerted.check()["alerts"]["pending"] == 0
    assert _come(destination, 1)
    findings = [
        finding
        for message in destination.read()
        for dialect, text in message
        for finding in parsers.in_shown(dialect, text)
    ]
    assert findings == []


def test_a_server_that_is_back_gets_what_it_missed_once(
    destination: Destination, alerted: Operator
) -> None:
    """While the server is away its alert is owed, and when it is back it comes once."""
    if not destination.answers:
        pytest.skip("nothing tells that a datagram was not read")
    destination.server.stop()
    alerted.ban()
    assert alerted.check(code=1)["alerts"] == counts(pending=1)
    destination.server.start()
    alerted.end_backoffs()
    assert alerted.check()["alerts"]["pending"] == 0
    alerted.check()
    [text] = destination.texts()
    assert "1.2.0" in text


def test_a_wrong_password_is_no_delivery(
    destination: Destination, operator: Callable[..., Operator]
) -> None:
    """Where the server refuses the login the alert stays owed, and nothing that is said has the password."""
    if not destination.refused:
        pytest.skip("this server asks for no password here")
    alerted = operator(destination.refused, surrounding=destination.surrounding).knows()
    alerted.ban()
    said = alerted.said()
    assert "1 alert still undelivered" in said
    assert "s3cret" not in said
    assert destination.texts() == []
