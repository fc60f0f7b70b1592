"""What a pyproject says of its pack."""

from __future__ import annotations

import pytest

from watcher.installs.recognise import folders
from watcher.installs.recognise.folders import Project

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


@pytest.mark.parametrize("text", ["project = 5", "[project]\nurls = 5\ndynamic = 5"])
def test_odd_values(text: str) -> None:
    """What is no table, or no list, says nothing."""
    assert folders.read(text.encode()).id is None
