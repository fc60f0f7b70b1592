"""The published files by their names. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.publish.public import Public

PAGE = "index.html"
"""The name of the page. It comes last, since it links to the other files."""


def files(public: Public) -> Iterator[tuple[str, str]]:  # noqa: ARG001 - no file is made of it yet
    """Yield the name of each file, relative to the folder and with `/`, and its text: `index.html` last."""
    yield from ()
