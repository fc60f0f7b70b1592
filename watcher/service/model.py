"""What the loop of `run` is given, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from watcher.polling.model import PollConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is polled, and how often: all of it can change while the service runs."""

    config: PollConfig
    interval: float
    """Seconds between the starts of two polls."""
    jitter: float
    """By which share of itself the interval varies."""
    heartbeat_url: str = field(default="", repr=False)
    """Secret; "" where there is none."""
    warnings: tuple[str, ...] = ()
    """About settings that are valid. Safe to show."""
