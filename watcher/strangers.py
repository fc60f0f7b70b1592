"""Strangers' text (ids, versions, reasons, tags, addresses) made harmless for a line of any output. Pure.

Contract, Alerts: "Hostile text stays text". What is left can be read, but can't ping anybody, become a link, hide or
reorder text, break out of its line or steer a terminal. Escaping for Markdown and HTML comes on top, in
`watcher.render`.
"""

from __future__ import annotations

import re
import unicodedata

ADDRESS = "(address removed)"
"""Stands where an e-mail address was."""

_ELLIPSIS = "…"
_AT = "\uff20"  # FULLWIDTH COMMERCIAL AT: reads as @, pings nobody
_SMALL_AT = "\ufe6b"
_ANGLE = "\u2039"  # SINGLE LEFT-POINTING ANGLE QUOTATION MARK
_MARKS = 3
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACE = frozenset({"Zs", "Zl", "Zp"})
_MARK = frozenset({"Mn", "Me"})
_BLANKS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Marks, letters and symbols that show as nothing: fillers, variation selectors, the blank braille pattern."""

_AT_SIGN = r"(?:[@\uff20\ufe6b]|%(?:25){0,3}40|\\u0040|&#(?:0{0,5}64|x0{0,5}40);|&commat;|[(\[{] ?at ?[)\]}])"
_DOT = r"(?:[.\u2024\u3002\uff0e\uff61]|\[\.\]|[(\[{] ?dot ?[)\]}])"
"""As they are written, encoded or spelled out in addresses."""

_CLEAN = re.compile(r"[!-~]+(?: [!-~]+)*")
_SUSPECT = re.compile(rf"<|{_AT_SIGN}|://|##\[|\A::|[\w-]\.[A-Za-z]{{2}}|[A-Za-z]\.xn--|www\.", re.IGNORECASE)

_AN_AT = re.compile(_AT_SIGN, re.IGNORECASE)
_EMAIL = re.compile(
    rf'(?:"[^"]{{1,64}}"|[^\s@\uff20\ufe6b<>()\[\]{{}},;:|]{{1,64}})(?:{_AT_SIGN}| {_AT_SIGN} )'
    rf"(?:\[[\d.:a-f]{{2,45}}\]|(?:[\w-]{{1,63}}{_DOT}){{1,8}}[^\W\d_][\w-]{{1,62}})",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(?![\s\d=…])")
_HOST_DOT = re.compile(
    r"(?<=[\w-])\.(?!py|js)(?=[^\W\d_]{2}|xn--)|(?<=www)\.|(?<=[a-z0-9_-])[\u2024\u3002\uff0e\uff61](?=[a-z]{2})",
    re.IGNORECASE,
)
"""Also the other dots that a browser reads as one, where they can't be the end of a sentence."""


def plain(text: str, limit: int = 200) -> str:
    """Give the text as one line of at most `limit` characters that is safe to print, log and put into a message.

    Whitespace and newlines become one space; controls, escapes, bidi controls and all that is invisible go; floods
    of combining marks are bounded; e-mail addresses are replaced; `@` becomes U+FF20, `<` of a tag or mention U+2039;
    `://` and the dots of host names are bracketed (`https[:]//evil[.]example`) so that nothing links them;
    a leading `::` and any `##[` (workflow commands) are broken. What is cut off is marked with `…`.
    Applying it again changes nothing.
    """
    if len(text) <= limit and not _SUSPECT.search(text) and (_CLEAN.fullmatch(text) or not text):
        return text
    window = max(4096, 8 * limit)
    line = _visible(text if len(text) <= window else _whole_words(text[:window]))
    line = no_addresses(line)
    line = line.replace("@", _AT).replace(_SMALL_AT, _AT)
    line = _TAG.sub(_ANGLE, line).replace("://", "[:]//").replace("##[", "# #[")
    line = _HOST_DOT.sub("[.]", line)
    if line.startswith("::"):
        line = ": :" + line[2:]
    if len(line) <= limit and len(text) > window:
        line += _ELLIPSIS
    return line if len(line) <= limit else line[: max(0, limit - 1)].rstrip() + _ELLIPSIS[:limit]


def no_addresses(text: str) -> str:
    """Replace every e-mail address in the text by `ADDRESS`; also one whose @ or dots are encoded or spelled out."""
    return _EMAIL.sub(ADDRESS, text) if _AN_AT.search(text) else text


def _visible(text: str) -> str:
    """Keep what shows, on one line: whitespace runs are one space, and marks pile up no higher than `_MARKS`."""
    out: list[str] = []
    marks = _MARKS
    for char in _BLANKS.sub("", text):
        category = unicodedata.category(char)
        if char in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85" or category in _SPACE:
            if out and out[-1] != " ":
                out.append(" ")
            marks = _MARKS
        elif category in _INVISIBLE:
            continue
        elif category in _MARK:
            marks += 1
            if marks <= _MARKS:
                out.append(char)
        else:
            out.append(char)
            marks = 0
    return "".join(out).rstrip(" ")


def _whole_words(text: str) -> str:
    """Drop a last word that may have been cut, which could be half an e-mail address."""
    head = text.rstrip()
    parts = head.rsplit(None, 1)
    return parts[0] if len(parts) == 2 and len(head) == len(text) and len(parts[1]) <= 320 else head
