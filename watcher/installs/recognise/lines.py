"""On which lines of a JSON or YAML text packs are named, as far as that is cheap to find out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from watcher.model.pack import Pack

_NAME = re.compile(
    r"""["']([^"'\\\n]{1,500})["']|^[ \t]*([^\s"'#{}\[\],&*?|>%@`:][^\s"'#{}\[\],]{0,499}):(?=\s|$)""",
    re.MULTILINE,
)
_VERSION = re.compile(
    r"""\s*:?\s*["']?([^"'\s,:{}\[\]]+)|[^{}]{0,300}?["'](?:ver|version)["']\s*:\s*["']([^"']+)"""
)
"""The version of a name, right behind it or beside it in its object."""


def with_lines(packs: Iterable[Pack], text: str) -> tuple[Pack, ...]:
    """Return packs with the line that names each: with its version if there is one, else the first one."""
    found = tuple(packs)
    wanted = {name for pack in found for name in _names(pack)}
    places: dict[tuple[str, str], int] = {}
    line, counted = 1, 0
    for match in _NAME.finditer(text):
        name = match[1] or match[2]
        if name.lower() not in wanted:
            continue
        line += text.count("\n", counted, match.start())
        counted = match.start()
        beside = _VERSION.match(text, match.end())
        version = (beside[1] or beside[2]) if beside else ""
        places.setdefault((name.lower(), version), line)
        places.setdefault((name.lower(), ""), line)
    return tuple(replace(pack, line=_line(pack, places)) for pack in found)


def _line(pack: Pack, places: dict[tuple[str, str], int]) -> int | None:
    versions = (pack.version or pack.commit or "", "")
    keys = ((name, version) for version in versions for name in _names(pack))
    return next((places[key] for key in keys if key in places), None)


def _names(pack: Pack) -> list[str]:
    """Return how a file may name a pack, in lower case."""
    repository = pack.repository or ""
    by_author = "/".join(repository.split("/")[-2:])
    names = (pack.id or "", repository, by_author, pack.folder)
    return [name.lower() for name in names if name]
