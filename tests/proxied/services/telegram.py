"""Telegram."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser

from tests.hostile.dialects import Dialect
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, says
from tests.proxied.schema import (
    YES_OR_NO,
    Schema,
    matching,
    one_of,
    record,
    words,
)
from tests.proxied.services.reading import headed

# Telegram: https://core.telegram.org/bots/api#sendmessage

_BOT = "123456789:abcdefg_hijklmnop"
_TAGS = {"b", "a", "code"}
"""Those of them that our messages have."""
_TELEGRAM: Schema = record(
    {"chat_id": {"type": ["integer", "string"]}, "text": words(least=1)},
    parse_mode=matching("HTML|(?i:Markdown(?:V2)?)"),
    disable_notification=YES_OR_NO,
    disable_web_page_preview=one_of(True),
)


class _Entities(HTMLParser):
    """Telegram's parser of HTML: few tags, all of them closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.said = ""
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count += 1
        if tag not in _TAGS or [name for name, _ in attrs] != (
            ["href"] if tag == "a" else []
        ):
            self.wrong.append(f"can't parse entities: unsupported start tag {tag!r}")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"can't parse entities: unexpected end tag {tag!r}")

    def handle_data(self, data: str) -> None:
        self.said += data
        if "<" in data:
            self.wrong.append("can't parse entities: a tag without an end")

    def handle_entityref(self, name: str) -> None:
        self.said += "&"
        if name not in ("lt", "gt", "amp", "quot"):
            self.said += name

    def handle_charref(self, name: str) -> None:
        self.said += unescape(f"&#{name};")

    def close(self) -> None:
        super().close()
        self.wrong += [
            f"can't parse entities: can't find end tag of {tag!r}" for tag in self._open
        ]


def _telegram(asked: Asked) -> Iterator[str]:
    said = asked.said
    shown = said["text"]
    if said.get("parse_mode") == "HTML":
        page = _Entities()
        page.feed(shown)
        page.close()
        yield from page.wrong
        shown = page.said
        if page.count > 100:
            yield f"{page.count} entities, of which Telegram ignores all but 100"
    elif said.get("parse_mode", "").lower() == "markdownv2":
        outside = re.sub(r"\\.|`(?:\\.|[^`\\])*`|\]\((?:\\.|[^)\\])*\)", "", shown)
        if found := re.search(r"[~>#+=|{}.!()-]", outside):
            yield f"can't parse entities: character {found[0]!r} is reserved"
        shown = re.sub(r"\\(.)", r"\1", shown)
    if not 1 <= len(shown.encode("utf-16-le")) // 2 <= 4096:
        yield f"{len(shown)} characters: message is too long"


TELEGRAM = (
    *(
        Peer(
            name=name,
            url=f"tgram://{_BOT}{number}/12315544/{query}",
            host="api.telegram.org",
            path=f"/bot{_BOT}{number}/sendMessage",
            schema=_TELEGRAM,
            check=_telegram,
            shown=headed("text", dialect),
            taken=says(
                {
                    "ok": True,
                    "result": {"message_id": 1, "date": 1, "chat": {"id": 12315544}},
                }
            ),
        )
        for number, (name, query, dialect) in enumerate(
            (
                ("telegram", "", Dialect.HTML),
                ("telegram-v1", "?format=markdown&mdv=v1", Dialect.TELEGRAM_1),
                ("telegram-v2", "?format=markdown&mdv=v2", Dialect.TELEGRAM_2),
            )
        )
    ),
)
