"""`run`: poll after poll until stopped, from settings to exit code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace

from watcher.cli.commands.run_lines import speaker as speaker_of_run
from watcher.cli.loading import configure_log
from watcher.cli.poller import ready_poller
from watcher.cli.signals import Stop, end_at_once, on_hangup
from watcher.delivery.client import Worker
from watcher.errors import InstallationError, ReplacedError, WatchError
from watcher.polling.setup import (
    config_to_watch,
    lock_holder,
    preload,
    recheck_channels,
    warnings,
)
from watcher.service import systemd
from watcher.service.daemon import Daemon
from watcher.service.heartbeat import Heartbeat
from watcher.service.model import Plan
from watcher.service.observer import Observer, Observers
from watcher.settings.loading import Loaded
from watcher.state.store import StateFolder
from watcher.text.sanitize import escape_invisible

CHANNEL_BUDGET = 5.0
"""Seconds after which `run` turns from a channel with many messages to the other channels, and returns to it later."""


def run_forever(load: Callable[..., Loaded]) -> int:
    """Poll until stopped, or until the state or the installation is replaced, and return the exit code.

    `load` loads the settings. WatchError for what is wrong before the first poll.
    """
    worker = Worker()
    manager = systemd.from_environment(os.environ, lambda: bool(worker.under_way))
    chosen = load()
    speaker = speaker_of_run()
    heartbeat = Heartbeat(speaker)
    observer: Observer = Observers(
        [speaker, *([manager] if manager else []), heartbeat]
    )

    def last_words(signal: str) -> None:
        worker.kill()
        observer.stopping(signal)
        observer.stopped(signal)

    end_at_once(last_words)  # judging alert URLs can take seconds
    with worker:
        setup = _Setup(load, chosen, worker)
        plan = setup.plan(chosen)
        recheck_channels(plan.config.channels, worker)
        with setup.folder.locked(lock_holder("run")):
            setup.folder.load()
            try:
                stop = asyncio.run(_serve(setup, plan, observer, heartbeat))
            except (ReplacedError, InstallationError) as error:
                observer.gave_up(error)
                return error.exit_code
    stop.is_over = True
    observer.stopped(stop.name)
    return 0


async def _serve(
    setup: _Setup, plan: Plan, observer: Observer, heartbeat: Heartbeat
) -> Stop:
    """Serve until the stop that is returned."""

    def end_overdue(signal: str) -> None:
        setup.worker.kill()
        observer.stopped(signal)

    stop = Stop(observer.stopping, end_overdue, 0)
    with ready_poller(
        setup.chosen.settings,
        plan.config,
        setup.folder,
        setup.worker,
        CHANNEL_BUDGET,
        stop,
    ) as poller:
        daemon = Daemon(
            poller, plan, setup.check_installation, observer, setup.reloaded
        )
        on_hangup(stop, daemon.reload)
        async with heartbeat:
            await daemon.run()
    return stop


class _Setup:
    """What `run` is set up with: the settings, which can be read again, and the files that it was loaded from."""

    def __init__(
        self, load: Callable[..., Loaded], chosen: Loaded, worker: Worker
    ) -> None:
        """Import what will be needed while it can be imported; InstallationError as `preload`."""
        self._load = load
        self.chosen = chosen
        self.worker = worker
        self.folder = StateFolder(chosen.settings.state_dir)
        self._checks = [preload(None)]
        self._has_apprise = False

    def plan(self, chosen: Loaded) -> Plan:
        """Return what the settings plan; UsageError or ConfigError if they cannot be used."""
        config = config_to_watch(chosen, self.folder, self.worker.refusal)
        if config.channels and not self._has_apprise:
            self._checks.append(preload(self.worker))
            self._has_apprise = True
        return Plan(
            config=config,
            interval=chosen.settings.interval,
            jitter=chosen.settings.jitter,
            heartbeat_url=chosen.settings.heartbeat_address(),
            warnings=warnings(chosen),
        )

    def reloaded(self) -> Plan:
        """Return the plan of settings that are read again. WatchError if they are wrong; nothing has changed then."""
        try:
            chosen = self._load()
            plan = self.plan(chosen)
        except WatchError:
            configure_log(self.chosen)
            raise
        self.chosen = chosen
        if chosen.settings.state_dir == self.folder.path:
            return plan
        kept = f"state_dir: it cannot change while run runs: {escape_invisible(str(self.folder.path))} is kept"
        return replace(
            plan, warnings=(*plan.warnings, f"{kept} until it is started again")
        )

    def check_installation(self) -> None:
        """Raise InstallationError if a file that was loaded was replaced."""
        for check in self._checks:
            check()
