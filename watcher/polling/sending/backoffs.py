"""Backoffs that the state folder could not take."""

from __future__ import annotations

from watcher.alerts.queues.queue import backoff_left, backoff_until


class Backoffs:
    """Backoffs of channels whose failures could not be written to the state folder; kept while the process runs."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, str]] = {}
        """Failures in a row, and when to try again, by channel."""

    def failed(self, channel: str, now: str) -> None:
        """Count one more failure in a row."""
        failures, _ = self._failures.get(channel, (0, ""))
        self._failures[channel] = failures + 1, backoff_until(failures, now)

    def clear(self, channel: str) -> None:
        """Forget the channel's failures: the folder can be written again."""
        self._failures.pop(channel, None)

    def seconds_left(self, channel: str, now: str) -> float:
        """Return the seconds until the channel may be tried again."""
        _, retry_at = self._failures.get(channel, (0, ""))
        return backoff_left(retry_at, now)
