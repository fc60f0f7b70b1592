"""The order of versions by what their texts say: semantic versioning, and any other text too."""

from __future__ import annotations

import re
from functools import lru_cache

_SEMANTIC = re.compile(
    r"[vV]?([0-9]+(?:\.[0-9]+)*)(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]*)?"
)
_LONGEST = 300
"""Characters of a text that is taken for a semantic version."""

Precedence = tuple[
    bool, tuple[tuple[int, str], ...], bool, tuple[tuple[bool, int, str], ...], str
]


@lru_cache(maxsize=2048)
def precedence(version: str) -> Precedence:
    """Return a key that sorts version texts, the newest last, as semantic versioning does (`1.10` is `1.10.0`).

    A text that is no semantic version is older than any. Of equal versions the text decides.
    """
    found = _semantic(version)
    if found is None:
        return False, (), False, (), version
    numbers = [_number(part) for part in found[1].split(".")]
    while numbers and not numbers[-1][0]:
        numbers.pop()
    words = (found[2] or "")[1:].split(".")
    return (
        True,
        tuple(numbers),
        found[2] is None,
        tuple(_word(word) for word in words),
        version,
    )


@lru_cache(maxsize=2048)
def normalised(version: str) -> tuple[object, ...] | None:
    """Return what the ways to write one semantic version share (`v1.2` is `1.2.0`); None for any other text."""
    found = precedence(version.strip())
    return (*found[:-1], version.strip().partition("+")[2]) if found[0] else None


def is_same_version(one: str, other: str) -> bool:
    """Return whether two texts name one version: the same text, or the same semantic version written otherwise."""
    return one == other or (
        (key := normalised(one)) is not None and key == normalised(other)
    )


def is_newer(version: str, than: str) -> bool:
    """Return whether a version is newer than another; two ways to write one version are not."""
    # The last part is the text itself: how a version is written makes it no newer.
    return precedence(version)[:-1] > precedence(than)[:-1]


def is_prerelease(version: str) -> bool:
    """Return whether a text is a semantic version such as `2.0.0-rc.1`."""
    is_semantic, _, is_release, *_ = precedence(version)
    return is_semantic and not is_release


def _semantic(version: str) -> re.Match[str] | None:
    return _SEMANTIC.fullmatch(version) if len(version) <= _LONGEST else None


def _number(digits: str) -> tuple[int, str]:
    """Return a key that sorts numbers of any length."""
    shown = digits.lstrip("0")
    return len(shown), shown


def _word(word: str) -> tuple[bool, int, str]:
    """Return the key of a part of a pre-release: numbers come before words."""
    return (False, *_number(word)) if word.isdigit() else (True, 0, word)
