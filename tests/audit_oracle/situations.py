"""What the registry says of a pack: its versions, its rows of `GET /nodes`, and how `GET /versions` answers for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
NEW_PACK_STATUS = "NodeStatusQuarantined"
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
class Row:
    """A pack's row of `GET /nodes`."""

    status: object = ACTIVE
    has_repository: bool = True
    readable: bool = True
    """Whether its id is text."""
    has_status: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """What the registry says of one pack."""

    id: str
    versions: tuple[Version, ...] = ()
    rows: tuple[Row, ...] = (Row(),)
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


def _findings(*files: str, severity: str = "info") -> str:
    """Return a reason with a finding in each file."""
    rule = {"issue_type": "python_network_operations", "severity": severity}
    return json.dumps([rule | {"file_path": file} for file in files])


_FINDINGS = _findings("nodes.py")
_CRITICAL = _findings("nodes.py", severity="critical")
_MALWARE = '{"message": "Contains malware: a credential stealer"}'
_OLD, _THIS, _NEXT = v("1.0.0"), v(INSTALLED), v("1.10.0")
_TWO = (_OLD, _THIS)


def _flagged(text: str, reason: str, **facts: object) -> Version:
    return v(text, "flagged", reason=reason, **facts)


_INFO = _flagged(INSTALLED, _FINDINGS)
_FLAGGED_AGAIN: dict[str, tuple[Version, ...]] = {
    "Known": (_flagged("1.0.0", _FINDINGS), _INFO),
    "Known-Of-Two": (_flagged("1.0.0", _findings("web.py", "nodes.py")), _INFO),
    "Known-Among-Others": (
        _flagged("0.9.0", _CRITICAL),
        _OLD,
        _flagged("1.1.0", _FINDINGS),
        _INFO,
        _NEXT,
    ),
    "Known-As-Worse": (_flagged("1.0.0", _CRITICAL), _INFO),
    "Known-Twice-Written": (_flagged("1.0.0", _FINDINGS), _flagged("1.2", _FINDINGS)),
    "Known-Or-Deleted": (
        _flagged("1.0.0", _FINDINGS),
        _flagged("1.2", _FINDINGS),
        v(INSTALLED, "deleted"),
    ),
    "Known-Deprecated": (
        _flagged("1.0.0", _FINDINGS),
        _flagged(INSTALLED, _FINDINGS, deprecated=True),
    ),
    "Not-Known-In-One-File": (
        _flagged("1.0.0", _FINDINGS),
        _flagged(INSTALLED, _findings("nodes.py", "web.py")),
    ),
    "Not-Known-Before": (_INFO, _flagged("1.3.0", _FINDINGS)),
    "Known-By-An-Older": (
        _flagged("1.0.0", _FINDINGS),
        _flagged("1.1.0", _findings("web.py")),
        _INFO,
    ),
    "Not-Known-By-Text": (_flagged("1.0.0", "uses the network"), _INFO),
    "Known-Critical": (
        _flagged("1.0.0", _CRITICAL),
        _flagged(INSTALLED, _CRITICAL),
    ),
    "Known-Without-Severity": (
        _flagged("1.0.0", _FINDINGS),
        _flagged(INSTALLED, _findings("nodes.py", severity="")),
    ),
    "Known-Cut-Off": (
        _flagged("1.0.0", _FINDINGS),
        _flagged(INSTALLED, _FINDINGS.removesuffix("]")),
    ),
    "Known-No-Reason": (_flagged("1.0.0", _FINDINGS), _flagged(INSTALLED, "")),
    "Known-Banned": (
        _flagged("1.0.0", _FINDINGS),
        v(INSTALLED, "banned", reason=_FINDINGS),
    ),
}
"""Packs of which two versions are flagged, or one is for nothing that was not there."""

_OF_VERSIONS: dict[str, tuple[Version, ...]] = {
    "Active": _TWO,
    "Behind": (*_TWO, _NEXT),
    "Behind-Flagged": (*_TWO, v("1.3.0", "flagged")),
    "Behind-Banned": (*_TWO, v("1.3.0", "banned")),
    "Behind-Deprecated": (*_TWO, v("1.3.0", deprecated=True)),
    "Behind-Pending": (*_TWO, v("1.3.0", "pending")),
    "Behind-Prerelease": (*_TWO, v("2.0.0-alpha.1")),
    "Deprecated": (_OLD, v(INSTALLED, deprecated=True), _NEXT),
    "Deprecated-Only": (v(INSTALLED, deprecated=True),),
    "Flagged": (_OLD, v(INSTALLED, "flagged")),
    "Flagged-Info": (_OLD, v(INSTALLED, "flagged", reason=_FINDINGS)),
    **_FLAGGED_AGAIN,
    "Banned": (_OLD, v(INSTALLED, "banned")),
    "Banned-Deprecated": (_OLD, v(INSTALLED, "banned", deprecated=True)),
    "Banned-Malware": (_OLD, v(INSTALLED, "banned", reason=_MALWARE)),
    "Deleted": (_OLD, v(INSTALLED, "deleted")),
    "Pending": (_OLD, v(INSTALLED, "pending")),
    "Pending-Deprecated": (_OLD, v(INSTALLED, "pending", deprecated=True)),
    "Unlisted": (_OLD, v("2.0.0")),
    "Unlisted-Newest": (_OLD,),
    "All-Banned": (v("1.0.0", "banned"), v(INSTALLED, "banned")),
    "All-Banned-Unlisted": (v("1.0.0", "banned"), v("2.0.0", "banned")),
    "All-Flagged": (v("1.0.0", "flagged"), v(INSTALLED, "flagged")),
    "All-Flagged-Unlisted": (v("1.0.0", "flagged"), v("2.0.0", "flagged")),
    "All-Deleted": (v("1.0.0", "deleted"), v(INSTALLED, "deleted")),
    "All-Mixed": (v("1.0.0", "flagged"), v("1.1.0", "deleted"), v(INSTALLED, "banned")),
    "All-Mixed-Unlisted": (
        v("1.0.0", "flagged"),
        v("1.1.0", "deleted"),
        v("2.0.0", "banned"),
    ),
    "All-Worse-Unlisted": (v("1.1.0", "deleted"), v("2.0.0", "banned")),
    "All-Deprecated": (v("1.0.0", deprecated=True), v(INSTALLED, deprecated=True)),
    "All-Pending-Unlisted": (v("1.0.0", "pending"),),
    "Pending-And-Banned": (v("1.0.0", "banned"), v("1.1.0", "pending")),
    "Status-New": (_OLD, v(INSTALLED, NEW_VERSION_STATUS)),
    "Status-New-Deprecated": (_OLD, v(INSTALLED, NEW_VERSION_STATUS, deprecated=True)),
    "Status-New-Of-Another": (*_TWO, v("1.3.0", NEW_VERSION_STATUS)),
    "Twice-Written": (v("1.2"), v("1.2.0", "banned")),
    "Twice-Written-Other": (v("1.2", "banned"), v("1.2.0")),
    "Written-Short": (_OLD, v("1.2")),
    "Once-Flagged": (v("0.9.0", "flagged"), _OLD, _THIS),
    "Once-Banned": (v("0.9.0", "banned"), v("0.9.1", "deleted"), _OLD, _THIS),
}
"""Packs whose one row is fine."""

_OF_ROWS: dict[str, tuple[Row, ...]] = {
    "Row-Banned": (Row(status=BANNED),),
    "Row-Deleted": (Row(status=DELETED),),
    "Row-Status-New": (Row(status=NEW_PACK_STATUS),),
    "Row-Status-Null": (Row(status=None),),
    "Row-Status-Empty": (Row(status=""),),
    "Row-Status-Number": (Row(status=7),),
    "Row-Status-Missing": (Row(status=None, has_status=False),),
    "Row-Id-Unreadable": (Row(readable=False),),
    "Row-None": (),
    "Row-Twice-Banned-Last": (Row(), Row(status=BANNED)),
    "Row-Twice-Banned-First": (Row(status=BANNED), Row()),
    "Row-Twice-Deleted": (Row(status=DELETED), Row()),
    "Row-Twice-Deleted-Banned": (Row(status=DELETED), Row(status=BANNED)),
    "Row-Twice-New": (Row(), Row(status=NEW_PACK_STATUS)),
    "Row-Without-Repository": (Row(has_repository=False),),
}
"""Packs whose versions are fine."""

_OTHERS = (
    Pack(id="Behind-Row-Banned", versions=(*_TWO, _NEXT), rows=(Row(status=BANNED),)),
    Pack(id="Behind-Row-None", versions=(*_TWO, _NEXT), rows=()),
    Pack(id="Banned-Row-None", versions=(_OLD, v(INSTALLED, "banned")), rows=()),
    Pack(id="Deprecated-Row-None", versions=(v(INSTALLED, deprecated=True),), rows=()),
    Pack(
        id="Flagged-Row-Banned",
        versions=(_OLD, v(INSTALLED, "flagged")),
        rows=(Row(status=BANNED),),
    ),
    Pack(
        id="Known-Row-Deleted",
        versions=_FLAGGED_AGAIN["Known"],
        rows=(Row(status=DELETED),),
    ),
    Pack(
        id="Known-Row-Banned",
        versions=_FLAGGED_AGAIN["Known"],
        rows=(Row(status=BANNED),),
    ),
    Pack(id="Known-Row-None", versions=_FLAGGED_AGAIN["Known"], rows=()),
    Pack(
        id="Known-Short",
        versions=(v("0.9.0"), *_FLAGGED_AGAIN["Known"]),
        listing="short",
    ),
    Pack(
        id="All-Deleted-Row-Deleted",
        versions=(v(INSTALLED, "deleted"),),
        rows=(Row(status=DELETED),),
    ),
    Pack(id="Gone", rows=()),
    Pack(id="Gone-Row-Active"),
    Pack(id="Gone-Row-Banned", rows=(Row(status=BANNED),)),
    Pack(id="Gone-Row-Deleted", rows=(Row(status=DELETED),)),
    Pack(id="Refused", versions=_TWO, listing="banned"),
    Pack(
        id="Refused-Row-Banned",
        versions=_TWO,
        rows=(Row(status=BANNED),),
        listing="banned",
    ),
    Pack(id="Wall", versions=_TWO, listing="wall"),
    Pack(
        id="Wall-Row-Banned", versions=_TWO, rows=(Row(status=BANNED),), listing="wall"
    ),
    Pack(id="Failed", versions=_TWO, listing="failed"),
    Pack(
        id="Failed-Row-Banned",
        versions=_TWO,
        rows=(Row(status=BANNED),),
        listing="failed",
    ),
    Pack(id="Short-Active", versions=_TWO, listing="short"),
    Pack(id="Short-Banned", versions=(_OLD, v(INSTALLED, "banned")), listing="short"),
    Pack(id="Short-Unlisted", versions=(_OLD, v("2.0.0")), listing="short"),
)

PACKS = (
    *(Pack(id=name, versions=versions) for name, versions in _OF_VERSIONS.items()),
    *(Pack(id=name, versions=_TWO, rows=rows) for name, rows in _OF_ROWS.items()),
    *_OTHERS,
)
"""Each is installed in every form."""
DECOYS = tuple(Pack(id=DECOY + pack.id, versions=_TWO) for pack in PACKS)
WORLD = {pack.id.lower(): pack for pack in (*PACKS, *DECOYS)}
"""All that the registry has, by lower-case id, and what it does not have any more."""


def fill(catalog: Catalog) -> None:
    """Publish all versions."""
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


def rows(pack: Pack) -> Iterator[dict[str, object]]:
    """Yield the pack's rows of `GET /nodes`, as an answer has them."""
    for row in pack.rows:
        yield {
            "id": pack.id if row.readable else {"text": pack.id},
            "name": pack.id,
            "description": "",
            "repository": pack.repository if row.has_repository else "",
            **({"status": row.status} if row.has_status else {}),
            "status_detail": "",
            "publisher": {
                "id": "ann",
                "name": "Ann",
                "status": "PublisherStatusActive",
            },
        }
