"""What delivers for tests that poll or deliver in their own process: one for all of them."""

from __future__ import annotations

import asyncio
import atexit
from typing import Any

from tests.support.nursery import NurseryWorker
from watcher.alerts.digest import sample
from watcher.delivery.client import Worker
from watcher.delivery.process import Job
from watcher.model.channel import Outcome

WORKER = NurseryWorker()
atexit.register(WORKER.__exit__)


def job(url: str, timeout: float = 5.0, **fields: Any) -> Job:
    """Make a job with a sample."""
    given: dict[str, Any] = {
        "events": sample("2026-01-01T00:00:00Z"),
        "key": "5" * 32,
        "salt": "ab" * 16,
    }
    return Job(url=url, timeout=timeout, **given | fields)


def deliver(
    url: str, timeout: float = 5.0, *, by: Worker = WORKER, **fields: Any
) -> Outcome:
    """Have the process deliver a message, and return what came of it."""
    return asyncio.run(by.deliver(job(url, timeout, **fields)))
