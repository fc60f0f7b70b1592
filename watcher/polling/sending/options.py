"""How a round of deliveries goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from watcher.alerts.queues.channel_identity import Addresses
from watcher.delivery.client import Worker
from watcher.polling.sending.backoffs import Backoffs
from watcher.progress import Progress, silent


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class DeliveryOptions:
    """How to deliver to any channel."""

    timeout: float
    """Seconds for one message."""
    expiry: float
    """Seconds after which an undelivered alert expires."""
    clock: Callable[[], str]
    stopping: asyncio.Event
    addresses: Addresses = field(default_factory=Addresses)
    budget: float | None = None
    """Seconds after which a channel leaves its other messages to the next round; None: never."""
    backoffs: Backoffs = field(default_factory=Backoffs)
    """They outlive the round."""
    worker: Worker = field(default_factory=Worker)
    progress: Progress = silent
