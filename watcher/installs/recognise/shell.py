"""The commands of a shell script, with the words that each is given, as far as they can be known. Pure.

Nothing is run. A script is read as a shell reads it: quotes, variables, continued lines, comments, heredocs, loops and
scripts within scripts. What only the shell can know, such as what a command prints, is marked in the word.

`shlex` tells neither on which line a word stands, nor whether a `$` in it was quoted.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import ChainMap
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field

from watcher.installs.recognise.located import Located, located
from watcher.installs.recognise.texts import TooMuchError

UNKNOWN = "\0"
"""What stands before and after a part of a word that cannot be known, which is as it is written."""

Variables = MutableMapping[str, str]
"""What is known of variables, by name. A value may have parts that cannot be known."""

_DEEPEST = 10
"""Scripts within scripts, and defaults within defaults."""
_LONGEST_WRITTEN = 200
"""Characters of what cannot be known."""
_EACH = 16
"""Characters that take as long as a word or a command does."""
_LONGEST_SUM = 4_096
"""Characters between `$((` and `))`."""

_UNKNOWN_PART = re.compile(f"{UNKNOWN}[^{UNKNOWN}]*{UNKNOWN}?")
_BLANK = re.compile(r"(?:[ \t]|\\\n)+")
_SPACE = re.compile(r"(?:[ \t\n]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_REDIRECTION = re.compile(r"&>>?|\d*(?P<how><<<|<<-?|<>|>>|>\||[<>]&|<(?!\()|>(?!\())")
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|[;&|()\n]")
_LITERAL = re.compile(rf"[^ \t\n\\'\"$`&|;()<>{UNKNOWN}]+")
_LITERAL_TEXT = re.compile(rf"[^ \t\n\\'\"$`{UNKNOWN}]+")
_QUOTED_LITERAL = re.compile(rf"[^\"\\$`{UNKNOWN}]+")
_DEFAULT_LITERAL = re.compile(rf"[^}}'\"\\$`{UNKNOWN}]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = re.compile(r"[@*#?$!0-9-]")
_OR = re.compile(r":?[-+=?]")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=(.*)", re.DOTALL)
_FIELD = re.compile(
    rf"(?:{UNKNOWN}[^{UNKNOWN}]*{UNKNOWN}?|[^ \t\n{UNKNOWN}])+|[ \t\n]+"
)
_END_WORD = re.compile(
    r"""[ \t]*(?:'(?P<single>[^'\n]*)'|"(?P<double>[^"\n]*)"|(?P<plain>(?:\\.|[^\s;&|<>()'"`\\])+))"""
)
_LINE_END = re.compile(r"(?<!\\)\n")
_SHELL = re.compile(r"(?:ba|da|a|z|k)?sh|su|runuser")
_SCRIPT_OPTION = re.compile(r"-[A-Za-z]*c|--command")
_VALUE_OPTION = re.compile(r"[-+][A-Za-z]*o")
_SHEBANG = re.compile(r"#!.*\b(?:ba|da|a|z|k)?sh\b")
_PRINTS = frozenset({"echo", "printf", ":"})
_DECLARES = frozenset({"export", "local", "readonly", "declare", "typeset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a command, with its variables replaced."""

    parts: tuple[tuple[str, int], ...]
    """Texts, each with its line; at least one."""
    text: str = field(init=False)
    """All of it, with `UNKNOWN` around what cannot be known."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", "".join(text for text, _ in self.parts))

    @property
    def line(self) -> int:
        """The line on which it begins."""
        return self.parts[0][1]

    @property
    def as_written(self) -> str:
        """The text, with what cannot be known as it is written."""
        return self.text.replace(UNKNOWN, "")

    @property
    def base_name(self) -> str:
        """What stands behind the last slash, in lower case; `UNKNOWN` for a part that cannot be known."""
        known = _UNKNOWN_PART.sub(UNKNOWN, self.text)
        return re.split(r"[/\\]", known)[-1].lower()


Command = tuple[Word, ...]
"""The words of one command, without what is assigned before it and where its output goes."""


@dataclass(slots=True)
class Effort:
    """What may still be read of one file: loops are gone through, and variables may hold much."""

    left: int
    """Characters; a word or a command costs some too."""

    def spend(self, characters: int, things: int = 1) -> None:
        """Take from it; TooMuchError if nothing is left."""
        self.left -= characters + _EACH * things
        if self.left < 0:
            raise TooMuchError("has loops or variables that make too much of it")


def unknown(written: str) -> str:
    """Return the mark of something that cannot be known."""
    return f"{UNKNOWN}{written[:_LONGEST_WRITTEN].replace(UNKNOWN, '')}{UNKNOWN}"


def is_known(text: str) -> bool:
    """Return whether all of a text can be known."""
    return UNKNOWN not in text


def commands(
    script: Located, variables: Variables, effort: Effort
) -> Iterator[Command]:
    """Yield the commands of a script, those of scripts within it too, each before the command that holds it.

    What it assigns is in `variables` afterwards.
    """
    return _Reader(script=script, variables=variables, effort=effort).read()


def started(
    found: list[Word], variables: Variables, effort: Effort
) -> Iterator[Command]:
    """Yield a command that is started without a shell, with those of a script that it gives to one."""
    effort.spend(sum(len(word.text) for word in found), len(found))
    reader = _Reader(script=located([]), variables=variables, effort=effort)
    yield from reader.run(found, [])


def words(text: Located, variables: Variables, effort: Effort) -> list[Word]:
    """Return the words of a text in which only quotes, `$`, backslashes and spaces have a meaning."""
    reader = _Reader(
        script=text, variables=variables, effort=effort, literal=_LITERAL_TEXT
    )
    found: list[Word] = []
    while reader.at < len(text.text):
        if space := _SPACE.match(text.text, reader.at):
            reader.at = space.end()
        else:
            found += reader.word()
    return found


@dataclass(slots=True, kw_only=True)
class _Loop:
    """A loop: of `for`, what its variable becomes at each further round, and where its body begins."""

    name: str = ""
    left: list[str] = field(default_factory=list)
    start: int | None = None
    open: int = 0


@dataclass(slots=True, kw_only=True)
class _Lines:
    """Where the lines of a script begin that are equal, without tabs before them too: where a heredoc may end."""

    plain: dict[str, list[int]]
    stripped: dict[str, list[int]]


@dataclass(slots=True, kw_only=True)
class _Reader:
    """One reading of a script, or of the part of one between `$(` and `)`."""

    script: Located
    variables: Variables
    effort: Effort
    literal: re.Pattern[str] = _LITERAL
    depth: int = 0
    at: int = 0
    is_substitution: bool = False
    """Whether it ends at a `)` that nothing opened."""
    lines: _Lines | None = None
    after_heredocs: int | None = None
    """Where the next line begins, if there are heredocs before it."""
    line_end: int = -1
    began: int = 0
    """Where the command that was read last begins."""
    inner: list[Command] = field(default_factory=list)
    """The commands of substitutions in words."""
    loops: list[_Loop] = field(default_factory=list)
    open: int = 0
    branches: int = 0
    cases: int = 0
    again: bool = False
    """Whether the body of a loop is to be read once more."""

    def read(self) -> Iterator[Command]:
        """Yield the commands up to the end."""
        fed: list[Located] = []
        may_not_run = False
        operator = "\n"
        while operator:
            found, bodies, operator = self._until_operator()
            inner, self.inner = self.inner, []
            yield from inner
            self.again = False
            yield from self.run(found, [*bodies, *fed], may_not_run=may_not_run)
            if self.again:
                operator = "\n"
                continue
            is_piped = operator in {"|", "|&"}
            fed = [*bodies, *_printed(found)] if is_piped else []
            may_not_run = operator == "||"
            if operator == "\n" and self.after_heredocs is not None:
                self.at, self.after_heredocs = self.after_heredocs, None
            elif operator == "(":
                self.open += 1
            elif operator == ")" and self.open:
                self.open -= 1
            elif operator == ")" and self.is_substitution and not self.cases:
                return

    def _until_operator(self) -> tuple[list[Word], list[Located], str]:
        """Return the words of a command, its heredocs, and what ends it; "" at the end of the script."""
        text, begin = self.script.text, self.at
        found: list[Word] = []
        bodies: list[Located] = []
        operator = ""
        while self.at < len(text) and not operator:
            if skipped := _BLANK.match(text, self.at) or _COMMENT.match(text, self.at):
                self.at = skipped.end()
            elif redirection := _REDIRECTION.match(text, self.at):
                self.at = redirection.end()
                if redirection["how"] in {"<<", "<<-"}:
                    bodies += self._heredoc(strips_tabs=redirection["how"] == "<<-")
                else:
                    self._skip_target()
            elif ending := _OPERATOR.match(text, self.at):
                self.at, operator = ending.end(), ending[0]
            else:
                self.began = self.began if found else self.at
                found += self.word()
        self.effort.spend(self.at - begin)
        return found, bodies, operator

    def _skip_target(self) -> None:
        """Skip the file of a redirection."""
        if blank := _BLANK.match(self.script.text, self.at):
            self.at = blank.end()
        self.word()

    def _heredoc(self, *, strips_tabs: bool) -> list[Located]:
        """Return the heredoc whose end is named here; nothing if it has no end."""
        text = self.script.text
        word = _END_WORD.match(text, self.at)
        if word is None:
            return []
        self.at = word.end()
        end = (
            word["single"] or word["double"] or (word["plain"] or "").replace("\\", "")
        )
        start = self.after_heredocs
        if start is None:
            if self.line_end < self.at:
                found = _LINE_END.search(text, self.at)
                self.line_end = found.start() if found else len(text)
            start = self.line_end + 1
        if self.lines is None:
            self.lines = _lines_of(text)
        lines = self.lines.stripped if strips_tabs else self.lines.plain
        places = lines.get(end, [])
        index = bisect_left(places, start)
        if index == len(places):
            return []
        stop = places[index]
        line_end = text.find("\n", stop)
        self.after_heredocs = line_end + 1 if line_end >= 0 else len(text)
        self.effort.spend(stop - start)
        return [located([(text[start:stop], self.script.line(start))])]

    def run(
        self, found: list[Word], bodies: list[Located], *, may_not_run: bool = False
    ) -> Iterator[Command]:
        """Yield a command with those of the scripts that it is given. What is assigned and repeated takes effect."""
        if not found:
            for (
                body
            ) in bodies:  # the only way in which a Dockerfile gives a script alone
                yield from self._script(body)
            return
        rest = self._after_keywords(found)
        is_optional = may_not_run or self.branches > 0
        rest = self._assigned(rest, is_optional=is_optional)
        if not rest or rest[0].text in _PRINTS:
            return
        if rest[0].text in {"read", "unset"}:
            for word in rest[1:]:
                self.variables.pop(word.text, None)
            return
        script, is_shell = _script_in(rest)
        for body in bodies:
            # What is written to a file is a script if it says so.
            if (is_shell and script is None) or _SHEBANG.match(body.text):
                yield from self._script(body)
        if script is not None:
            yield from self._script(located(script.parts))
        yield tuple(word for word in rest if word is not script)

    def _script(self, script: Located) -> Iterator[Command]:
        is_other = script.text.startswith("#!") and not _SHEBANG.match(script.text)
        if self.depth < _DEEPEST and not is_other:
            yield from _Reader(
                script=script,
                variables=ChainMap({}, self.variables),
                effort=self.effort,
                depth=self.depth + 1,
            ).read()

    def _after_keywords(self, found: list[Word]) -> list[Word]:
        """Return the words behind the keywords of a command, whose effect on the reading is had."""
        for index, word in enumerate(found):
            match word.text:
                case "for":
                    self._begin_loop(found[index + 1 :])
                    return []
                case "case":
                    self.branches += 1
                    self.cases += 1
                    return []
                case "if":
                    self.branches += 1
                case "while" | "until" | "select":
                    self.loops.append(_Loop())
                case "do":
                    if self.loops and self.loops[-1].start is None:
                        self.loops[-1].start = self.began
                        self.loops[-1].open = self.open
                case "fi":
                    self.branches = max(self.branches - 1, 0)
                case "esac":
                    self.branches = max(self.branches - 1, 0)
                    self.cases = max(self.cases - 1, 0)
                case "done":
                    self._end_loop()
                case "then" | "else" | "elif" | "{" | "}" | "!" | "time":
                    pass
                case _:
                    return found[index:]
        return []

    def _begin_loop(self, rest: list[Word]) -> None:
        """Give the variable of a `for` its first value."""
        loop = _Loop()
        self.loops.append(loop)
        if not rest or not _NAME.fullmatch(rest[0].text):
            return
        loop.name = rest[0].text
        if len(rest) == 1 or rest[1].text != "in":
            self.variables[loop.name] = unknown(f"${loop.name}")
            return
        loop.left = [word.text for word in reversed(rest[2:])]
        self.variables[loop.name] = loop.left.pop() if loop.left else ""

    def _end_loop(self) -> None:
        """Return to the beginning of a loop, if its variable has a further value."""
        loop = self.loops[-1] if self.loops else _Loop()
        if loop.left and loop.start is not None:
            self.variables[loop.name] = loop.left.pop()
            self.at, self.open = loop.start, loop.open
            self.again, self.after_heredocs = True, None
        elif self.loops:
            self.loops.pop()

    def _assigned(self, rest: list[Word], *, is_optional: bool) -> list[Word]:
        """Return a command without what is assigned before it. If that is all, its variables have these values."""
        if rest and rest[0].text in _DECLARES:
            rest = [word for word in rest[1:] if not word.text.startswith("-")]
            if not all(_ASSIGNMENT.match(word.text) for word in rest):
                return []
        values: dict[str, str] = {}
        for index, word in enumerate(rest):
            found = _ASSIGNMENT.match(word.text)
            if found is None:
                return rest[index:]
            name, plus, value = found.groups()
            before = self.variables.get(name, unknown(f"${name}"))
            value = f"{before}{value}" if plus else value
            is_certain = not is_optional or before == value
            values[name] = value if is_certain else unknown(f"${name}")
        self.variables.update(values)
        return []

    def word(self) -> list[Word]:
        """Return the word that begins here: none, or several, if a variable without quotes says so."""
        text, begin = self.script.text, self.at
        fields: list[list[tuple[str, int]]] = [[]]
        is_assignment = False
        while self.at < len(text):
            line, char = self.script.line(self.at), text[self.at]
            if literal := self.literal.match(text, self.at):
                is_assignment |= self.at == begin and "=" in literal[0]
                fields[-1] += self.script.parts(*literal.span())
                self.at = literal.end()
            elif char in "\\'\"":
                fields[-1] += self._quoted()
            elif char in f"$`{UNKNOWN}" or text.startswith(("<(", ">("), self.at):
                value = self._expansion()
                if is_assignment:
                    fields[-1].append((value, line))
                else:
                    _split(value, line, fields)
            else:
                break
        if self.at == begin:
            self.at += 1  # what no rule above knows
        found = [Word(parts=tuple(parts)) for parts in fields if parts]
        self.effort.spend(sum(len(one.text) for one in found), len(found))
        return found

    def _quoted(self) -> list[tuple[str, int]]:
        """Return what a quote or a backslash begins, with the lines of its parts."""
        text, start = self.script.text, self.at
        line = self.script.line(start)
        if text[start] == "\\":
            self.at = min(start + 2, len(text))
            taken = text[start + 1 : start + 2]
            return [] if taken == "\n" else [(taken or "\\", line)]
        if text[start] == "'":
            end = text.find("'", start + 1)
            end = end if end >= 0 else len(text)
            self.at = end + 1
            return self.script.parts(start + 1, end)
        self.at = start + 1
        found: list[tuple[str, int]] = [("", line)]
        found += self._up_to('"', _QUOTED_LITERAL)
        return found

    def _up_to(self, end: str, literal: re.Pattern[str]) -> Iterator[tuple[str, int]]:
        """Yield what stands before the end of a quoted text, or of a default, with the lines of its parts."""
        text = self.script.text
        while self.at < len(text):
            line, char = self.script.line(self.at), text[self.at]
            if char == end:
                self.at += 1
                return
            if plain := literal.match(text, self.at):
                self.at = plain.end()
                yield from self.script.parts(*plain.span())
            elif char == "\\":
                taken = text[self.at + 1 : self.at + 2]
                self.at += 2
                if taken != "\n":
                    yield (taken if taken in '"\\$`}' else f"\\{taken}"), line
            elif char in "'\"":
                yield from self._quoted()
            else:
                yield self._expansion(), line

    def _expansion(self) -> str:
        """Return the value of the variable or the substitution that begins here."""
        text, start = self.script.text, self.at
        char, following = text[start], text[start + 1 : start + 2]
        if char == UNKNOWN:
            part = _UNKNOWN_PART.match(text, start)
            self.at = part.end() if part else start + 1
            return unknown(text[start : self.at])
        if char == "`":
            return self._backquoted()
        if text.startswith("$((", start):
            end = text.find("))", start, start + _LONGEST_SUM)
            self.at = end + 2 if end >= 0 else start + 3
            return unknown(text[start : self.at])
        if following == "(":  # also `<(` and `>(`
            return self._substitution()
        if following == "{":
            return self._braces()
        name = _NAME.match(text, start + 1)
        if name:
            self.at = name.end()
            return self._value(name[0], f"${name[0]}")
        if _SPECIAL.match(text, start + 1):
            self.at = start + 2
            return unknown(text[start : self.at])
        self.at = start + 1
        return "" if following and following in "'\"" else "$"

    def _value(self, name: str, written: str) -> str:
        value = self.variables.get(name)
        if value is None:
            return unknown(written)
        self.effort.spend(len(value))
        return value

    def _backquoted(self) -> str:
        text, start = self.script.text, self.at
        end = text.find("`", start + 1)
        if end < 0:
            self.at = start + 1
            return "`"
        script = located([(text[start + 1 : end], self.script.line(start))])
        self.inner += self._script(script)
        self.at = end + 1
        return unknown(text[start : self.at])

    def _substitution(self) -> str:
        text, start = self.script.text, self.at
        self.at = start + 2
        if self.depth < _DEEPEST:
            within = _Reader(
                script=self.script,
                variables=ChainMap({}, self.variables),
                effort=self.effort,
                depth=self.depth + 1,
                at=self.at,
                is_substitution=True,
                lines=self.lines,
            )
            self.inner += within.read()
            self.at, self.lines = within.at, within.lines
        return unknown(text[start : min(self.at, start + _LONGEST_WRITTEN)])

    def _braces(self) -> str:
        text, start = self.script.text, self.at
        name = _NAME.match(text, start + 2)
        self.at = name.end() if name else start + 2
        if self.depth >= _DEEPEST:
            return unknown("${")
        how = _OR.match(text, self.at)
        self.at = how.end() if how else self.at
        self.depth += 1
        other = "".join(part for part, _ in self._up_to("}", _DEFAULT_LITERAL))
        self.depth -= 1
        written = text[start : min(self.at, start + _LONGEST_WRITTEN)]
        if name is None or (other and how is None):
            return unknown(written)
        value = self.variables.get(name[0])
        has_value = bool(value) or (value == "" and how and not how[0].startswith(":"))
        if how is None or how[0][-1] == "?":
            return self._value(name[0], written)
        if how[0][-1] == "+":
            return unknown(written) if value is None else other if has_value else ""
        return self._value(name[0], written) if has_value else other


def _lines_of(text: str) -> _Lines:
    """Return where each line begins."""
    found = _Lines(plain={}, stripped={})
    start = 0
    for line in text.split("\n"):
        found.plain.setdefault(line, []).append(start)
        found.stripped.setdefault(line.lstrip("\t"), []).append(start)
        start += len(line) + 1
    return found


def _split(value: str, line: int, fields: list[list[tuple[str, int]]]) -> None:
    """Add the value of a variable without quotes to the fields of a word: it may begin new ones."""
    for piece in _FIELD.findall(value):
        if piece[0] not in " \t\n":
            fields[-1].append((piece, line))
        elif fields[-1]:
            fields.append([])


def _printed(found: Sequence[Word]) -> list[Located]:
    """Return what a command prints that only prints."""
    if not found or found[0].text not in _PRINTS:
        return []
    parts = [part for word in found[1:] for part in (*word.parts, (" ", word.line))]
    return [located(parts)]


def _script_in(rest: Sequence[Word]) -> tuple[Word | None, bool]:
    """Return the script that a command gives to a shell, and whether it starts a shell that reads commands."""
    if rest[0].text == "eval":
        parts = [part for word in rest[1:] for part in (*word.parts, (" ", word.line))]
        return (Word(parts=tuple(parts)) if parts else None), False
    start = next((i for i, one in enumerate(rest) if _is_shell(one)), None)
    if start is None:
        return None, False
    takes_operands = rest[start].base_name in {"su", "runuser"}
    following = iter(rest[start + 1 :])
    for word in following:
        if _SCRIPT_OPTION.fullmatch(word.text):
            script = next((one for one in following if one.text[:1] != "-"), None)
            return script, False
        if _VALUE_OPTION.fullmatch(word.text):
            next(following, None)
        elif not word.text.startswith("-") and not takes_operands:
            return None, False
    return None, not takes_operands


def _is_shell(word: Word) -> bool:
    return _SHELL.fullmatch(word.base_name) is not None
