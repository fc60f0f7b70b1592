"""When a node, the registry, an install or a channel is failing or has recovered: one machine for all. Pure.

Rules: docs/behaviour.md, Events (Failing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.changes.transitions import subject_event
from watcher.durations import DAY
from watcher.model.event import (
    EMPTY,
    FAILING,
    GONE,
    INCOMPLETE,
    UNLISTED,
    About,
    Event,
    Kind,
)
from watcher.model.reading import ALL, Fault, ReadFailure
from watcher.model.snapshot import Node, Snapshot, SweepBaseline
from watcher.text.sanitize import Trusted, plural
from watcher.timestamps import Moment
from watcher.values import frozen

_A_FEW = 3
"""From this many nodes on, the failures of most of them count as the registry's."""
_EMPTY = "no versions found"
IS_ID_RIGHT = "is the id right?"
"""What is asked of an id without versions."""
_OF_REGISTRY = dict.fromkeys((FAILING, INCOMPLETE, UNLISTED))
"""What fails of the registry, as its events call it: all of it, the pages of all nodes, the list of all packs."""


@frozen
class FailureStreak:
    """Polls in a row in which something failed."""

    count: int
    """How many."""
    since: Moment
    """When the first of them began."""
    error: str
    """Why, in the last of these polls."""
    untried: bool = False
    """The last of these polls made no request. The next one makes it first."""
    ours: bool = False
    """The error is in this program's words alone: no text of the registry's is in it."""

    @property
    def in_polls(self) -> str:
        """In how many polls, in words."""
        return "1 poll" if self.count == 1 else f"{self.count} polls in a row"

    @property
    def lasting(self) -> str:
        """In how many polls and since when, in words."""
        return f"in {self.in_polls}, since {timestamps.for_people(self.since)}"

    @property
    def story(self) -> str:
        """Why, and for how long."""
        return f"{self.error}; {self.lasting}"


Streaks = Mapping[About, Mapping[str, FailureStreak]]
"""What failed in the last polls: nodes by lower-case id, installs by what the state knows them by, `INCOMPLETE` and
`UNLISTED` of the registry, and as `About.EMPTY` nodes that were read and never had a version.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """What fails after a poll, the snapshot with what was reported of it, and the events."""

    streaks: Streaks
    snapshot: Snapshot
    events: tuple[Event, ...]


@frozen
class _Due:
    """A failure that is to be reported, if it is not yet."""

    story: str
    after: str = FAILING
    """What its event calls it."""


def _counted(
    streaks: Mapping[str, FailureStreak],
    failures: Mapping[str, ReadFailure],
    over: Collection[str],
    now: str,
) -> dict[str, FailureStreak]:
    """Return the streaks after one more poll. What neither failed nor is `over` was not tried, and keeps its count."""
    after = {key: one for key, one in streaks.items() if key not in over}
    for key, failure in failures.items():
        before = streaks.get(key)
        after[key] = FailureStreak(
            count=before.count + 1 if before else 1,
            since=before.since if before else now,
            error=failure.error,
            untried=failure.fault is Fault.UNTRIED,
            ours=isinstance(failure.error, Trusted),
        )
    return after


def _turned(
    snapshot: Snapshot,
    about: About,
    names: Mapping[str, str | None],
    due: Mapping[str, _Due],
    works: Collection[str],
    now: str,
) -> tuple[Snapshot, tuple[Event, ...]]:
    """Return the snapshot with what has begun to fail or works again, and the events; the same one if nothing has.

    What was reported of a subject that is not in `names` is forgotten.
    """
    known = snapshot.failing.get(about, {})
    before = {key: after for key, after in known.items() if key in names}

    def event(kind: Kind, key: str, **what: str) -> Event:
        # The snapshot that commits it counts it, so that no two events of a subject share an id.
        count = snapshot.counts.get(kind, 0)
        return subject_event(about, key, names[key], count, kind, now, **what)

    begun = {key: one for key, one in due.items() if key not in before}
    left = {key: after for key, after in before.items() if key not in works}
    events = [
        event(Kind.FAILING, key, after=one.after, reason=one.story)
        for key, one in begun.items()
    ]
    events += [
        event(Kind.RECOVERED, key, before=before[key])
        for key in before.keys() - left.keys()
    ]
    # That its address was gone is no matter once a channel works.
    left |= {
        key: FAILING if one.after == GONE else one.after for key, one in begun.items()
    }
    if left == known:
        return snapshot, ()
    failing = {**snapshot.failing, about: dict(sorted(left.items()))}
    failing = {key: failing[key] for key in sorted(failing) if failing[key]}
    return replace(snapshot, failing=failing), tuple(events)


def registry_is_down(unread: Mapping[str, ReadFailure], watched: int) -> bool:
    """Return whether the registry as a whole is down.

    It is if every requested node failed registry-wide, if three or more were requested and all failed, if most of
    three or more failed registry-wide, or if the pages of all nodes failed.
    """
    if ALL in unread:
        return True
    tried = [
        failure for failure in unread.values() if failure.fault is not Fault.UNTRIED
    ]
    requested = watched - len(unread) + len(tried)
    registry_wide = sum(failure.registry_wide for failure in tried)
    is_several = requested >= _A_FEW
    all_failed = bool(tried) and len(tried) == requested
    all_wide = registry_wide == requested
    most_wide = registry_wide * 2 > requested
    if all_failed and (all_wide or is_several):
        return True
    return is_several and most_wide


def assess(
    streaks: Streaks,
    snapshot: Snapshot,
    unread: Mapping[str, ReadFailure],
    read: Collection[str],
    threshold: int,
    now: str,
    *,
    empty: Collection[str] = (),
) -> Assessment:
    """Count one poll's failures and successes, and report what has become failing or has recovered.

    `unread` are the failures and `read` the successes, by lower-case id. The nodes in `empty` were read and never had a
    version. The id may be wrong, so they are reported failing at the threshold too, and recover when they have a
    version.

    A node that was not polled keeps its count. One outage is reported once: while the registry is reported failing, no
    node is. If every node that cannot be read was already reported failing, the registry is not.
    """
    # A page 1 that failed in another poll, and not in this one, is over.
    nodes = _counted(streaks.get(About.NODE, {}), unread, {*read, ALL}, now)
    doubts = dict.fromkeys(empty, ReadFailure(error=f"{_EMPTY}: {IS_ID_RIGHT}"))
    without = _counted(streaks.get(About.EMPTY, {}), doubts, read, now)
    reported = snapshot.failing.get(About.NODE, {})
    due = {
        key: _Due(story=nodes[key].story)
        for key in unread
        if nodes[key].count >= threshold and key not in reported
    }
    watched = len(unread) + len(read)
    is_down = bool(unread) and registry_is_down(unread, watched)
    outage: dict[str, _Due] = {}
    are_all = unread.keys() <= due.keys() | reported.keys()
    # Of a few nodes the registry's failure is theirs. The pages of all nodes are no node.
    if is_down and due and (ALL in due or len(due) >= _A_FEW or are_all):
        # "since" is that of the node that has failed longest.
        longest = max((nodes[key] for key in due), key=lambda one: one.count)
        error = _commonest_error(unread, watched)
        outage[FAILING] = _Due(story=replace(longest, error=error).story)
    over = {FAILING} if read and not is_down else set[str]()
    snapshot, events = _turned(
        snapshot, About.REGISTRY, _OF_REGISTRY, outage, over, now
    )
    if snapshot.is_down:
        due = {}  # one outage is one event
    for key in empty:
        if without[key].count >= threshold:
            story = f"{_EMPTY} {without[key].lasting}: {IS_ID_RIGHT}"
            due[key] = _Due(story=story, after=EMPTY)
    snapshot = snapshot.with_nodes(
        {
            key: Node(node=unread[key].node or key)
            for key in due.keys() - snapshot.nodes.keys()
        }
    )
    names = {key: snapshot.nodes[key].node for key in (*reported, *due)}
    # What was read and still has no version has not recovered.
    works = {key for key in reported if key in read and key not in empty}
    snapshot, of_nodes = _turned(snapshot, About.NODE, names, due, works, now)
    return Assessment(
        streaks={**streaks, About.NODE: nodes, About.EMPTY: without},
        snapshot=snapshot,
        events=events + of_nodes,
    )


def _commonest_error(unread: Mapping[str, ReadFailure], watched: int) -> str:
    tried = [
        failure.error
        for failure in unread.values()
        if failure.fault is not Fault.UNTRIED
    ]
    error, _ = Counter(tried).most_common(1)[0]
    return error if watched == 1 else f"{error} ({len(unread)} of {watched} packs)"


def assess_others(
    streaks: Streaks,
    snapshot: Snapshot,
    about: About,
    errors: Mapping[str, str | None],
    threshold: int,
    now: str,
    *,
    names: Mapping[str, str] | None = None,
) -> Assessment:
    """Count one poll's readings of all installs, or of the parts of the registry, and report as `assess` does.

    `errors` has all that the settings need, with why it failed, "" if it works, and None if it was not read; what it
    lacks is forgotten. Of the registry these are the pages of all nodes (`INCOMPLETE`) and the list of all packs
    (`UNLISTED`), which are not reported while it is failing as a whole.
    """
    known = streaks.get(about, {})
    counted = _counted(
        {key: one for key, one in known.items() if key in errors},
        {key: ReadFailure(error=why) for key, why in errors.items() if why},
        {key for key, why in errors.items() if why is not None},
        now,
    )
    is_down = about is About.REGISTRY and snapshot.is_down
    due = {
        key: _said_of(about, key, counted[key], snapshot.sweep_baseline)
        for key, why in errors.items()
        if why and counted[key].count >= threshold and not is_down
    }
    works = {key for key, why in errors.items() if why == ""}
    # The registry as a whole is no part of it, and stays as it is.
    known_as = names or dict.fromkeys((FAILING, *errors))
    snapshot, events = _turned(snapshot, about, known_as, due, works, now)
    return Assessment(
        streaks={**streaks, about: counted}, snapshot=snapshot, events=events
    )


def _said_of(
    about: About, key: str, streak: FailureStreak, sweep_baseline: SweepBaseline
) -> _Due:
    if about is not About.REGISTRY:
        return _Due(story=streak.story)
    story = streak.story
    if key == INCOMPLETE:
        since, stake = timestamps.for_people(streak.since), at_stake(sweep_baseline)
        story = f"{incomplete_in_words(streak)}, since {since}: {streak.error}; {stake}"
    return _Due(story=story, after=key)


def incomplete_in_words(streak: FailureStreak) -> str:
    """Return how often in a row the sweeps were incomplete, as the beginning of a sentence."""
    return f"the pages of all node packs were incomplete in {streak.in_polls}"


def at_stake(sweep_baseline: SweepBaseline) -> str:
    """Return what incomplete sweeps may cost, as the end of a sentence."""
    if sweep_baseline.baseline_at:
        return "new node packs may be missed"
    return "until they are complete, nothing new is reported of node packs that only a pattern includes"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelState:
    """How deliveries to a configured channel went, until this poll."""

    name: str
    key: str
    """What it is known by: its name, or the digest of its URL where the name is only a place in `alert_urls`."""
    failing_since: str
    """When the first attempt failed since an alert was taken; empty if the last one did not."""
    gone: bool
    """The service has said that there is no such address, or that it may not be used any more."""
    error: str
    alerts: int
    """How many wait for it."""
    may_have_arrived: int
    """How many of them are in messages that went out without an answer."""


def assess_channels(
    snapshot: Snapshot, channels: Sequence[ChannelState], now: str
) -> tuple[Snapshot, tuple[Event, ...]]:
    """Report the channels that have become failing or have recovered, and note that in the snapshot.

    A channel is failing once its address is gone, and otherwise after a day in which it took nothing. It recovers when
    it takes an alert. One that is not configured any more is forgotten. The same snapshot is returned if nothing
    changed.
    """
    due = {
        one.key: _Due(story=_story_of_channel(one), after=GONE if one.gone else FAILING)
        for one in channels
        if one.failing_since
        and (one.gone or timestamps.seconds_between(one.failing_since, now) >= DAY)
    }
    works = {one.key for one in channels if not one.failing_since}
    names = {one.key: one.name for one in channels}
    return _turned(snapshot, About.CHANNEL, names, due, works, now)


def _story_of_channel(channel: ChannelState) -> str:
    since = timestamps.for_people(channel.failing_since)
    waiting = (
        f"{plural(channel.alerts, 'alert')} undelivered, none delivered since {since}"
    )
    if channel.may_have_arrived:
        waiting += f"; {channel.may_have_arrived:,} may have arrived"
    return f"{channel.error or 'no answer'}; {waiting}"
