"""A digest as Markdown, HTML or plain text that fits a service's limits. Pure.

Untrusted text is sanitized (`watcher.text.sanitize`) and then quoted, nearly everywhere as code. Inside a code span
nothing is markup, a mention, a link or an emoji: in CommonMark, in the dialects of Slack, Discord, Telegram, Matrix and
Mattermost, and where a service reads plain text as Markdown. Mail quotes it with the `samp` tag, which looks the same.
Where Markdown has no code, its special characters are escaped. Only our own words have markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from watcher.alerts.digest import Digest, Group, left, not_shown, shorter
from watcher.alerts.words.differences import Item
from watcher.alerts.words.wording import Line, critical_ones, more
from watcher.text.ascii import ascii_text
from watcher.text.sanitize import Trusted, sanitize_line


class Format(StrEnum):
    """How a message is marked up."""

    MARKDOWN = "markdown"
    CODELESS = "markdown without code"
    HTML = "html"
    MAIL = "html for mail"
    """For services that also convert the HTML to text, where each code tag would begin a line."""
    TEXT = "text"
    ASCII = "text in ascii"
    """For text messages: one other character makes each part of 160 characters two of 70."""

    @property
    def markup(self) -> str:
        """Apprise's name for it."""
        return self.value.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message as it is sent. `title` is safe ASCII that needs no escaping in any format; it may be empty."""

    title: str
    body: str
    left: tuple[str, ...] = ()
    """Ids of the events that it does not name and that go into a further message."""


_QUOTES = (300, 120, 120, 120, 60, 0, 0, 0, 0, 0)
"""Limits of a quotation, in characters, by level. The higher its level, the less a line says."""
_NO_LINK, _NO_HISTORY, _NO_REASON, _IN_SHORT, _NO_ADVICE = 2, 3, 5, 6, 7
"""The levels from which on a line has no link, no history, neither reason nor details, its advice in short, and none.

Whether somebody runs it is shorter from `_NO_REASON` on, and goes with the advice.
"""
_PACK, _VERSION = 100, 80
"""The most characters of a name, which is as long as an id may be, and of a version."""
_LEAST = 9
_SHORT_NAMES = {8: (36, 16), _LEAST: (20, 12)}
"""The same of the worst line, by level, where even its advice in short has no room: that goes last."""
_ITEM = 60
_BACKSLASH = "\uff3c"  # FULLWIDTH REVERSE SOLIDUS: reads as one, escapes nothing
_LINK = re.compile(
    r"https://registry\.comfy\.org(?:/(?!(?:[^/]*/)*\.\.?(?:/|\Z))[A-Za-z0-9._~%/-]{0,600})?"
)
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

    Where room is short, quotations get shorter, then links, histories and reasons go, of the mildest events first; then
    events are counted instead of shown. The name and version of the worst, and what to do about it, go last. Markup is
    never cut. With `lines` the body has at most that many: one for each event, and a last one with the count of the
    others.
    """
    return fitted(
        digest,
        form,
        body_limit,
        title_limit,
        lambda message: len(message.body.encode()),
        lines,
    )


def fitted(
    digest: Digest,
    form: Format,
    limit: int,
    title_limit: int,
    size: Callable[[Rendered], int],
    lines: int | None = None,
) -> Rendered:
    """Render the digest so that `size` of the message, as the service counts it, is at most `limit`.

    The rest is as for `render`. The size is asked for a few times only, however much has to go.
    """
    title = next((title for title in digest.titles if len(title) <= title_limit), "")
    if lines is not None:
        digest = shorter(digest, max(1, lines - 1))
    cuts = _Cuts(digest=digest, writer=_WRITERS[form], lines=lines)
    write = ascii_text if form is Format.ASCII else str
    fitting: Rendered | None = None
    cut, low, high = 0, 0, cuts.most
    while fitting is None or low < high:
        message = cuts.message(cut, title, write)
        if size(message) <= limit:
            fitting, high = message, cut
        elif cut == cuts.most:
            break
        else:
            low = cut + 1
        # The first fits mostly. Else the last is next: what does not fit then is no search.
        cut = cuts.most if fitting is None else (low + high) // 2
    if fitting is not None:
        return fitting
    alone = left(shorter(digest, 1), brief=lines is not None)
    least = [
        Rendered(title=title, body=body, left=alone)
        for body in (write(cuts.least()), *digest.titles, "!")
    ]
    return next((message for message in least if size(message) <= limit), least[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cuts:
    """A digest's bodies, shorter and shorter."""

    digest: Digest
    writer: _Writer
    lines: int | None

    @property
    def most(self) -> int:
        """How often it can be cut: one level more for one line each time, one line less, shorter counts and names."""
        return (_NO_ADVICE + 1) * self.digest.lines + len(_SHORT_NAMES)

    def message(self, cut: int, title: str, write: Callable[[str], str]) -> Rendered:
        """Return the message after so many cuts."""
        number = self.digest.lines
        rounds, more_cut = divmod(min(cut, _NO_ADVICE * number), number)
        kept = min(number, max(1, (_NO_ADVICE + 1) * number - cut))

        short = cut - (_NO_ADVICE + 1) * number
        """Above -1 all else is gone, and counts get shorter; above that, names do."""

        def level(line: Line) -> int:
            if line.place == 0 and short > 0:
                return _NO_ADVICE + short
            if (
                line.place == 0 or line.event in run
            ):  # what has no room for the advice goes into a further message
                return min(rounds, _IN_SHORT)
            return rounds + (line.place >= number - more_cut)

        run = {one.event for one in self.digest.owed if one.is_run}
        digest = shorter(self.digest, kept)
        follow = left(digest, brief=self.lines is not None)
        if self.lines is None and short < 0:
            body = self._body(digest, level, len(follow))
        else:
            body = self._lines(digest, level, len(follow), in_short=short >= 0)
        return Rendered(title=title, body=write(body), left=follow)

    def least(self) -> str:
        """Return the worst event alone, with its name and version, and what to do."""
        [group] = shorter(self.digest, 1).groups
        return self.writer.line(group.lines[0], _LEAST, named=True)

    def _body(self, digest: Digest, level: Callable[[Line], int], follow: int) -> str:
        """Return the body of blocks: the groups, what is not shown, and the foot."""
        writer = self.writer
        parts = [writer.group(group, level) for group in digest.groups]
        if digest.hidden:
            parts.append(writer.paragraph(writer.plain(more(digest.hidden))))
        if follow:
            parts.append(
                writer.paragraph(
                    writer.plain(
                        f"{follow} of those not shown follow in further messages"
                    )
                )
            )
        is_short = level(digest.groups[0].lines[0]) >= _NO_HISTORY
        said = [*_part(digest), *([] if is_short else [digest.seen])]
        # What is bad and only counted has to be looked up.
        in_full = not is_short or critical_ones(not_shown(digest)) > follow
        parts.append(writer.foot(said, digest.reference, in_full=in_full))
        return writer.between.join(parts)

    def _lines(
        self,
        digest: Digest,
        level: Callable[[Line], int],
        follow: int,
        *,
        in_short: bool,
    ) -> str:
        """Return the body of lines: one for each event, and one for the rest."""
        lines = [
            self.writer.line(line, level(line), named=True)
            for group in digest.groups
            for line in group.lines
        ]
        hidden = not_shown(digest)
        counts = [more(hidden, in_short=in_short, follow=follow)] if hidden else []
        command = (
            ""
            if in_short or critical_ones(hidden) <= follow
            else "comfy-watch history --"
        )
        rest = self.writer.plain(
            " · ".join([*counts, *_part(digest), f"{command}ref {digest.reference}"])
        )
        if self.lines is None:
            return self.writer.between.join(map(self.writer.paragraph, [*lines, rest]))
        return (" · " if self.lines == 1 else "\n").join([*lines, rest])


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
    paragraph: Callable[[str], str]
    between: str
    """What separates blocks."""

    def group(self, group: Group, level: Callable[[Line], int]) -> str:
        lines = [
            self.line(line, level(line), named=bool(group.heading) or number == 0)
            for number, line in enumerate(group.lines)
        ]
        if group.hidden:
            lines.append(self.plain(more(group.hidden)))
        if group.heading:
            lines.insert(0, self.stressed(group.heading))
        return self.listed(lines[0], lines[1:])

    def line(self, line: Line, level: int, *, named: bool) -> str:
        """Return what is said of an event; `named`: of which node."""
        quote = _QUOTES[level]
        of_pack, of_version = _SHORT_NAMES.get(level, (_PACK, _VERSION))
        parts = [line.symbol, self.stressed(line.lead)]
        if named and line.pack is not None:
            # A dot that could make it a host is shown as three characters.
            dots = line.pack.count(".", 0, of_pack) if level < _NO_ADVICE else 0
            parts.append(self.words((line.pack or "(no name)",), of_pack + 2 * dots))
        if line.version is not None:
            parts.append(self.words((line.version,), of_version))
        text = " ".join(parts) + self.plain(line.about)
        if line.history and level < _NO_HISTORY:
            text += f" ({self.words(line.history, quote)})"
        runs = line.runs if level < _NO_REASON else line.runs_in_short
        if runs and level not in (_NO_ADVICE, _LEAST):
            text += f" · {self.words(runs, _VERSION)}"
        if level != _NO_ADVICE:
            for word in line.advice if level < _IN_SHORT else line.advice_in_short:
                ours = isinstance(word, Trusted)
                text += (
                    f" · {self.stressed(word)}"
                    if ours
                    else f" {self.words((word,), of_version)}"
                )
        for words in (line.details, line.reason):
            if words and level < _NO_REASON:
                text += f" · {self.words(words, quote)}"
        return text + (self.linked(line.url) if named and level < _NO_LINK else "")

    def foot(self, said: Iterable[str], reference: str, *, in_full: bool) -> str:
        """Return the last block: what else is said, in our own words, and how to look the message up."""
        command = (
            self.quoted(f"comfy-watch history --ref {reference}")
            if in_full
            else self.plain(f"ref {reference}")
        )
        return self.paragraph(" · ".join([*map(self.plain, said), command]))

    def linked(self, url: str) -> str:
        """Return a link; "" if the URL is not a page of the registry."""
        return self.link(url) if _LINK.fullmatch(url) else ""

    def words(self, words: Iterable[str], limit: int) -> str:
        """Return our own words as they are, and untrusted ones quoted in at most `limit` characters each."""
        return "".join(
            self.plain(one) if isinstance(one, Trusted) else self._quotation(one, limit)
            for one in words
        )

    def _quotation(self, words: str, limit: int) -> str:
        text = sanitize_line(
            words, min(limit, _ITEM) if isinstance(words, Item) else limit
        ).replace("`", "'")
        if text.endswith(
            "\\"
        ):  # apprise's Markdown converters would let it escape the backtick that follows
            text = text[:-1] + _BACKSLASH
        return self.quoted(text) if text else self.plain("(blank)")


def _part(digest: Digest) -> list[str]:
    """Return that this is a further message, if it is one."""
    return [f"part {digest.part + 1}"] if digest.part else []


def _bulleted(heading: str, lines: list[str]) -> str:
    return "\n".join([heading, *(f"- {line}" for line in lines)])


def _list(heading: str, lines: list[str]) -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<p>{heading}</p><ul>{items}</ul>" if items else f"<p>{heading}</p>"


def _escaped(text: str) -> str:
    """Return a quotation for Markdown without code: in quotation marks, with the special characters escaped."""
    return f"“{_MARKS.sub(lambda mark: chr(92) + mark[0], text.translate(_QUOTATION_MARKS))}”"


_MARKDOWN = _Writer(
    plain=str,
    quoted=lambda text: f"`{text}`",
    stressed=lambda text: f"**{text}**",
    link=lambda url: f" · [registry]({url})",
    listed=lambda heading, lines: _bulleted(
        heading + "\n" if lines else heading, lines
    ),
    paragraph=str,
    between="\n\n",
)
_HTML = _Writer(
    plain=html.escape,
    quoted=lambda text: f"<code>{html.escape(text)}</code>",
    stressed=lambda text: f"<b>{html.escape(text)}</b>",
    link=lambda url: f' · <a href="{html.escape(url)}">{html.escape(url)}</a>',
    listed=_list,
    paragraph=lambda text: f"<p>{text}</p>",
    between="\n",
)
_TEXT = _Writer(
    plain=str,
    quoted=lambda text: f"`{text}`",
    stressed=str,
    link=lambda url: f" {url}",
    listed=_bulleted,
    paragraph=str,
    between="\n\n",
)
_WRITERS = {
    Format.MARKDOWN: _MARKDOWN,
    Format.CODELESS: replace(_MARKDOWN, quoted=_escaped),
    Format.HTML: _HTML,
    Format.MAIL: replace(
        _HTML, quoted=lambda text: f"<samp>{html.escape(text)}</samp>"
    ),
    Format.TEXT: _TEXT,
    Format.ASCII: _TEXT,
}
