"""The commands of a shell script, with the words that each is given, as far as they can be known. Pure.

Nothing is run, and neither loops nor branches are followed. Each command of a script is taken as one that runs. A
variable has one value in all of a script, or those that a `for` gives it: then a command is read once for each. What
may have any other value is marked in the word.

`shlex` tells neither on which line a word stands, nor whether a `$` in it was quoted.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

from watcher.installs.recognise.located import Located, heredoc_end
from watcher.installs.recognise.texts import TooMuchError

UNKNOWN = "\0"
"""What stands before and after a part of a word that cannot be known, which is as it is written."""


_DEEPEST = 10
"""Scripts within scripts, and defaults within defaults."""
_LONGEST_WRITTEN = 200
"""Characters of what cannot be known."""
_EACH = 16
"""Characters that take as long as a word or a command does."""

_ANY_UNKNOWN = f"{UNKNOWN}[^{UNKNOWN}]*{UNKNOWN}?"
_UNKNOWN_PART = re.compile(_ANY_UNKNOWN)
_BLANK = re.compile(r"(?:[ \t]|\\\n)+")
_SPACE = re.compile(r"(?:[ \t\n]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_REDIRECTION = re.compile(r"&>>?|\d*(?P<how><<<|<<-?|<>|>>|>\||[<>]&|<(?!\()|>(?!\())")
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|[;&|()\n]")
_LITERAL = re.compile(rf"(?:[^ \t\n\\'\"$`&|;()<>{UNKNOWN}]+|{_ANY_UNKNOWN})+")
_LITERAL_TEXT = re.compile(rf"(?:[^ \t\n\\'\"$`{UNKNOWN}]+|{_ANY_UNKNOWN})+")
_QUOTED_LITERAL = re.compile(rf"(?:[^\"\\$`{UNKNOWN}]+|{_ANY_UNKNOWN})+")
_DEFAULT_LITERAL = re.compile(rf"(?:[^}}'\"\\$`{UNKNOWN}]+|{_ANY_UNKNOWN})+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME_OR_SPECIAL = re.compile(rf"{_NAME.pattern}|[@*#?$!0-9-]")
_OR = re.compile(r":?[-+=?]")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_FIELD = re.compile(rf"(?:{_ANY_UNKNOWN}|[^ \t\n{UNKNOWN}])+|[ \t\n]+")
_LINE_END = re.compile(r"(?<!\\)\n")
_SHELL = re.compile(r"(?:ba|da|a|z|k)?sh|su|runuser")
_SCRIPT_OPTION = re.compile(r"-[A-Za-z]*c|--command")
_VALUE_OPTION = re.compile(r"[-+][A-Za-z]*o")
_SHEBANG = re.compile(r"#!.*\b(?:ba|da|a|z|k)?sh\b")
_KEYWORDS = frozenset(
    {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "case", "esac"}
    | {"{", "}", "!", "time"}
)
_PRINTS = frozenset({"echo", "printf", ":"})
_DECLARES = frozenset({"export", "local", "readonly", "declare", "typeset"})
_CHANGES = frozenset({"read", "unset", "mapfile", "readarray", "getopts"})
"""Commands that give variables values which cannot be known."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a variable is: one value, or one for each round of a loop. They may have parts that cannot be known."""

    each: tuple[str, ...]
    loop: tuple[int, int] = (0, 0)
    """Which loop that is: how deep its script is, and where in it."""


Variables = MutableMapping[str, Values]
"""What is known of variables, by name."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command, with its variables replaced."""

    written: str
    """Its text, also with line ends that continue a line."""
    line: int
    """The line on which it begins."""

    @property
    def text(self) -> str:
        """All of it, with `UNKNOWN` around what cannot be known."""
        return self.written.replace("\\\n", "")

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
    """What may still be read of one file: variables may hold much, and scripts be read often."""

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


def is_assignment(word: Word) -> bool:
    """Return whether a word before a command assigns a variable; a command of such words alone only assigns."""
    return _ASSIGNMENT.match(word.text) is not None


def commands(
    script: Located, variables: Variables, effort: Effort, at: int = 0, depth: int = 0
) -> Iterator[Command]:
    """Yield the commands of a script, those of scripts within it too, each before the command that holds it."""
    own: ChainMap[str, Values] = ChainMap({}, variables)
    found = list(_Reader(script, own, effort, depth=depth, at=at).read())
    if own.maps[0]:
        # A loop or a function may use what is assigned further down.
        found = list(_Reader(script, own, effort, depth=depth, at=at).read())
    yield from found


def words(
    text: Located, variables: Variables, effort: Effort, at: int = 0
) -> list[Word]:
    """Return the words of a text in which only quotes, `$`, backslashes and spaces have a meaning."""
    reader = _Reader(text, variables, effort, literal=_LITERAL_TEXT, at=at)
    found: list[Word] = []
    while reader.at < len(text.text):
        if space := _SPACE.match(text.text, reader.at):
            reader.at = space.end()
        else:
            found += reader.word()
    return found


@dataclass(slots=True)
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
    after_heredocs: int | None = None
    """Where the next line begins, if there are heredocs before it."""
    inner: list[Command] = field(default_factory=list)
    """The commands of substitutions in words."""
    rounds: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """In which round of each loop the present command is read, and of how many."""
    assigned: dict[str, list[str]] = field(default_factory=dict)
    """What a command gives variables, in all rounds."""
    looped: str = ""
    """The variable of which it is a loop."""

    def read(self) -> Iterator[Command]:
        """Yield the commands up to the end."""
        fed: list[Located] = []
        opened = cases = 0
        operator = "\n"
        while operator:
            begin = self.at, self.after_heredocs
            given, fed = fed, []
            loops: set[tuple[int, int]] = set()
            readings = 0
            while True:
                readings += 1
                self.at, self.after_heredocs = begin
                found, bodies, operator = self._until_operator()
                yield from self.inner
                self.inner = []
                yield from self._run(found, [*bodies, *given])
                if operator in {"|", "|&"}:
                    fed += [*bodies, *_printed(found)]
                loops.update(self.rounds)
                if not self._next_round():
                    break
            self._assign(loops, readings)
            keywords = [word.text for word in found[: _keywords(found)]]
            cases += keywords.count("case") - keywords.count("esac")
            if operator == "\n" and self.after_heredocs is not None:
                self.at, self.after_heredocs = self.after_heredocs, None
            elif operator == "(":
                opened += 1
            elif operator == ")" and opened:
                opened -= 1
            elif operator == ")" and self.is_substitution and cases <= 0:
                return

    def _next_round(self) -> bool:
        """Begin the next round of the loops of a command; False after the last one."""
        while self.rounds:
            loop, (index, count) = self.rounds.popitem()
            if index + 1 < count:
                self.rounds[loop] = index + 1, count
                return True
        return False

    def _assign(self, loops: set[tuple[int, int]], readings: int) -> None:
        """Give variables their values. One that gets another value than it has cannot be known."""
        for name, values in self.assigned.items():
            new = Values((unknown(f"${name}"),))
            if name == self.looped:
                new = Values(tuple(values) or ("",), (self.depth, self.at))
            elif len({*values}) == 1:
                new = Values((values[0],))
            elif len(loops) == 1 and len(values) == readings:
                new = Values(tuple(values), *loops)
            is_other = self.variables.get(name, new) != new and name != self.looped
            self.variables[name] = Values((unknown(f"${name}"),)) if is_other else new
        self.assigned, self.looped = {}, ""

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
                blank = _BLANK.match(text, redirection.end())
                self.at = blank.end() if blank else redirection.end()
                target = self.word()
                if redirection["how"] in {"<<", "<<-"} and target:
                    dash = redirection["how"] == "<<-"
                    bodies += self._heredoc(target[0].text, dash=dash)
            elif ending := _OPERATOR.match(text, self.at):
                self.at, operator = ending.end(), ending[0]
            else:
                found += self.word()
        self.effort.spend(self.at - begin)
        return found, bodies, operator

    def _heredoc(self, end: str, *, dash: bool) -> list[Located]:
        """Return a heredoc of this command; nothing if it has no end."""
        script = self.script
        start = self.after_heredocs
        if start is None:
            found = _LINE_END.search(script.text, self.at)
            start = found.end() if found else len(script.text)
        first = script.line(start) - script.first
        last = heredoc_end(script.lines, first, end, dash=dash)
        stop = len(script.text) if last is None else script.starts[last]
        self.effort.spend(stop - self.at)
        if last is None:
            return []
        self.after_heredocs = stop + len(script.lines[last]) + 1
        return [Located(script.text[start:stop], script.first + first)]

    def _run(self, found: list[Word], bodies: list[Located]) -> Iterator[Command]:
        """Yield a command with those of the scripts that it is given; keep what it assigns."""
        if not found:
            # The only way in which a Dockerfile gives a script alone.
            yield from self._scripts(bodies)
            return
        index = _keywords(found)
        rest = found[index:]
        if index and found[index - 1].text == "case":
            return
        if rest and rest[0].text in {"for", "select"}:
            self._loop(rest[1:])
            return
        if rest and rest[0].text in _DECLARES:
            rest = [word for word in rest if is_assignment(word)]
        command = list(dropwhile(is_assignment, rest))
        if not command:
            self._keep(rest)
            if rest:
                yield tuple(rest)
            return
        rest = command
        if rest[0].text in _PRINTS:
            return
        if rest[0].text in _CHANGES:
            for word in rest[1:]:
                self.assigned[word.text] = [unknown(f"${word.text}")]
            return
        script, is_shell = _script_in(rest)
        if script is not None:
            yield from self._scripts([Located(script.written, script.line)])
        reads_bodies = is_shell and script is None
        # What is written to a file is a script if it says so.
        yield from self._scripts(
            [one for one in bodies if reads_bodies or _SHEBANG.match(one.text)]
        )
        yield tuple(word for word in rest if word is not script)

    def _scripts(self, scripts: list[Located]) -> Iterator[Command]:
        for script in scripts:
            is_other = script.text.startswith("#!") and not _SHEBANG.match(script.text)
            if self.depth < _DEEPEST and not is_other:
                yield from commands(
                    script, self.variables, self.effort, depth=self.depth + 1
                )

    def _loop(self, rest: list[Word]) -> None:
        """Keep the values of the variable of a `for`."""
        name = rest[0].text if rest else ""
        has_values = len(rest) > 1 and rest[1].text == "in"
        values = [word.text for word in rest[2:]]
        values = values if has_values else [unknown(f"${name}")]
        self.assigned.setdefault(name, []).extend(values)
        self.looped = name

    def _keep(self, assignments: list[Word]) -> None:
        """Keep what variables are assigned."""
        values: dict[str, str] = {}
        for word in assignments:
            name, _, value = word.text.partition("=")
            if name.endswith("+"):
                name = name[:-1]
                value = unknown(f"${name}")
            values[name] = value
        for name, value in values.items():
            self.assigned.setdefault(name, []).append(value)

    def word(self) -> list[Word]:
        """Return the word that begins here: none, or several, if a variable without quotes says so."""
        text, begin = self.script.text, self.at
        line = self.script.line(begin)
        fields: list[list[str]] = [[]]
        is_assignment = False
        while self.at < len(text):
            char = text[self.at]
            if literal := self.literal.match(text, self.at):
                is_assignment |= self.at == begin and "=" in literal[0]
                self.at = literal.end()
                fields[-1].append(literal[0])
            elif char in "\\'\"":
                fields[-1].append(self._quoted())
            elif char in "$`" or text.startswith(("<(", ">("), self.at):
                value = self._expansion()
                if is_assignment:
                    fields[-1].append(value)
                else:
                    _split(value, fields)
            else:
                break
        if self.at == begin:
            self.at += 1  # what no rule above knows
        found = [Word("".join(pieces), line) for pieces in fields if pieces]
        self.effort.spend(sum(len(one.written) for one in found), len(found))
        return found

    def _quoted(self) -> str:
        """Return what a quote or a backslash begins."""
        text, start = self.script.text, self.at
        if text[start] == "\\":
            self.at = min(start + 2, len(text))
            taken = text[start + 1 : start + 2]
            return "\\\n" if taken == "\n" else taken or "\\"
        if text[start] == "'":
            end = text.find("'", start + 1)
            end = end if end >= 0 else len(text)
            self.at = end + 1
            return text[start + 1 : end]
        self.at = start + 1
        return self._up_to('"', _QUOTED_LITERAL)

    def _up_to(self, end: str, literal: re.Pattern[str]) -> str:
        """Return what stands before the end of a quoted text, or of a default."""
        text = self.script.text
        found: list[str] = []
        while self.at < len(text):
            char = text[self.at]
            if char == end:
                self.at += 1
                break
            if plain := literal.match(text, self.at):
                self.at = plain.end()
                found.append(plain[0])
            elif char == "\\":
                taken = text[self.at + 1 : self.at + 2]
                self.at += 2
                found.append(taken if taken and taken in '"\\$`}' else f"\\{taken}")
            elif char in "'\"":
                found.append(self._quoted())
            else:
                found.append(self._expansion())
        return "".join(found)

    def _expansion(self) -> str:
        """Return the value of the variable or the substitution that begins here."""
        text, start = self.script.text, self.at
        char, following = text[start], text[start + 1 : start + 2]
        if char == "`":
            return self._backquoted()
        if following == "(":  # also `<(` and `>(`
            return self._substitution()
        if following == "{":
            return self._braces()
        if name := _NAME_OR_SPECIAL.match(text, start + 1):
            self.at = name.end()
            return self._value(name[0], f"${name[0]}")
        self.at = start + 1
        return "" if following and following in "'\"" else "$"

    def _value(self, name: str, written: str) -> str:
        values = self.variables.get(name)
        if values is None:
            return unknown(written)
        index, count = 0, len(values.each)
        if count > 1:
            index, _ = self.rounds.setdefault(values.loop, (0, count))
        value = values.each[min(index, count - 1)]
        self.effort.spend(len(value))
        return value

    def _backquoted(self) -> str:
        script, start = self.script, self.at
        end = script.text.find("`", start + 1)
        if end < 0:
            self.at = start + 1
            return "`"
        self.at = end + 1
        within = Located(script.text[start + 1 : end], script.line(start))
        self.inner += self._scripts([within])
        return unknown(script.text[start : self.at])

    def _substitution(self) -> str:
        text, start = self.script.text, self.at
        self.at = start + 2
        if self.depth < _DEEPEST:
            within = _Reader(
                self.script,
                ChainMap({}, self.variables),
                self.effort,
                depth=self.depth + 1,
                at=self.at,
                is_substitution=True,
            )
            self.inner += within.read()
            self.at = within.at
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
        other = self._up_to("}", _DEFAULT_LITERAL)
        self.depth -= 1
        written = text[start : min(self.at, start + _LONGEST_WRITTEN)]
        if name is None or (other and how is None):
            return unknown(written)
        if how is None or how[0][-1] == "?":
            return self._value(name[0], written)
        is_set = name[0] in self.variables
        value = self._value(name[0], written) if is_set else ""
        has_value = bool(value) or (is_set and how[0][0] != ":")
        if how[0][-1] == "+":
            return unknown(written) if not is_set else other if has_value else ""
        return value if has_value else other


def _keywords(found: Sequence[Word]) -> int:
    """Return how many words before a command are no part of it."""
    for index, word in enumerate(found):
        if word.text not in _KEYWORDS:
            return index
        if word.text == "case":
            return index + 1
    return len(found)


def _split(value: str, fields: list[list[str]]) -> None:
    """Add the value of a variable without quotes to the fields of a word: it may begin new ones."""
    for piece in _FIELD.findall(value):
        if piece[0] not in " \t\n":
            fields[-1].append(piece)
        elif fields[-1]:
            fields.append([])


def script_of(found: Sequence[Word]) -> Located:
    """Return the script that words are together, each on its line."""
    written: list[str] = []
    first = line = found[0].line if found else 1
    for word in found:
        written += ["\\\n" * (word.line - line), word.written, " "]
        line = max(line, word.line) + word.written.count("\n")
    return Located("".join(written), first)


def _printed(found: Sequence[Word]) -> list[Located]:
    """Return what a command prints that only prints."""
    prints = found and found[0].text in _PRINTS
    return [script_of(found[1:])] if prints else []


def _script_in(rest: Sequence[Word]) -> tuple[Word | None, bool]:
    """Return the script that a command gives to a shell, and whether it starts a shell that reads commands."""
    if rest[0].text == "eval":
        given = script_of(rest[1:])
        return Word(given.text, given.first), False
    start = next(
        (i for i, one in enumerate(rest) if _SHELL.fullmatch(one.base_name)), None
    )
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
