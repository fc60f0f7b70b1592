"""The pictures of the published page: a made-up watch of a dozen packs, drawn by Chromium.

`python -m tests.support.page_picture` draws them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support import chromium
from tests.support.chromium import DARK, LIGHT, in_a_frame
from tests.support.factories import exposed_to, install, known, running
from tests.support.program import ROOT
from watcher import timestamps
from watcher.changes.transitions import node_url
from watcher.model.event import Event, Kind
from watcher.model.pack import Copy, Pack, PackKind
from watcher.model.scan import Scan, ScanFinding
from watcher.model.selection import Selection
from watcher.model.snapshot import Ban, Node, Snapshot
from watcher.model.version import Version
from watcher.publish.page import page
from watcher.publish.public import Public, Terms, published
from watcher.state.model import Checks, State

_AT = "2026-03-01T06:30:00.000Z"
_VERSION = "1.0.0"
"""Not the program's, so that a release draws nothing anew."""
_INSTALL = "workstation"
IMAGES = ROOT / "docs" / "images"

_NIGHT, _TIDE, _LEDGER, _SHUTTER, _WHISTLE = (
    "comfyui-night-lights",
    "comfyui-tide-tables",
    "comfyui-paper-ledger",
    "comfyui-slow-shutter",
    "comfyui-tin-whistle",
)
_QUIET = (
    "comfyui-harbour-kit",
    "comfyui-copper-press",
    "comfyui-glass-garden",
    "ComfyUI-Moss",
    "comfyui-river-masks",
    "comfyui-window-seat",
    "comfyui-late-train",
)
_PACKS = (_NIGHT, _TIDE, _LEDGER, _SHUTTER, _WHISTLE, *_QUIET)

_RISKY = ScanFinding(
    rule="downloads_and_executes", severity="critical", file="nodes/fetch.py", line=42
)
_USUAL = ScanFinding(
    rule="python_command_injection_risk", severity="info", file="video.py", line=7
)
_SCANS = {
    _TIDE: Scan(items=(_RISKY, _USUAL), count=13, is_whole=True),
    _SHUTTER: Scan(items=(_USUAL,), count=6, is_whole=True, is_known=True),
}
_WHY = "Steals passwords of browsers"


def public() -> Public:
    """Return what may be published of the made-up watch."""
    nodes = {pack.lower(): _node(pack) for pack in _PACKS}
    exposures = {
        _TIDE: exposed_to("flagged", "1.3.0", _INSTALL),
        _LEDGER: exposed_to("deprecated", "1.1.0", _INSTALL),
    }
    run = {_TIDE: "1.3.0", _LEDGER: "1.1.0", _QUIET[0]: "1.3.0", _QUIET[2]: "1.2.0"}
    state = State(
        snapshot=Snapshot(nodes=nodes),
        checks=Checks(
            polled_at=_AT,
            watched=_PACKS,
            checked=dict.fromkeys(nodes, _AT),
            requests=12,
        ),
        installs={
            _INSTALL: tuple(
                Pack(folder=pack, kind=PackKind.REGISTRY, id=pack, version=version)
                for pack, version in run.items()
            )
        },
    )
    state = running(state, **exposures)
    terms = Terms(
        selection=Selection(names=_PACKS),
        minimum_age=0.0,
        installs=(install(_INSTALL),),
    )
    history = sorted(_events(), key=lambda event: event.at)
    return published(state, history, terms, _VERSION)


def _ago(days: float) -> str:
    return timestamps.later(_AT, -86_400 * days)


def _node(pack: str) -> Node:
    """Return what is known of a pack: releases, of which the last ones of some are bad."""
    bad = {
        _NIGHT: ("active", "active", "active", "banned"),
        _TIDE: ("active", "active", "active", "flagged"),
        _SHUTTER: ("active", "active", "active", "flagged"),
    }
    versions = tuple(
        Version(
            version=f"1.{number}.0",
            id=f"{pack} {number}",
            status=status,
            deprecated=pack == _LEDGER and number < 2,
            created_at=_ago(110 - 24 * number),
        )
        for number, status in enumerate(bad.get(pack, ("active",) * 4))
    )
    last = versions[-1].key
    ban = Ban(since=_ago(2), changed=_ago(2), reason=_WHY)
    return known(
        *versions,
        node=pack,
        baseline_at=_ago(120),
        scans={last: _SCANS[pack]} if pack in _SCANS else {},
        bans={last: ban} if pack == _NIGHT else {},
    )


def _events() -> Iterator[Event]:
    """Yield releases by chance, which is the same each time, and what became of some."""
    dice = random.Random(27)
    for number in range(64):
        pack = dice.choice(_QUIET)
        yield _event(Kind.NEW, pack, f"1.{number % 4}.{number}", dice.uniform(3, 88))
    for pack, days in ((_SHUTTER, 9), (_SHUTTER, 33), (_WHISTLE, 41), (_QUIET[1], 70)):
        yield _event(Kind.FLAGGED, pack, "1.3.0", days, after="flagged")
    for pack, days in ((_WHISTLE, 39), (_QUIET[1], 66)):
        yield _event(Kind.REINSTATED, pack, "1.3.0", days, before="flagged")
    yield _event(Kind.BANNED, _QUIET[3], "0.9.1", 58, after="banned")
    yield _event(Kind.DEPRECATED, _LEDGER, "1.1.0", 12, after="deprecated")
    yield _event(Kind.FAILING, None, None, 21, after="failing")
    yield _event(Kind.RECOVERED, None, None, 20.9, before="failing")
    yield _event(Kind.FLAGGED, _TIDE, "1.3.0", 0.5, after="flagged")
    yield _event(Kind.FLAGGED, _NIGHT, "1.3.0", 4, before="pending", after="flagged")
    yield _event(Kind.BANNED, _NIGHT, "1.3.0", 2, before="flagged", after="banned")


def _event(
    kind: Kind, pack: str | None, version: str | None, days: float, **fields: Any
) -> Event:
    is_run = pack == _TIDE
    return Event(
        id=f"{kind} {pack} {version} {days}",
        kind=kind,
        node=pack,
        version=version,
        version_id=version and f"{pack} {version[2]}",
        at=_ago(days),
        url=node_url(pack),
        published=_ago(days + (0.04 if kind is Kind.NEW else 1.2)) if version else "",
        reason=_WHY if (kind, pack) == (Kind.BANNED, _NIGHT) else "",
        scan=_SCANS.get(pack or "") if kind is Kind.FLAGGED else None,
        installed=(Copy(install=_INSTALL, version="1.3.0", enabled=True),)
        if is_run
        else (),
        **fields,
    )


def digest() -> str:
    """Return what a picture of the page as it is now has in it."""
    return hashlib.sha256(page(public()).encode()).hexdigest()


def draw(folder: Path) -> None:
    """Draw the pictures into a folder."""
    text = page(public())
    shown = {
        "page-light": (text, "1280,700", LIGHT),
        "page-dark": (text, "1280,700", DARK),
        "page-telephone": (in_a_frame(text, 360), "360,900", LIGHT),
    }
    for name, (source, size, scheme) in shown.items():
        picture = folder / f"{name}.png"
        chromium.draw(source, picture, size, scheme)
        with picture.open("ab") as marked:  # what follows a picture is not shown
            marked.write(digest().encode())


if __name__ == "__main__":
    draw(IMAGES)
