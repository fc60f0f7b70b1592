"""A version of a node pack as the registry shows it: a plain value, compared field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

from watcher import timestamps
from watcher.timestamps import Moment, MomentOrEmpty

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
    return short if short in STATUSES else name


def status_to_api(short: str) -> str:
    """Return the API's long name of one of `STATUSES`."""
    return API_PREFIX + short.capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
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
        """What identifies the version in its node: the id, else the version text (docs/behaviour.md, Events)."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
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


def badness(version: Version) -> tuple[int, bool, tuple[object, ...]]:
    """Return a key that sorts versions by how bad they are, banned last. Versions that differ have different keys."""
    return *standing(version), astuple(version)


def standing(version: Version) -> tuple[int, bool]:
    """Return a key that sorts versions by their status and deprecation, banned last."""
    status = version.status if version.status in STATUSES else "unknown"
    return _FROM_GOOD_TO_BAD.index(status), version.deprecated


_FROM_GOOD_TO_BAD = (ACTIVE, PENDING, "unknown", DELETED, FLAGGED, BANNED)


def newest(versions: Iterable[Version]) -> Version | None:
    """Return the most recently created version, or None if there is none.

    Text order would put 1.9 after 1.10 (docs/registry.md, Pages).
    """
    return max(versions, key=lambda v: (recency(v.created_at), v.version), default=None)


def recency(created_at: str) -> str:
    """Return a key that sorts RFC 3339 UTC times. The registry cuts trailing zeros off their fractions."""
    head, _, fraction = created_at.rstrip("Zz").partition(".")
    return f"{head}.{fraction:0<9}"


def created_by(version: Version, moment: str) -> bool:
    """Return whether the version says that it was created at `moment` (RFC 3339, UTC) or before."""
    return bool(version.created_at) and recency(version.created_at) <= recency(moment)


def in_order(versions: Iterable[Version]) -> tuple[Version, ...]:
    """Return the versions oldest first. The same versions always come in the same order."""
    return tuple(
        sorted(versions, key=lambda v: (recency(v.created_at), v.version, v.id))
    )
