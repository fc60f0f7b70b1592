"""The setting `statuses`: which events it lets pass."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.factories import CHECKED, PACK, event, known, version
from watcher.changes.facts import passing
from watcher.changes.transitions import make_event
from watcher.model.event import FieldChange, Kind, Severity
from watcher.model.pack import Copy
from watcher.model.snapshot import Node
from watcher.model.version import STATUSES

RUN = (Copy(install="studio", version="1.0.0", enabled=True),)
OFF = (Copy(install="studio", version="1.0.0", enabled=False),)
MOVED = (FieldChange(field="downloadUrl", before="a", after="b"),)
END: dict[str, Any] = {"before": "flagged", "after": "active", "ends": Severity.WARNING}


def passes(statuses: tuple[str, ...], status: str, kind: Kind, **fields: Any) -> bool:
    """Return whether an event about a version that was active, and has a status now, passes."""
    one = event("e", kind, **{"before": "active", "after": status} | fields)
    nodes = [{PACK.lower(): known(version(status=of))} for of in ("active", status)]
    return passing([one], statuses, *nodes) == (one,)


@pytest.mark.parametrize(
    ("kind", "status", "fields", "by"),
    [
        (Kind.FLAGGED, "flagged", {}, {"flagged"}),
        (Kind.NEW, "active", {"before": None}, {"active"}),
        (Kind.REINSTATED, "active", END, {"flagged", "active"}),
        (Kind.REMOVED, "banned", {"before": "banned", "after": "removed"}, {"banned"}),
        (Kind.DEPRECATED, "flagged", {"after": "deprecated"}, {"flagged"}),
        (
            Kind.UNDEPRECATED,
            "flagged",
            {"after": None, "ends": Severity.WARNING},
            {"active", "flagged"},
        ),
        (Kind.CHANGED, "Limbo", {}, {*STATUSES}),
        (Kind.BANNED, "active", {"version": None, "version_id": None}, {*STATUSES}),
        (Kind.EXPOSED, "flagged", {}, {*STATUSES}),
        (Kind.FLAGGED, "flagged", {"installed": RUN}, {*STATUSES}),
        (Kind.FLAGGED, "flagged", {"installed": OFF}, {"flagged"}),
        (Kind.REINSTATED, "active", END | {"installed": RUN}, {"active", "flagged"}),
        (
            Kind.CHANGED,
            "active",
            {"installed": RUN, "changes": MOVED},
            {*STATUSES},
        ),
    ],
)
def test_which_status_lets_an_event_pass(
    kind: Kind, status: str, fields: dict[str, Any], by: set[str]
) -> None:
    """That after it; of an end that before it too; of what is run, if it is bad, of a pack, or unknown any."""
    assert {one for one in STATUSES if passes((one,), status, kind, **fields)} == by


def test_what_is_not_known_passes() -> None:
    """Of a deprecation whose version is not known any more nobody can say that it is of no interest."""
    one = event(kind=Kind.DEPRECATED, after="deprecated")
    assert passing([one], ("banned",), {}, {PACK.lower(): Node(node=PACK)}) == (one,)


@pytest.mark.parametrize(
    ("kind", "before", "ends"),
    [
        (Kind.REINSTATED, "banned", Severity.CRITICAL),
        (Kind.CLEARED, "flagged", Severity.WARNING),
        (Kind.UNDEPRECATED, "deprecated", Severity.WARNING),
        (Kind.RECOVERED, "failing", Severity.WARNING),
        (Kind.NEW, "banned", None),
    ],
)
def test_an_end_is_as_bad_as_what_ends(
    kind: Kind, before: str, ends: Severity | None
) -> None:
    """What ends something says how bad that was, so that it goes where the beginning went; nothing else does."""
    assert make_event((PACK,), kind, before, None, now=CHECKED).ends is ends
