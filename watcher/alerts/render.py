"""A digest as Markdown, HTML or plain text that fits a service's limits. Pure.

Untrusted text is sanitized (`watcher.text.sanitize`) and then quoted, nearly everywhere as code. Inside a code span
nothing is markup, a mention, a link or an emoji: in CommonMark, in the dialects of Slack, Discord, Telegram, Matrix and
Mattermost, and where a service reads plain text as Markdown. Mail quotes it with the `samp` tag, which looks the same.
Where Markdown has no code, its special characters are escaped. Only our own words have markup.
"""

from __future__ import annotations

import html
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from watcher.alerts.differences import Item, Words
from watcher.alerts.digest import Digest, Group, compose
from watcher.alerts.phrasing import (
    BLANK,
    NAMELESS,
    PAGE,
    PRODUCT,
    Part,
    Phrasing,
    Piece,
    label,
    look_up,
    more,
    which_part,
)
from watcher.model.event import CRITICAL_RANK, Event
from watcher.text.ascii import ascii_text, plain_name
from watcher.text.sanitize import Trusted, sanitize_line


class Format(StrEnum):
    """How a message is marked up."""

    MARKDOWN = "markdown"
    CHAT = "markdown for chat"
    """For Discord and Slack, where an empty line before a list is one that is seen."""
    CODELESS = "markdown without code"
    HTML = "html"
    TELEGRAM = "html for telegram"
    """For Telegram, which has no paragraphs and no lists, but shows lines, empty ones too."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A message as it is sent. `title` is safe ASCII that needs no escaping in any format; it may be empty."""

    title: str
    body: str
    left: tuple[str, ...]
    """Ids of the events that it does not name and that go into a further message."""


PLAINEST_LIMIT = 160
"""The most bytes of title and body of the plainest form together, with a line end between them."""
_QUOTES = (300, 120)
"""The most characters of a quotation, before and after it gave way."""
_RUNS = 80
"""The same where it says what is run."""
_NAMES = ((100, 80), (36, 16), (20, 12))
"""The most characters of a name, which is as long as an id may be, and of a version; then those of the worst line,
where it is all that is left and even its advice in short has no room.
"""
_ALONE = Part.LINE + len(_NAMES)
"""The stage of the worst line where nothing is beside it."""
_ITEM = 60
_AROUND = " ;()"
_BACKSLASH = "\uff3c"  # FULLWIDTH REVERSE SOLIDUS: reads as one, escapes nothing
_LINK = re.compile(
    r"https://registry\.comfy\.org(?:/(?!(?:[^/]*/)*\.\.?(?:/|\Z))[A-Za-z0-9._~%/-]{0,600})?"
)
"""A page of the registry. A node called `..` has none: its link would lead elsewhere."""
_APART = (Part.RUNS, Part.ADVICE)
"""What is no clause."""
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

    What has no room gives way in the order of `Part`, of the mildest events first; at last their lines become a count.
    The name and version of the worst, and what to do about it, go last. Markup is never cut. With `lines` the body has
    at most that many: one for each event, and a last one with the count of the others. A single one has no symbol: a
    service may read it out. The size is asked for a few times only, however much has to go.
    """
    title = next((title for title in digest.titles if len(title) <= title_limit), "")
    number = len(digest.lines)
    if lines == 1:
        digest = _without_symbols(digest)
    if lines is not None:
        number = min(number, max(1, lines - 1))
    bodies = _Bodies(digest=digest, writer=_WRITERS[form], number=number, lines=lines)

    def message(cut: int) -> Rendered:
        return replace(bodies.message(cut), title=title)

    # Mostly everything fits. If the least does not, there is nothing to search for.
    if size(roomy := message(0)) <= limit:
        return roomy
    fitting = message(bodies.most_cuts)
    if size(fitting) > limit:
        least = [replace(fitting, body=body) for body in (*digest.titles, "!")]
        return next((one for one in least if size(one) <= limit), least[-1])
    low, high = 1, bodies.most_cuts
    while low < high:
        middle = (low + high) // 2
        candidate = message(middle)
        if size(candidate) <= limit:
            fitting, high = candidate, middle
        else:
            low = middle + 1
    return fitting


def _without_symbols(digest: Digest) -> Digest:
    lines = tuple(
        replace(line, phrasing=replace(line.phrasing, symbol=""))
        for line in digest.lines
    )
    return replace(digest, lines=lines)


def plainest(events: tuple[Event, ...], part: int = 0, reference: str = "") -> Rendered:
    """Return the plainest form, for a service that refuses the usual one: the worst event and what to do about it.

    It has no text that a person wrote. `part` and `reference` are as for `compose`.
    """
    digest = compose(events, part, reference)
    worst, *others = digest.lines
    pieces = tuple(
        piece if piece.part is Part.RUNS else piece._replace(words=piece.in_short)
        for piece in worst.phrasing.pieces
        if piece.part in (Part.RUNS, Part.ADVICE)
    )
    line = replace(worst, phrasing=replace(worst.phrasing, pieces=pieces))
    rest = digest.rest + Counter(label(event) for one in others for event in one.events)
    digest = replace(digest, lines=(line,), rest=rest)
    room = PLAINEST_LIMIT - len(PRODUCT) - 1
    return replace(render(digest, Format.PLAINEST, room, 0, 1), title=PRODUCT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bodies:
    """A digest's bodies, shorter and shorter: each cut takes one line one stage further, the mildest one first.

    At a stage the parts of a line up to that one have given way (`Part`). The worst line alone has further stages.
    """

    digest: Digest
    writer: _Writer
    number: int
    """Lines that may be shown."""
    lines: int | None

    @property
    def most_cuts(self) -> int:
        """After so many cuts the worst line is left alone."""
        return Part.LINE * (self.number - 1) + _ALONE

    def message(self, cut: int) -> Rendered:
        """Return the message after so many cuts, without a title."""
        writer = self.writer
        worst, *others = self.digest.lines[: self.number]
        rounds, further = divmod(cut, self.number)
        # Once no other line is left, each cut is one of the worst.
        beyond = max(0, cut - Part.LINE * self.number)
        of_worst = min(rounds, Part.LINE) + beyond
        shown = [(worst, of_worst)]
        for place, line in enumerate(others, start=1):
            is_cut_further = place >= self.number - further
            stage = rounds + 1 if is_cut_further else rounds
            if stage < Part.LINE:
                shown.append((line, stage))
        left = self._left({event.id for line, _ in shown for event in line.events})
        rest = self._rest(len(shown), of_worst, len(left))
        if of_worst == _ALONE:
            body = writer.sentence(worst.phrasing, of_worst, named=True)
        elif self.lines is not None:
            lines = [
                writer.sentence(line.phrasing, stage, named=True)
                for line, stage in shown
            ]
            between = " " if self.lines == 1 else "\n"
            body = between.join(filter(None, [*lines, rest]))
        else:
            by_group: dict[Group, list[tuple[Phrasing, int]]] = {}
            for line, stage in shown:
                by_group.setdefault(line.group, []).append((line.phrasing, stage))
            groups = itertools.starmap(writer.group, by_group.items())
            body = writer.between.join([*groups, writer.listed(rest, [])])
        return Rendered(title="", body=writer.letters(body), left=left)

    def _left(self, named: set[str]) -> tuple[str, ...]:
        """Return what goes into a further message; where a service shows lines alone that is only what is run."""
        is_brief = self.lines is not None
        return tuple(
            event
            for event, is_run in self.digest.owed.items()
            if event not in named and (is_run or not is_brief)
        )

    def _rest(self, shown: int, of_worst: int, follow: int) -> str:
        """Return the last block: what is not shown, when it was seen, and how to look it up."""
        digest, writer = self.digest, self.writer
        hidden = digest.lines[shown:]
        counted = Counter(label(event) for line in hidden for event in line.events)
        counted += digest.rest
        is_last = of_worst >= Part.LINE
        is_short = self.lines is not None or of_worst >= Part.SINCE
        critical = sum(
            number for one, number in counted.items() if one.rank[0] == CRITICAL_RANK
        )
        # What is critical and only counted has to be looked up.
        is_tight = is_last or self.lines == 1
        in_full = not is_tight and (not is_short or critical > follow)
        ours = (
            more(counted, follow=follow, in_short=is_last),
            which_part(digest.part),
            "" if is_short else digest.when,
        )
        command = ""
        if digest.reference:
            command = look_up(digest.reference, in_full=in_full)
            command = (writer.plain if is_short else writer.quoted)(command)
        # A line of its own has room for marks between its parts; in a sentence they are noise.
        joint = " · " if self.lines is None else ", "
        parts = [*map(writer.plain, filter(None, ours)), command]
        return joint.join(filter(None, parts))


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
    """A block and the lines below it, if any."""
    break_: str
    """What separates the lines of a block."""
    between: str
    """What separates blocks."""
    letters: Callable[[str], str] = str
    """Which characters the whole body may have."""

    def group(self, group: Group, shown: list[tuple[Phrasing, int]]) -> str:
        """Return a group: its worst event as a block, or its heading, and each other event as a line below."""
        ordered = sorted(shown, key=lambda one: not one[0].heads)
        below = ordered if group.heading else ordered[1:]
        lines = [
            self.sentence(phrasing, stage, named=group.is_of_many)
            for phrasing, stage in below
        ]
        heading = self.stressed(group.heading) if group.heading else ""
        return self.listed(heading or self.block(*ordered[0]), lines)

    def block(self, phrasing: Phrasing, stage: int) -> str:
        """Return an event in lines: what happened; what to do; why, since when, and the link."""
        lines = [self._headline(phrasing, stage, named=True)]
        if advice := _said(phrasing, Part.ADVICE, 0):
            lines.append(self._advice(advice, stage))
        clauses = list(self._clauses(phrasing, stage, named=True))
        is_link_alone = [piece.part for piece, _ in clauses] == [Part.LINK]
        if is_link_alone and not advice:
            return f"{lines[0]} · {clauses[0][1]}"
        for number, (piece, clause) in enumerate(clauses):
            if number == 0 or piece.on_own_line:
                lines.append(clause)
            else:
                lines[-1] += f" {clause}"
        return self.break_.join(lines)

    def sentence(self, phrasing: Phrasing, stage: int, *, named: bool) -> str:
        """Return an event in one line. `named`: of which node."""
        text = self._headline(phrasing, stage, named=named)
        if advice := _said(phrasing, Part.ADVICE, Part.ADVICE):
            text += f": {self._advice(advice, stage)}"
        clauses = self._clauses(phrasing, stage, named=named)
        return " ".join([f"{text}.", *(clause for _, clause in clauses)])

    def _headline(self, phrasing: Phrasing, stage: int, *, named: bool) -> str:
        of_name, of_version = _room(stage)
        parts = [phrasing.symbol] if phrasing.symbol else []
        what, about = phrasing.what, phrasing.about
        if what:
            parts.append(self.stressed(what[:1].upper() + what[1:]))
        if phrasing.place is not None:
            parts.append(self.words((phrasing.place, Trusted(":")), of_version))
        is_named = named or phrasing.version is None or not what
        if phrasing.name is not None and is_named:
            room = of_name
            if stage <= Part.LINE:
                # The sanitizer makes three characters of a dot that could make it a host.
                room += 2 * phrasing.name.count(".", 0, of_name)
            parts.append(self.words((phrasing.name or NAMELESS,), room))
        if phrasing.version is not None:
            parts.append(self.words((phrasing.version,), of_version))
        if about and not what:
            parts.append(self.stressed(about.strip()))
            about = ""
        text = " ".join(parts) + self.plain(about)
        # Beside the shortest name there is only room for the advice.
        if stage >= _ALONE - 1:
            return text
        return text + self.words(_said(phrasing, Part.RUNS, stage), _RUNS)

    def _advice(self, words: Words, stage: int) -> str:
        """Return what to do, our own words stressed."""
        _, of_version = _room(stage)
        return self.words(words, of_version, self._stress)

    def _stress(self, words: str) -> str:
        """Return our own words stressed, but for blanks and marks around them: markup takes no blanks there."""
        text = words.strip(_AROUND)
        if not text:
            return self.plain(words)
        begin, end = words.split(text)
        return self.plain(begin) + self.stressed(text) + self.plain(end)

    def _clauses(
        self, phrasing: Phrasing, stage: int, *, named: bool
    ) -> Iterator[tuple[Piece, str]]:
        """Yield the other pieces, each a sentence."""
        limit = _QUOTES[stage >= Part.QUOTATION]
        for piece in phrasing.pieces:
            if piece.part in _APART or stage >= piece.part:
                continue
            if piece.part is not Part.LINK:
                yield piece, self.words(_capital(piece.words), limit) + "."
            elif named and (pages := [*filter(is_page, piece.words)]):
                yield piece, "".join(map(self.link, pages))

    def words(
        self,
        words: Iterable[str],
        limit: int,
        own: Callable[[str], str] | None = None,
    ) -> str:
        """Return our own words as they are, and untrusted ones quoted in at most `limit` characters each."""
        own = own or self.plain
        return "".join(
            own(one) if isinstance(one, Trusted) else self._quotation(one, limit)
            for one in words
        )

    def _quotation(self, words: str, limit: int) -> str:
        limit = min(limit, _ITEM) if isinstance(words, Item) else limit
        text = sanitize_line(words, limit).replace("`", "'")
        if text.endswith("\\"):
            # apprise's Markdown converters would let it escape the backtick that follows
            text = text[:-1] + _BACKSLASH
        return self.quoted(text) if text else self.plain(BLANK)


def _room(stage: int) -> tuple[int, int]:
    """Return the most characters of a name and of a version."""
    return _NAMES[min(max(0, stage - Part.LINE), len(_NAMES) - 1)]


def _said(phrasing: Phrasing, part: Part, stage: int) -> Words:
    """Return what is left of a piece."""
    return tuple(
        word
        for piece in phrasing.pieces
        if piece.part is part
        for word in (piece.words if stage < part else piece.in_short)
    )


def _capital(words: Words) -> Words:
    """Return words that begin a sentence: our own ones with a capital letter."""
    first = words[:1]
    if first and isinstance(first[0], Trusted):
        first = (Trusted(first[0][:1].upper() + first[0][1:]),)
    return first + words[1:]


def _bulleted(heading: str, lines: list[str]) -> str:
    return "\n".join([heading, *(f"- {line}" for line in lines)])


def _list(heading: str, lines: list[str]) -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<p>{heading}</p><ul>{items}</ul>" if items else f"<p>{heading}</p>"


def _escaped(text: str) -> str:
    """Return a quotation for Markdown without code: in quotation marks, with the special characters escaped."""
    return f"“{_MARKS.sub(lambda mark: chr(92) + mark[0], text.translate(_QUOTATION_MARKS))}”"


def _ascii_quoted(text: str) -> str:
    """Return a quotation that what it quotes cannot end."""
    return '"' + ascii_text(text).replace('"', "'") + '"'


_MARKDOWN = _Writer(
    plain=str,
    quoted=lambda text: f"`{text}`",
    stressed=lambda text: f"**{text}**",
    link=lambda url: f"[{PAGE}]({url})",
    listed=lambda heading, lines: _bulleted(
        heading + "\n" if lines else heading, lines
    ),
    break_="\n",
    between="\n\n",
)
_HTML = _Writer(
    plain=html.escape,
    quoted=lambda text: f"<code>{html.escape(text)}</code>",
    stressed=lambda text: f"<b>{html.escape(text)}</b>",
    link=lambda url: f'<a href="{html.escape(url)}">{html.escape(url)}</a>',
    listed=_list,
    break_="<br/>",
    between="\n",
)
_TEXT = _Writer(
    plain=str,
    quoted=lambda text: f"`{text}`",
    stressed=str,
    link=str,
    listed=_bulleted,
    break_="\n",
    between="\n\n",
)
_WRITERS = {
    Format.MARKDOWN: _MARKDOWN,
    Format.CHAT: replace(_MARKDOWN, listed=_bulleted),
    # Cards join the lines of a paragraph.
    Format.CODELESS: replace(_MARKDOWN, quoted=_escaped, break_="\n\n"),
    Format.HTML: _HTML,
    Format.MAIL: replace(
        _HTML, quoted=lambda text: f"<samp>{html.escape(text)}</samp>"
    ),
    Format.TELEGRAM: replace(
        _HTML,
        link=lambda url: f'<a href="{html.escape(url)}">{PAGE}</a>',
        listed=_bulleted,
        break_="\n",
        between="\n\n",
    ),
    Format.TEXT: _TEXT,
    Format.ASCII: replace(
        _TEXT,
        quoted=lambda text: text if _WORD.fullmatch(text) else _ascii_quoted(text),
        letters=ascii_text,
    ),
    # Several words could make a sentence.
    Format.PLAINEST: replace(
        _TEXT,
        quoted=lambda text: plain_name(text).replace(" ", "?"),
        letters=ascii_text,
    ),
}
