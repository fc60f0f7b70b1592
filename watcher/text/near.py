"""What was probably meant by a name that is not known. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from watcher.text.sanitize import sanitize_line

_COMMON = frozenset(
    {"comfy", "comfyui", "custom", "node", "nodes", "pack", "suite", "ui"}
)
"""Words that so many ids have that they say nothing."""
_PARTS = re.compile(r"[^a-z0-9]+")
_SHORTEST = 3


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """Return the known name that is most similar to this one, whatever its case; "" if none is similar enough."""
    return _most_similar(name, known, str.lower, likeness)


def nearest_id(node: str, known: Iterable[str], *, likeness: float = 0.75) -> str:
    """Return the known id of a node pack that is most similar, as `nearest`: words that many ids have do not count."""
    others = [one for one in known if one.lower() != node.lower()]
    as_written = nearest(node, others, likeness=likeness)
    return as_written or _most_similar(node, others, _telling, likeness)


def meant(names: Iterable[str], known: Iterable[str]) -> str:
    """Return a question for ids that are not known, safe to print; "" if none of them is similar to a known one."""
    others = tuple(known)
    near = dict.fromkeys(nearest_id(one, others) for one in names)
    shown = [sanitize_line(one) for one in near if one]
    return f"did you mean {', '.join(shown)}?" if shown else ""


def searches(node: str) -> Iterator[str]:
    """Yield what to search for in place of an id: the id, then its longest word if that says more."""
    yield node
    longest = max(_words(node), key=len, default="")
    if len(longest) >= _SHORTEST and longest != node.lower():
        yield longest


def _most_similar(
    name: str, known: Iterable[str], key: Callable[[str], str], likeness: float
) -> str:
    import difflib  # few runs need it

    by_key = {key(one): one for one in known}
    close = difflib.get_close_matches(key(name), by_key, n=1, cutoff=likeness)
    return by_key[close[0]] if close else ""


def _words(node: str) -> list[str]:
    return [one for one in _PARTS.split(node.lower()) if one not in _COMMON and one]


def _telling(node: str) -> str:
    return "".join(_words(node)) or node.lower()
