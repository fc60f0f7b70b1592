"""ntfy: what its apps get of an alert, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.operator import PACK, Operator, counts
from tests.services.servers.ntfy import Ntfy
from tests.services.servers.server import until

pytestmark = pytest.mark.services

_RATE = {"visitor-request-limit-burst": 3}
"""So many requests at once, and one more whenever `_REPLENISH` is over."""
_REPLENISH = "visitor-request-limit-replenish"


@pytest.mark.parametrize(
    "attachments", [False, True], ids=["without attachments", "with attachments"]
)
def test_many_emoji_are_a_message(
    tmp_path: Path, operator: Callable[..., Operator], attachments: bool
) -> None:
    """Four hundred emoji in `dependencies` come as a message with a text, and so does a ban behind them."""
    more = (
        {"attachment-cache-dir": str(tmp_path / "attachments")} if attachments else {}
    )
    with Ntfy(tmp_path / "server", **more) as server:
        channels = [{"name": "phone", "url": server.url(), "grouping": "event"}]
        alerted = operator(channels=channels, alert_urls=[], nodes=[PACK, "beta"])
        alerted.registry.catalog.publish("beta", "1.0.0")
        alerted.knows()
        alerted.registry.catalog.edit(
            PACK,
            "1.0.0",
            dependencies=[f"{'🎉' * 4}-{number}" for number in range(100)],
        )
        alerted.registry.catalog.set_status("beta", "1.0.0", "banned", "keylogger")
        assert alerted.check()["alerts"] == counts(delivered=2)
        messages = server.messages()
    assert [one.attachment for one in messages] == ["", ""]
    assert [
        name for name in ("beta", PACK) for one in messages if f"`{name}`" in one.text
    ] == ["beta", PACK]


def test_a_tap_leads_to_the_page(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """Ntfy reads what a message asks for."""
    page = f"https://registry.comfy.org/nodes/{PACK}"
    with Ntfy(tmp_path / "server") as server:
        alerted = operator(server.url()).knows()
        alerted.ban()
        assert alerted.check()["alerts"] == counts(delivered=1)
        [message] = server.messages()
    assert message.click == page


def test_the_limit_of_requests_delays_and_loses_nothing(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """What comes above ntfy's rate is refused with 429, which is said, and comes later: each message once."""
    with Ntfy(tmp_path / "server", **_RATE, **{_REPLENISH: "1h"}) as server:
        channels = [{"name": "phone", "url": server.url(), "grouping": "event"}]
        alerted = operator(channels=channels, alert_urls=[]).knows()
        for number in range(12):
            alerted.registry.catalog.publish(PACK, f"2.{number}.0")
        assert "429" in alerted.said("check")
        assert len(server.messages()) == 3
        server.stop()
        server.settings[_REPLENISH] = "100ms"
        server.start()

        def is_through() -> bool:
            alerted.end_backoffs()
            return alerted.run("check").code == 0

        until(is_through, "the rate")
        texts = [one.text for one in server.messages()]
    assert [
        sum(f"`2.{number}.0`" in text for text in texts) for number in range(12)
    ] == [1] * 12
