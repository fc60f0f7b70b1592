"""The packs that a Dockerfile installs, and what in it cannot be known. Pure.

Nothing is run. The instructions are read as a builder reads them: continued lines, comments between these, heredocs,
`# escape=`, and variables with their values of `ARG` and `ENV` in each stage. Of packages that do so none reads
heredocs or keeps the lines of words.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from watcher.installs.recognise import commands, shell, texts
from watcher.installs.recognise.located import Located, heredoc_end
from watcher.installs.recognise.shell import Word
from watcher.model.pack import Pack
from watcher.text.sanitize import sanitize_line

LIMIT = 256 * 1024
"""Bytes; real files have less than a tenth of it."""

_EFFORT = 4 * LIMIT
_SHOWN = 10
"""What cannot be known of one file, as far as it is said by itself."""
_LONGEST = 100
"""Characters of a word that cannot be known."""
_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z]+)[ \t]*=[ \t]*(\S+)[ \t]*")
_KEYWORD = re.compile(r"[ \t]*([A-Za-z]+)(?=\s|\\\n|$)")
_FLAG = re.compile(r"(?:\s|\\\n)*--[a-z][^\s]*")
_HEREDOC = re.compile(
    r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.|(?<!\S)\d*<<(?P<dash>-?)(?P<quote>["']?)(?P<end>[^\s<"']+)(?P=quote)"""
)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CHECK = re.compile(r"\bCMD\b", re.IGNORECASE)
_STAGE = re.compile(
    r"(?:--\S+\s+)*(?P<base>\S+)(?:\s+as\s+(?P<name>\S+))?", re.IGNORECASE
)
_INSTRUCTIONS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"}
    | {"LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER"}
    | {"VOLUME", "WORKDIR"}
)
_WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
_RUNS = frozenset({"RUN", "CMD", "ENTRYPOINT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a Dockerfile says of packs."""

    packs: tuple[Pack, ...]
    """Those that it installs, with their lines, in the order of the file."""
    unknown: tuple[str, ...]
    """What cannot be known, for a person. Holds untrusted text."""


def is_dockerfile(data: bytes) -> bool:
    """Return whether a text begins with an instruction of a Dockerfile."""
    lines = data[:LIMIT].decode("utf-8-sig", "replace").split("\n")
    visible = (line for line in lines if line.strip() and line.strip()[0] != "#")
    keyword = _KEYWORD.match(next(visible, ""))
    return keyword is not None and keyword[1] in _INSTRUCTIONS


def read(data: bytes) -> Reading:
    """Return what a Dockerfile says of packs; TooMuchError if that is more than anybody writes."""
    text = data.decode("utf-8-sig", "replace")
    text = text.replace("\r\n", "\n").replace(shell.UNKNOWN, "\ufffd")
    reader = _Reader()
    for instruction in _instructions(text, reader.effort):
        reader.take(instruction)
    found = {(one.id, one.version) for one in reader.packs}
    # A variable may be used where nothing here can see it; where it is used here, that place is shown.
    defined = [one for one in reader.defined if (one.id, one.version) not in found]
    packs = dict.fromkeys([*reader.packs, *defined])
    texts.require_few(packs, "packs")
    unknowns = tuple(dict.fromkeys(reader.unknown))
    more = len(unknowns) - _SHOWN
    if more > 0:
        unknowns = (*unknowns[:_SHOWN], f"{more:,} more such words")
    return Reading(
        packs=tuple(sorted(packs, key=lambda one: one.line or 0)), unknown=unknowns
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instruction:
    """One instruction."""

    keyword: str
    """In capital letters; "" for what is none."""
    body: Located
    """All its lines, those of its heredocs too. Each but the last one that is continued ends with a backslash."""
    at: int = 0
    """Where in it that begins which follows the keyword."""
    has_heredocs: bool = False


def _instructions(text: str, effort: shell.Effort) -> Iterator[_Instruction]:
    """Yield the instructions of a Dockerfile."""
    lines = text.split("\n")
    escape = _escape(lines)
    if escape == "`":
        # To a shell of Windows a backslash is a part of a path.
        lines = [line.replace("\\", "/") for line in lines]
    at = 0
    while at < len(lines):
        first = at
        body, at = _joined(lines, at, escape)
        keyword = _KEYWORD.match(body)
        if keyword is None or keyword[1].upper() not in _INSTRUCTIONS:
            yield _Instruction(keyword="", body=Located(body, first + 1))
            continue
        name, start = keyword[1].upper(), keyword.end()
        if name == "ONBUILD" and (inner := _KEYWORD.match(body, start)):
            name, start = inner[1].upper(), inner.end()
        below = at
        if name in _WITH_HEREDOCS:
            for found in _HEREDOC.finditer(body):
                at = _after(found, lines, at, effort)
        yield _Instruction(
            keyword=name,
            body=Located("\n".join([body, *lines[below:at]]), first + 1),
            at=start,
            has_heredocs=at > below,
        )


def _escape(lines: list[str]) -> str:
    """Return the character that continues a line."""
    for line in lines:
        directive = _DIRECTIVE.fullmatch(line)
        if directive is None:
            break
        if directive[1].lower() == "escape":
            return directive[2] if directive[2] in {"\\", "`"} else "\\"
    return "\\"


def _joined(lines: list[str], at: int, escape: str) -> tuple[str, int]:
    """Return the instruction that begins on a line, and which line follows it.

    A comment and an empty line in it are lines with nothing on them.
    """
    parts: list[str] = []
    while at < len(lines):
        line, at = lines[at], at + 1
        visible = line.strip()
        if visible.startswith("#") or not visible:
            if not parts:
                break
            parts.append("\\\n")
            continue
        end = line.rstrip(" \t")
        is_continued = end.endswith(escape) and not end.endswith(escape * 2)
        parts.append(f"{end[:-1]}\\\n" if is_continued else line)
        if not is_continued:
            break
    return "".join(parts), at


def _after(
    heredoc: re.Match[str], lines: list[str], at: int, effort: shell.Effort
) -> int:
    """Return the line that follows a heredoc that begins on a line; the same one if it has no end."""
    if heredoc["end"] is None:
        return at
    last = heredoc_end(lines, at, heredoc["end"], dash=bool(heredoc["dash"]))
    following = at if last is None else last + 1
    effort.spend((len(lines) if last is None else following) - at)
    return following


@dataclass(slots=True, kw_only=True)
class _Stage:
    """The variables of one stage."""

    values: dict[str, shell.Values] = field(default_factory=dict)
    of_environment: set[str] = field(default_factory=set)
    """The names of those that `ENV` set: no `ARG` changes them."""


@dataclass(slots=True, kw_only=True)
class _Reader:
    """What was read so far."""

    packs: list[Pack] = field(default_factory=list)
    defined: list[Pack] = field(default_factory=list)
    """The archives that variables name."""
    unknown: list[str] = field(default_factory=list)
    effort: shell.Effort = field(default_factory=lambda: shell.Effort(_EFFORT))
    stage: _Stage = field(default_factory=_Stage)
    arguments: dict[str, shell.Values] | None = None
    """What stands before the first stage: a stage has it if it says so. None before that."""
    stages: dict[str, _Stage] = field(default_factory=dict)

    def take(self, instruction: _Instruction) -> None:
        """Take what one instruction says."""
        keyword, body, at = instruction.keyword, instruction.body, instruction.at
        if keyword == "FROM":
            self._begin_stage(body.text[at:].replace("\\\n", "").strip())
        elif keyword in {"ARG", "ENV"}:
            self._define(body, at, is_argument=keyword == "ARG")
        elif keyword in {"ADD", "COPY"} and instruction.has_heredocs:
            # The files that it makes are as those of `cat`.
            self._take_commands(Located(f"cat{body.text[at:]}", body.line(at)), 0)
        elif keyword == "ADD":
            for word in shell.words(body, self.stage.values, self.effort, at):
                self._take_archives(word)
        elif keyword == "HEALTHCHECK":
            found = _CHECK.search(body.text, at)
            if found:
                self._take_commands(body, found.end())
        elif keyword in _RUNS:
            self._take_commands(body, at)
        elif not keyword and commands.may_install(body.text):
            # A builder refuses it, or has read the lines before it otherwise.
            self._note(Word(body.text, body.first))

    def _begin_stage(self, text: str) -> None:
        if self.arguments is None:
            self.arguments = self.stage.values
        found = _STAGE.match(text)
        base = self.stages.get(found["base"].lower(), _Stage()) if found else _Stage()
        self.effort.spend(len(base.values))
        self.stage = _Stage(
            values=dict(base.values), of_environment=set(base.of_environment)
        )
        if found and found["name"]:
            self.stages[found["name"].lower()] = self.stage

    def _define(self, body: Located, at: int, *, is_argument: bool) -> None:
        """Take the variables of `ARG` and `ENV`."""
        found = shell.words(body, self.stage.values, self.effort, at)
        for word in found:
            self._take_definition(word)
        if found and not is_argument and "=" not in found[0].text:
            value = " ".join(word.text for word in found[1:])
            self._set(found[0].text, value, is_argument=False)
            return
        for word in found:
            name, is_given, value = word.text.partition("=")
            if is_given:
                self._set(name, value, is_argument=is_argument)
            elif is_argument and self.arguments and name in self.arguments:
                self._set(name, *self.arguments[name].each, is_argument=True)

    def _set(self, name: str, value: str, *, is_argument: bool) -> None:
        if not is_argument:
            self.stage.of_environment.add(name)
        elif name in self.stage.of_environment:
            return
        self.stage.values[name] = shell.Values((value,))

    def _take_commands(self, body: Located, at: int) -> None:
        while flag := _FLAG.match(body.text, at):
            at = flag.end()
        listed = _of_array(body, at)
        script, start = (body, at) if listed is None else (listed, 0)
        found = shell.commands(script, self.stage.values, self.effort, start)
        for command in found:
            self._take_command(command)
            texts.require_few(self.packs, "packs")

    def _take_command(self, command: shell.Command) -> None:
        if shell.is_assignment(command[0]):
            for word in command:
                self._take_definition(word)
            return
        for word in command:
            self._take_archives(word)
            if commands.may_be_archive(word):
                self._note(word)
        for word in commands.operands(command):
            if commands.archives(word):
                continue
            if shell.is_known(word.text) and not commands.is_several(word):
                self.packs.append(commands.pack(word))
            else:
                self._note(word)

    def _take_definition(self, word: Word) -> None:
        """Take the archives that a variable names."""
        if shell.is_known(word.text):
            self.defined += [one for one in commands.archives(word) if one.id]
        else:
            self._take_archives(word)

    def _take_archives(self, word: Word) -> None:
        for one in commands.archives(word):
            if shell.is_known(word.text):
                self.packs.append(one)
            else:
                self._note(word)

    def _note(self, word: Word) -> None:
        written = sanitize_line(word.as_written, _LONGEST)
        self.unknown.append(
            f"line {word.line}: cannot tell what this installs: {written}"
        )


def _of_array(body: Located, at: int) -> Located | None:
    """Return the script that does what a command does that is written as a JSON array; None if it is not."""
    text = body.text[at:].replace("\\\n", "")
    if not text.lstrip().startswith("["):
        return None
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(one, str) for one in listed):
        return None
    places = (found.start() for found in _STRING.finditer(body.text, at))
    words = [
        Word(shlex.quote(one.replace(shell.UNKNOWN, "")), body.line(place))
        for one, place in zip(listed, places, strict=True)
    ]
    return shell.script_of(words)
