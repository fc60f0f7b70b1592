"""The published files by their names. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.publish.feeds import atom
from watcher.publish.metrics import metrics
from watcher.publish.osv import documents
from watcher.publish.page import page
from watcher.publish.public import Public

PAGE = "index.html"
"""The name of the page. It comes last, since it links to the other files."""


def files(public: Public) -> Iterator[tuple[str, str]]:
    """Yield the name of each file, relative to the folder and with `/`, and its text: `index.html` last."""
    yield "feed.xml", atom(public)
    yield "metrics.prom", metrics(public)
    yield from documents(public).items()
    yield PAGE, page(public)
