"""The process that delivers, where apprise pauses shortly.

It waits for up to 5.5 seconds before each further request. Nothing else is different.
"""

from __future__ import annotations

import time
from typing import SupportsIndex

_sleep = time.sleep
_SHORT = 0.001


def _nap(seconds: SupportsIndex | float) -> None:
    _sleep(min(float(seconds), _SHORT))


time.sleep = _nap  # apprise and its plugins import it by name, so it is replaced before they are loaded
