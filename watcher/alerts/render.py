"""A digest as Markdown, HTML or plain text that fits a service's limits. Pure.

Untrusted text is sanitized (`watcher.text.sanitize`) and then quoted, nearly everywhere as code. Inside a code span
nothing is markup, a mention, a link or an emoji: in CommonMark, in the dialects of Slack, Discord, Telegram, Matrix and
Mattermost, and where a service reads plain text as Markdown. Mail quotes it with the `samp` tag, which looks the same.
Where Markdown has no code, its special characters are escaped. Only our own words have markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from watcher.alerts.digest import Digest, Group, Line, counted, more, not_shown, shorter
from watcher.model.event import Kind
from watcher.text.sanitize import Trusted, sanitize_line


class Format(StrEnum):
    """How a message is marked up."""

    MARKDOWN = "markdown"
    CODELESS = "markdown without code"
    HTML = "html"
    MAIL = "html for mail"
    """For services that also convert the HTML to text, where each code tag would begin a line."""
    TEXT = "text"

    @property
    def markup(self) -> str:
        """Apprise's name for it."""
        return self.value.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message as it is sent. `title` is safe ASCII that needs no escaping in any format; it may be empty."""

    title: str
    body: str


SYMBOLS: dict[Kind, str] = {
    Kind.BANNED: "⛔",
    Kind.FLAGGED: "🚩",
    Kind.DELETED: "🗑",
    Kind.REMOVED: "❌",
    Kind.FAILING: "🔌",
    Kind.DEPRECATED: "📉",
    Kind.CHANGED: "📝",
    Kind.REINSTATED: "✅",
    Kind.UNDEPRECATED: "📈",
    Kind.RECOVERED: "✅",
    Kind.NEW: "✨",
    Kind.PENDING: "⏳",
    Kind.BASELINE: "👀",
}

TONES: dict[Kind, str] = {
    **dict.fromkeys((Kind.BANNED, Kind.FLAGGED), "failure"),
    **dict.fromkeys((Kind.DELETED, Kind.REMOVED, Kind.FAILING, Kind.DEPRECATED, Kind.CHANGED), "warning"),
    **dict.fromkeys((Kind.REINSTATED, Kind.UNDEPRECATED, Kind.RECOVERED), "success"),
    **dict.fromkeys((Kind.NEW, Kind.PENDING, Kind.BASELINE), "info"),
}
"""How a service colours a message, by its worst kind; the names are apprise's."""

_QUOTES = (300, 120, 60)
"""Limits of a quotation, in characters. The first at which the whole digest fits is used, else the last."""
_SUBJECT = 80
_LEAST = 20
_BACKSLASH = "\uff3c"  # FULLWIDTH REVERSE SOLIDUS: reads as one, escapes nothing
_LINK = re.compile(r"https://registry\.comfy\.org(?:/(?!(?:[^/]*/)*\.\.?(?:/|\Z))[A-Za-z0-9._~%/-]{0,600})?")
"""A page of the registry. A node called `..` has none: its link would lead elsewhere."""
_MARKS = re.compile(r"[\\*_\[\]~<&]")
_QUOTATION_MARKS = str.maketrans("“”", "''")


def render(
    digest: Digest,
    form: Format,
    body_limit: int,
    title_limit: int,
    lines: int | None = None,
) -> Rendered:
    """Render the digest in a body of at most `body_limit` and a title of at most `title_limit` UTF-8 bytes.

    First quotations get shorter, then the last events are counted instead of shown. Markup is never cut. With `lines`
    the body has at most that many: one for each event, and a last one with the count of the others.
    """
    title = next((title for title in digest.titles if len(title) <= title_limit), "")
    for body in _bodies(digest, form, brief=lines is not None):
        if len(body.encode()) <= body_limit and (lines is None or body.count("\n") < lines):
            return Rendered(title=title, body=body)
    body = next((title for title in digest.titles if len(title) <= body_limit), "")
    return Rendered(title=title, body=body or "!"[:body_limit])


def fitted(
    digest: Digest,
    form: Format,
    limit: int,
    title_limit: int,
    size: Callable[[Rendered], int],
    lines: int | None = None,
) -> Rendered:
    """Render the digest so that `size` of the message, as the service counts it, is at most `limit`.

    The body gets no smaller than `_LEAST` bytes. `lines` is that of `render`.
    """
    room = limit
    while True:
        message = render(digest, form, room, title_limit, lines)
        if (taken := size(message)) <= limit or room <= _LEAST:
            return message
        room = max(_LEAST, min(room - 10, room * limit // taken))


def _bodies(digest: Digest, form: Format, *, brief: bool) -> Iterator[str]:
    """Yield the digest shorter and shorter, down to its counts."""
    write, writer = _brief if brief else _body, _WRITERS[form]
    for quote in _QUOTES:
        yield write(digest, writer, quote)
    while lines := sum(len(group.lines) for group in digest.groups):
        digest = shorter(digest, lines - 1)
        yield write(digest, writer, _QUOTES[-1])


def _body(digest: Digest, writer: _Writer, quote: int) -> str:
    parts = [writer.group(group, quote) for group in digest.groups]
    if digest.hidden:
        parts.append(writer.block(more(digest.hidden) if digest.groups else counted(digest.hidden)))
    parts.append(writer.block(f"ref {digest.reference}"))
    return writer.between.join(parts)


def _brief(digest: Digest, writer: _Writer, quote: int) -> str:
    lines = [writer.alone(group, line, quote) for group in digest.groups for line in group.lines]
    hidden = not_shown(digest)
    last = f"{more(hidden) if lines else counted(hidden)} · " if hidden else ""
    return "\n".join([*lines, writer.plain(f"{last}ref {digest.reference}")])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    """How one format writes each part of a message."""

    plain: Callable[[str], str]
    """Our own words."""
    quoted: Callable[[str], str]
    """Untrusted text: one sanitized line without backticks, not empty."""
    stressed: Callable[[str], str]
    link: Callable[[str], str]
    listed: Callable[[str, list[str]], str]
    """A heading and its lines."""
    block: Callable[[str], str]
    """A paragraph of our own words."""
    between: str
    """What separates blocks."""

    def group(self, group: Group, quote: int) -> str:
        is_ours = isinstance(group.heading, Trusted)
        heading = self.stressed(group.heading) if is_ours else self.words(group.heading, _SUBJECT)
        heading = (heading or self.stressed("(no name)")) + self.linked(group.url)
        lines = [self.line(line, quote) for line in group.lines]
        if group.hidden:
            lines.append(self.plain(more(group.hidden)))
        return self.listed(heading, lines)

    def line(self, line: Line, quote: int) -> str:
        subject = self.words(line.subject, _SUBJECT) if line.subject else ""
        notes = "".join(self.words(words, quote) for words in line.notes)
        parts = [SYMBOLS[line.kind], self.stressed(line.lead) if line.lead else "", subject]
        return (" ".join(part for part in parts if part) + self.linked(line.url) + notes).rstrip(" :")

    def alone(self, group: Group, line: Line, quote: int) -> str:
        """Return an event as a line without a heading above it: the node's id comes first."""
        node = "" if isinstance(group.heading, Trusted) else self.words(group.heading, _SUBJECT)
        text = self.line(replace(line, url=""), quote)
        return (f"{node}: {text}" if node else text) + self.linked(line.url or group.url)

    def linked(self, url: str) -> str:
        """Return a link; "" if the URL is not a page of the registry."""
        return self.link(url) if _LINK.fullmatch(url) else ""

    def words(self, words: str, limit: int) -> str:
        if isinstance(words, Trusted):
            return self.plain(words)
        text = sanitize_line(words, limit).replace("`", "'")
        if text.endswith("\\"):  # apprise's Markdown converters would let it escape the backtick that follows
            text = text[:-1] + _BACKSLASH
        return self.quoted(text) if text else ""


def _bulleted(heading: str, lines: list[str]) -> str:
    return "\n".join([heading, *(f"- {line}" for line in lines)])


def _escaped(text: str) -> str:
    """Return a quotation for Markdown without code: in quotation marks, with the special characters escaped."""
    return f"“{_MARKS.sub(lambda mark: chr(92) + mark[0], text.translate(_QUOTATION_MARKS))}”"


_MARKDOWN = _Writer(
    plain=str,
    quoted=lambda text: f"`{text}`",
    stressed=lambda text: f"**{text}**",
    link=lambda url: f" · [registry]({url})",
    listed=lambda heading, lines: _bulleted(heading + "\n" if lines else heading, lines),
    block=str,
    between="\n\n",
)
_HTML = _Writer(
    plain=html.escape,
    quoted=lambda text: f"<code>{html.escape(text)}</code>",
    stressed=lambda text: f"<b>{html.escape(text)}</b>",
    link=lambda url: f' · <a href="{html.escape(url)}">{html.escape(url)}</a>',
    listed=lambda heading, lines: f"<p>{heading}</p><ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>",
    block=lambda text: f"<p>{html.escape(text)}</p>",
    between="\n",
)
_TEXT = _Writer(
    plain=str,
    quoted=lambda text: f"`{text}`",
    stressed=str,
    link=lambda url: f" {url}",
    listed=_bulleted,
    block=str,
    between="\n\n",
)
_WRITERS = {
    Format.MARKDOWN: _MARKDOWN,
    Format.CODELESS: replace(_MARKDOWN, quoted=_escaped),
    Format.HTML: _HTML,
    Format.MAIL: replace(_HTML, quoted=lambda text: f"<samp>{html.escape(text)}</samp>"),
    Format.TEXT: _TEXT,
}
