"""`metrics`: the figures of `metrics.prom` on standard output."""

from __future__ import annotations

from collections.abc import Callable

from watcher import __version__
from watcher.cli.loading import existing_state
from watcher.cli.terminal import Document, echo
from watcher.publish import metrics
from watcher.publish.public import published
from watcher.publish.setup import terms_of
from watcher.settings.loading import Loaded


def show(*, settings: Callable[[], Loaded]) -> int:
    """Print the figures; StateError if the state cannot be used. The history is not read: events are counted."""
    loaded = settings()
    state = existing_state(loaded).load()
    public = published(state, (), terms_of(loaded.settings), __version__)
    echo(Document(metrics.metrics(public).removesuffix("\n")))
    return 0
