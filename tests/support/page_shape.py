"""What a published page is made of, whatever the texts in it are."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_LINK = re.compile(
    r"https://registry\.comfy\.org/nodes/[A-Za-z0-9._~%-]*"
    r"|#pack-[a-z0-9._-]+|data:image/svg\+xml,%3Csvg[^<>]*"
    r"|feed\.xml|metrics\.prom|osv/x_COMFY-[0-9a-f]{16}\.json"
)


class Shape(HTMLParser):
    """The elements of a page with the names of their attributes, where its links lead, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[tuple[str, tuple[str, ...]]] = set()
        self.links: set[str] = set()
        self.others: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add((tag, tuple(sorted(name for name, _ in attrs))))
        self.links |= {value or "" for name, value in attrs if name == "href"}

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    @property
    def foreign_links(self) -> set[str]:
        """The links that lead neither to the page of a pack nor to another published file."""
        return {link for link in self.links if not _LINK.fullmatch(link)}

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)
