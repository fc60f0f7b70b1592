"""What `expected.txt` says of the files of a repository in `files`, which are written in the style of real ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
FILES = HERE / "files"

Place = tuple[int, str]
"""A line, and what it names: `id@1.2.0`, `id`, a repository without scheme and suffix, or a file."""


@dataclass(slots=True)
class Listed:
    """What a file names."""

    packs: Counter[Place] = field(default_factory=Counter)
    """What is not known is named by its tool or type, after "? "."""


def listed() -> dict[str, Listed]:
    """Return what each file names, by its path; any other file of the tree names nothing."""
    found: dict[str, Listed] = {}
    current = Listed()
    for line in (HERE / "expected.txt").read_text("utf-8").splitlines():
        if line.startswith("    "):
            at, what = line.split(maxsplit=1)
            current.packs[int(at), what] += 1
        elif line and not line.startswith("#"):
            current = found[line] = Listed()
    return found


def repository_of(address: str) -> str:
    """Return a repository as the list writes it."""
    address = address.partition("://")[2] or address.removeprefix("git@")
    return address.replace(":", "/").removesuffix(".git")


def is_of_lines(path: str) -> bool:
    """Return whether a file of the list is one that is read by its lines."""
    return not path.endswith((".json", ".yaml"))
