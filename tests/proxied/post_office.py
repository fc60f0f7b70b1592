"""The program's own process for deliveries, whose traffic goes through the proxy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.hostile import parsers
from tests.proxied.peer import Peer
from tests.proxied.proxy import Proxy, Received
from tests.support.nursery import NurseryWorker
from watcher.delivery.client import Worker
from watcher.delivery.process import Job
from watcher.model.channel import Outcome
from watcher.model.event import Event

_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class PostOffice:
    """Delivers to the services that the proxy stands in for, to each through a line of its own as a round does.

    A process that serves one message after the other takes a third of the time of one forked for each.
    """

    proxy: Proxy
    worker: Worker
    runner: asyncio.Runner

    def deliver(
        self, peers: Iterable[Peer], events: tuple[Event, ...]
    ) -> dict[str, Outcome]:
        """Deliver one message to each service, all at once, and return what came of each."""
        chosen = tuple(peers)

        async def deliver() -> list[Outcome]:
            return await asyncio.gather(
                *(self._deliver(peer, events) for peer in chosen)
            )

        return {
            peer.name: outcome
            for peer, outcome in zip(chosen, self.runner.run(deliver()), strict=True)
        }

    async def _deliver(self, peer: Peer, events: tuple[Event, ...]) -> Outcome:
        return await self.worker.deliver(
            Job(url=peer.url, events=events, timeout=_TIMEOUT)
        )

    def wrong(self, peers: Iterable[Peer], events: tuple[Event, ...]) -> list[str]:
        """Deliver one message to each service, and return what is wrong with it or with what was made of the answer."""
        self.proxy.forget()
        outcomes = self.deliver(peers, events)
        wrong = [f"nobody's: {stray}" for stray in self.proxy.strays]
        for name, outcome in outcomes.items():
            received = self.proxy.received(name)
            if not outcome.taken:
                wrong.append(f"{name}: {outcome}")
            if len(received) != 1:
                wrong.append(f"{name}: {len(received)} messages")
            wrong += [
                f"{name}: {finding}"
                for message in received
                for finding in findings(message)
            ]
        return wrong


def findings(message: Received) -> list[str]:
    """Return why the service would not take a message, and what in it is more than text."""
    if message.violations:
        return list(message.violations)
    shown = message.peer.shown(message.asked.said)
    return [
        f"{figure}: {seen[:200]}"
        for dialect, text in shown
        for figure, seen in parsers.in_shown(dialect, text)
    ]


@contextlib.contextmanager
def post_office(peers: Iterable[Peer]) -> Iterator[PostOffice]:
    """Open the proxy, and the program's process that delivers."""
    with (
        Proxy(peers) as proxy,
        NurseryWorker(env=proxy.environment) as worker,
        asyncio.Runner() as runner,
    ):
        office = PostOffice(proxy, worker, runner)
        yield office
