"""The page: what it says of a state, as a strict reader of HTML finds it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from tests.support.factories import NOW, PACK, event, known, version
from watcher.model.event import Event, Kind
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot
from watcher.model.version import Version
from watcher.publish.page import page
from watcher.publish.public import Public, Terms, published
from watcher.state.model import Checks, State

_TERMS = Terms(selection=Selection(names=(PACK,)), minimum_age=0.0)


class _Reader(HTMLParser):
    """The text of a page, and its elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._is_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._is_style = tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self.words.append(data)
        self._is_style = False

    @property
    def text(self) -> str:
        """All text as one line."""
        return " ".join("".join(self.words).split())


def _public(
    *versions: Version, events: tuple[Event, ...] = (), **fields: Any
) -> Public:
    """Make what may be published of one pack with these versions."""
    state = State(
        snapshot=Snapshot(nodes={PACK.lower(): known(*versions, **fields)}),
        checks=Checks(polled_at=NOW),
    )
    return published(state, events, _TERMS, "1.2.3")


def test_how_all_stands() -> None:
    """It says what is bad, which version is good instead, and when that was seen."""
    bad = _Reader(page(_public(version("1.0"), version("1.1", "banned")))).text
    assert "1 of 1 watched pack needs a look. 1 banned of 2 versions" in bad
    assert "The newest good version is 1.0." in bad
    assert "Last looked at 2026-03-02 00:00 UTC" in bad
    assert "All is well with 1 watched pack." in _Reader(page(_public(version()))).text


def test_before_the_first_poll() -> None:
    """Without a poll it says that nothing is known."""
    empty = _Reader(page(published(State(), (), _TERMS, "1.2.3"))).text
    assert "There was no poll yet: nothing is known." in empty


def test_the_first_bytes() -> None:
    """It begins with what says that this program wrote it."""
    first = page(_public(version()))[:200]
    assert first.startswith("<!doctype html>")
    assert '<meta name="generator" content="comfy-watch">' in first


def test_links() -> None:
    """Links lead to the registry and to files beside the page, and not on with where one came from."""
    said = event(
        kind=Kind.BANNED, reason="https://evil.example", url="https://evil.example"
    )
    found = _Reader(page(_public(version("1.0", "banned"), events=(said,))))
    links = [attributes for tag, attributes in found.elements if tag == "a"]
    assert {link["href"] for link in links} == {
        f"https://registry.comfy.org/nodes/{PACK}",
        "feed.xml",
        "feed.json",
    }
    assert all(
        "noopener" in (link.get("rel") or "feed") or "feed" in (link["href"] or "")
        for link in links
    )
