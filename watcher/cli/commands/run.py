"""`run`: poll after poll until stopped, from settings to exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from signal import Signals

from watcher import log
from watcher.cli.poller import stoppable_poller
from watcher.delivery.client import Worker
from watcher.errors import InstallationError, ReplacedError
from watcher.polling.daemon import run
from watcher.polling.model import PollConfig
from watcher.polling.setup import config_to_watch, lock_holder, preload, recheck_channels, warnings
from watcher.settings.loading import Loaded
from watcher.state.store import StateFolder
from watcher.text.sanitize import Trusted

CHANNEL_BUDGET = 5.0
"""Seconds after which `run` turns from a channel with many messages to the other channels, and returns to it later."""


def run_forever(chosen: Loaded) -> int:
    """Poll until stopped, or until the state or the installation is replaced, and return the exit code.

    WatchError for what is wrong before the first poll.
    """
    settings = chosen.settings
    folder = StateFolder(settings.state_dir)

    async def loop(config: PollConfig, worker: Worker, check_installation: Callable[[], None]) -> None:
        with stoppable_poller(settings, config, folder, worker, CHANNEL_BUDGET) as (poller, stop):
            for warning in warnings(chosen):
                log.warning("settings", warning=Trusted(warning))
            log.info("started", nodes=len(config.nodes), channels=len(config.channels), interval=settings.interval)
            await run(poller, settings.interval, settings.jitter, check_installation)
        log.info("stopped", signal=Signals(stop.signal).name)

    with Worker() as worker:
        check_installation = preload(worker if settings.all_channels() else None)
        config = config_to_watch(chosen, folder, worker.refusal)
        recheck_channels(config.channels, worker)
        with folder.locked(lock_holder("run")):
            folder.load()
            try:
                asyncio.run(loop(config, worker, check_installation))
            except (ReplacedError, InstallationError) as error:
                what = "state" if isinstance(error, ReplacedError) else "installation"
                log.error(f"stopped: {what}", error=Trusted(error.line))
                return error.exit_code
    return 0
