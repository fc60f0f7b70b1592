"""What came of untrusted text in an output: parsed as its reader would, it gives a finding for each broken promise.

A finding is the figure it counts for and what was seen. `watcher` promises that there are none.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from html import unescape
from html.parser import HTMLParser
from itertools import takewhile

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.hostile.corpus import CANARY, REVIEWER
from tests.hostile.dialects import Dialect

FIGURES = (
    "pings",
    "forged_links",
    "escaped_markup",
    "terminal_escapes",
    "unseen",
    "forged_lines",
    "workflow_commands",
    "floods",
    "addresses",
    "refused",
)

Finding = tuple[str, str]

_OURS = r"https://registry\.comfy\.org(?:/nodes/[A-Za-z0-9._~%-]*)?"
_LONGEST_LINE = 2500
_LONGEST_LOG_LINE = 8000
_RELATIVE = re.compile(r"(?:[A-Za-z0-9_.~!$&'()*+,;=@/-]|%[0-9A-F]{2})+")
"""An address that leads to nowhere but below where it stands."""
_MOST_MARKS = 3
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_DOTS = ".\u2024"
_OTHER_DOTS = "\u3002\uff0e\uff61"
"""What a browser takes for a dot, though in a sentence they may be its end."""
"""An @ that is no mention: it stands in a command between an id and a version."""
_MARKDOWN_OURS = re.compile(
    "inline|text|code_inline|softbreak|(?:paragraph|bullet_list|list_item|strong|link)_(?:open|close)"
)
_JOINED = r"(?:(?<=[A-Za-z0-9])|(?<=[A-Za-z0-9]\\))_(?=[A-Za-z0-9])"
_NAMED = rf"[A-Za-z0-9](?:\\?(?:[A-Za-z0-9?-]|\.(?=[0-9])|{_JOINED}))*"
_NUMBERED = r"[vV]?[0-9](?:\\?(?:[A-Za-z0-9?+-]|\.(?=[0-9])))*"
_ADDRESS = re.compile(r"(?:[0-9]+\\?\.){3}[0-9]")
_LEADS = (
    "(?:BANNED|ARCHIVE REPLACED|You run (?:BANNED|[a-z]+)|Now watched:|[A-Z][a-z]+)"
)
_HEADLINES = (
    rf"{_LEADS} (?:a version of )?{_NAMED}(?: {_NUMBERED})?(?:, which you run)?",
    rf"(?:You run )?BANNED {_NAMED}, the whole pack(?:, which you run)?",
    rf"You do not run {_NAMED}(?: {_NUMBERED})? any more",
    rf"(?:Install {_NAMED}|An install) can(?:not| be) [a-z ]+",
    rf"(?:BANNED|Flagged|Deprecated) versions in {_NAMED}(?:, now watched)?",
    rf"{_NAMED}(?: {_NUMBERED})? (?:is|has|cannot|can) [a-z ]+",
    "The registry [a-z ]+",
    rf"Alerts (?:no longer reach {_NAMED}|reach {_NAMED} again)",
    r"Now watched: [0-9,]+ (?:more )?(?:node )?packs?(?: with [0-9,]+ versions?)?",
)
_TITLE = re.compile(
    r"(?:# |\*|<b>)?(?:Part [0-9]+: )?(?:Comfy Watch(?:: [0-9]+ [a-z0-9, ]+)?"
    rf"|(?:{'|'.join(_HEADLINES)})(?: \\?\(\\?\+ [0-9]+ [a-z0-9, ]+\\?\))?)(?:\*|</b>)?"
)
"""As a service stresses and escapes it, or not."""
_ASCII_LINE = re.compile(r"[A-Za-z][A-Za-z ]{2,40}:? (?:\(blank\) )?'")
"""In a text message, which has no symbols; a pack without a visible name is "(blank)"."""
_ASCII_HEADLINE = re.compile(rf"(?:- )?(?:{'|'.join(_HEADLINES)})(?:[.:;,]| on |\Z)")
"""The same where the pack's name needs no quotation marks."""
_EVENT_LINE = re.compile("(?:- )?[⛔❗🚩🗑❌🔌📉📝✅📈🆙✨⏳👀🚨📥📤] ")
_FURTHER_LINE = re.compile(
    "(?:A field|Reason|Dependencies|Archive|Status|The scanner found|Informational findings|Versions): |Was "
    "|The (?:newest good version is|archive of a published version was|only finding is) "
    "|New in this version|As in earlier versions, |All [0-9,]+ findings are |Nobody has reviewed it|Public for "
    "|Uploaded |There is no good version|Your copy may be |If nobody installed it, |Check the id"
    "|Stop ComfyUI and remove it[.] |Mend the cause, then run |A corrected URL gets what waits[.]|[0-9,]+ banned "
)
"""A line of a block below its headline begins with our own words."""
_WORDS_ALONE = {"paragraph_open", "inline", "text", "paragraph_close"}
_FILES = ("py", "js", "json")
_TAGS_OURS = {"p", "ul", "li", "b", "code", "samp", "a", "br", "h1"}


def in_any(text: str, *, controls: str = "\n") -> Iterator[Finding]:
    """Find what no output may hold: what acts unseen, what an automaton obeys, what names a reviewer."""
    for char in sorted(set(text)):
        if unicodedata.category(char) in {"Cc", "Cs"} and char not in controls:
            yield "terminal_escapes", repr(char)
        elif char in "\u2028\u2029":
            yield "forged_lines", repr(char)
        elif _INVISIBLE.match(char) or unicodedata.category(char) in {"Cf", "Co", "Cn"}:
            yield "unseen", repr(char)
    for line in re.split("[\n\r]", text):
        if line.lstrip().startswith("::") or "##[" in line:
            yield "workflow_commands", line
    said = _INVISIBLE.sub("", text).lower()
    for word in REVIEWER:
        if word in said:
            yield "addresses", _around(said, word)
    if re.search(
        rf"(?:[^\W\d_]|[\u0300-\u036f])(?:[\u0300-\u036f]){{{_MOST_MARKS + 1}}}", text
    ):
        yield "floods", "combining marks"


def in_message(text: str) -> Iterator[Finding]:
    """Find what no text of a message may hold, however it is read: a mention, an address that a reader makes a link."""
    yield from in_any(text, controls="\r\n")
    for mention in re.findall(r".{0,20}(?:@|<[!@#]|<users/).{0,20}", text):
        yield "pings", mention
    rest = re.sub(_OURS, "", text)
    for link in re.findall(r".{0,20}(?:://|\bwww\.).{0,20}", rest):
        yield "forged_links", link
    for host in _live_hosts(rest):
        if CANARY in host.lower():
            yield "forged_links", host


def _live_hosts(text: str) -> Iterator[str]:
    """Return what a reader may take for a host, by Unicode's categories: letters of any script with their marks.

    Symbols stand in hosts too (`i❤.example`), but the last label is one of letters; `py`, `js` and `json` end the names
    of files.
    """
    for place, char in enumerate(text):
        if char not in _DOTS + _OTHER_DOTS:
            continue
        label = "".join(takewhile(_in_a_label, text[place + 1 : place + 64]))
        before = "".join(
            takewhile(
                lambda one: one not in " \n\r[](){}<>`'\"",
                reversed(text[max(0, place - 80) : place]),
            )
        )[::-1]
        if (
            not before
            or not _ends_a_label(before[-1])
            or not _is_a_last_label(label.lower())
        ):
            continue
        if char in _DOTS or (before[-1].isascii() and label[:2].isascii()):
            yield before + char + label


def _in_a_label(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN" or char == "-"


def _ends_a_label(char: str) -> bool:
    return (
        unicodedata.category(char)[0] in ("LMN" if char.isascii() else "LMNS")
        or char in "-_"
    )


def _is_a_last_label(label: str) -> bool:
    kinds = [unicodedata.category(char)[0] for char in label[:2]]
    return label.startswith("xn--") or (
        len(kinds) == 2 and kinds[0] == "L" and kinds[1] in "LM" and label not in _FILES
    )


def in_title(text: str) -> Iterator[Finding]:
    """Find anything in a title but what is ours; a node's id may stand in it only if it needs no escaping anywhere."""
    said = text.replace("\xa0", " ")  # a heading's blanks in HTML
    if not _TITLE.fullmatch(said):
        yield "escaped_markup", text
    if _ADDRESS.search(said):
        yield "forged_links", text
    said = re.sub(r"\A(?:# |\*|<b>)|(?:\*|</b>)\Z", "", said)
    for token in _tokens(said):
        if token.type not in _WORDS_ALONE:
            yield "escaped_markup", f"{token.type} in {text}"


def in_shown(dialect: Dialect, text: str) -> Iterator[Finding]:
    """Read a text of a message as its service does, and find what is not ours outside of quotations."""
    match dialect:
        case Dialect.MARKDOWN:
            yield from in_message(text)
            yield from _in_markdown(text)
        case Dialect.HTML:
            yield from in_message(unescape(re.sub(r"<[^<>]*>", " ", text)))
            yield from _in_html(text)
        case Dialect.SLACK:
            links = re.findall(r"<([^<>]*)>", text)
            for link in links:
                if not re.fullmatch(rf"{_OURS}(?:\|registry)?", link):
                    yield "forged_links", link
            rest = re.sub(r"<[^<>]*>", "", text)
            if re.search(r"[<>]|&(?!amp;|lt;|gt;)", rest):
                yield "escaped_markup", rest
            yield from in_message(unescape(rest))
            yield from _outside(re.sub(r"`[^`\n]+`", "", rest))
        case Dialect.TELEGRAM_1 | Dialect.TELEGRAM_2:
            yield from in_message(re.sub(r"\\(.)", r"\1", text))
            yield from _in_telegram(text, escapes=dialect is Dialect.TELEGRAM_2)
        case Dialect.CARD:
            yield from in_message(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text))
            yield from _in_card(text)
        case Dialect.TITLE:
            yield from in_message(text)
            yield from in_title(text)
        case Dialect.TEXT:
            yield from in_message(text)
            yield from _outside(re.sub(r"`[^`\n]+`", "", text))
        case Dialect.BARE:
            yield from in_message(text)
            for line in text.splitlines():
                is_ours = (
                    _EVENT_LINE.match(line)
                    or _FURTHER_LINE.match(line)
                    or re.fullmatch(_OURS, line)
                )
                if text.isascii():  # a text message begins with the title
                    is_ours = (
                        _ASCII_LINE.match(line)
                        or _ASCII_HEADLINE.match(line)
                        or _TITLE.fullmatch(line)
                    )
                if CANARY in line and not is_ours:
                    yield "forged_lines", line


def _outside(text: str) -> Iterator[Finding]:
    """Look at what is left of a text without its quotations: only our words and links."""
    text = re.sub(_OURS, "", text)
    if CANARY in text.lower() or "`" in text:
        yield (
            "escaped_markup",
            _around(text, CANARY) if CANARY in text.lower() else _around(text, "`"),
        )


def _tokens(text: str, *without: str) -> list[Token]:
    tokens = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .disable(without)
        .parse(text)
    )
    return tokens + [child for token in tokens for child in token.children or ()]


def _in_markdown(text: str) -> Iterator[Finding]:
    for token in _tokens(text):
        if not _MARKDOWN_OURS.fullmatch(token.type):
            yield "escaped_markup", f"{token.type}: {token.content[:80]}"
        elif token.type == "link_open" and not re.fullmatch(
            _OURS, str(token.attrs["href"])
        ):
            yield "forged_links", str(token.attrs["href"])
        elif token.type == "text":
            yield from _outside(token.content)


def _in_card(text: str) -> Iterator[Finding]:
    """Read Markdown without code: untrusted text stands between quotation marks, and is no more than text."""
    stressed = 0
    for token in _tokens(text, "backticks"):
        stressed += {"strong_open": 1, "strong_close": -1}.get(token.type, 0)
        if token.type == "code_inline" or not _MARKDOWN_OURS.fullmatch(token.type):
            yield "escaped_markup", f"{token.type}: {token.content[:80]}"
        elif token.type == "link_open" and not re.fullmatch(
            _OURS, str(token.attrs["href"])
        ):
            yield "forged_links", str(token.attrs["href"])
        elif token.type == "text":
            yield from _outside(
                re.sub(r"“[^”]*”", "", token.content) if not stressed else token.content
            )


class _Page(HTMLParser):
    """Follows a page's tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.findings: list[Finding] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS_OURS or [name for name, _ in attrs] != (
            ["href"] if tag == "a" else []
        ):
            self.findings.append(("escaped_markup", f"<{tag} {attrs}>"))
        self.findings += [
            ("forged_links", str(link))
            for _, link in attrs
            if not re.fullmatch(_OURS, str(link))
        ]
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.findings.append(("escaped_markup", f"</{tag}>"))

    def handle_data(self, data: str) -> None:
        if not {"code", "samp", "a"} & set(self.open):
            self.findings += _outside(data.replace("`", ""))

    def handle_comment(self, data: str) -> None:
        self.findings.append(("escaped_markup", f"<!--{data}"))

    def handle_decl(self, decl: str) -> None:
        self.findings.append(("escaped_markup", f"<!{decl}"))

    def unknown_decl(self, data: str) -> None:
        self.findings.append(("escaped_markup", f"<![{data}"))

    def handle_pi(self, data: str) -> None:
        self.findings.append(("escaped_markup", f"<?{data}"))


def _in_html(text: str) -> Iterator[Finding]:
    page = _Page()
    page.feed(text)
    page.close()
    yield from page.findings
    if unended := re.search(
        r"<[^<>]*\Z", text
    ):  # what follows in the page belongs to it; only newer parsers see that
        yield "escaped_markup", unended[0]
    if page.open:
        yield "escaped_markup", f"left open: {page.open}"


def _in_telegram(text: str, *, escapes: bool) -> Iterator[Finding]:
    """Read Telegram's Markdown: what is not closed, or in its second version not escaped, is refused for ever."""
    for line in text.splitlines():
        outside = re.sub(r"`(?:[^`\\]|\\.)+`" if escapes else r"`[^`]+`", "", line)
        for link in re.findall(r"\[registry\]\(([^)]*)\)", outside):
            if not re.fullmatch(_OURS, link.replace("\\", "")):
                yield "forged_links", link
        outside = re.sub(r"\[registry\]\([^)]*\)", "", outside)
        if escapes:
            outside = re.sub(r"\\[_*\[\]()~`>#+=|{}.!-]", "", outside)
        yield from _outside(outside)
        if re.search(
            r"[*`_\[\]\\]", re.sub(r"\*[A-Za-z][A-Za-z0-9 ,:;.']*\*", "", outside)
        ):
            yield "escaped_markup", line
        if escapes and re.search(r"[()~>#+=|{}.!-]", outside):
            yield "escaped_markup", line


def in_sarif(text: str, results: int) -> Iterator[Finding]:
    """Find what a document in SARIF may not hold: a text in it has no links, which SARIF has too, or placeholders."""
    yield from in_json(text, printed=True)
    [run] = json.loads(text)["runs"]
    said = [one["message"]["text"] for one in run["results"]]
    for invocation in run["invocations"]:
        notices = invocation["toolExecutionNotifications"]
        said += [one["message"]["text"] for one in notices]
    for result in run["results"]:
        for place in result["locations"]:
            where = place["physicalLocation"]["artifactLocation"]["uri"]
            is_below = where == "." or not {"", ".", ".."} & {*where.split("/")}
            if not (is_below and _RELATIVE.fullmatch(where)):
                yield "forged_links", where
    for message in said:
        yield from in_message(message)
        if re.search(r"[][{}\\`]", message):
            yield "escaped_markup", message
    if len(run["results"]) != results:
        yield "forged_lines", f"{len(run['results'])} results"


def in_lines(text: str, expected: int | None) -> Iterator[Finding]:
    """Find what lines for a person may not hold; there must be as many as events or nodes made them (None: any)."""
    yield from in_any(text)
    lines = text.splitlines()
    if expected is not None and len(lines) != expected:
        yield "forged_lines", f"{len(lines)} lines, {expected} expected: {text[:400]}"
    for line in lines:
        if len(line) > _LONGEST_LINE:
            yield "floods", f"a line of {len(line)} characters"
    yield from in_terminal_line(lines)


def in_terminal_line(lines: Iterable[str]) -> Iterator[Finding]:
    """Find an address that a terminal, or a web page that shows a log, would make a link."""
    for line in lines:
        for link in re.findall(r".{0,20}://[^ ]*evil.{0,20}", line):
            yield "forged_links", link


def in_json_log(text: str, names: Collection[str] | None) -> Iterator[Finding]:
    """Find what a log in JSON may not hold: every line is one object, said under one of these names (None: any)."""
    yield from in_any(text)
    for line in text.splitlines():
        entry = _decoded(line)
        if not {"timestamp", "level", "event"} <= entry.keys() or (
            names is not None and entry["event"] not in names
        ):
            yield "forged_lines", line[:200]
        for value in entry.values():
            if isinstance(value, str):
                yield from in_any(value, controls="")
        if len(line) > _LONGEST_LOG_LINE:
            yield "floods", f"a log line of {len(line)} characters"


def _decoded(line: str) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def in_console_log(text: str) -> Iterator[Finding]:
    """Find what a log for a person may not hold: every line begins with a time and a level."""
    yield from in_any(text)
    for line in text.splitlines():
        if not re.match(
            r"\d{4}-\d\d-\d\dT[\d:.]+Z \[(?:debug|info|warning|error) *\] ", line
        ):
            yield "forged_lines", line[:200]
        if len(line) > _LONGEST_LOG_LINE:
            yield "floods", f"a log line of {len(line)} characters"
    yield from in_terminal_line(text.splitlines())


def in_json(text: str, *, printed: bool) -> Iterator[Finding]:
    """Find what a JSON file, or a document that is `printed`, may not hold: it is JSON, all of it ASCII.

    Of a document that is printed each text has to be harmless as it is too: so does who reads it with `jq -r` see it.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        yield "forged_lines", str(error)
        return
    for value in _texts(document) if printed else ():
        yield from in_any(value, controls="")
    if not text.isascii():
        yield "unseen", "not ASCII"
    for finding in in_any(text):
        if printed or finding[0] != "workflow_commands":
            yield finding


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _around(text: str, word: str) -> str:
    at = text.lower().find(word)
    return text[max(0, at - 60) : at + 60]
