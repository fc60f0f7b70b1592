"""What is run and bad, compared with what was reported of it: `exposed` and `cleared`. Pure.

Rules: docs/behaviour.md, Events (What you run). The verdicts are made by `watcher.changes.verdict`, as in `audit`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from watcher.changes.facts import NOT_KNOWN
from watcher.changes.transitions import node_url
from watcher.changes.verdict import identities, rank
from watcher.model.event import Event, Kind, event_id
from watcher.model.exposure import Exposure, Installed, accepts, exposure_key
from watcher.model.pack import Copy, Pack, Verdict
from watcher.model.snapshot import Node
from watcher.model.version import Version

_SAYS = {
    Verdict.BANNED: Kind.BANNED,
    Verdict.FLAGGED: Kind.FLAGGED,
    Verdict.DELETED: Kind.DELETED,
    Verdict.DEPRECATED: Kind.DEPRECATED,
    Verdict.DELISTED: Kind.REMOVED,
}
"""The verdicts that are bad, each with the kind of event that says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One copy of a pack in one install, and what is to be said of it."""

    node: str
    """The pack's id."""
    copy: Copy
    verdict: Verdict
    listed: Version | None = None
    """The version as the registry lists it; None for a clone, and where it does not."""
    reason: str = ""
    """Why the pack as a whole is banned or deleted, if that is the verdict."""
    safe_version: str | None = NOT_KNOWN
    """The version to move to, as `audit` says it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What one poll found, as far as it matters here."""

    runs: Sequence[Run]
    installs: frozenset[str]
    """Names of all configured installs."""
    unseen: frozenset[str]
    """Those of them whose packs are not known, so that what was reported of them stays."""
    before: Mapping[str, Node]
    """The nodes before this poll, by lower-case id."""
    after: Mapping[str, Node]
    events: Sequence[Event]
    accept: Collection[str]
    """Versions whose findings are accepted, as `pack@1.2.0`."""
    statuses: Collection[str]
    """The watched ones."""
    now: str


def assess(reported: Installed, poll: Poll) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is reported after a poll, and the events: one for each pack, version and verdict."""
    run = _by_key(one for one in poll.runs if one.copy.enabled)
    hidden = _of_no_version(poll.runs)
    exposures: dict[str, Exposure] = {}
    found: list[Event] = []
    for key in sorted(run.keys() | reported.exposures.keys()):
        runs, old = run.get(key, []), reported.exposures.get(key)
        new = _exposure(key, runs, old, poll)
        if new is not None:
            exposures[key] = new
        is_hidden = old is not None and bool(
            set(old.installs) & hidden.get(key.partition("@")[0], frozenset())
        )
        if (event := _news(key, runs, old, new, poll)) and not (
            event.kind is Kind.CLEARED and is_hidden
        ):
            found.append(event)
    events = numbered(found, reported.seen)
    return replace(
        reported, exposures=exposures, seen=reported.seen + len(events)
    ), events


def copies_of(installs: Mapping[str, Iterable[Pack]]) -> dict[str, tuple[Copy, ...]]:
    """Return the installed copies that may be each pack, by its lower-case id: enabled ones first."""
    found: dict[str, list[Copy]] = {}
    for install, packs in installs.items():
        for pack in packs:
            for one in identities(pack):
                copy = Copy(install=install, version=pack.version, enabled=pack.enabled)
                found.setdefault(one.id.lower(), []).append(copy)
    return {key: tuple(sorted(copies, key=_place)) for key, copies in found.items()}


def with_copies(
    events: Iterable[Event], copies: Mapping[str, tuple[Copy, ...]]
) -> tuple[Event, ...]:
    """Return the events with the installed copies of their packs."""
    return tuple(
        replace(event, installed=copies.get(event.node.lower(), ()))
        if event.node is not None
        else event
        for event in events
    )


def _place(copy: Copy) -> tuple[bool, str, str]:
    return not copy.enabled, copy.install, copy.version or ""


def _by_key(runs: Iterable[Run]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for one in runs:
        found.setdefault(exposure_key(one.node, one.copy.version), []).append(one)
    return found


def _of_no_version(runs: Iterable[Run]) -> dict[str, frozenset[str]]:
    """Return by lower-case id the installs with an enabled copy that is not fine and may be any version of the pack.

    There no version of it is known to be gone.
    """
    found: dict[str, frozenset[str]] = {}
    for one in runs:
        if (
            one.copy.enabled
            and one.copy.version is None
            and one.verdict in {*_SAYS, Verdict.UNKNOWN}
        ):
            key = one.node.lower()
            found[key] = found.get(key, frozenset()) | {one.copy.install}
    return found


def _exposure(
    key: str, runs: Sequence[Run], old: Exposure | None, poll: Poll
) -> Exposure | None:
    """Return what is bad about a version that is run; None if nothing is."""
    bad = [one for one in runs if one.verdict in _SAYS]
    unsure = {one.copy.install for one in runs if one.verdict is Verdict.UNKNOWN}
    kept = set(old.installs) & (poll.unseen | unsure) if old else set()
    names = kept | {one.copy.install for one in bad}
    if not names:
        return None
    verdict = (
        str(min((one.verdict for one in bad), key=rank))
        if bad
        else old.verdict
        if old
        else ""
    )
    node, _, version = key.partition("@")
    is_accepted = accepts(poll.accept, node, version or None)
    accepted = ((old.accepted if old else "") or verdict) if is_accepted else ""
    return Exposure(verdict=verdict, installs=tuple(sorted(names)), accepted=accepted)


def is_accepted(one: Exposure) -> bool:
    """Return whether the finding is accepted: what is worse than when it was, is not."""
    return bool(one.accepted) and not _is_worse(one.verdict, one.accepted)


def _is_worse(verdict: str, other: str) -> bool:
    return rank(Verdict(verdict)) < rank(Verdict(other))


def _news(
    key: str,
    runs: Sequence[Run],
    old: Exposure | None,
    new: Exposure | None,
    poll: Poll,
) -> Event | None:
    """Return the event of a version that is run, or was: None where nothing is new, or another event says it."""
    if new is None:
        forgotten = old is None or not set(old.installs) & poll.installs
        if forgotten or old is None or is_accepted(old) or _ends(key, runs, poll):
            return None
        return _event(Kind.CLEARED, key, runs, poll, before=old.verdict, after=None)
    if is_accepted(new) or _says(key, runs, new.verdict, poll):
        return None
    is_known = (
        old is not None
        and not is_accepted(old)
        and set(new.installs) <= set(old.installs)
    )
    if is_known and old is not None and not _is_worse(new.verdict, old.verdict):
        return None
    before = old.verdict if is_known and old is not None else None
    return _event(Kind.EXPOSED, key, runs, poll, before=before, after=new.verdict)


def _says(key: str, runs: Sequence[Run], verdict: str, poll: Poll) -> bool:
    """Return whether another event of this poll says this of the version, or of the pack as a whole."""
    return any(
        event.kind is _SAYS[Verdict(verdict)] for event in _about(key, runs, poll)
    )


def _ends(key: str, runs: Sequence[Run], poll: Poll) -> bool:
    """Return whether another event of this poll says that the version, or the pack as a whole, is well again."""
    ended = {Kind.REINSTATED, Kind.UNDEPRECATED, Kind.NEW}
    return any(event.kind in ended for event in _about(key, runs, poll))


def _about(key: str, runs: Sequence[Run], poll: Poll) -> list[Event]:
    """Return the events of this poll about a version that is run, or about its pack as a whole."""
    node, _, text = key.partition("@")
    texts = {text, *(one.listed.version for one in runs if one.listed)}
    return [
        event
        for event in poll.events
        if event.node is not None
        and event.node.lower() == node
        and (event.version is None or (bool(text) and event.version in texts))
    ]


def _event(
    kind: Kind,
    key: str,
    runs: Sequence[Run],
    poll: Poll,
    *,
    before: str | None,
    after: str | None,
) -> Event:
    """Return an event about a version that is run; its id is still to come."""
    node, _, text = key.partition("@")
    listed = next((one.listed for one in runs if one.listed), None)
    known = poll.after.get(node)
    name = known.node if known else next((one.node for one in runs), node)
    return Event(
        id=key,
        kind=kind,
        node=name,
        version=text or None,
        version_id=listed.id or None if listed else None,
        before=before,
        after=after,
        at=poll.now,
        url=node_url(name),
        reason=next((one.reason for one in runs if one.reason), "") if after else "",
        published=listed.created_at if listed else "",
        safe_version=next(
            (one.safe_version for one in runs if one.verdict == after), NOT_KNOWN
        ),
    )


def numbered(events: Sequence[Event], seen: int) -> tuple[Event, ...]:
    """Return the events with their ids, made of what was observed and how many events there were before."""
    return tuple(
        replace(
            event,
            id=event_id(
                "installed",
                event.id,
                seen + place,
                event.kind,
                event.before,
                event.after,
            ),
        )
        for place, event in enumerate(events)
    )
