"""`run`: poll after poll until stopped, from settings to exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from signal import Signals

from watcher.cli.poller import stoppable_poller
from watcher.delivery.client import Worker
from watcher.errors import InstallationError, ReplacedError
from watcher.polling.setup import config_to_watch, lock_holder, preload, recheck_channels, warnings
from watcher.service.daemon import run
from watcher.service.heartbeat import Heartbeat
from watcher.service.log_lines import LogLines
from watcher.service.model import Plan
from watcher.service.observer import Observers
from watcher.settings.loading import Loaded
from watcher.state.store import StateFolder

CHANNEL_BUDGET = 5.0
"""Seconds after which `run` turns from a channel with many messages to the other channels, and returns to it later."""


def run_forever(chosen: Loaded) -> int:
    """Poll until stopped, or until the state or the installation is replaced, and return the exit code.

    WatchError for what is wrong before the first poll.
    """
    settings = chosen.settings
    folder = StateFolder(settings.state_dir)
    speaker = LogLines()
    heartbeat = Heartbeat(speaker)
    observer = Observers([speaker, heartbeat])

    async def loop(plan: Plan, worker: Worker, check_installation: Callable[[], None]) -> None:
        ready = stoppable_poller(settings, plan.config, folder, worker, CHANNEL_BUDGET, on_stop=observer.stopping)
        with ready as (poller, stop):
            async with heartbeat:
                await run(poller, plan, check_installation, observer)
        observer.stopped(Signals(stop.signal).name)

    with Worker() as worker:
        check_installation = preload(worker if settings.all_channels() else None)
        plan = _plan(chosen, folder, worker)
        recheck_channels(plan.config.channels, worker)
        with folder.locked(lock_holder("run")):
            folder.load()
            try:
                asyncio.run(loop(plan, worker, check_installation))
            except (ReplacedError, InstallationError) as error:
                observer.gave_up(error)
                return error.exit_code
    return 0


def _plan(chosen: Loaded, folder: StateFolder, worker: Worker) -> Plan:
    return Plan(
        config=config_to_watch(chosen, folder, worker.refusal),
        interval=chosen.settings.interval,
        jitter=chosen.settings.jitter,
        heartbeat_url=chosen.settings.heartbeat_address(),
        warnings=warnings(chosen),
    )
