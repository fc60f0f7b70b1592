"""What delivers for tests that poll or deliver in their own process: one for all of them."""

from __future__ import annotations

import atexit

from tests.support.nursery import NurseryWorker

WORKER = NurseryWorker()
atexit.register(WORKER.__exit__)
