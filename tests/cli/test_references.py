"""What code and documents refer to exists: files, modules, sections, links; and one fact has one word."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.program import ROOT

_WORDS = re.compile(
    r"\b(?:strangers?|told|manieth|spellings|peculiar|contracts?|registry notes)\b",
    re.IGNORECASE,
)
"""Words of which the field has better ones: untrusted, reported, parsing; and documents that are not in the project."""

_FOLDERS = ("watcher", "tests", "bench", "docs", "deploy", "state", ".github")
_KINDS = {".py", ".md", ".yml", ".service", ".timer"}
_FILE = re.compile(
    r"(?<![\w/.-])(?:watcher|tests|bench|docs|deploy|requirements)/[\w./-]*\w/?"
)
_MODULE = re.compile(r"(?<![\w.-])watcher(?:\.[A-Za-z_]\w*)+")
_SHOWN_LINK = re.compile(r"\[[\w./]+\]\((?:\.\./)?(?:docs/)?((?:dev/)?\w+\.md)\)")
_CITED = re.compile(r"docs/dev/(behaviour|registry)\.md,? \(?([A-Z][^.;:()`\"]*)")


def _texts() -> Iterator[tuple[Path, str]]:
    """Return every file of the project that people read, and its text."""
    pages = [
        path
        for folder in _FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in _KINDS
    ]
    for path in (
        *pages,
        *ROOT.glob("*.md"),
        ROOT / "Makefile",
        ROOT / "pyproject.toml",
    ):
        if path != Path(__file__):
            yield path.relative_to(ROOT), path.read_text("utf-8")


def _sections(page: str) -> set[str]:
    return set(
        re.findall(
            r"^#+ (.+)$",
            (ROOT / "docs" / "dev" / page).read_text("utf-8"),
            re.MULTILINE,
        )
    )


def test_files() -> None:
    """Every file or folder of the project that a text names is there."""
    named = {
        (str(path), found) for path, text in _texts() for found in _FILE.findall(text)
    }
    assert len(named) > 15
    assert [
        (path, found) for path, found in sorted(named) if not (ROOT / found).exists()
    ] == []


def test_modules() -> None:
    """Every module, class and function of `watcher` that a text names is there."""
    named = {
        (str(path), found) for path, text in _texts() for found in _MODULE.findall(text)
    }
    assert len(named) > 15
    assert [(path, found) for path, found in sorted(named) if not _exists(found)] == []


def _exists(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return bool(module) and (
            hasattr(importlib.import_module(module), attribute)
            if _exists(module)
            else False
        )
    return True


def test_sections() -> None:
    """Every section of docs/dev/behaviour.md and docs/dev/registry.md that a text cites is there."""
    cited: set[tuple[str, str, str]] = set()
    for path, text in _texts():
        flat = re.sub(r"\s+(?:# )?", " ", _SHOWN_LINK.sub(r"docs/\1", text))
        for page, sections in _CITED.findall(flat):
            cited |= {
                (str(path), page, name)
                for name in re.split(r", | and ", sections)
                if name[:1].isupper()
            }
    assert len(cited) > 15
    titles = {page: _sections(f"{page}.md") for page in ("behaviour", "registry")}
    assert [
        (path, page, name)
        for path, page, name in sorted(cited)
        if not any(f"{name} ".startswith(f"{title} ") for title in titles[page])
    ] == []


def test_words() -> None:
    """No module of the program uses a word for which the field has a better one."""
    files = [
        path
        for path in (ROOT / "watcher").rglob("*")
        if path.suffix in {".py", ".json"}
    ]
    assert [
        (str(path), word)
        for path in files
        for word in _WORDS.findall(path.read_text("utf-8"))
    ] == []
