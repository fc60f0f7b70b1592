"""What the registry says of a pack: its versions, its row of `GET /nodes`, and how `GET /versions` answers for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from tests.support.fake_registry.catalog import Catalog

INSTALLED = "1.2.0"
"""The version that a copy has, unless its form says another one."""
DECOY = "Decoy-"
"""How the ids begin of fine packs that a copy of another one may claim to be."""
_OLDEST = timedelta(days=400)
NEW_VERSION_STATUS = "NodeVersionStatusQuarantined"
ACTIVE, BANNED, DELETED = "NodeStatusActive", "NodeStatusBanned", "NodeStatusDeleted"

Listing = Literal["complete", "short", "failed", "banned", "wall"]
"""How `GET /versions` answers: well; with rows fewer than its total; 500; 403 of a ban; 403 of something in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version's row."""

    text: str
    status: str = "active"
    deprecated: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """What the registry says of one pack."""

    id: str
    versions: tuple[Version, ...] = ()
    has_row: bool = True
    """Whether `GET /nodes` has it."""
    status: object = ACTIVE
    has_repository: bool = True
    listing: Listing = "complete"

    @property
    def repository(self) -> str:
        """Return its source, as its row has it."""
        return f"https://github.com/Ann/{self.id}-Source"

    @property
    def listed(self) -> tuple[Version, ...]:
        """Return the versions that an answer shows."""
        return self.versions if self.listing in ("complete", "short") else ()


def v(text: str, status: str = "active", **facts: object) -> Version:
    """Return a version's row."""
    return Version(text=text, status=status, **facts)  # type: ignore[arg-type]  # any of its fields


def _finding(severity: str) -> str:
    """Return a reason with a finding, which is the same in each version."""
    rule = {"issue_type": "python_network_operations", "file_path": "nodes.py"}
    return json.dumps([rule | {"severity": severity}])


_FINDINGS, _CRITICAL = _finding("info"), _finding("critical")
_OLD, _THIS, _NEXT = v("1.0.0"), v(INSTALLED), v("1.10.0")
_TWO = (_OLD, _THIS)


def _flagged(text: str, reason: str) -> Version:
    return v(text, "flagged", reason=reason)


_KNOWN = (_flagged("1.0.0", _FINDINGS), _flagged(INSTALLED, _FINDINGS))
"""A version that is flagged for nothing that was not in an earlier one."""

_OF_VERSIONS: dict[str, tuple[Version, ...]] = {
    "Active": _TWO,
    "Behind": (*_TWO, _NEXT),
    "Behind-Flagged": (*_TWO, v("1.3.0", "flagged")),
    "Behind-Deprecated": (*_TWO, v("1.3.0", deprecated=True)),
    "Behind-Prerelease": (*_TWO, v("2.0.0-alpha.1")),
    "Deprecated": (_OLD, v(INSTALLED, deprecated=True), _NEXT),
    "Flagged": (_OLD, v(INSTALLED, "flagged")),
    "Known": _KNOWN,
    "Known-Critical": (_flagged("1.0.0", _CRITICAL), _flagged(INSTALLED, _CRITICAL)),
    "Known-Banned": (_KNOWN[0], v(INSTALLED, "banned", reason=_FINDINGS)),
    "Banned": (_OLD, v(INSTALLED, "banned")),
    "Deleted": (_OLD, v(INSTALLED, "deleted")),
    "Pending-Deprecated": (_OLD, v(INSTALLED, "pending", deprecated=True)),
    "Pending": (_OLD, v(INSTALLED, "pending")),
    "Unlisted": (_OLD, v("2.0.0")),
    "Unlisted-Newest": (_OLD,),
    "All-Banned-Unlisted": (v("1.0.0", "banned"), v("2.0.0", "banned")),
    "All-Flagged": (v("1.0.0", "flagged"), v(INSTALLED, "flagged")),
    "All-Mixed-Unlisted": (
        v("1.0.0", "flagged"),
        v("1.1.0", "deleted"),
        v("2.0.0", "banned"),
    ),
    "All-Deprecated": (v("1.0.0", deprecated=True), v(INSTALLED, deprecated=True)),
    "All-Pending-Unlisted": (v("1.0.0", "pending"),),
    "Status-New": (_OLD, v(INSTALLED, NEW_VERSION_STATUS)),
    "Twice-Written": (v("1.2"), v("1.2.0", "banned")),
    "Written-Short": (_OLD, v("1.2")),
    "Once-Banned": (v("0.9.0", "banned"), v("0.9.1", "deleted"), _OLD, _THIS),
}
"""Packs whose row is fine."""

_OTHERS = (
    Pack(id="Row-Banned", versions=_TWO, status=BANNED),
    Pack(id="Row-Deleted", versions=_TWO, status=DELETED),
    Pack(id="Row-Status-New", versions=_TWO, status="NodeStatusQuarantined"),
    Pack(id="Row-Status-Null", versions=_TWO, status=None),
    Pack(id="Row-None", versions=_TWO, has_row=False),
    Pack(id="Row-Without-Repository", versions=_TWO, has_repository=False),
    Pack(id="Behind-Row-None", versions=(*_TWO, _NEXT), has_row=False),
    Pack(id="Banned-Row-None", versions=(_OLD, v(INSTALLED, "banned")), has_row=False),
    Pack(id="Known-Row-Deleted", versions=_KNOWN, status=DELETED),
    Pack(id="Known-Row-Banned", versions=_KNOWN, status=BANNED),
    Pack(id="Gone", has_row=False),
    Pack(id="Gone-Row-Active"),
    Pack(id="Gone-Row-Banned", status=BANNED),
    Pack(id="Refused", versions=_TWO, listing="banned"),
    Pack(id="Wall", versions=_TWO, listing="wall"),
    Pack(id="Failed", versions=_TWO, listing="failed"),
    Pack(id="Failed-Row-Banned", versions=_TWO, status=BANNED, listing="failed"),
    Pack(id="Short-Active", versions=_TWO, listing="short"),
    Pack(id="Short-Banned", versions=(_OLD, v(INSTALLED, "banned")), listing="short"),
    Pack(id="Short-Unlisted", versions=(_OLD, v("2.0.0")), listing="short"),
)

PACKS = (
    *(Pack(id=name, versions=versions) for name, versions in _OF_VERSIONS.items()),
    *_OTHERS,
)
"""Each is installed in every form."""
DECOYS = tuple(Pack(id=DECOY + pack.id, versions=_TWO) for pack in PACKS)
WORLD = {pack.id.lower(): pack for pack in (*PACKS, *DECOYS)}
"""All that the registry has, by lower-case id, and what it does not have any more."""


def fill(catalog: Catalog) -> None:
    """Publish all packs."""
    now = datetime.now(UTC)
    for pack in WORLD.values():
        for version in pack.versions:
            catalog.publish(
                pack.id,
                version.text,
                status=version.status,
                deprecated=version.deprecated,
                created_at=now - _OLDEST,
                reason=version.reason,
            )
        if pack.listing == "banned":
            catalog.ban_node(pack.id)
        catalog.give(pack.id, "ann")
        repository = pack.repository if pack.has_repository else ""
        catalog.edit_pack(pack.id, status=pack.status, repository=repository)
        if not pack.has_row:
            catalog.remove_pack(pack.id)
