"""Values for tests, each with no more said than a test is about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from watcher import timestamps
from watcher.alerts.queues import queue as outcomes
from watcher.alerts.queues.outbox import Outbox, tidy
from watcher.alerts.queues.ownership import Addresses
from watcher.alerts.queues.queue import Queue
from watcher.changes.diff import Difference, compare_listing
from watcher.changes.exposure import copies_of
from watcher.changes.transitions import DiffOptions
from watcher.model.channel import Channel, Outcome
from watcher.model.event import Event, Grade, Kind
from watcher.model.finding import Acceptance, Exposure, JudgedCopy
from watcher.model.pack import Pack, PackKind, Source, SourceKind
from watcher.model.reading import Listing, ReadFailure
from watcher.model.scan import Scan, ScanFinding
from watcher.model.selection import Selection
from watcher.model.snapshot import KnownVersion, Node, Snapshot
from watcher.model.version import (
    ACTIVE,
    STATUSES,
    MinimumAge,
    Version,
    by_key,
    in_order,
)
from watcher.polling.model import PollConfig, Report
from watcher.publish.public import Public, Terms, published
from watcher.registry.client import RequestLimits
from watcher.state.model import Checks, State

PACK = "Some-Pack"
URL = "https://registry.comfy.org/nodes/Some-Pack"
BEFORE = "2026-01-01T00:00:00Z"
"""When versions were created unless a test says otherwise."""
CHECKED = "2026-03-01T00:00:00.000Z"
"""When the node was last read completely."""
NOW = "2026-03-02T00:00:00.000Z"


ANY_AGE = MinimumAge(seconds=0, now=NOW)
"""Every version is old enough."""


def minute(number: float) -> str:
    """Return the time so many minutes after `NOW`."""
    return timestamps.later(NOW, number * 60)


def version(text: str = "1.0.0", status: str = ACTIVE, **fields: Any) -> Version:
    """Make a version that was there before; its id follows from its text."""
    return Version(
        **{"version": text, "id": f"id-{text}", "status": status, "created_at": BEFORE}
        | fields
    )


def listing(*versions: Version, **fields: Any) -> Listing:
    """Make a complete listing, unless `incomplete` says why it is none."""
    return Listing(**{"node": PACK, "versions": in_order(versions), "at": NOW} | fields)


_REVISIONS = itertools.count()
"""Of the snapshots of comparisons: each is of a poll of its own."""
_BESIDE = {
    "marks": "mark",
    "past": "past",
    "scans": "scan",
    "bans": "ban",
}


def known(*versions: Version, **fields: Any) -> Node:
    """Make a node that has its baseline and these versions.

    `marks`, `past`, `scans` and `bans` say by key what is known beside the rows, by "" of the node itself.
    """
    facts: dict[str, dict[str, Any]] = {key: {} for key in ("", *by_key(versions))}
    for name in _BESIDE.keys() & fields.keys():
        for key, value in fields.pop(name).items():
            facts[key][_BESIDE[name]] = value
    given = {
        "node": PACK,
        "baseline_at": CHECKED,
        "versions": tuple(
            KnownVersion(row=one, **facts[one.key]) for one in in_order(versions)
        ),
    }
    return Node(**given | facts[""] | fields)


def beside(node: Node, name: str) -> dict[str, Any]:
    """Return what is known beside the rows of a node's versions, by key, where there is anything."""
    found = {one.key: getattr(one, name) for one in node.versions}
    return {key: value for key, value in found.items() if value}


def compare(known_as: Node | None, /, *versions: Version, **fields: Any) -> Difference:
    """Compare with a listing of the versions; `baseline`, `now` and `revision` are the poll's terms."""
    terms: dict[str, Any] = {"now": NOW, "baseline": "summary"}
    terms["revision"] = next(_REVISIONS)
    terms |= {name: fields.pop(name) for name in terms.keys() & fields.keys()}
    return compare_listing(known_as, listing(*versions, **fields), DiffOptions(**terms))


def committed(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot as it is once it is saved."""
    return replace(snapshot, revision=snapshot.revision + 1)


def reported(
    difference: Difference,
) -> list[tuple[str, str | None, str | None, str | None]]:
    """Return what each event says: kind, version text, before, after."""
    return [
        (event.kind.value, event.version, event.before, event.after)
        for event in difference.events
    ]


def event(name: str = "e1", kind: Kind = Kind.FLAGGED, **fields: Any) -> Event:
    """Make an event with this id."""
    given = {
        "node": PACK,
        "version": "1.0.0",
        "version_id": "id-1.0.0",
        "before": "active",
        "after": "flagged",
    }
    return Event(**{"id": name, "kind": kind, "at": NOW, "url": URL} | given | fields)


def accepted(reason: str = "", until: str = "") -> Acceptance:
    """Make what accepts version 1.0 of `PACK`."""
    return Acceptance(
        node=PACK,
        copy="1.0",
        reason=reason,
        until=date.fromisoformat(until) if until else None,
    )


def install(name: str, *, is_named: bool = True) -> Source:
    """Make an install of the settings, which the state knows by its name."""
    return Source(name=name, is_named=is_named, kind=SourceKind.PATH, where=name)


def exposed_to(
    grade: str = "flagged",
    text: str | None = "1.0",
    install: str = "studio",
    *,
    accepted: bool = False,
) -> Exposure:
    """Make what is bad of a pack that is run: a copy of a version, which was reported."""
    copy = JudgedCopy(
        install=install, version=text, grade=Grade(grade), accepted=accepted
    )
    return Exposure(copies=(copy,), ends=None if accepted else copy.grade.severity)


def running(given: State, **exposures: Exposure) -> State:
    """Return the state of a poll that judged what is installed: good, but for the bad copies of these packs.

    A copy that is not installed yet is added, as one of the registry's.
    """
    installs = {name: list(packs) for name, packs in given.installs.items()}
    bad = {node.lower(): one.copies for node, one in exposures.items()}
    for node, copies in bad.items():
        for one in copies:
            packs = installs.setdefault(one.install, [])
            pack = Pack(
                folder=node, kind=PackKind.REGISTRY, id=node, version=one.version
            )
            if (node, one.version) not in [
                ((have.id or "").lower(), have.version) for have in packs
            ]:
                packs.append(pack)
    judged = {
        node: {
            copy.key: copy
            for copy in (
                *(
                    JudgedCopy(install=one.install, version=one.version, grade=Grade.OK)
                    for one in copies
                    if one.enabled
                ),
                *bad.get(node, ()),
            )
        }
        for node, copies in copies_of(installs).items()
    }
    return replace(
        given,
        installs={name: tuple(packs) for name, packs in installs.items()},
        snapshot=replace(
            given.snapshot,
            installed=replace(
                given.snapshot.installed,
                exposures={node.lower(): one for node, one in exposures.items()},
            ),
        ),
        checks=replace(
            given.checks,
            run={node: tuple(copies.values()) for node, copies in judged.items()},
        ),
    )


HARMLESS = Scan(
    items=(ScanFinding(rule="net", severity="info", file="x.py", line=1),),
    count=1,
    is_whole=True,
    is_known=True,
)
"""What the scanner found in a version of which the flag is only informational."""


def failed(
    waiting: Outbox,
    name: str,
    error: str,
    now: str,
    *,
    ends: bool = True,
    fails: bool = False,
    number: int = 0,
    **fields: Any,
) -> Outbox:
    """Return the outbox after a failed attempt at a message of a queue, the first one unless another `number` is given.

    The channel waits if that `ends` the round.
    """
    queue = waiting.queues[name]
    after = outcomes.failed(
        name,
        queue,
        queue.messages[number],
        Outcome(reason=error, **fields),
        now,
        failures=queue.attempts + 1 if ends else None,
        fails=fails,
    )
    return replace(waiting, queues={**waiting.queues, name: after})


def taken(
    waiting: Outbox, name: str = "ops", number: int = 0, left: Sequence[str] = ()
) -> Outbox:
    """Return the outbox after a message of a queue was delivered, the first one unless another `number` is given."""
    queue = waiting.queues[name]
    after = outcomes.delivered(name, queue, queue.messages[number], left)
    return tidy(replace(waiting, queues={**waiting.queues, name: after}))


def channel(name: str = "ops", **fields: Any) -> Channel:
    """Make a channel whose URL goes nowhere."""
    return Channel(**{"name": name, "url": f"json://127.0.0.1:9/{name}"} | fields)


def watch(
    registry_url: str, *nodes: str, channels: tuple[Channel, ...] = (), **fields: Any
) -> PollConfig:
    """Make a poll's configuration, with no patience for a registry that is down."""
    has_others = fields.get("globs") or fields.get("publishers")
    given: dict[str, Any] = {
        "nodes": nodes or (() if has_others else (PACK,)),
        "statuses": STATUSES,
        "registry_url": registry_url,
        "globs": (),
        "limits": RequestLimits(timeout=5, retries=0, concurrency=4),
        "baseline": "summary",
        "failure_threshold": 1,
        "channels": channels,
        "alert_expiry": 7 * 86_400.0,
        "minimum_age": 0.0,
        "addresses": Addresses(
            salt="ab" * 16,
            apprise="2.3",
            url_digests={
                one.name: f"{number:032x}" for number, one in enumerate(channels)
            },
        ),
    }
    return PollConfig(**given | fields)


def poll_report(*events: Event, **fields: Any) -> Report:
    """Make the report of a poll of one node that went well; `errors` are pairs of a node and why it was not read."""
    given: dict[str, Any] = {
        "started": NOW,
        "finished": minute(0.025),
        "watched": 1,
        "checked": 1,
        "events": events,
        "empty": (),
        "delivered": 0,
        "unconfirmed": 0,
        "undelivered": 0,
        "expired_by_channel": {},
        "channel_errors": {},
    }
    errors = fields.pop("errors", ())
    given["unread"] = tuple(ReadFailure(node=node, error=why) for node, why in errors)
    return Report(**given | fields)


def public(*nodes: Node, **terms: Any) -> Public:
    """Make what may be published of nodes that are watched by name."""
    state = State(
        snapshot=Snapshot(nodes={node.node.lower(): node for node in nodes}),
        checks=Checks(polled_at=NOW),
    )
    names = tuple(node.node for node in nodes)
    given: dict[str, Any] = {"selection": Selection(names=names), "minimum_age": 0.0}
    return published(state, (), Terms(**given | terms), "1.2.3")


def alerts(waiting: Outbox, name: str = "ops") -> list[str]:
    """Return the ids of the events that a channel has still to get, in order."""
    queue = waiting.queues.get(name, Queue())
    return [one for message in queue.messages for one in message.events]


def owed_to(channel: str, waiting: Outbox) -> int:
    """Count the alerts that a channel is owed."""
    return waiting.queues.get(channel, Queue()).alerts
