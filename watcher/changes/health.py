"""When a node, the registry, an install or a channel is failing or has recovered: one machine for all. Pure.

Rules: docs/dev/behaviour.md, Events (Failing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from watcher import timestamps
from watcher.changes.transitions import make_event
from watcher.durations import DAY
from watcher.model.event import (
    EMPTY,
    FAILING,
    GONE,
    About,
    Event,
    Kind,
)
from watcher.model.reading import ALL, Fault, ReadFailure
from watcher.model.snapshot import Snapshot
from watcher.text.sanitize import Trusted, plural, safe_line
from watcher.timestamps import Moment
from watcher.values import frozen

_A_FEW = 3
"""From this many nodes on, the failures of most of them count as the registry's."""
_EMPTY = "no versions found"
IS_ID_RIGHT = "is the id right?"
"""What is asked of an id without versions."""


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
    def in_words(self) -> str:
        """Why, safe to print."""
        return safe_line(Trusted(self.error) if self.ours else self.error)

    @property
    def lasting(self) -> str:
        """In how many polls and since when, in words."""
        polls = "1 poll" if self.count == 1 else f"{self.count} polls in a row"
        return f"in {polls}, since {timestamps.for_people(self.since)}"

    @property
    def story(self) -> str:
        """Why, and for how long."""
        return f"{self.error}; {self.lasting}"


Streaks = Mapping[About, Mapping[str, FailureStreak]]
"""What failed in the last polls: nodes by lower-case id, installs by what the state knows them by, `INCOMPLETE` and
`UNLISTED` of the registry, and as `About.EMPTY` nodes that were read and never had a version.
"""


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

    @property
    def story(self) -> str:
        """Why it fails, since when, and what waits."""
        since = timestamps.for_people(self.failing_since)
        waiting = plural(self.alerts, "alert")
        said = f"{self.error or 'no answer'}; {waiting} undelivered, none delivered since {since}"
        if self.may_have_arrived:
            said += f"; {self.may_have_arrived:,} may have arrived"
        return said


class Turn:
    """One poll: counts what fails, and makes an event of what has begun to fail or works again.

    `streaks` and `snapshot` are as the poll leaves them. The snapshot stays the same one if nothing begins or ends.
    """

    def __init__(
        self, streaks: Streaks, snapshot: Snapshot, threshold: int, now: str
    ) -> None:
        self.streaks = {**streaks}
        self.snapshot = snapshot
        self.events: list[Event] = []
        self._threshold, self._now = threshold, now

    def take_nodes(
        self,
        unread: Mapping[str, ReadFailure],
        read: Collection[str],
        empty: Collection[str],
        names: Mapping[str, str],
    ) -> None:
        """Take what could not be read, and what could, by lower-case id, and the ids of all as they are watched.

        The nodes in `empty` were read and never had a version. The id may be wrong, so they are reported failing at the
        threshold too, and recover when they have a version.

        A node that was not polled keeps its count. One outage is reported once: while the registry is reported failing,
        no node is. If every node that cannot be read was already reported failing, the registry is not.
        """
        # A page 1 that failed in another poll, and not in this one, is over.
        streaks = self._count(About.NODE, unread, {*read, ALL})
        doubts = dict.fromkeys(empty, ReadFailure(error=f"{_EMPTY}: {IS_ID_RIGHT}"))
        without = self._count(About.EMPTY, doubts, read)
        reported = self.snapshot.failing.get(About.NODE, {})
        due = {key for key in unread if self._is_due(streaks[key])} - reported.keys()
        watched = len(unread) + len(read)
        is_down = registry_is_down(unread, watched)
        # It need not answer about all: what cannot be read then fails by itself.
        if read and not is_down:
            self._report(About.REGISTRY, FAILING, "")
        # Of a few nodes it is their failure, if others were reported before. The pages of all nodes are no node.
        are_all = unread.keys() <= due | reported.keys()
        if is_down and due and (ALL in due or len(due) >= _A_FEW or are_all):
            # "since" is that of the node that has failed longest.
            longest = max((streaks[key] for key in due), key=lambda one: one.count)
            # What most nodes met is the best guess; one that was not tried met nothing.
            tried = (one for one in unread.values() if one.fault is not Fault.UNTRIED)
            [(error, _)] = Counter(one.error for one in tried).most_common(1)
            outage = replace(longest, error=error)
            self._report(About.REGISTRY, FAILING, outage.story)
        for key in unread:
            # One outage is one event.
            if key in due and not self.snapshot.is_down:
                self._report(About.NODE, key, streaks[key].story, names[key])
        for key in empty:
            # A misspelt id never fails to be read: the registry answers that it has no versions.
            if self._is_due(without[key]):
                said = f"{_EMPTY} {without[key].lasting}: {IS_ID_RIGHT}"
                self._report(About.NODE, key, said, names[key], EMPTY)
        for key in reported:
            # What was read and still has no version has not recovered.
            if key in read and key not in empty:
                self._report(About.NODE, key, "", names[key])

    def take_others(
        self,
        about: About,
        errors: Mapping[str, str | None],
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Take all installs, or what the settings need of the registry beside nodes: `INCOMPLETE`, `UNLISTED`.

        `errors` says why each failed, "" if it works, and None if it was not read. What it lacks is not configured any
        more, and is forgotten. Nothing of the registry is reported while it is failing as a whole.
        """
        names = names or {}
        is_part = about is About.REGISTRY
        # That the registry as a whole fails is no part of it, and follows from its nodes.
        self._forget(about, {FAILING, *errors} if is_part else errors)
        failures = {key: ReadFailure(error=why) for key, why in errors.items() if why}
        works = [key for key, why in errors.items() if why == ""]
        streaks = self._count(about, failures, works)
        for key in works:
            self._report(about, key, "", names.get(key))
        # While nothing can be read, that a list or a page lacks something is no second problem.
        for key in () if is_part and self.snapshot.is_down else failures:
            if self._is_due(streaks[key]):
                after = key if is_part else FAILING
                self._report(about, key, streaks[key].story, names.get(key), after)

    def take_channels(self, channels: Sequence[ChannelState]) -> None:
        """Take all configured channels; one that is not configured any more is forgotten.

        A channel is failing once its address is gone, and otherwise after a day in which it took nothing. It recovers
        when it takes an alert.
        """
        self._forget(About.CHANNEL, {one.key for one in channels})
        for one in channels:
            since, after = one.failing_since, GONE if one.gone else FAILING
            if not since:
                self._report(About.CHANNEL, one.key, "", one.name)
            # A service may be down over night; an address that is gone does not come back by itself.
            elif one.gone or timestamps.seconds_between(since, self._now) >= DAY:
                self._report(About.CHANNEL, one.key, one.story, one.name, after)

    def _is_due(self, streak: FailureStreak) -> bool:
        return streak.count >= self._threshold

    def _count(
        self, about: About, failures: Mapping[str, ReadFailure], works: Collection[str]
    ) -> dict[str, FailureStreak]:
        """Return the streaks after this poll. What neither failed nor works was not tried, and keeps its count."""
        known = self.streaks.get(about, {})
        # `check --node` reads one pack, and must not end what is counted of the others.
        after = {key: one for key, one in known.items() if key not in works}
        for key, failure in failures.items():
            before = known.get(key)
            after[key] = FailureStreak(
                count=before.count + 1 if before else 1,
                since=before.since if before else self._now,
                error=failure.error,
                untried=failure.fault is Fault.UNTRIED,
                ours=isinstance(failure.error, Trusted),
            )
        self.streaks[about] = after
        return after

    def _report(
        self,
        about: About,
        key: str,
        story: str,
        name: str | None = None,
        after: str = FAILING,
    ) -> None:
        """Report that something fails, or without a story that it works, if that is news."""
        reported = self.snapshot.failing.get(about, {})
        if bool(story) == (key in reported):
            return
        kind = Kind.FAILING if story else Kind.RECOVERED
        before, now_is = reported.get(key), after if story else None
        # The snapshot that commits it has the next revision, so that no two events share an id.
        of = about, key, self.snapshot.revision
        node, install, channel = (
            name if about is one else None
            for one in (About.NODE, About.INSTALL, About.CHANNEL)
        )
        event = make_event(
            of, kind, before, now_is, now=self._now, node=node, reason=story
        )
        self.events.append(replace(event, channel=channel, install=install))
        # That its address was gone is no matter once a channel works.
        word = FAILING if after == GONE else after
        left = {one: reported[one] for one in reported if one != key}
        self._note(about, {**left, key: word} if story else left)

    def _forget(self, about: About, configured: Collection[str]) -> None:
        """Forget what is not configured any more."""
        known = self.streaks.get(about, {})
        self.streaks[about] = {key: known[key] for key in known if key in configured}
        reported = self.snapshot.failing.get(about, {})
        self._note(about, {key: reported[key] for key in reported if key in configured})

    def _note(self, about: About, reported: Mapping[str, str]) -> None:
        """Note what is reported failing."""
        failing = {**self.snapshot.failing, about: dict(sorted(reported.items()))}
        # Without a difference the same snapshot stays, and a quiet poll writes no file.
        failing = {one: failing[one] for one in sorted(failing) if failing[one]}
        if failing != self.snapshot.failing:
            self.snapshot = replace(self.snapshot, failing=failing)


def registry_is_down(unread: Mapping[str, ReadFailure], watched: int) -> bool:
    """Return whether the registry as a whole is down.

    It is if every requested node failed registry-wide, if three or more were requested and all failed, if most of
    three or more failed registry-wide, or if the pages of all nodes failed.
    """
    # Page 1 of all names no pack, so that none can be at fault.
    if ALL in unread:
        return True
    tried = [one for one in unread.values() if one.fault is not Fault.UNTRIED]
    requested = watched - len(unread) + len(tried)
    wide = sum(one.registry_wide for one in tried)
    if requested < _A_FEW:
        # What one or two say of themselves may be true of them alone.
        return 0 < wide == requested
    return len(tried) == requested or wide * 2 > requested
