"""What stands in a page: its fenced blocks, by language or by the mark above them, and its tables."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.program import ROOT


def _text(page: str | Path) -> str:
    return (ROOT / "docs" / page).read_text("utf-8")


def blocks(page: str | Path, language: str) -> list[str]:
    """Return the fenced blocks of a language in a page, by default one of `docs/`, in their order."""
    fenced = rf"^ *```{language}\n(.*?)^ *```$"
    return re.findall(fenced, _text(page), re.MULTILINE | re.DOTALL)


def marked(page: str | Path, marker: str) -> str:
    """Return the one fenced block under `<!-- marker -->` in a page."""
    fenced = rf"^<!-- {marker} -->\n```\w*\n(.*?)^```$"
    (found,) = re.findall(fenced, _text(page), re.MULTILINE | re.DOTALL)
    return str(found)


def tables(page: str | Path) -> dict[str, list[list[str]]]:
    """Return the tables of a page by the head of their first column; a row is its cells."""
    found: dict[str, list[list[str]]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", _text(page), re.MULTILINE):
        rows = [
            [cell.strip() for cell in line.strip("|\n").split("|")]
            for line in block.splitlines()
        ]
        found[rows[0][0]] = rows[2:]
    return found
