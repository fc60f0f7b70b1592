"""The packs that the lines of a Dockerfile or of a script install. Pure.

Nothing is run, and a shell is not imitated: a line that names a tool, and does not say in plain words what is
installed, is one pack that is not known. So no such line is passed over in silence.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from watcher.installs.recognise import texts
from watcher.model.pack import Pack, PackKind
from watcher.text.repository import repository_key

LIMIT = 256 * 1024
"""Bytes; real files have less than a tenth of it."""

_ESCAPE = re.compile(
    r"(?:#[ \t]*(?:syntax|check)[ \t]*=.*\n)*#[ \t]*escape[ \t]*=[ \t]*`",
    re.IGNORECASE,
)
"""The head of a Dockerfile in which lines go on at a backtick: behind any other line it is a comment."""
_QUOTED = r"""("(?:[^"\\]|\\[\s\S])*"|'[^']*'|\\.)"""
_COMMENT = re.compile(rf"{_QUOTED}|(?:(?<=[\s;])|^)#.*")
_COMMAND = re.compile(r"[^;&|]+")
_SEPARATOR = re.compile(r"[;&|]")
_WITHIN = re.compile(r"""\$\([^()]*\)|`[^`]*`|"[^"]*"|'[^']*'""")
"""In it a separator ends no command, unless a tool stands in it too."""


def _two(first: str, second: str) -> str:
    """Return the form of a tool of two words: options may stand between them, and the marks of a JSON array."""
    # The first word may not come again in between, or the time to read a line would grow with its square.
    begin = rf"{first}(?:\.exe)?(?=[\s\"',)])"
    return rf"""{begin}(?:(?!(?<![\w.-]){begin}).)*?[\s"',]{second}"""


_OF_A_VARIABLE = (
    r"""\$[^\s"'$]+["']?\s+node(?=["']?\s+["']?(?:\w*-?install|update|restore))"""
)
"""`comfy node` where the file does not say that a variable is `comfy`."""
_TOOLS = {
    name: re.compile(
        rf"""(?:(?<![\w{before}])|(?<=\\n))(?:{form})(?![\w-])["']?""", re.DOTALL
    )
    for name, before, form in (
        # `my-git` and `x.git` are no tools; but cm-cli may stand behind its package, as in `comfyui_manager.cm_cli`.
        ("comfy-node-install", ".-", r"comfy-node-install(?:\.sh)?"),
        ("cm-cli", "-", r"cm[-_]cli(?:\.py|\.exe)?"),
        (
            "comfy node",
            ".-",
            f"{_two('comfy(?:[-_]?cli)?', 'node')}|{_OF_A_VARIABLE}",
        ),
        ("git clone", ".-", _two("git", "clone")),
    )
}
"""By name; a Python module may stand behind its package."""
# ADD clones by itself when it gets a git address, which BuildKit tells from an archive by these forms.
_ADD = re.compile(r"\s*(?:ONBUILD\s+)?ADD\s", re.IGNORECASE)
_GIT_ADDRESS = re.compile(
    r"[\w.-]+@[\w.-]+:\S+|(?:git|ssh)://\S+|(?:https?://|\$)\S+\.git(?:[#?]\S*)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"""(?:[^\s,]|,(?!["'\s]))+""")
"""A comma before a quote or a space parts the words of a JSON array."""
_QUOTES = re.compile(r"""["']|\\(?=["'$])""")
_LAST = re.compile(r"""[^"]*"|[^']*'|[^()]*\)|.*\]""")
"""A word that ends what the tool stands in: a quoted script, a group, an array."""
# What stands behind `>` or `<` is a file, and what it holds is not known.
_REDIRECTION = re.compile(r"\d*[<>].*")
_DEFINITION = re.compile(
    r"""(?<![\w-])(?P<name>[A-Za-z_]\w*)\+?=(?P<value>"[^"]*"|'[^']*'|[^\s;&|"']*+)(?P<more>[^\s;&|)]?)"""
    r"|\b(?:for|read(?:[ \t]+-\w+)*)[ \t]+(?P<changed>[A-Za-z_]\w*)"
    r"|^[ \t]*ENV[ \t]+(?P<env>[A-Za-z_]\w*)[ \t]+(?P<text>[^=\s].*)"
)
_USE = re.compile(r"\\?\$(?:\{(\w+)\}|(\w+))")
_MOST = 4 * LIMIT
"""Characters, with the values of variables in their places."""
_LONGEST_VALUE = 1_000
_INSTALLS = frozenset({"install", "reinstall"})
_WITH_VALUE = frozenset({"--channel", "--mode", "--user-directory", "--workspace"})
"""The options of the tools that take a value."""
_ADDRESS = re.compile(
    r"(?:[a-z][a-z+]*://|[\w.-]+@[\w.-]+:|\w[\w-]*\.[\w.-]+:)\S+",
    re.IGNORECASE,
)
# Anything else in an address, as `$OWNER` or `*`, makes it that of another repository, or of several.
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
    texts.require_small(data, LIMIT)
    # PowerShell's `>` writes UTF-16. Its bytes read as UTF-8 would name no tool, and so seem to install nothing.
    is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if is_utf_16 else "utf-8-sig", "replace")
    # Without a byte order mark UTF-16 is read as ASCII with a NUL behind each character.
    text = text.replace("\0", "").replace("\r\n", "\n")
    lines = [*_joined(text, is_script=is_script)]
    values = _values(line for _, line in lines)
    packs: dict[Pack, None] = {}
    size = 0
    for first, line in lines:
        filled = _filled(line, values)
        size += len(filled)
        # A few variables that name each other would else fill the memory: each doubles what the one before holds.
        if size > _MOST:
            raise texts.TooMuchError("has more in its variables than is read")
        for pack, at in _of_line(filled):
            packs[replace(pack, line=first + filled.count("\n", 0, at))] = None
        texts.require_few(packs)
    return tuple(packs)


def _joined(text: str, *, is_script: bool) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, joined with those that it goes on in, without comments."""
    mark = "`" if not is_script and _ESCAPE.match(text) else "\\"
    first, joined = 1, [""]
    for number, line in enumerate(text.split("\n"), 1):
        code = line.rstrip()
        # Docker leaves such lines out of the command; a shell ends the command there.
        if len(joined) > 1 and not is_script and code.lstrip()[:1] in {"", "#"}:
            joined.append("")
            continue
        joined.append(code.removesuffix(mark))
        # Two marks are an escaped one, as at the end of a path of Windows.
        if not code.endswith(mark) or code.endswith(2 * mark):
            yield first, _without_comments(joined)
            first, joined = number + 1, [""]
    yield first, _without_comments(joined)


def _without_comments(lines: list[str]) -> str:
    """Return a command's lines without comments; what is quoted, over several lines too, is none."""
    return _COMMENT.sub(lambda found: found[1] or "", "\n".join([*lines[1:], ""]))


def _values(lines: Iterable[str]) -> dict[str, str]:
    """Return the variables that have one value in the file."""
    found: dict[str, set[str]] = {}
    for line in lines:
        for one in _DEFINITION.finditer(line):
            # A value that goes on behind its quotes, as `"a"b`, is not read; the name then has no value that is known.
            is_plain = one["value"] and not one["more"]
            value = one["value"].strip("\"'").replace("\n", " ") if is_plain else "$"
            if one["env"]:
                value = one["text"].strip(" \t\"'")
            name = one["name"] or one["changed"] or one["env"]
            found.setdefault(name, set()).add(value)
    values: dict[str, str] = {}
    for name, each in found.items():
        # Only what has one value in all of the file is filled in: which branch a shell takes is not known here.
        value = _filled(each.pop(), values)
        if not each and len(value) <= _LONGEST_VALUE and not {*"$(`"} & {*value}:
            values[name] = value
    return values


def _filled(text: str, values: dict[str, str]) -> str:
    return _USE.sub(lambda used: values.get(used[1] or used[2], used[0]), text)


def _of_line(line: str) -> Iterator[tuple[Pack, int]]:
    """Yield the packs of a line, each with its place in it."""
    if _ADD.match(line):
        for found in _WORD.finditer(line):
            word = _QUOTES.sub("", found[0]).strip("[]")
            if _GIT_ADDRESS.fullmatch(word):
                address = word.partition("#")[0]  # behind it: a branch and a folder
                yield from _of_clone(address, "ADD", found.start())
    for command in _COMMAND.finditer(_WITHIN.sub(_as_one_word, line)):
        tools = _tools(line, *command.span())
        # A second tool in one command, as behind `xargs` or in an echo, ends the words of the first.
        ends = [*(tool.start() for _, tool in tools[1:]), command.end()]
        for (name, tool), end in zip(tools, ends, strict=False):
            words = [*_operands(line, tool.end(), end)]
            yield from _of_tool(name, words, tool.start())


def _as_one_word(within: re.Match[str]) -> str:
    """Return a quoted text with its separators hidden; if a tool stands in it, only those in what it quotes itself."""
    text = within[0]
    # A script in quotes (`bash -c '…'`) has commands of its own; an option (`-c "a; b"`) is one word of a command.
    if _tools(text, 0, len(text)):
        return text[0] + _WITHIN.sub(_as_one_word, text[1:-1]) + text[-1]
    return _SEPARATOR.sub("\0", text)


def _tools(line: str, start: int, end: int) -> list[tuple[str, re.Match[str]]]:
    """Return the tools in a part of a line, by name, in its order."""
    found = [
        (name, tool)
        for name, form in _TOOLS.items()
        for tool in form.finditer(line, start, end)
    ]
    return sorted(found, key=lambda one: one[1].start())


def _operands(line: str, start: int, end: int) -> Iterator[tuple[str, int]]:
    """Yield the words behind a tool, with their places, that are neither options nor values of options."""
    is_value = False
    for found in _WORD.finditer(line, start, end):
        word = _QUOTES.sub("", found[0]).strip("[]()")
        if _REDIRECTION.fullmatch(word):
            return
        if word and not is_value and not word.startswith("-"):
            yield word, found.start()
        # The value of any other option is taken for a pack: rather a row too many than a pack too few.
        is_value = word in _WITH_VALUE
        if _LAST.fullmatch(found[0]):
            return


def _of_tool(
    tool: str, words: list[tuple[str, int]], start: int
) -> Iterator[tuple[Pack, int]]:
    """Yield what a tool installs, as far as that is plain; that there is more, or something else, is one pack too."""
    if tool == "git clone":
        addresses = (word for word, _ in words if _ADDRESS.fullmatch(word))
        yield from _of_clone(next(addresses, ""), tool, start)
        return
    if tool != "comfy-node-install":
        is_install = bool(words) and words[0][0] in _INSTALLS
        words = words[1:] if is_install else []
    # What follows a word that is no plain name is not read: `$(cat x) b` may be anything. The unknown row says so.
    for word, at in words:
        pack = _of_word(word, tool)
        yield pack, at
        if pack.kind is PackKind.UNKNOWN:
            return
    if not words:
        yield _unknown(tool), start


def _of_word(word: str, tool: str) -> Pack:
    """Return the pack that a word names."""
    name, _, version = word.partition("@")
    is_github = texts.is_github(name)
    if is_github or _ADDRESS.fullmatch(word):
        return _of_address(name if is_github else word, tool)
    if texts.pack_id(name) is None or not _VERSION.fullmatch(version):
        return _unknown(tool)
    pinned, is_unpinned = texts.wanted(version)
    return Pack(
        folder=name,
        kind=PackKind.CLAIMED,
        id=name,
        version=pinned,
        is_unpinned=is_unpinned,
        evidence=tool,
    )


def _of_clone(word: str, tool: str, start: int) -> Iterator[tuple[Pack, int]]:
    """Yield the pack of a repository, unless it is ComfyUI's own."""
    pack = _of_address(word, tool)
    # Every image clones ComfyUI itself. It is no pack, and a row about it would be in each report.
    if repository_key(pack.repository or "") not in _COMFYUI:
        yield pack, start


def _of_address(word: str, tool: str) -> Pack:
    """Return the pack of a repository; one that is not known where the address is not."""
    repository = texts.github(word)
    if repository is None or not _PLAIN.fullmatch(repository):
        return _unknown(tool)
    return Pack(
        folder=texts.last_part(repository),
        kind=PackKind.GIT,
        repository=repository,
        evidence=f"a repository without an id: {_WHY}",
    )


def _unknown(tool: str) -> Pack:
    return Pack(
        folder=tool,
        kind=PackKind.UNKNOWN,
        evidence=f"the line does not say what is installed: {_WHY}",
    )
