"""A made-up registry that the real program polls through months, and what its channel got of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Self

from aiohttp import web

from tests.flags.packs import READ_AT_MOST_MB, Due, Packs, Release, due
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.fakes.webhook import Webhook
from tests.support.worker import WORKER
from watcher import timestamps
from watcher.model.version import ACTIVE, BANNED, DELETED, FLAGGED
from watcher.polling import setup
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.settings.tables import ChannelTable
from watcher.state.store import StateFolder

_START = datetime(2026, 3, 1, tzinfo=UTC)
MOST_EVENTFUL = 180
"""Packs with events in one poll: of more no reasons are requested."""

Fact = tuple[str, str, str | None]
"""An alert by its kind, pack and version."""


class Life(contextlib.ExitStack):
    """The registry, the program's folder and its only channel, which has no `kinds`."""

    def __init__(self, packs: Packs, folder: Path) -> None:
        super().__init__()
        self.packs = packs
        self.left_out: Counter[Due] = Counter()
        self.passed: Counter[Due] = Counter()
        self.wrong: list[str] = []
        """A sentence for each thing that is wrong."""
        self._now = _START
        self._folder = StateFolder(folder / "state")
        self._registry = FakeRegistry()
        self._webhook = Webhook()
        self._there: set[Release] = set()
        self._told: dict[Release, bool] = {}
        """Of versions that are bad, or were and are not active yet: whether the channel got anything of that."""
        self._read = 0

    def __enter__(self) -> Self:
        self.enter_context(self._registry)
        self.enter_context(self._webhook)
        self._registry.respond = self._answer
        for release in self.packs.releases:
            self._publish(release)
        self._poll()
        self._got()
        # The baseline of all says what is flagged, to every channel.
        self._told = {one: True for one in self._there if one.status == FLAGGED}
        return self

    @property
    def fewer(self) -> float:
        """How many fewer flagged alerts the channel got than there were flagged events, as a share."""
        left_out, passed = self.left_out.total(), self.passed.total()
        return left_out / (left_out + passed)

    def polls(self, number: int, weeks: float) -> None:
        """Live through so many polls, each so many weeks after the one before."""
        for _ in range(number):
            self._now += timedelta(weeks=weeks)
            touched = self.packs.step(weeks)
            assert len({one.pack for one in touched}) <= MOST_EVENTFUL
            for release in touched:
                self._publish(release)
            self._poll()
            got = self._got()
            for release in touched:
                self._judge(release, got)

    def _publish(self, release: Release) -> None:
        """Let the registry have a version as it is now."""
        catalog, reason = self._registry.catalog, release.reason(self.packs.dice)
        if release in self._there:
            catalog.set_status(release.pack, release.text, release.status, reason)
            return
        catalog.publish(
            release.pack,
            release.text,
            status=release.status,
            reason=reason,
            created_at=timestamps.show(self._now),
        )
        self._there.add(release)

    def _judge(self, release: Release, got: set[Fact]) -> None:
        """Hold what the channel got of a version against what is due."""
        kind = "reinstated" if release.status == ACTIVE else release.status
        has_passed = (kind, release.pack, release.text) in got
        if release.status == FLAGGED:
            pack = self.packs.packs[release.pack]
            must = due(pack, release, self.packs.failing)
            (self.passed if has_passed else self.left_out)[must] += 1
            is_wrong = must is (Due.LEFT_OUT if has_passed else Due.PASSES)
        elif release.status == ACTIVE:
            is_wrong = has_passed is not self._told.pop(release, False)
        else:
            is_wrong = release.status in {BANNED, DELETED} and not has_passed
        if release.status in {FLAGGED, BANNED, DELETED}:
            self._told[release] = has_passed or self._told.get(release, False)
        if is_wrong:
            what = "got" if has_passed else "left out"
            self.wrong.append(f"{what}: {kind} {release.pack} {release.text}")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        query = asked(request)
        is_failing = (
            "include_status_reason" in query
            and {*query.get("nodeId", ())} & self.packs.failing
        )
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return web.Response(status=status) if is_failing else None

    def _poll(self) -> None:
        # A message on each event: in one of all only so many have their objects.
        url = self._webhook.apprise_url()
        table = {"name": "hook", "url": url, "grouping": "event"}
        chosen = Settings(
            registry_url=self._registry.url,
            state_dir=self._folder.path,
            nodes=("*",),
            channels=(ChannelTable.model_validate(table),),
            retries=0,
        )

        async def once() -> Report:
            config = setup.poll_config(Loaded(settings=chosen), self._folder)
            limits = replace(config.limits, max_bytes=READ_AT_MOST_MB << 20)
            poller = Poller(
                config=replace(config, limits=limits),
                folder=self._folder,
                clock=lambda: timestamps.show(self._now),
                stopping=asyncio.Event(),
                worker=WORKER,
            )
            return await poller.poll()

        with self._folder.locked():
            report = asyncio.run(once())
        self._registry.requests.clear()
        assert not report.unread, report.unread
        assert not report.undelivered, report.channel_errors

    def _got(self) -> set[Fact]:
        """Return the alerts that the channel has got since this was asked last."""
        messages = self._webhook.messages()
        new, self._read = messages[self._read :], len(messages)
        return {
            (event["kind"], event["node"], event["version"])
            for message in new
            for event in message.json["events"]
        }
