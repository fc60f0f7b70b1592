"""A digest as Markdown, HTML or plain text that fits a service's limits. Pure.

Untrusted text is sanitized (`watcher.text.sanitize`) and then quoted, nearly everywhere as code. Inside a code span
nothing is markup, a mention, a link or an emoji: in CommonMark, in the dialects of Slack, Discord, Telegram, Matrix and
Mattermost, and where a service reads plain text as Markdown. Mail quotes it with the `samp` tag, which looks the same.
Where Markdown has no code, its special characters are escaped. Only our own words have markup.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from functools import cache

from watcher.alerts.digest import Digest, counted, which_part
from watcher.alerts.phrasing import BLANK, NAMELESS, PRODUCT, Phrasing
from watcher.alerts.words import Item, Words, capital, sentence
from watcher.model.event import Event
from watcher.text.sanitize import Trusted, ascii_text, plain_name, sanitize_line
from watcher.values import frozen


class Format(StrEnum):
    """How a message is marked up."""

    MARKDOWN = "markdown"
    CODELESS = "markdown without code"
    HTML = "html"
    TELEGRAM = "html for telegram"
    """For Telegram, which has no paragraphs, but shows lines, empty ones too."""
    MAIL = "html for mail"
    """For services that also convert the HTML to text, where each code tag would begin a line."""
    TEXT = "text"
    ASCII = "text in ascii"
    """For text messages: one other character makes each part of 160 characters two of 70."""
    PLAINEST = "text in letters and digits"
    """For a service that refuses the usual form."""

    @property
    def markup(self) -> str:
        """Apprise's name for it."""
        return self.value.partition(" ")[0]


@frozen
class Rendered:
    """A message as it is sent. `title` is safe ASCII that needs no escaping in any format; it may be empty."""

    title: str
    body: str
    left: tuple[str, ...]
    """Ids of the events that it does not name and that go into a further message."""


PLAINEST_LIMIT = 160
"""The most bytes of title and body of the plainest form together, with a line end between them."""
_FULL, _BRIEF, _SHORT = 300, 100, 16
"""The most characters of a quotation."""
_NAME, _VERSION = 300, 60
"""The most characters of a name and of a version. An id has 100, and each of its dots may become three characters."""
_ITEM = 60
"""The most characters of a text that is one of several."""
_BACKSLASH = "\uff3c"  # FULLWIDTH REVERSE SOLIDUS: reads as one, escapes nothing
_LINK = re.compile(
    r"https://registry\.comfy\.org(?:/(?!(?:[^/]*/)*\.\.?(?:/|\Z))[A-Za-z0-9._~%/-]{0,600})?"
)
"""A page of the registry. A node called `..` has none: its link would lead elsewhere."""
_MARKS = re.compile(r"[\\*_\[\]~<&]")
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9])?")
"""What needs no quotation marks in plain ASCII, since it cannot end a sentence."""
_QUOTATION_MARKS = str.maketrans("“”", "''")


def is_page(address: str) -> bool:
    """Return whether an address is a page of the registry, so that it may be a link."""
    return _LINK.fullmatch(address) is not None


def body_bytes(message: Rendered) -> int:
    """Return the size of a message whose service counts the body alone, as it is."""
    return len(message.body.encode())


def render(
    digest: Digest,
    form: Format,
    limit: int,
    title_limit: int,
    lines: int | None = None,
    size: Callable[[Rendered], int] = body_bytes,
) -> Rendered:
    """Render the digest so that `size` of the message, as the service counts it, is at most `limit`.

    Where that is too much, the mildest events first lose why and since when; then all become lines, those of one kind
    about a pack one; then the mildest lines become a count. Markup is never cut. With `lines` the body has at most that
    many: one for each event, and a last one with the count of the others. A single one has no symbol: a service may
    read it out. The size is asked for a few times only, however much has to go.
    """
    # A title that the service cut would lose its count, or half of a name.
    title = next((title for title in digest.titles if len(title) <= title_limit), "")
    layouts = [*_layouts(digest, lines)]
    bodies = _Bodies(digest=digest, writer=_WRITERS[form], lines=lines)

    # That it fits is mostly asked of the one that is taken.
    @cache
    def message(number: int) -> Rendered:
        return replace(bodies.message(layouts[number]), title=title)

    def fits(number: int) -> bool:
        return size(message(number)) <= limit

    # Mostly everything fits.
    last = len(layouts) - 1
    # Each layout is shorter than the one before. What a service counts may take long: JSON, or apprise's converters.
    number = 0 if fits(0) else bisect_left(range(last), True, lo=1, key=fits)
    fitting = message(number)
    if number < last or size(fitting) <= limit:
        return fitting
    # A title names the worst event alone.
    left = tuple(one.id for one in digest.events[1:] if one.id in digest.owed)
    # Some services refuse an empty body.
    least = [replace(fitting, body=body, left=left) for body in (*digest.titles, "!")]
    return next((one for one in least if size(one) <= limit), least[-1])


def plainest(digest: Digest) -> Rendered:
    """Return the plainest form, for a service that refuses the usual one: the worst event and what to do about it.

    It has no text that a person wrote. As for a program that reads it, one event is named.
    """
    # The reason is what a service most likely refused.
    line = replace(digest.blocks[0], reason=())
    room = PLAINEST_LIMIT - len(PRODUCT) - 1
    alone = replace(digest, blocks=(), lines=(line,))
    return replace(render(alone, Format.PLAINEST, room, 0, 1), title=PRODUCT)


@frozen
class _Layout:
    """One way to lay a message out."""

    shown: tuple[Phrasing, ...]
    detailed: int | None = None
    """How many of them, the worst, say why and since when; None: all are lines."""
    text: int = _SHORT
    """The most characters of a quotation."""
    name: int = _NAME
    version: int = _VERSION
    """The most characters of a name and of a version."""
    foot: bool = True
    command: bool = True
    """The foot names the command that shows more."""


def _layouts(digest: Digest, lines: int | None) -> Iterator[_Layout]:
    """Yield the ways to lay a message out, each shorter than the one before."""
    blocks, alike = digest.blocks, digest.lines
    most = len(alike) if lines is None else max(1, lines - 1)
    if blocks and (lines is None or len(blocks) <= most):
        for detailed in range(len(blocks), -1, -1):
            yield _Layout(shown=blocks, detailed=detailed, text=_FULL)
    for number in range(min(most, len(alike)), 0, -1):
        yield _Layout(shown=alike[:number], text=_BRIEF)
    # What others are called is worth less than what this one is.
    short = _Layout(shown=alike[:1])
    # Name, version and advice of the worst event stay in all of these.
    yield short
    yield replace(short, command=False)
    yield replace(short, foot=False)
    least = replace(short, foot=False, name=20, version=12)
    yield least
    yield replace(least, shown=(replace(alike[0], reason=()),))


@frozen
class _Bodies:
    """The bodies of a digest for a service."""

    digest: Digest
    writer: _Writer
    lines: int | None

    def message(self, layout: _Layout) -> Rendered:
        """Return the message in this layout, without a title."""
        writer, detailed = self.writer, layout.detailed
        texts = [
            self._text(line, layout, is_detailed=number < (detailed or 0))
            for number, line in enumerate(layout.shown)
        ]
        # Lines of one block: an HTML paragraph for each would set them apart.
        if detailed is None and self.lines is None:
            texts = [writer.block(texts)]
        # By id: one line may stand for several versions.
        named = {event.id for line in layout.shown for event in line.events}
        hidden = [event for event in self.digest.events if event.id not in named]
        left = tuple(one.id for one in hidden if one.id in self.digest.owed)
        if layout.foot and (foot := self._foot(layout, hidden, len(left))):
            texts.append(foot)
        between = {None: writer.between, 1: " "}.get(self.lines, "\n")
        body = writer.letters(between.join(texts))
        return Rendered(title="", body=body, left=left)

    def _text(self, said: Phrasing, layout: _Layout, *, is_detailed: bool) -> str:
        """Return a line, or where there is room for it a block: what happened; what to do; why and since when."""
        writer = self.writer
        # Why to stop ComfyUI at once is said even where all else is short.
        reasons = said.details if is_detailed else (said.reason,)
        most = layout.text if is_detailed else min(layout.text, _BRIEF)
        why = [writer.words(sentence(words), most) for words in reasons if words]
        # Any other address could lead elsewhere under a name that people trust.
        if is_detailed and is_page(said.url):
            why.append(writer.link(said.url))
        is_line = layout.detailed is None or self.lines is not None
        advice = said.advice.in_short if is_line else said.advice.words
        parts = [self._headline(said, layout), writer.words(advice, layout.version)]
        if is_line:
            return " ".join([": ".join(filter(None, parts)) + ".", *why])
        return writer.block([*filter(None, (*parts, " ".join(why)))])

    def _headline(self, said: Phrasing, layout: _Layout) -> str:
        writer = self.writer
        what, name = capital(said.what), ""
        if said.name is not None:
            name = writer.quotation(said.name or NAMELESS, layout.name)
        parts = (
            said.symbol if self.lines != 1 else "",
            writer.stressed(what) if what else "",
            name,
            ", ".join(writer.quotation(one, layout.version) for one in said.versions),
        )
        # A line says that it is run; on which machines has no room there.
        end = (Trusted(said.run),) if layout.detailed is None else said.runs
        start = " ".join(filter(None, parts)) + writer.plain(said.about)
        return start + writer.words(end, layout.version)

    def _foot(self, layout: _Layout, hidden: list[Event], follow: int) -> str:
        """Return the last line: what is not shown, when it was seen, and how to look it up."""
        digest, writer = self.digest, self.writer
        is_short = self.lines is not None or layout.text != _FULL
        rest = f"+ {counted(hidden)}" if hidden else ""
        if follow:
            rest += f" ({follow} {'follows' if follow == 1 else 'follow'})"
        command = ""
        # The command is there for what is missing; a message that has all needs none.
        is_all = not hidden and layout.detailed == len(layout.shown)
        if layout.command and not is_all:
            # To the minute: a command to type has to be short, and an event too many does no harm.
            since = min(event.at for event in digest.events)[: len("2026-01-31T12:00")]
            command = f"history --since {since}Z"
            if self.lines is None and layout.text != _SHORT:
                command = writer.quoted(f"comfy-watch {command}")
        parts = [rest, which_part(digest.part), "" if is_short else digest.when]
        joint = " · " if self.lines is None else ", "
        foot = joint.join(filter(None, (*map(writer.plain, parts), command)))
        return writer.block([foot]) if foot and self.lines is None else foot


@frozen
class _Writer:
    """How one format writes each part of a message."""

    plain: Callable[[str], str]
    """Our own words."""
    quoted: Callable[[str], str]
    """Untrusted text: one sanitized line without backticks, not empty."""
    stressed: Callable[[str], str]
    link: Callable[[str], str]
    block: Callable[[list[str]], str]
    """The lines of a block."""
    between: str
    """What separates blocks."""
    letters: Callable[[str], str] = str
    """Which characters the whole body may have."""

    def words(self, words: Words, limit: int) -> str:
        """Return our own words as they are, and untrusted ones quoted in at most `limit` characters each."""
        return "".join(
            self.plain(one)
            if isinstance(one, Trusted)
            else self.quotation(
                one, min(limit, _ITEM) if isinstance(one, Item) else limit
            )
            for one in words
        )

    def quotation(self, words: str, limit: int) -> str:
        """Return untrusted text as a quotation of at most so many characters."""
        text = sanitize_line(words, limit).replace("`", "'")
        if text.endswith("\\"):
            # apprise's Markdown converters would let it escape the backtick that follows
            text = text[:-1] + _BACKSLASH
        return self.quoted(text) if text else self.plain(BLANK)


def _escaped(text: str) -> str:
    """Return a quotation for Markdown without code: in quotation marks, with the special characters escaped."""
    return f"“{_MARKS.sub(lambda mark: chr(92) + mark[0], text.translate(_QUOTATION_MARKS))}”"


def _ascii_quoted(text: str) -> str:
    """Return a quotation that what it quotes cannot end."""
    # Of 160 bytes each pair of quotation marks takes two, and more after encoding.
    if _WORD.fullmatch(text):
        return text
    # A second mark would end the quotation, and what follows would read as ours.
    return '"' + ascii_text(text).replace('"', "'") + '"'


_MARKDOWN = _Writer(
    plain=str,
    quoted=lambda text: f"`{text}`",
    stressed=lambda text: f"**{text}**",
    link=lambda url: f"[registry]({url})",
    block="\n".join,
    between="\n\n",
)
_HTML = _Writer(
    plain=html.escape,
    quoted=lambda text: f"<code>{html.escape(text)}</code>",
    stressed=lambda text: f"<b>{html.escape(text)}</b>",
    link=lambda url: f'<a href="{html.escape(url)}">{html.escape(url)}</a>',
    block=lambda lines: f"<p>{'<br/>'.join(lines)}</p>",
    between="\n",
)
_TEXT = replace(_MARKDOWN, stressed=str, link=str)
_WRITERS = {
    Format.MARKDOWN: _MARKDOWN,
    # Cards join the lines of a paragraph.
    Format.CODELESS: replace(_MARKDOWN, quoted=_escaped, block="\n\n".join),
    Format.HTML: _HTML,
    Format.MAIL: replace(
        _HTML, quoted=lambda text: f"<samp>{html.escape(text)}</samp>"
    ),
    Format.TELEGRAM: replace(
        _HTML,
        link=lambda url: f'<a href="{html.escape(url)}">registry</a>',
        block="\n".join,
        between="\n\n",
    ),
    Format.TEXT: _TEXT,
    Format.ASCII: replace(_TEXT, quoted=_ascii_quoted, letters=ascii_text),
    # Several words could make a sentence.
    Format.PLAINEST: replace(
        _TEXT,
        quoted=lambda text: plain_name(text).replace(" ", "?"),
        letters=ascii_text,
    ),
}
