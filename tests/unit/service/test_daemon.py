"""`run` between two polls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.factories import PACK, channel, watch
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.worker import WORKER
from watcher.alerts.queues.outbox import Change, Outbox
from watcher.cli.commands.run import LogLines
from watcher.errors import StateError
from watcher.polling.clock import clock
from watcher.polling.poll import Poller
from watcher.service.daemon import Daemon
from watcher.service.observer import Schedule
from watcher.state.store import StateFolder


@dataclass(slots=True, eq=False)
class Full(StateFolder):
    """A state folder without room for the files that these methods write; a second after the first try it stops."""

    methods: tuple[str, ...] = ()
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    tried: list[str] = field(default_factory=list)
    loop: list[asyncio.AbstractEventLoop] = field(default_factory=list)

    def write_sending(self, sending: Change, arrival: Change) -> slice:
        self._fail("write_sending")
        return StateFolder.write_sending(self, sending, arrival)

    def write_change(self, values: Change, room: slice | None = None) -> None:
        self._fail("write_change")
        StateFolder.write_change(self, values, room)

    def compact(self, waiting: Outbox) -> None:
        if waiting != Outbox():
            self._fail("compact")
        StateFolder.compact(self, waiting)

    def _fail(self, method: str) -> None:
        if method in self.methods:
            self.tried.append(method)
            self.loop[0].call_soon_threadsafe(
                self.loop[0].call_later, 1, self.stopping.set
            )
            raise StateError("the disk is full")


@pytest.mark.parametrize("methods", [("write_sending",), ("write_change", "compact")])
def test_a_full_disk_is_no_reason_to_hurry(
    tmp_path: Path,
    registry: FakeRegistry,
    webhook: Webhook,
    capsys: pytest.CaptureFixture[str],
    methods: tuple[str, ...],
) -> None:
    """A channel whose acknowledgement or failure finds no room is tried by the poll, and then not for half a minute."""
    registry.catalog.publish(PACK, "1.0.0")
    webhook.answer["/ops"] = 500
    folder = Full(tmp_path, methods=methods)
    config = watch(registry.url, channels=(channel(url=webhook.apprise_url("/ops")),))
    poller = Poller(
        config=config,
        folder=folder,
        clock=clock,
        stopping=folder.stopping,
        worker=WORKER,
    )

    async def run() -> None:
        folder.loop.append(asyncio.get_running_loop())
        plan = Schedule(config=config, interval=900)
        await Daemon(poller, plan, lambda: None, LogLines()).run()

    with folder.locked():
        asyncio.run(run())
    assert folder.tried == list(methods)
    assert len(webhook.messages()) == (methods != ("write_sending",))
    assert capsys.readouterr().err.count("the disk is full") == 1


def test_the_interval_varies_by_a_tenth(tmp_path: Path, registry: FakeRegistry) -> None:
    """Watchers that began at one moment do not go on asking at one."""
    folder, config = StateFolder(tmp_path), watch(registry.url)
    pauses: list[float] = []

    class Begun(LogLines):
        def poll_started(self) -> None:
            pauses.append(daemon._next_poll - asyncio.get_running_loop().time())

    poller = Poller(
        config=config,
        folder=folder,
        clock=clock,
        stopping=asyncio.Event(),
        worker=WORKER,
    )
    plan = Schedule(config=config, interval=1000)
    daemon = Daemon(poller, plan, lambda: None, Begun())

    async def run() -> None:
        for _ in range(40):
            await daemon._poll()

    with folder.locked():
        asyncio.run(run())
    assert max(pauses) <= 1100
    assert min(pauses) < 970
    assert max(pauses) > 1030
