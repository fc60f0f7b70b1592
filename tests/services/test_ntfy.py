"""ntfy: what its apps get of an alert that is too large for a message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.operator import PACK, Operator
from tests.services.servers.ntfy import Ntfy
from tests.support.harness import counts

pytestmark = pytest.mark.services


def test_many_emoji_are_a_message(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """Four hundred emoji in `dependencies` come as a message with a text, and so does a ban behind them."""
    cache = {"attachment-cache-dir": str(tmp_path / "attachments")}
    with Ntfy(tmp_path / "server", **cache) as server:
        channels = [{"name": "phone", "url": server.url(), "grouping": "event"}]
        alerted = operator(channels=channels, alert_urls=[]).knows()
        many = [f"{'🎉' * 4}-{number}" for number in range(100)]
        alerted.registry.catalog.edit(PACK, "1.0.0", dependencies=many)
        alerted.ban()
        assert alerted.check()["alerts"] == counts(2)
        messages = server.messages()
    assert [one.attachment for one in messages] == ["", ""]
    shown = [one.text.split("`")[3] for one in messages]
    assert sorted(shown) == ["1.0.0", "1.2.0"]
