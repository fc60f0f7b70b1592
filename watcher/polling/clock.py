"""The time, for whatever takes it as a value."""

from __future__ import annotations

from datetime import UTC, datetime

from watcher import timestamps


def clock() -> str:
    """Return the current time as RFC 3339."""
    return timestamps.show(datetime.now(UTC))
