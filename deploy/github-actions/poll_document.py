"""The document of `check --json` as values.

Reading it does not fail, whatever is in the file: what is not as docs/scripts.md has it counts as not there, so that
one odd part hides no other. All texts are untrusted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SEVERITIES = ("critical", "warning", "info")
"""Worst first."""

_KIND = re.compile(r"[a-z]{1,30}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an event or an error is about."""

    sort: str
    """`node`, `channel`, `install` or `registry`."""
    name: str
    """Empty for the registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An installed copy of a node pack that is run; the version of a clone is None."""

    install: str
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Event:
    """One event."""

    raw: Mapping[str, object]
    """As it stands in the document."""
    kind: str
    """`unknown` for what can be none."""
    severity: str
    """One of `SEVERITIES`."""
    about: Subject
    version: str | None
    """None where the event is about no single version."""
    reason: str
    """Why, or what has changed."""
    runs: tuple[Copy, ...]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that could not be checked, and why."""

    about: Subject
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Poll:
    """What one poll did."""

    watched: int
    checked: int
    failed: int
    """How many node packs could not be read."""
    delivered: int
    unconfirmed: int
    pending: int
    expired: int
    events: tuple[Event, ...]
    """Worst first."""
    problems: tuple[Problem, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The number of events of each kind, in the order in which the kinds come."""
        return dict(Counter(event.kind for event in self.events))


def read(path: Path) -> Poll | None:
    """Return the poll of a file; None if the file holds no document of `check --json`."""
    try:
        return decoded(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def decoded(document: object) -> Poll | None:
    """Return the poll of a document; None for what has no list of events."""
    if not isinstance(document, dict) or not isinstance(document.get("events"), list):
        return None
    nodes, alerts = _object(document.get("nodes")), _object(document.get("alerts"))
    events = [_event(one) for one in _objects(document["events"])]
    problems = tuple(
        Problem(about=_subject(one), why=_text(one.get("error")) or "")
        for one in _objects(document.get("errors"))
    )
    return Poll(
        watched=_number(nodes.get("watched")),
        checked=_number(nodes.get("checked")),
        failed=max(
            _number(nodes.get("failed")),
            sum(one.about.sort == "node" for one in problems),
        ),
        delivered=_number(alerts.get("delivered")),
        unconfirmed=_number(alerts.get("unconfirmed")),
        pending=_number(alerts.get("pending")),
        expired=_number(alerts.get("expired")),
        events=tuple(
            sorted(events, key=lambda event: SEVERITIES.index(event.severity))
        ),
        problems=problems,
    )


def _event(raw: Mapping[str, object]) -> Event:
    kind = _text(raw.get("kind")) or ""
    kind = kind if _KIND.fullmatch(kind) else "unknown"
    severity = _text(raw.get("severity")) or ""
    if severity not in SEVERITIES:  # what cannot be read is not harmless
        severity = "critical" if kind == "banned" else "warning"
    changes = [
        [_text(one.get(key)) or "" for key in ("field", "before", "after")]
        for one in _objects(raw.get("changes"))
    ]
    return Event(
        raw=raw,
        kind=kind,
        severity=severity,
        about=_subject(raw),
        version=_text(raw.get("version")),
        reason=_text(raw.get("reason"))
        or "; ".join(f"{field}: {old} → {new}" for field, old, new in changes)
        or (_text(raw.get("install")) if "folder" in raw else None)
        or "",
        runs=tuple(
            Copy(
                install=_text(one.get("install")) or "",
                version=_text(one.get("version")),
            )
            for one in _objects(raw.get("installed"))
            if one.get("enabled")
        ),
        url=_text(raw.get("url")) or "",
    )


def _subject(raw: Mapping[str, object]) -> Subject:
    """Return what is about a node, else a folder, a channel or an install; what names none is about the registry."""
    for sort in ("node", "folder", "channel", "install"):
        if name := _text(raw.get(sort)):
            return Subject(sort=sort, name=name)
    return Subject(sort="registry", name="")


def _text(value: object) -> str | None:
    """Return a text, and of a number or a truth value its JSON; None for anything else."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, (bool, float, int)) else None


def _number(value: object) -> int:
    """Return a count; 0 for what is none."""
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and value > 0
        else 0
    )


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, object]]:
    """Return the members of a list, each as an object, so that none is lost; none of what is no list."""
    return [_object(one) for one in value] if isinstance(value, list) else []
