"""A version of a node pack as the registry shows it: a value, compared field by field, and its place among others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from watcher import timestamps
from watcher.timestamps import Moment, MomentOrEmpty
from watcher.values import frozen

_SEMANTIC = re.compile(
    r"[vV]?([0-9]+(?:\.[0-9]+)*)(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]*)?"
)
_LONGEST = 300
"""Characters of a text that is taken for a semantic version."""


@lru_cache(maxsize=2048)
def precedence(version: str) -> tuple[object, ...]:
    """Return a key that sorts version texts, the newest last, as semantic versioning does (`1.10` is `1.10.0`).

    A text that is no semantic version is older than any. Of equal versions the text decides.
    """
    found = _SEMANTIC.fullmatch(version) if len(version) <= _LONGEST else None
    if found is None:
        return False, (), False, (), version
    numbers = [_number(part) for part in found[1].split(".")]
    # `1.10` and `1.10.0` are one version.
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
    return bool(is_semantic) and not is_release


def _number(digits: str) -> tuple[int, str]:
    """Return a key that sorts numbers of any length."""
    shown = digits.lstrip("0")
    return len(shown), shown


def _word(word: str) -> tuple[bool, int, str]:
    """Return the key of a part of a pre-release: numbers come before words."""
    return (False, *_number(word)) if word.isdigit() else (True, 0, word)


ACTIVE = "active"
PENDING = "pending"
FLAGGED = "flagged"
BANNED = "banned"
DELETED = "deleted"

STATUSES: tuple[str, ...] = (ACTIVE, PENDING, FLAGGED, BANNED, DELETED)
"""The statuses of the API's spec (`NodeVersionStatus`), by their short names."""

API_PREFIX = "NodeVersionStatus"


def status_from_api(name: str) -> str:
    """Return the short name of an API status. An unknown status is returned unchanged."""
    short = name.removeprefix(API_PREFIX).lower()
    # Whole, so that people can find the word in the registry's own pages.
    return short if short in STATUSES else name


def status_to_api(short: str) -> str:
    """Return the API's long name of one of `STATUSES`."""
    return API_PREFIX + short.capitalize()


@frozen
class Version:
    """One published version. A field that the API leaves out, or gives as null or empty, is empty here."""

    version: str = ""
    """Its text: mostly semantic versioning."""
    id: str = ""
    """The registry's id of it."""
    status: str
    """One of `STATUSES`, or the API's own text for a status that this program does not know."""
    deprecated: bool = False
    """The publisher advises against it."""
    created_at: str = ""
    """The API's RFC 3339 text, unchanged."""
    download_url: str = ""
    """Where the archive is."""
    dependencies: tuple[str, ...] = ()
    """pip requirements."""

    @property
    def key(self) -> str:
        """What identifies the version in its node: the id, else the version text (docs/dev/behaviour.md, Events)."""
        return self.id or self.text_key

    @property
    def text_key(self) -> str:
        """What identifies the version where one of two rows has no id."""
        return f"={self.version}"


@dataclass(frozen=True, slots=True)
class SafeVersion:
    """The version of a node that is advised: the newest good one that is old enough, else the newest good one."""

    version: str | None
    """Untrusted text; None if there is no good one."""
    young_since: MomentOrEmpty | None = None
    """When it was created, if it is not old enough; "" if that is not known."""

    @property
    def is_young(self) -> bool:
        """Whether it is too young, and advised for want of an older one."""
        return self.young_since is not None


@frozen
class MinimumAge:
    """How old a version has to be at a moment."""

    seconds: float
    """0: any version is old enough."""
    now: Moment

    def is_reached(self, created: MomentOrEmpty) -> bool:
        """Return whether a version that was created then is old enough. It is not if that is not known."""
        if not self.seconds:
            return True
        return (
            bool(created)
            and timestamps.seconds_between(created, self.now) >= self.seconds
        )


def by_key(rows: Iterable[Version]) -> dict[str, Version]:
    """Return the rows by their keys, and by their texts, as `find_row` needs them."""
    rows = tuple(rows)
    return {row.text_key: row for row in rows} | {row.key: row for row in rows}


def find_row(version: Version, rows: Mapping[str, Version]) -> Version | None:
    """Return the row that is a version: by its id, else by its text if one of the two has no id."""
    if version.key in rows:
        return rows[version.key]
    found = rows.get(version.text_key)
    # With an id of its own it is another version that has the same text.
    return None if found is not None and found.id else found


WATCHED_FIELDS: dict[str, str] = {
    "download_url": "downloadUrl",
    "dependencies": "dependencies",
}
"""Fields whose difference makes a `changed` event, with the name the API gives them."""


def newest(versions: Iterable[Version]) -> Version | None:
    """Return the most recently created version, or None if there is none.

    Text order would put 1.9 after 1.10 (docs/dev/registry.md, Pages).
    """
    return max(versions, key=lambda v: (recency(v.created_at), v.version), default=None)


def recency(created_at: str) -> str:
    """Return a key that sorts RFC 3339 UTC times. The registry cuts trailing zeros off their fractions."""
    head, _, fraction = created_at.rstrip("Zz").partition(".")
    return f"{head}.{fraction:0<9}"


def created_by(version: Version, moment: str) -> bool:
    """Return whether the version says that it was created at `moment` (RFC 3339, UTC) or before."""
    return bool(version.created_at) and recency(version.created_at) <= recency(moment)


def age(version: Version) -> tuple[str, str, str]:
    """Return a key that sorts versions oldest first. The same versions always come in the same order."""
    return recency(version.created_at), version.version, version.id


def in_order(versions: Iterable[Version]) -> tuple[Version, ...]:
    """Return the versions oldest first."""
    return tuple(sorted(versions, key=age))
