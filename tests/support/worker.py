"""The process that delivers for tests that poll or deliver in their own process: one for all of them."""

from __future__ import annotations

import atexit

from watcher.delivery.client import Worker

WORKER = Worker()
atexit.register(WORKER.__exit__)
