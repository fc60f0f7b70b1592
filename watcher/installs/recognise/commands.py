"""The packs that the lines of a Dockerfile or of a script install. Pure.

Nothing is run, and a shell is not imitated: a line that names a tool, and does not say in plain words what is
installed, is one pack that is not known. So no such line is passed over in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from watcher.installs.recognise import texts
from watcher.model.pack import Pack, PackKind
from watcher.text.repository import repository_key

LIMIT = 256 * 1024
"""Bytes; real files have less than a tenth of it."""

_QUOTED = r"""("(?:[^"\\]|\\.)*"|'[^']*'|\\.)"""
_COMMENT = re.compile(rf"{_QUOTED}|(?:(?<=[\s;])|^)#.*")
_COMMAND = re.compile(r"[^;&|]+")
_GAP = r"""(?=[\s"',)]).{0,500}?[\s"',]"""
"""What stands between the two words of a tool: options, and the marks of a JSON array."""
_TOOL = re.compile(
    r"(?:(?<![\w.-])|(?<=\\n))"
    r"(?:(?P<script>comfy-node-install(?:\.sh)?)|(?P<manager>cm[-_]cli(?:\.py|\.exe)?)"
    rf"|(?P<comfy>comfy(?:[-_]?cli)?(?:\.exe)?{_GAP}node)|(?P<git>git(?:\.exe)?{_GAP}clone))"
    r"""(?![\w-])["']?""",
    re.DOTALL,
)
_NAMES = {
    "script": "comfy-node-install",
    "manager": "cm-cli",
    "comfy": "comfy node",
    "git": "git clone",
}
_ADD = re.compile(r"\s*(?:ONBUILD\s+)?ADD\s", re.IGNORECASE)
_GIT_ADDRESS = re.compile(r"git@\S+|(?:git|ssh)://\S+|https?://\S+\.git(?:[#?]\S*)?")
_WORD = re.compile(r"""(?:[^\s,]|,(?!["'\s]))+""")
"""A comma before a quote or a space parts the words of a JSON array."""
_QUOTES = re.compile(r"""["']|\\(?=["'$])""")
_LAST = re.compile(r"""[^"]*"|[^']*'|[^()]*\)|.*\]""")
"""A word that ends what the tool stands in: a quoted script, a group, an array."""
_REDIRECTION = re.compile(r"\d*[<>].*")
_DEFINITION = re.compile(
    r"""(?<![\w-])(?P<name>[A-Za-z_]\w*)\+?=(?P<value>"[^"]*"|'[^']*'|[^\s;&|"']*+)(?P<more>[^\s;&|)]?)"""
    r"|\b(?:for|read(?:[ \t]+-\w+)*)[ \t]+(?P<changed>[A-Za-z_]\w*)"
)
_USE = re.compile(r"\\?\$(?:\{(\w+)\}|(\w+))")
_MOST = 4 * LIMIT
"""Characters, with the values of variables in their places."""
_LONGEST_VALUE = 1_000
_INSTALLS = frozenset({"install", "reinstall"})
_WITH_VALUE = frozenset({"--channel", "--mode", "--user-directory", "--workspace"})
"""The options of the tools that take a value."""
_ADDRESS = re.compile(r"(?:[a-z][a-z+]*://|git@)\S+", re.IGNORECASE)
_PLAIN = re.compile(r"[\w.:/@+~-]+")
_VERSION = re.compile(r"[\w.+-]*")
_COMFYUI = frozenset(
    {"github.com/comfyanonymous/comfyui", "github.com/comfy-org/comfyui"}
)
_WHY = "audit what is built"


def read(data: bytes, *, is_script: bool) -> tuple[Pack, ...]:
    """Return the packs with their lines, in the order of the file; TooMuchError if they are more than anybody writes.

    A comment or an empty line within a command of a Dockerfile is no part of it; in a script it ends the command.
    """
    if len(data) > LIMIT:
        raise texts.TooMuchError(
            f"is larger than {LIMIT // 1024} KB, which is not read"
        )
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    lines = [*_joined(text, is_script=is_script)]
    values = _values(line for _, line in lines)
    packs: dict[Pack, None] = {}
    size = 0
    for first, line in lines:
        filled = _filled(line, values)
        size += len(filled)
        if size > _MOST:
            raise texts.TooMuchError("has more in its variables than is read")
        packs |= dict.fromkeys(_of_line(filled, first))
        texts.require_few(packs)
    return tuple(packs)


def _joined(text: str, *, is_script: bool) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, joined with those that it goes on in, without comments."""
    first, joined = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        code = _COMMENT.sub(lambda found: found[1] or "", line).rstrip()
        goes_on = code.endswith("\\") or not (code or is_script or not joined)
        joined += code.removesuffix("\\") + "\n"
        if not goes_on:
            yield first, joined
            first, joined = number + 1, ""
    yield first, joined


def _values(lines: Iterable[str]) -> dict[str, str]:
    """Return the variables that have one value in the file."""
    found: dict[str, set[str]] = {}
    for line in lines:
        for one in _DEFINITION.finditer(line):
            is_plain = one["value"] and not one["more"]
            value = one["value"].strip("\"'").replace("\n", " ") if is_plain else "$"
            found.setdefault(one["name"] or one["changed"], set()).add(value)
    values: dict[str, str] = {}
    for name, each in found.items():
        value = _filled(each.pop(), values)
        if not each and len(value) <= _LONGEST_VALUE and not {*"$(`"} & {*value}:
            values[name] = value
    return values


def _filled(text: str, values: dict[str, str]) -> str:
    return _USE.sub(lambda used: values.get(used[1] or used[2], used[0]), text)


def _of_line(line: str, first: int) -> Iterator[Pack]:
    """Yield the packs of a line, whose number in the file is `first`."""

    def number(at: int) -> int:
        return first + line.count("\n", 0, at)

    if _ADD.match(line):
        for found in _WORD.finditer(line):
            word = _QUOTES.sub("", found[0]).strip("[]")
            if _GIT_ADDRESS.fullmatch(word):
                address = word.partition("#")[0]  # behind it: a branch and a folder
                yield _of_address(address, "ADD", number(found.start()))
    for command in _COMMAND.finditer(line):
        tools = [*_TOOL.finditer(line, *command.span())]
        ends = [*(tool.start() for tool in tools[1:]), command.end()]
        for tool, end in zip(tools, ends, strict=False):
            words = [
                (word, number(at)) for word, at in _operands(line, tool.end(), end)
            ]
            yield from _of_tool(str(tool.lastgroup), words, number(tool.start()))


def _operands(line: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    """Yield the words behind a tool, with their places, that are neither options nor values of options."""
    is_value = False
    for found in _WORD.finditer(line, start, end):
        word = _QUOTES.sub("", found[0]).strip("[]()")
        if _REDIRECTION.fullmatch(word):
            return
        if word and not is_value and not word.startswith("-"):
            yield word, found.start()
        is_value = word in _WITH_VALUE
        if _LAST.fullmatch(found[0]):
            return


def _of_tool(kind: str, words: list[tuple[str, int]], line: int) -> Iterator[Pack]:
    """Yield what a tool installs, as far as that is plain; that there is more, or something else, is one pack too."""
    tool = _NAMES[kind]
    if kind == "git":
        addresses = (word for word, _ in words if _ADDRESS.fullmatch(word))
        cloned = _of_address(next(addresses, ""), tool, line)
        if repository_key(cloned.repository or "") not in _COMFYUI:
            yield cloned
        return
    if kind != "script":
        is_install = bool(words) and words[0][0] in _INSTALLS
        words = words[1:] if is_install else []
    for word, at in words:
        pack = _of_word(word, tool, at)
        yield pack
        if pack.kind is PackKind.UNKNOWN:
            return
    if not words:
        yield _unknown(tool, line)


def _of_word(word: str, tool: str, line: int) -> Pack:
    """Return the pack that a word names."""
    name, _, version = word.partition("@")
    if _ADDRESS.fullmatch(word):
        return _of_address(word, tool, line)
    if texts.is_github(name):
        return _of_address(texts.github(name) or "", tool, line)
    if texts.pack_id(name) is None or not _VERSION.fullmatch(version):
        return _unknown(tool, line)
    pinned = texts.pinned(version)
    return Pack(
        folder=name,
        kind=PackKind.CLAIMED,
        id=name,
        version=pinned,
        is_unpinned=pinned is None,
        line=line,
        evidence=tool,
    )


def _of_address(word: str, tool: str, line: int) -> Pack:
    """Return the pack of a repository; one that is not known where the address is not."""
    repository = texts.address(word)
    if repository is None or not _PLAIN.fullmatch(repository):
        return _unknown(tool, line)
    return Pack(
        folder=texts.last_part(repository),
        kind=PackKind.GIT,
        repository=repository,
        line=line,
        evidence=f"a repository without an id: {_WHY}",
    )


def _unknown(tool: str, line: int) -> Pack:
    return Pack(
        folder=tool,
        kind=PackKind.UNKNOWN,
        line=line,
        evidence=f"the line does not say what is installed: {_WHY}",
    )
