"""ARCHITECTURE.md, held against the import contracts."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.support.program import ROOT

_PAGE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
_WATCHER = ROOT / "watcher"


def _contracts() -> dict[str, Any]:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    return {contract["id"]: contract for contract in tools["importlinter"]["contracts"]}


def _rows() -> list[list[str]]:
    """Return the cells of the page's table."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in re.findall(r"^\| \d.*$", _PAGE, re.MULTILINE)
    ]


def _parts(row: list[str]) -> list[str]:
    return re.findall(r"`(\w+)`", row[1])


def test_layers() -> None:
    """The layers of the picture are those of the contract, in its order."""
    layers: dict[str, set[str]] = {}
    for row in _rows():
        layers.setdefault(row[0], set()).update(_parts(row))
    contract = [set(layer.split(" | ")) for layer in _contracts()["layers"]["layers"]]
    assert list(layers.values()) == contract


def test_pure_parts() -> None:
    """The parts that the picture calls pure are those that the contract keeps so."""
    pure = {
        f"watcher.{part}"
        for row in _rows()
        if row[2].startswith("pure")
        for part in _parts(row)
    }
    assert pure == set(_contracts()["core"]["source_modules"])


def test_libraries() -> None:
    """Each library stands in the picture beside the parts that may import it."""
    shown = {
        (name.replace("-", "_"), f"watcher.{part}")
        for row in _rows()
        for part in _parts(row)
        for name in filter(None, row[3].split(", "))
    }
    protected = [
        contract
        for contract in _contracts().values()
        if contract["type"] == "protected"
    ]
    assert shown == {
        (library, part)
        for contract in protected
        for library in contract["protected_modules"]
        for part in contract["allowed_importers"]
    }


def test_named_modules() -> None:
    """Every module that the page names is there."""
    named = re.findall(r"`(?!tests/)([\w/]+/\w+\.py)`", _PAGE)
    assert len(named) > 10
    assert [name for name in named if not (_WATCHER / name).exists()] == []
