"""Untrusted text (ids, versions, reasons, URLs) made safe for a line of any output, and made plain ASCII. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import fields, is_dataclass

REDACTED_EMAIL = "(address removed)"

_ELLIPSIS = "…"
# Look-alikes, since a text without these characters could no longer be read, or searched for.
_AT = "\uff20"  # FULLWIDTH COMMERCIAL AT: reads as @, pings nobody
_SMALL_AT = "\ufe6b"
_ANGLE = "\u2039"  # SINGLE LEFT-POINTING ANGLE QUOTATION MARK
# Piles of marks paint over the lines above and below.
_MARKS = 3
"""Combining marks that a letter may carry."""
_TRUSTED_LIMIT = 8192
# A text may begin with thousands of invisible characters to push what can be seen out of sight.
_READ = 16
"""How many times more characters are read than kept, since most of them may be invisible."""
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACE = frozenset({"Zs", "Zl", "Zp"})
_SEPARATORS = frozenset({"Zl", "Zp"})
_MARK = frozenset({"Mn", "Me"})
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
    "\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e00ff]"
)
"""Marks, letters and symbols that show as nothing (fillers, variation selectors, the blank braille pattern), and the
common characters of the invisible categories.
"""

_AT_SIGN = (
    r"(?:[(\[{] ?(?:at|[@\uff20\ufe6b]) ?[)\]}]|[@\uff20\ufe6b]|%(?:25){0,3}40|\\u0040"
    r"|&#(?:0{0,5}64|x0{0,5}40);|&commat;)"
)
_DOT = (
    r"(?:[.\u2024\u3002\uff0e\uff61]|[(\[{] ?(?:dot|\.) ?[)\]}]|%(?:25){0,3}2e|\\u002e"
    r"|&#(?:0{0,5}46|x0{0,5}2e);|&period;)"
)
"""The forms that `@` and `.` take in addresses: plain, encoded or spelled out."""

# To a regular expression a vowel sign is no letter, so that a host in Devanagari stayed a link.
_VOWELS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u1cff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff\u302a-\u302f\u3099\u309a\ua66f-\uabff"
    "\ufb1e\ufe20-\ufe2f\U00010000-\U0001efff"
)
"""The blocks of all marks that belong to a letter; many scripts need them in every word."""
_OF_HOST = rf"(?:[^\W_]|[{_VOWELS}-])"
_GOES_ON = re.compile(r"_\w")
"""A host has no underscore: `@torch.no_grad` is code."""

_HARMLESS = re.compile(r"[ -~]*")
# GitHub Actions takes such a line of a log for a command of the workflow.
_COMMAND = re.compile(r"\A\s*::|##\[")
_FIRST_OF_WORD = re.compile(r"(?<!\S)::+")
"""Colons that begin a word. Where a terminal breaks a line, any word may be its first."""
_CLEAN = re.compile(r"[!-~]+(?: [!-~]+)*")
_SUSPECT = re.compile(
    r"[<@%&\\]|[(\[{] ?[Aa]|://|\]\(|##\[|(?:\A| )::|[\w-]\.[A-Za-z]{2}|[Ww]{3}\."
)
"""What must be examined. A clean text without it is returned unchanged. Every form of `_AT_SIGN` begins like this."""

_AN_AT = f"(?i){_AT_SIGN}"
"""Compiled at first use, as the others that are text here: a quiet poll needs none of them."""

_AT_HOST = (
    rf"(?i){_AT_SIGN}\s{{0,4}}"
    rf"(?:\[[\d.:a-f]{{2,45}}\]|(?:{_OF_HOST}{{1,63}}+{_DOT}){{1,8}}[^\W\d_]{_OF_HOST}{{1,62}})"
)
"""An @ and the host after it."""
_MAILBOX_BACKWARDS = (
    r'(?i)\s{0,4}(?:"[^"]{1,64}"'
    r"|(?:[^\s@\uff20\ufe6b<>\u2039()\[\]{},;:|]|;\w{1,8}#?&|[)\]}] ?(?:tod|\.) ?[(\[{]){1,64})"
)
"""The mailbox before an @, matched backwards from there, so that the time does not depend on the text before it."""
# Bounds, so that the time grows with the text and not with its square.
_LONGEST_MAILBOX = 512
_LONGEST_WORD = 320
_HALF_AN_AT = rf"(?i){_AT_SIGN}|[(\[{{&%\\] ?[#\w]{{0,9}}\Z"
_TAG = re.compile(r"<(?![\s\d=…])")


_OF_FILE = r"py|js|example(?<=\bexample_node[.]py[.]example)(?!\w)"
"""The end of a file's name; the last is one of ComfyUI's own, which people are asked to create."""
_HOST_DOT = (
    rf"(?i)(?<=[\w\x80-\U0010ffff-])[.\u2024](?!{_OF_FILE})(?=[^\W\d_](?:[^\W\d_]|[{_VOWELS}])|xn--)|(?<=www)\."
    r"|(?<=[a-z0-9_-])[\u3002\uff0e\uff61](?=[a-z]{2})"
)
"""The dots of host names. Any visible character may precede the dot, since host names may contain emoji and marks.
Other characters that a browser reads as a dot count where they cannot end a sentence.
"""


def sanitize_line(text: str, limit: int = 200, *, cut_off: bool = False) -> str:
    """Return the text as one line of at most `limit` characters that is safe to print, log and send.

    Whitespace becomes one space. Controls, escapes, bidi controls and invisible characters are removed, and combining
    marks limited. E-mail addresses are redacted. `@` becomes U+FF20, and `<` of a tag or mention U+2039. `://` and the
    dots of host names are bracketed (`https[:]//evil[.]example`) so that nothing links them, and `](` is separated. A
    `::` that begins a word, and any `##[` (workflow commands), are broken. A cut is marked with `…`.
    The function is idempotent. It reads only the start of a huge text. If the text is `cut_off` already, its last word
    is dropped, since it may be half an address.
    """
    # Nearly all ids and versions are clean: a sweep has 33,000 rows.
    if (
        not cut_off
        and len(text) <= limit
        and not _SUSPECT.search(text)
        and (_CLEAN.fullmatch(text) or not text)
    ):
        return text
    window = max(4096, 8 * limit)
    read = text[: _READ * window]
    line = _visible(read, window)
    # What is left of an address without its other half is not found as one.
    if cut := cut_off or len(line) >= window or len(read) < len(text):
        line = _without_cut_end(line)
    # Before the @ is replaced, and after invisible characters are gone that may stand in an address.
    line = redact_emails(line)
    line = line.replace("@", _AT).replace(_SMALL_AT, _AT)
    line = _TAG.sub(_ANGLE, line).replace("://", "[:]//").replace("##[", "# #[")
    line = re.sub(_HOST_DOT, "[.]", line).replace("](", "] (")
    line = _FIRST_OF_WORD.sub(lambda colons: " ".join(colons[0]), line)
    if len(line) <= limit and cut:
        line += _ELLIPSIS
    return (
        line
        if len(line) <= limit
        else line[: max(0, limit - 1)].rstrip() + _ELLIPSIS[:limit]
    )


class Trusted(str):
    """Text of this program or its user, such as a path. Every other string is untrusted, also one made from this."""

    __slots__ = ()


def safe_line(text: str, limit: int = 200) -> str:
    """Return a text for a line of output: `Trusted` text through `escape_invisible`, any other through `sanitize_line`.

    `limit` is for untrusted text; trusted text may be as long as any path.
    """
    if not isinstance(text, Trusted):
        return sanitize_line(text, limit)
    return escape_invisible(
        text if len(text) <= _TRUSTED_LIMIT else text[: _TRUSTED_LIMIT - 1] + _ELLIPSIS
    )


def escape_invisible(text: str) -> str:
    """Return the text for a program: unchanged, but with JSON's escapes for what is invisible.

    That is controls, line ends, bidi controls, invisible characters and more than three marks on a letter; also the
    first character of a workflow command. Printed, it is one line. The function is idempotent.
    """
    if _HARMLESS.fullmatch(text) and not _COMMAND.search(text):
        return text
    out: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in _MARK else 0
        hidden = (
            category in _INVISIBLE_CATEGORIES
            or category in _SEPARATORS
            or marks > _MARKS
            or INVISIBLE.match(char)
        )
        out.append(_escaped(char) if hidden else char)
    return _COMMAND.sub(
        lambda found: found[0][:-1] + _escaped(found[0][-1]), "".join(out)
    )


def escape_values(document: object) -> object:
    """Return a JSON document whose texts are through `escape_invisible`. Its keys are the program's own.

    Of a dataclass the fields that have their default are left out.
    """
    match document:
        case str():
            return escape_invisible(document)
        case dict():
            return {key: escape_values(value) for key, value in document.items()}
        case list() | tuple():
            return [*map(escape_values, document)]
        case _ if is_dataclass(document):
            given = ((one, getattr(document, one.name)) for one in fields(document))
            return {
                one.name: escape_values(value)
                for one, value in given
                if value != one.default
            }
        case _:
            return document


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def redact_emails(text: str) -> str:
    """Return the text with every e-mail address replaced by `REDACTED_EMAIL`.

    An address is found although its @ or dots are encoded or spelled out, or it has blanks beside the @ or invisible
    characters. Text without an address is returned as it is.
    """
    if not re.search(_AN_AT, text):
        return text
    seen = INVISIBLE.sub("", text)
    out: list[str] = []
    done = 0
    for found in re.finditer(_AT_HOST, seen):
        before = seen[max(done, found.start() - _LONGEST_MAILBOX) : found.start()]
        # Code in a reason has decorators, as in "the @torch.no_grad".
        if before[-1:].isspace() and _GOES_ON.match(seen, found.end()):
            continue
        if mailbox := re.match(_MAILBOX_BACKWARDS, before[::-1]):
            out += [seen[done : found.start() - mailbox.end()], REDACTED_EMAIL]
            done = found.end()
    return "".join([*out, seen[done:]]) if out else text


def _visible(text: str, most: int) -> str:
    """Return the visible characters as one line, with single spaces and at most `_MARKS` marks on a letter.

    The result is hardly longer than `most`; if it is shorter, it is all of the text.
    """
    out: list[str] = []
    marks = _MARKS
    # A pattern removes thousands of fillers faster than the loop.
    for char in INVISIBLE.sub("", text):
        if len(out) > most:
            break
        category = unicodedata.category(char)
        if char in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85" or category in _SPACE:
            if out and out[-1] != " ":
                out.append(" ")
            marks = _MARKS
        elif category in _INVISIBLE_CATEGORIES:
            continue
        elif category in _MARK:
            marks += 1
            if marks <= _MARKS:
                out.append(char)
        else:
            out.append(char)
            marks = 0
    return "".join(out).rstrip(" ")


def _without_cut_end(line: str) -> str:
    """Return a line that was cut without the end that could be half an e-mail address."""
    few_words = len(line) - sum(len(word) + 1 for word in line.split(" ")[-4:])
    if found := re.compile(_HALF_AN_AT).search(
        line, max(few_words, len(line) - 2 * _LONGEST_WORD)
    ):
        line = line[: found.start()].rstrip(" ")
    return line[: max(line.rfind(" "), len(line) - _LONGEST_WORD, 0)].rstrip(" ")


_WORDS = str.maketrans(
    {
        "`": "'",  # ASCII, but not in the alphabet of text messages (3GPP TS 23.038)
        "\u00b7": "-",  # MIDDLE DOT
        "\u2013": "-",  # dashes
        "\u2014": "-",
        "\u2018": "'",  # quotation marks
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2026": " ...",  # HORIZONTAL ELLIPSIS; the blank keeps the dots from a name before it
        "\u2192": "->",  # RIGHTWARDS ARROW
        "\u2039": "(",  # what the sanitizer makes of <, @ and the renderer of a backslash
        "\uff20": "(at)",
        "\uff3c": "/",
    }
)
_SYMBOLS = re.compile(r"^(- )?[^\x00-\x7f]+ ", re.MULTILINE)
"""What stands before a line; its words say the same."""
_OTHER = re.compile(r"[^\n\r -~]+")
_PLAIN = re.compile(r"[A-Za-z0-9._+-]*")
_DEAD_DOT = "[.]"
"""As the sanitizer writes the dot of a host."""
_DOTS = re.compile(r"\.(?![0-9])")
"""Dots that may make it a host: no top-level domain begins with a digit."""
_FOURTH_NUMBER = re.compile(r"([0-9]+\.[0-9]+\.[0-9]+)\.(?=[0-9])")
"""Four numbers are an address."""
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._+-]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What some service takes for markup. An underscore counts only between letters or digits."""


def ascii_text(text: str) -> str:
    """Return sanitized text as ASCII: letters without their marks, and a question mark for what has no letter.

    The result has no `@` that the text has not, so that it forms no address.
    """
    # A backtick is not in the alphabet of text messages.
    if text.isascii():
        return text.replace("`", "'")
    plain = _SYMBOLS.sub(r"\1", text).translate(_WORDS)
    plain = plain.replace("  ...", " ...")
    return _OTHER.sub(
        "?", "".join(char if char.isascii() else _letter(char) for char in plain)
    )


def _letter(char: str) -> str:
    """Return a letter's own form without marks; the character itself if that is none."""
    parts = unicodedata.normalize("NFKD", char)
    # One letter outside of the alphabet of text messages makes two of 70 characters of one of 160.
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    if not bare:
        return ""
    return bare if bare.isascii() and bare.isalpha() else char


def plain_name(text: str, limit: int = 200) -> str:
    """Return a name with a question mark for whatever is not plain, or could make it an address or markup."""
    if not _PLAIN.fullmatch(text):
        text = sanitize_line(text, limit).replace(_DEAD_DOT, "?")
    elif len(text) > limit:
        text = text[: limit - 1] + "?"
    # Services and telephones link a bare `evil.com` or `1.2.3.4`.
    text = _FOURTH_NUMBER.sub(r"\1?", _DOTS.sub("?", text))
    return _NOT_PLAIN.sub("?", text).strip()


def plural(number: int, noun: str) -> str:
    """Return "1 alert" or "2,000 alerts"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
