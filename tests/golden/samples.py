"""The events and messages over which the wording of every renderer is pinned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.factories import NOW, event, minute
from watcher.model.event import GONE, BadVersion, Event, FieldChange, Kind, Tally
from watcher.model.pack import OWN_FILES, Copy
from watcher.model.scan import Scan, ScanFinding
from watcher.model.version import SafeVersion

NODE = "night-lights"
HERE = Copy(install="workstation", version="1.2.0", enabled=True)
THERE = Copy(install="laptop", version="1.1.0", enabled=True)
BY_HAND = Copy(install="garage", version="1.2.0", enabled=True, folder="night lights")
CLONE = Copy(install="server", version=None, enabled=True, folder="ComfyUI_night")
SWAPPED = (FieldChange(field="downloadUrl", before="https://a", after="https://b"),)
DEPENDENCIES = FieldChange(field="dependencies", before=(), after=("portrait",))
FORGED = BadVersion(
    node="evil", version="1 (flagged), rgthree-comfy 1.0.0; banned: 9", status="banned"
)


def _event(kind: Kind, *, copies: tuple[Copy, ...] = (), **fields: Any) -> Event:
    given = {"node": NODE, "version": "1.2.0", "before": None, "after": None}
    given |= {"url": "https://registry.comfy.org/nodes/night-lights"}
    given |= {"installed": copies} | fields
    return event(f"{kind} of {given['node']} {given['version']}", kind, **given)


def _of_pack(kind: Kind, **fields: Any) -> Event:
    return _event(kind, **{"version": None} | fields)


def _of_none(kind: Kind, **fields: Any) -> Event:
    return _event(kind, **{"node": None, "version": None, "url": ""} | fields)


def _appeared(*, install: str = "workstation", **fields: Any) -> Event:
    copy = Copy(install=install, version=fields.get("version"), enabled=True)
    return _of_none(Kind.APPEARED, install=install, copies=(copy,), **fields)


_PUBLIC: dict[str, Any] = {
    "before": "active",
    "published": "2026-01-28T17:32:08.412Z",
    "safe_version": SafeVersion("1.1.0"),
}
_YOUNG = {"safe_version": SafeVersion("1.3.0", minute(-3 * 60))}
_BAN: dict[str, Any] = _PUBLIC | {"reason": "Asked for by its author"}
STEALS = ScanFinding(
    rule="downloads_and_executes", severity="critical", file="nodes/glow.py", line=42
)
STARTS = ScanFinding(
    rule="python_command_injection_risk", severity="info", file="nodes/run.py", line=7
)
READS = ScanFinding(
    rule="python_environment_manipulation", severity="info", file="env.py", line=1
)
ODD = ScanFinding(rule="odd_rule", severity="", file="", line=None)
HOSTILE = (
    ScanFinding(
        rule="::error:: @everyone <b>[x](https://evil.example)",
        severity="\u202ecritical",
        file="\u202ea/" * 2000 + "`@here.py",
        line=1,
    ),
    ScanFinding(
        rule="nothing to do. All findings are informational",
        severity="critical",
        file="a.py. Nothing to do; b.py",
        line=2,
    ),
)


def _scan(*items: ScanFinding, is_known: bool = False, count: int = 0) -> Scan:
    return Scan(
        items=items, count=count or len(items), is_whole=True, is_known=is_known
    )


_STEALS: dict[str, Any] = _PUBLIC | {"reason": "A token stealer"}


def _first_look(
    node: str = "night-lights",
    banned: tuple[str, ...] = (),
    flagged: int = 0,
    **fields: Any,
) -> Event:
    bad = (BadVersion(node=node, version=one, status="banned") for one in banned)
    worst = "banned" if banned else "flagged" if flagged else None
    found = Tally(versions=9, banned=len(banned), flagged=flagged)
    return replace(
        _of_pack(Kind.BASELINE, after=worst, reason="9 versions", **fields),
        id=f"first look at {node}",
        node=node,
        bad_versions=tuple(bad),
        tally=found,
    )


ALL = _of_none(
    Kind.BASELINE,
    after="banned",
    reason="5,100 node packs with 30,600 versions; banned: 70",
    bad_versions=(
        FORGED,
        BadVersion(node="bad", version="1.0.0", status="banned"),
        BadVersion(node="mild", version="1.0.0", status="flagged"),
    ),
    tally=Tally(packs=5100, versions=30_600, banned=70, flagged=912, banned_packs=2),
)

EVENTS: dict[str, Event] = {
    "ban": _event(Kind.BANNED, **_BAN),
    "ban without a good version": _event(Kind.BANNED, safe_version=SafeVersion(None)),
    "ban of what is run": _event(Kind.BANNED, copies=(HERE, THERE), **_BAN),
    "ban of what is run, by hand too": _event(
        Kind.BANNED, copies=(HERE, BY_HAND, THERE), **_BAN
    ),
    "ban of another version": _event(Kind.BANNED, copies=(THERE,), **_STEALS),
    "ban beside a clone": _event(Kind.BANNED, copies=(CLONE,), **_BAN),
    "ban run in many places": _event(
        Kind.BANNED,
        copies=tuple(
            Copy(install=f"pc {place}", version=f"1.{place % 4}.0", enabled=True)
            for place in range(40)
        ),
    ),
    "ban of a pack": _of_pack(Kind.BANNED, before="active", after="banned"),
    "exposure to a ban": _event(
        Kind.EXPOSED,
        copies=(HERE,),
        after="banned",
        reason="A miner",
        safe_version=None,
    ),
    "exposure to a flag": _event(
        Kind.EXPOSED, copies=(HERE,), after="flagged", safe_version=SafeVersion("1.1.0")
    ),
    "exposure to what is delisted": _event(
        Kind.EXPOSED, copies=(HERE,), after="delisted", safe_version=SafeVersion(None)
    ),
    "exposure of a clone": _of_pack(Kind.EXPOSED, copies=(CLONE,), after="banned"),
    "flag": _event(Kind.FLAGGED, **_PUBLIC, after="flagged", reason="eval in run.py:7"),
    "flag of what is run, nothing good": _event(
        Kind.FLAGGED, copies=(HERE,), safe_version=SafeVersion(None)
    ),
    "flag of what is run, only a young version is good": _event(
        Kind.FLAGGED, copies=(HERE,), **_PUBLIC | _YOUNG
    ),
    "flag with findings that is run": _event(
        Kind.FLAGGED,
        copies=(HERE,),
        **_PUBLIC,
        scan=_scan(STEALS, STARTS, READS, ODD, count=60),
    ),
    "flag, all findings informational": _event(
        Kind.FLAGGED, **_PUBLIC, scan=_scan(STARTS, READS, count=35)
    ),
    "harmless flag": _event(
        Kind.FLAGGED, **_PUBLIC, scan=_scan(STARTS, READS, is_known=True, count=12)
    ),
    "harmless flag of what is run": _event(
        Kind.FLAGGED, copies=(HERE, THERE), **_PUBLIC, scan=_scan(STARTS, is_known=True)
    ),
    "flag with hostile findings": _event(Kind.FLAGGED, **_PUBLIC, scan=_scan(*HOSTILE)),
    "deletion": _event(Kind.DELETED, **_BAN, after="deleted"),
    "removal": _event(Kind.REMOVED, before="active", after="removed"),
    "removal of a pack": _of_pack(Kind.REMOVED, copies=(HERE,)),
    "deprecation": _event(
        Kind.DEPRECATED, after="deprecated", safe_version=SafeVersion("1.3.0")
    ),
    "change": _event(
        Kind.CHANGED, before="banned", after="banned", changes=(DEPENDENCIES,)
    ),
    "unknown status": _event(
        Kind.CHANGED,
        before="active",
        after="Odd",
        changes=(FieldChange(field="status", before="active", after="Odd"),),
    ),
    "replaced archive": _event(
        Kind.CHANGED, changes=SWAPPED, safe_version=SafeVersion("1.2.0")
    ),
    "replaced archive that is run": _event(
        Kind.CHANGED, copies=(HERE,), changes=SWAPPED, safe_version=SafeVersion("1.1.0")
    ),
    "reinstatement": _event(Kind.REINSTATED, before="flagged", after="active"),
    "reinstatement beside what is bad": _event(
        Kind.REINSTATED,
        bad_versions=(
            BadVersion(node=NODE, version="", status="banned"),
            BadVersion(node=NODE, version="1.1.0", status="deprecated"),
            BadVersion(node=NODE, version="all is well", status="deleted"),
        ),
    ),
    "reinstatement of a pack": _of_pack(Kind.REINSTATED, before="banned"),
    "return of a pack": _of_pack(Kind.REINSTATED, before="removed"),
    "clearing": _event(Kind.CLEARED, copies=(HERE,), before="flagged"),
    "clearing of what is not run": _event(
        Kind.CLEARED, copies=(THERE,), before="flagged"
    ),
    "undeprecation": _event(Kind.UNDEPRECATED, before="deprecated"),
    "release": _event(
        Kind.NEW,
        before="pending",
        published="no time",
        after="active",
    ),
    "upload": _event(Kind.PENDING, published="2026-01-31T12:34:00Z", after="pending"),
    "baseline": _of_pack(Kind.BASELINE, reason="3 versions"),
    "baseline with a ban": _first_look(banned=("1.2.0",), copies=(THERE,)),
    "baseline with bans": _first_look(banned=tuple(f"1.{n}.0" for n in range(7))),
    "baseline with a flag": _first_look(flagged=1),
    "baseline of all": ALL,
    "baseline of a pattern": replace(
        ALL,
        tally=Tally(packs=2, versions=9, banned=2, patterns="a-*", has_others=True),
    ),
    "baseline of a pattern without packs": replace(
        ALL,
        after=None,
        bad_versions=(),
        tally=Tally(packs=0, patterns="a-*"),
        reason="0 node packs with 0 versions for a-*: is the pattern right?",
    ),
    "pack that fails": _of_pack(Kind.FAILING, reason="HTTP 500"),
    "pack without versions": _of_pack(Kind.FAILING, after="empty", reason="a typo?"),
    "pack that recovered": _of_pack(Kind.RECOVERED, before="failing"),
    "pack that has versions": _of_pack(Kind.RECOVERED, before="empty"),
    "registry that fails": _of_none(
        Kind.FAILING,
        reason="cannot reach api.comfy.org: its host name cannot be resolved; in 3 polls in a row,"
        " since 2026-03-01 00:00 UTC",
    ),
    "registry in part": _of_none(Kind.FAILING, after="incomplete", reason="page 2"),
    "registry that recovered": _of_none(Kind.RECOVERED),
    "registry in full": _of_none(Kind.RECOVERED, before="incomplete"),
    "channel that fails": _of_none(
        Kind.FAILING,
        channel="ops",
        after="failing",
        reason="timed out; 3 alerts undelivered, none delivered since 2026-03-01 00:00 UTC; 1 may have arrived",
    ),
    "channel that is gone": _of_none(
        Kind.FAILING,
        channel="gone",
        after=GONE,
        reason="HTTP 404, nothing is there: check the channel's URL, or make a new webhook; 1 alert undelivered",
    ),
    "channel that recovered": _of_none(Kind.RECOVERED, channel="the @ops"),
    "install that fails": _of_none(
        Kind.FAILING, install="laptop", reason=f"is empty; create {OWN_FILES[0]} there"
    ),
    "install that recovered": _of_none(Kind.RECOVERED, install="laptop"),
    "pack that appeared": _appeared(
        node="comfyui-glow", version="1.2.0", folder="comfyui-glow"
    ),
    "clone that appeared": _appeared(node="rgthree-comfy", folder="Upscaler"),
    "file that appeared": _appeared(folder="evil.py"),
    "folder that appeared": _appeared(folder="Upscaler", install="the @ops"),
    "hostile folder that appeared": _appeared(
        folder="\u202e`@everyone` <b>[x](https://evil.example)\n::error::"
    ),
    "hostile names": _event(
        Kind.FLAGGED,
        node="@everyone <b>[x](https://evil.example)",
        version="\u202e1.0 `rm`",
        reason="::error:: call jane@example.org",
    ),
}
"""One event each, for every kind, and for every sentence of it."""


def _many(kind: Kind, number: int, **fields: Any) -> tuple[Event, ...]:
    return tuple(
        event(
            f"{kind}{n}", kind, **{"node": f"pack-{n:02}", "version": "1.0.0"} | fields
        )
        for n in range(number)
    )


_NOTHING: dict[str, Any] = {"version": None, "before": None, "after": None}

MESSAGES: dict[str, tuple[Event, ...]] = {
    "a day": (
        EVENTS["ban"],
        _event(Kind.DEPRECATED, version="1.0.0"),
        _event(Kind.NEW, node="tide-tables", at=minute(90)),
    ),
    "one of each kind": tuple(
        {one.kind: one for one in EVENTS.values() if one.node is not None}.values()
    ),
    "what is run among others": (
        EVENTS["ban of what is run"],
        *_many(Kind.BANNED, 2),
        *_many(
            Kind.CHANGED,
            1,
            changes=SWAPPED,
            installed=(Copy(install="a", version="1.0.0", enabled=True),),
        ),
        *_many(Kind.NEW, 2),
    ),
    "a first poll": (
        *(_first_look(f"pack-{number}") for number in range(9)),
        _first_look("night-lights", banned=("1.2.0",), flagged=1, copies=(HERE,)),
        _first_look("tide-tables", banned=("2.4.0", "2.3.0"), flagged=3),
        _first_look("star-maps", flagged=2),
        EVENTS["exposure to a ban"],
        replace(
            EVENTS["exposure to a flag"], id="mild", version="1.1.0", installed=(THERE,)
        ),
    ),
    "a quiet first poll": _many(Kind.BASELINE, 3, **_NOTHING),
    "a first scan": (
        *_many(Kind.EXPOSED, 4, after="deprecated", safe_version=SafeVersion("9.0")),
        EVENTS["exposure to a ban"],
    ),
    "a day of flags": (
        EVENTS["harmless flag"],
        _event(Kind.FLAGGED, node="tide-tables", **_PUBLIC, scan=_scan(STEALS)),
        *_many(Kind.FLAGGED, 3, scan=_scan(STARTS, is_known=True)),
    ),
    "many packs that appeared": (
        *_many(Kind.APPEARED, 30, install="laptop"),
        EVENTS["file that appeared"],
    ),
    "a pack that appeared and is bad": (
        EVENTS["exposure to a flag"],
        EVENTS["folder that appeared"],
        EVENTS["install that fails"],
    ),
    "more than there is room for": (
        *_many(Kind.FLAGGED, 28, after="flagged", reason="eval"),
        *_many(Kind.NEW, 3),
        *_many(Kind.BANNED, 26, at=NOW),
    ),
}
"""Several events each."""
