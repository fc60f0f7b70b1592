"""Links in every page, and the one address of the repository."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.program import ROOT
from watcher import __version__

REPOSITORY = "https://github.com/OWNER/comfy-watch"
"""The placeholder for the repository's address; the repository's owner replaces it everywhere."""
_FILES = f"{REPOSITORY}/blob/main/"
_FOLDERS = (
    ".ci",
    ".github",
    "audit",
    "bench",
    "deploy",
    "docs",
    "requirements",
    "state",
    "tests",
    "watcher",
)
_TEXTS = {
    ".in",
    ".json",
    ".md",
    ".mjs",
    ".py",
    ".service",
    ".sh",
    ".timer",
    ".toml",
    ".txt",
    ".xml",
    ".yaml",
    ".yml",
}
_THIS = "tests/cli/test_links.py"
_FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)")
_BEFORE = r"(?:github\.com[:/]|ghcr\.io/|githubusercontent\.com/|\buses:\s*)"
_OWNER = r"([^\s/\"'`(]+)"
_ADDRESS = re.compile(
    rf"{_BEFORE}{_OWNER}/comfy-watch(?![\w-])|{_OWNER}/comfy-watch@", re.IGNORECASE
)


def _pages() -> list[Path]:
    return [
        *ROOT.glob("*.md"),
        *(page for folder in _FOLDERS for page in (ROOT / folder).rglob("*.md")),
    ]


def _texts() -> Iterator[Path]:
    """Yield every text file of the repository, and nothing that tools have made."""
    top = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    for path in (
        *top,
        *(
            path
            for folder in _FOLDERS
            for path in (ROOT / folder).rglob("*")
            if path.is_file()
        ),
    ):
        if path.suffix in _TEXTS or path.name in {"Containerfile", "Makefile", "run"}:
            yield path


def _links(page: Path) -> list[str]:
    """Return where the links of a page lead, images included."""
    return _INLINE.findall(_FENCED.sub("", page.read_text("utf-8")))


def _anchors(page: Path) -> set[str]:
    """Return the anchors that a repository's page gives the headings of a document."""
    heads = re.findall(
        r"^#+ (.+)$", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def _lead_nowhere(page: Path, links: list[str]) -> list[str]:
    """Return the links of a page to files of the repository, or to headings in them, that are not there."""
    lost = []
    for link in links:
        path, _, anchor = link.removeprefix(_FILES).partition("#")
        target = (
            (ROOT if link.startswith(_FILES) else page.parent) / path if path else page
        )
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            lost.append(link)
    return lost


def _is_elsewhere(link: str) -> bool:
    return bool(re.match(r"[a-z]+:", link)) and not link.startswith(_FILES)


@pytest.mark.parametrize(
    "page", _pages(), ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_every_link_leads_to_something(page: Path) -> None:
    """What a page links to in the repository is there, and so is the heading."""
    links = _links(page)
    assert _lead_nowhere(page, [one for one in links if not _is_elsewhere(one)]) == []
    # They work in a clone: none leads to the own repository by an address.
    assert [link for link in links if link.startswith(_FILES)] == []


def test_every_page_is_found() -> None:
    """README, or a page that it leads to, leads to every page of docs/."""
    docs = ROOT / "docs"
    pages = {page.relative_to(ROOT).as_posix() for page in docs.rglob("*.md")}
    shown = {link.partition("#")[0] for link in _links(ROOT / "README.md")}
    assert pages - shown == set()


def test_the_addresses_of_the_project() -> None:
    """The package's addresses are the repository's, and those of files lead to one."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "urls"
    ]
    assert {"Homepage", "Documentation", "Changelog", "Issues", "Source"} == urls.keys()
    assert [
        url for url in urls.values() if not f"{url}/".startswith(f"{REPOSITORY}/")
    ] == []
    assert (
        _lead_nowhere(
            ROOT / "pyproject.toml",
            [url for url in urls.values() if url.startswith(_FILES)],
        )
        == []
    )


def _owners(text: str) -> set[str]:
    """Return whom a text has as the owner of the repository."""
    # Of megabytes, a few.
    lines = "\n".join(
        line for line in text.splitlines() if "comfy-watch" in line.lower()
    )
    return {owner for found in _ADDRESS.findall(lines) for owner in found if owner}


def test_one_placeholder() -> None:
    """Wherever the repository is named, its owner has the one placeholder."""
    owners = {
        path.relative_to(ROOT).as_posix(): _owners(path.read_text("utf-8"))
        for path in _texts()
    }
    assert {
        name: found
        for name, found in owners.items()
        if found - {"OWNER"} and name != _THIS
    } == {}
    assert owners["pyproject.toml"] == owners["README.md"] == {"OWNER"}


def test_the_changelog_has_this_version() -> None:
    """The newest version of the changelog is the program's and the README's; it has its day, or is unreleased."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest, day = re.findall(r"^## (\S+) - (\S+)$", text, re.MULTILINE)[0]
    assert newest == __version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\d|unreleased", day)
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.findall(r"\bversion (\d\S+\d)\b", readme) == [__version__]


def test_the_tags_of_the_pages() -> None:
    """No page or file names a tag of the repository, which has none; an image and `--version` are this version's."""
    texts = [
        path.read_text("utf-8") for path in _texts() if path.name != Path(_THIS).name
    ]
    assert [
        tag
        for text in texts
        for tag in re.findall(r"OWNER/comfy-watch(?:@|\S+/)(v\d[\d.]*)", text)
    ] == []
    named = re.compile(r"(?:/comfy-watch:|comfy-watch, version )(\d[\d.]*\d)\b")
    assert {
        (path.name, version)
        for path in _texts()
        if path.suffix in {".md", ".yaml"}
        for version in named.findall(path.read_text("utf-8"))
    } == {(name, __version__) for name in ("install.md", "container.md")}


def test_the_places_it_runs_in() -> None:
    """The README's table, and the index of `deploy/`, lead to the page of every place; no file there is left out."""
    readme = (
        (ROOT / "README.md")
        .read_text("utf-8")
        .partition("\n## Watch it\n")[2]
        .partition("\n## ")[0]
    )
    index = (ROOT / "deploy" / "README.md").read_text("utf-8").partition("\n## ")[0]
    pages = set(re.findall(r"\]\(docs/(\S+\.md)\) \|$", readme, re.MULTILINE))
    assert len(pages) > 4
    assert pages == set(
        re.findall(r"\| \[\S+\]\(\.\./docs/(\S+)\) \|$", index, re.MULTILINE)
    )
    files = {
        path.name for path in (ROOT / "deploy").iterdir() if path.name != "README.md"
    }
    assert {name for name in files if f"]({name})" not in index} == set()
