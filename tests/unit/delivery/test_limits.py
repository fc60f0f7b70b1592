"""Limits of one request: which answer a status belongs to."""

from __future__ import annotations

import pytest
import requests

from tests.support.fakes.webhook import Answer, Webhook
from watcher.delivery.limits import Limits


def test_a_status_belongs_to_one_request(webhook: Webhook) -> None:
    """A request that begins takes back the status of the one before, also where the plugin does not pause for it."""
    webhook.answer["/post"] = Answer(reset=True)
    with Limits(5.0) as limits:
        limits.begin()
        requests.post(f"http://127.0.0.1:{webhook.port}/login", timeout=5)
        assert limits.status == 200
        with pytest.raises(requests.ConnectionError):
            requests.post(f"http://127.0.0.1:{webhook.port}/post", timeout=5)
        assert limits.status == 0
