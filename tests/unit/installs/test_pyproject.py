"""What a pyproject says of its pack, and that no file holds a scan up."""

from __future__ import annotations

import contextlib
import time

import pytest

from watcher.installs.recognise import folders
from watcher.installs.recognise.folders import LIMIT, Project

PACK = '[project]\nname = "my-pack"\nversion = "1.2.0"\n[project.urls]\nRepository = "https://h/x"\n'
FORMS = {
    "tables": PACK,
    "dotted": 'project.name = "my-pack"\nproject.version = "1.2.0"\nproject.urls.Repository = "https://h/x"\n',
    "urls in one line": '[project]\nurls = {repository = "https://h/x"}\nname = "my-pack"\nversion = "1.2.0"\n',
    "a byte order mark": f"\ufeff{PACK}",
    "a long line": f'{PACK}[tool.x]\nicon = "{"x." * 9_000}"\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form(form: str) -> None:
    """Id, version and repository are read in each form that TOML has for them."""
    known = Project(id="my-pack", version="1.2.0", repository="https://h/x")
    assert folders.read(FORMS[form].encode()) == known


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\xff\xfe", "is not UTF-8 text"),
        (" \n", "is empty"),
        ("[project", "is not valid TOML"),
        ("[project]\nname = 'x'\nversion = 1.2.3\n", "is not valid TOML"),
        (f"[project]\nversion = {'1' * 9_000}\n", "is not valid TOML"),
        (f"a = {'[' * 9_000}{']' * 9_000}\n", "is nested too deeply"),
        (f"a{'.a' * 65} = 1\n", "has a key without end"),
        (f"[a{'.a' * 65}]\n", "has a key without end"),
        (f"a = {{a{'.a' * 65} = 1}}\n", "has a key without end"),
    ],
)
def test_what_cannot_be_read(text: str, why: str) -> None:
    """A pyproject that is no TOML, or that could take the parser long, is refused."""
    with pytest.raises(ValueError, match=why):
        folders.read(text.encode("latin-1"))


HOSTILE = {
    "tables": "[[a]]\n" * (LIMIT // 6),
    "parts": f"name{'.a' * (LIMIT // 2)} = 1\n",
    "keys": "".join(f"{'a.' * 60}b{number} = 1\n" for number in range(LIMIT // 130)),
    "numbers": f"a = [{'1,' * (LIMIT // 2)}]\n",
    "quotes": "a = " + '""' * (LIMIT // 2),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_file_takes_long(case: str) -> None:
    """The worst file of the largest size takes about a second; the limit leaves room for a busy machine."""
    begin = time.process_time()
    with contextlib.suppress(ValueError):
        folders.read(HOSTILE[case].encode())
    assert time.process_time() - begin < 6
