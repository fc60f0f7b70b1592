"""A made-up registry that the real program polls through months, and what each channel got of it.

`python -m tests.flags` prints the figures for registries of several kinds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Self

from aiohttp import web

from tests.flags.oracle import Due, due, why
from tests.flags.packs import Key, MadePack, Packs, Release
from tests.flags.reasons import READ_AT_MOST_MB, reason_of
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.fakes.webhook import Webhook
from tests.support.worker import WORKER
from watcher import timestamps
from watcher.model.version import ACTIVE, BANNED, DELETED, FLAGGED, PENDING
from watcher.polling import setup
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.settings.tables import ChannelTable
from watcher.state.store import StateFolder

NAMED = ("pack-3", "pack-17", "pack-40")
"""Packs that the settings name beside `*`: all of their flags pass."""
MOST_EVENTFUL = 180
"""Packs with events in one poll."""
_ENDED = "reinstated"
_HEARD = frozenset({FLAGGED, BANNED, DELETED, _ENDED})
"""The kinds of event that the oracle knows."""

Fact = tuple[str, str, str | None]
"""An alert by its kind, pack and version."""


@dataclass(slots=True)
class Account:
    """What was counted, and a sentence for each thing that is wrong. Packs that are named too are not counted."""

    flags: Counter[str] = field(default_factory=Counter)
    """Flagged events, by what became of them: `passed` or `left out`; all of them passed at first."""
    passed: Counter[str] = field(default_factory=Counter)
    """Those that passed, by why."""
    endings: Counter[str] = field(default_factory=Counter)
    """Ends of flags, like `flags`."""
    wrong: list[str] = field(default_factory=list)
    versions: int = 0
    flagged_versions: int = 0

    @property
    def fewer(self) -> float:
        """How many fewer flagged alerts the channel got than there were flagged events, as a share."""
        return self.flags["left out"] / self.flags.total()

    @property
    def flagged_share(self) -> float:
        """The share of versions that the scanner flags."""
        return self.flagged_versions / self.versions


class Life(contextlib.ExitStack):
    """The registry, the program's folder and its only channel, which has no `kinds`."""

    def __init__(self, packs: Packs, folder: Path) -> None:
        super().__init__()
        self.packs = packs
        self.account = Account()
        self._folder = StateFolder(folder / "state")
        self._registry = FakeRegistry()
        self._webhook = Webhook()
        self._before: dict[Key, str] = {}
        """How each version stood at the last poll."""
        self._bad: set[Key] = set()
        """Versions that are pending and were bad before."""
        self._last: dict[Key, bool] = {}
        """Whether the channel without `kinds` got the last bad thing of each version."""
        self._read = 0

    def __enter__(self) -> Self:
        self.enter_context(self._registry)
        self.enter_context(self._webhook)
        self._registry.respond = self._answer
        for release in self.packs.releases:
            self._publish(release)
        self._poll()
        # The baseline of all says what is flagged, to every channel.
        self._last = dict.fromkeys(self._before, True)
        self._got()
        return self

    def polls(self, number: int, weeks: float) -> Account:
        """Live through so many polls, each so many weeks after the one before, and return the account."""
        for count in range(number):
            touched = self.packs.step(weeks)
            # What a ban hides of a pack is another subject.
            banned = self.packs.ban_one(besides=touched) if count % 2 else None
            self._poll_after(touched, banned)
        self.account.versions = sum(1 for _ in self.packs.releases)
        self.account.flagged_versions = sum(
            1 for one in self.packs.releases if one.found
        )
        return self.account

    def _poll_after(self, touched: list[Release], banned: MadePack | None) -> None:
        expected: set[Fact] = set()
        for release in touched:
            before = self._before.get(release.key)
            self._publish(release)
            if (kind := self._kind(release, before)) is not None:
                expected.add((kind, release.key[0], release.text))
        if banned is not None:
            self._registry.catalog.edit_pack(banned.name, status="banned")
            expected.add((BANNED, banned.name, None))
        # Of more packs no reasons are requested.
        assert len({name for _, name, _ in expected}) <= MOST_EVENTFUL
        self._judge(self._poll(), touched, expected)

    def _publish(self, release: Release) -> None:
        """Let the registry have a version as it is now."""
        name, catalog, reason = (
            release.key[0],
            self._registry.catalog,
            reason_of(release),
        )
        if release.key in self._before:
            catalog.set_status(name, release.text, release.status, reason)
        else:
            catalog.publish(
                name,
                release.text,
                status=release.status,
                reason=reason,
                created_at=release.created,
            )
        self._before[release.key] = release.status

    def _kind(self, release: Release, before: str | None) -> str | None:
        """Return the kind of event that the channel without `kinds` may get of a version; None if of none."""
        bad = (FLAGGED, BANNED, DELETED)
        was_bad = release.key in self._bad or before in bad
        if release.status == before:
            return None
        if release.status == PENDING:
            self._bad |= {release.key} if was_bad else set()
            return None
        self._bad.discard(release.key)
        if release.status == ACTIVE:
            return _ENDED if was_bad and before is not None else None
        return release.status

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        query = asked(request)
        is_failing = (
            "include_status_reason" in query
            and {*query.get("nodeId", ())} & self.packs.failing
        )
        return (
            web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
            if is_failing
            else None
        )

    def _poll(self) -> Report:
        # A message on each event: in one of all only so many have their objects.
        table = {
            "name": "hook",
            "url": self._webhook.apprise_url(),
            "grouping": "event",
        }
        chosen = Settings(
            registry_url=self._registry.url,
            state_dir=self._folder.path,
            nodes=("*", *NAMED),
            channels=(ChannelTable.model_validate(table),),
            retries=0,
        )

        async def once() -> Report:
            config = setup.poll_config(Loaded(settings=chosen), self._folder)
            limits = replace(config.limits, max_bytes=READ_AT_MOST_MB << 20)
            poller = Poller(
                config=replace(config, limits=limits),
                folder=self._folder,
                clock=lambda: timestamps.show(self.packs.now),
                stopping=asyncio.Event(),
                worker=WORKER,
            )
            return await poller.poll()

        with self._folder.locked():
            report = asyncio.run(once())
        self._registry.requests.clear()
        assert not report.unread, report.unread
        assert not report.undelivered, report.channel_errors
        return report

    def _got(self) -> set[Fact]:
        """Return the alerts that the channel has got since this was asked last."""
        messages = self._webhook.messages()
        new, self._read = messages[self._read :], len(messages)
        return {
            (event["kind"], event["node"], event["version"])
            for message in new
            for event in message.json["events"]
            if event["kind"] in _HEARD
        }

    def _judge(
        self, report: Report, touched: list[Release], expected: set[Fact]
    ) -> None:
        """Hold what the channel got against the oracle, and count."""
        happened = {
            (event.kind.value, event.node or "", event.version)
            for event in report.events
            if event.kind in _HEARD
        }
        got = self._got()
        self._wrong("lost", expected - happened)
        self._wrong("invented", happened - expected)
        self._wrong("got, and never happened", got - expected)
        by_name = {(release.key[0], release.text): release for release in touched}
        for fact in sorted(expected, key=str):
            kind, name, text = fact
            has_passed = fact in got
            if text is None:
                self._wrong("a ban was left out", set() if has_passed else {fact})
                continue
            release = by_name[name, text]
            if kind == FLAGGED:
                self._judge_flag(release, fact, has_passed=has_passed)
            elif kind == _ENDED:
                was_told = self._last[release.key] or name in NAMED
                self.account.endings["passed" if has_passed else "left out"] += 1
                self._wrong(
                    "an end without its flag, or a flag without its end",
                    {fact} if has_passed is not was_told else set(),
                )
            else:
                self._wrong(
                    f"a {kind} version was left out", set() if has_passed else {fact}
                )
            self._last[release.key] = has_passed

    def _judge_flag(self, release: Release, fact: Fact, *, has_passed: bool) -> None:
        name = release.key[0]
        if name in NAMED:
            self._wrong(
                "a flag of a named pack was left out", set() if has_passed else {fact}
            )
            return
        account, must = (
            self.account,
            due(self.packs.packs[name], release, self.packs.failing),
        )
        account.flags["passed" if has_passed else "left out"] += 1
        if has_passed:
            account.passed[
                why(self.packs.packs[name], release, self.packs.failing)
            ] += 1
            self._wrong(
                "nobody needs this flag", {fact} if must is Due.LEFT_OUT else set()
            )
        else:
            self._wrong("a flag was left out", {fact} if must is Due.PASSES else set())

    def _wrong(self, what: str, facts: set[Fact]) -> None:
        self.account.wrong += [
            f"{self.packs.now:%Y-%m-%d} {what}: {fact}"
            for fact in sorted(facts, key=str)
        ]
