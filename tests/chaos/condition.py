"""A simple model of channels that take nothing: when the others must hear of it, and when they must not.

It is written from docs/dev/behaviour.md (Events, Alerts) alone and shares no code with the program. It judges only what
it is sure of: a channel that got another name or address, or a crash, leaves it unsure until the next message is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

GONE = (401, 404, 410)
_DAY = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class _Channel:
    """What is known of one: `reported` is whether it was said to be failing, None if nobody knows."""

    path: str
    since: datetime | None = None
    gone: bool = False
    is_sure: bool = True
    reported: bool | None = False


@dataclass(slots=True)
class Conditions:
    """All channels that the last poll had, by the names that the program has for them."""

    _now: dict[str, _Channel] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _paths: set[str] = field(default_factory=set)

    def poll(
        self,
        called: Mapping[str, str],
        reported: Sequence[tuple[str, str]],
        now: datetime,
    ) -> int:
        """A poll begins with these channels and reports these kinds of these names; AssertionError if that is wrong.

        Return how many of its reports, or silences about a failing channel, were judged.
        """
        self.follow(called)
        judged = 0
        for name, channel in self._now.items():
            kinds = [kind for about, kind in reported if about == name]
            assert len(kinds) < 2, f"{name}: reported twice in one poll"
            due = self._due(channel, now)
            if due is not None:
                assert kinds == due, f"{name}: reported {kinds}, due is {due}"
                judged += bool(due) or channel.since is not None
            for kind in kinds:
                before = {"failing": False, "recovered": True}[kind]
                assert channel.reported in (before, None), (
                    f"{name}: {kind} was said already"
                )
                channel.reported = not before
            if channel.is_sure and channel.since is None:
                channel.reported = False
        return judged

    def _due(self, channel: _Channel, now: datetime) -> list[str] | None:
        if not channel.is_sure or channel.reported is None:
            return None
        if channel.since is None:
            return ["recovered"] if channel.reported else []
        is_failing = channel.gone or now - channel.since >= _DAY
        return ["failing"] if is_failing and not channel.reported else []

    def follow(self, called: Mapping[str, str]) -> None:
        """The program knows of these channels and no others."""
        after: dict[str, _Channel] = {}
        for name, path in called.items():
            before = self._now.get(name)
            if before is not None and before.path == path:
                after[name] = before
            else:
                is_new = name not in self._names and path not in self._paths
                after[name] = _Channel(
                    path=path, is_sure=is_new, reported=False if is_new else None
                )
        self._now = after
        self._names |= after.keys()
        self._paths |= {channel.path for channel in after.values()}

    def answer(
        self, path: str, status: int, now: datetime, *, tells: bool = True
    ) -> None:
        """A channel has answered a message; a refusal that `tells` nothing of the channel is none."""
        for channel in (
            channel for channel in self._now.values() if channel.path == path
        ):
            if status == 200:
                channel.since, channel.gone, channel.is_sure = None, False, True
            else:
                channel.since = channel.since or (now if tells else None)
                channel.gone = channel.gone or status in GONE

    def crash(self, paths: Iterable[str]) -> None:
        """Nobody knows what the program has kept of the last answers of these."""
        for channel in (
            channel for channel in self._now.values() if channel.path in paths
        ):
            channel.is_sure = False
