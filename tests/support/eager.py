"""`python -m tests.support.eager …` is `python -m watcher …`, with an `interval` as short as a test likes."""

from __future__ import annotations

from watcher.cli.main import main
from watcher.settings import parsing


def allow_any_interval() -> None:
    """Let settings in this process have an interval below ten seconds."""
    parsing.SHORTEST_INTERVAL = 0.0


if __name__ == "__main__":
    allow_any_interval()
    main()
