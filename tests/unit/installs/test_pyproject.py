"""What counts in a pyproject is read whatever else is in it, as a parser of all of it would read it, and soon."""

from __future__ import annotations

import contextlib
import time
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.installs.recognise import pyproject
from watcher.installs.recognise.json_text import table
from watcher.installs.recognise.pyproject import LIMIT, Project

PACK = '[project]\nname = "my-pack"\nversion = "1.2.0"\n[project.urls]\nRepository = "https://h/x"\n'
KNOWN = Project(id="my-pack", version="1.2.0", repository="https://h/x")

LINES = "x\n" * 100_000

BESIDE = {
    "nothing": "",
    "a long line": f'[tool.x]\nicon = "{"x" * 16_400}"\n',
    "more than 128 KB": f'[tool.x]\nicon = """{LINES}"""\n',
    "a control character": '[tool.x]\nicon = "\x1b\x00\x7f"\n# \x07\n',
    "control characters everywhere": "\x00[tool.\x01x]\x0c\n",
    "an array that is very deep": f"[tool.x]\na = {'[' * 20_000}{']' * 20_000}\n",
    "a key of very many parts": f"[tool.x]\n{'a.' * 20_000}a = 1\n",
    "what is no TOML": "[tool.x]\na = = b\nnonsense\n1979\n",
    "a table that comes twice": "[tool.x]\n[tool.x]\n",
    "strings that look like tables": "[tool.x]\na = '''\n[project]\nname = 'evil'\n'''\n",
    "an escaped quote in a long string": '[tool.x]\nb = """\\"""\n[project]\n"""\n',
    "brackets in strings and comments": "[tool.x]\na = '[' # [\nb = \"[\\\"[\" # '''\n",
    "tables of the same name elsewhere": "[tool.project]\nname = 'evil'\n[[other.project]]\nname = 'evil'\n",
    "an array of tables": "[[tool.x]]\nname = 'evil'\n[tool.x.project]\nname = 'evil'\n",
    "line ends of Windows": "[tool.x]\r\na = 1\r\n",
}


@pytest.mark.parametrize("case", BESIDE)
@pytest.mark.parametrize("before", [True, False])
def test_what_lies_beside(case: str, before: bool) -> None:
    """Whatever lies beside the tables of the pack, before or after them, its id, version and repository are read."""
    text = BESIDE[case] + PACK if before else PACK + BESIDE[case]
    assert pyproject.read(text.encode()) == KNOWN


FORMS = {
    "dotted": 'project.name = "my-pack"\nproject.version = "1.2.0"\nproject.urls.Repository = "https://h/x"\n',
    "in one line": 'project = {name = "my-pack", version = "1.2.0", urls = {Repository = "https://h/x"}}\n',
    "urls in one line": '[project]\nurls = {repository = "https://h/x"}\nname = "my-pack"\nversion = "1.2.0"\n',
    "urls dotted": '[project]\nurls.Repository = "https://h/x"\nname = "my-pack"\nversion = "1.2.0"\n',
    "quoted": PACK.replace("[project]", '[ "pro\\u006aect" ]').replace("name", "'name'").replace("urls", '"urls"'),
    "urls first": '[project.urls]\nRepository = "https://h/x"\n[project]\nname = "my-pack"\nversion = "1.2.0"\n',
    "with much else": PACK.replace("version", 'dependencies = [\n "a[x]", # ]\n]\nversion'),
    "a byte order mark": f"\ufeff{PACK}",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str) -> None:
    """A table may be written in each form that TOML has."""
    assert pyproject.read(FORMS[form].encode()) == KNOWN


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[project", "is not valid TOML"),
        ("%%%\n", "is not valid TOML"),
        ("a = [\n[project]\nname = 'x'\n", "is not valid TOML"),
        ("a = '''\n[project]\nname = 'x'\n", "is not valid TOML"),
        ("[project]\nname = 'x'\nname = 'y'\n", "is not valid TOML"),
        ("[project]\nname = 'x'\nversion = 1.2.3\n", "is not valid TOML"),
        (f"[project]\nname = 'x'\nversion = {'1' * 9_000}\n", "is not valid TOML"),
        (
            f"[project]\nname = 'x'\ndynamic = {'[' * 9_000}{']' * 9_000}\n",
            "is nested too deeply",
        ),
    ],
)
def test_what_cannot_be_read(text: str, why: str) -> None:
    """What counts and is wrong, or could be hidden by a string or a bracket without an end, is refused."""
    with pytest.raises(ValueError, match=why):
        pyproject.read(text.encode())


def test_control_characters_in_what_counts() -> None:
    """They reach neither the id nor the version."""
    text = '[project]\nname = "my\x00-pack"\nversion = "1.2\x1b.0"\n'
    assert pyproject.read(text.encode()) == Project(id="my-pack", version="1.2.0")


_PART = LIMIT // 4
HOSTILE = {
    "brackets": f"a = {'[' * (_PART // 2)}{']' * (_PART // 2)}\n",
    "quotes": "a = " + '""' * (_PART // 2),
    "escapes": 'a = """' + '"\\"' * (_PART // 3),
    "half strings": 'a = "\\"\n' * (_PART // 9),
    "headers": "[a]\n" * (_PART // 4),
    "headers with escapes": '["\\u0061"]\n' * (_PART // 11),
    "parts": f"[project]\nname{'.a' * (_PART // 2)} = 1\n",
    "parts inside": f"[project]\nurls = {{a{'.a' * (_PART // 2)} = 1}}\n",
    "urls": "[project.urls]\n"
    + "".join(f"{'a.' * 60}b{number} = 1\n" for number in range(_PART // 130)),
    "numbers": f"[project]\ndynamic = [{'1,' * (_PART // 2)}]\n",
    "spaces": f"[project]\nname{' ' * _PART}\n",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_file_takes_long(case: str) -> None:
    """The time grows with the size and not with its square: a quarter of the largest takes a quarter of a second.

    The limit here leaves room for a busy machine.
    """
    begin = time.process_time()
    with contextlib.suppress(ValueError):
        pyproject.read(HOSTILE[case].encode())
    assert time.process_time() - begin < 2


_NAMES = st.sampled_from(
    [
        "name",
        "version",
        "urls",
        "project",
        "tool",
        "x",
        "'name'",
        '"na\\u006de"',
        "urls.repository",
    ]
)
_VALUES = st.sampled_from(
    [
        "1",
        "'a'",
        '"b"',
        '"\\""',
        "'''\n[project]\n'''",
        '"""\n"a"\\""""',
        "[1, [2],\n 'x'] # ]",
        "{name = 'c'}",
        "'#'",
        "[]",
    ]
)
_HEADERS = st.sampled_from(
    [
        "[project]",
        "[project.urls]",
        "[ project . urls ]",
        "[tool.comfy]",
        "[x]",
        "[[x]]",
        "[x.project]",
        "['project']",
        "#",
    ]
)
_LINES = st.one_of(
    _HEADERS, st.tuples(_NAMES, _VALUES).map(" = ".join), st.just("# [project]")
)


@given(st.lists(_LINES, max_size=12).map("\n".join))
def test_it_reads_what_a_parser_reads(text: str) -> None:
    """Whatever a parser can read gives the id, version and repository that are in it."""
    try:
        document = tomllib.loads(text)
    except ValueError:
        return
    found = pyproject.read(text.encode())
    assert found == pyproject.of_table(
        table(document.get("project")), comfy=found.comfy
    )
