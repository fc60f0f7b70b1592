"""The commands that poll or send: `check`, `run` and `test-alerts`, each from settings to exit code."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Callable
from signal import Signals

from watcher import log
from watcher.alerts.outbox import backoffs_of
from watcher.cli import report
from watcher.cli.progress_line import ProgressLine
from watcher.cli.signals import Stop
from watcher.cli.terminal import colour, echo, echo_result
from watcher.delivery.client import Worker
from watcher.delivery.job import Job
from watcher.delivery.outcome import Delivered
from watcher.errors import InstallationError, ReplacedError, StateError, UsageError
from watcher.model.channel import Channel
from watcher.model.event import Kind
from watcher.polling import reminders
from watcher.polling.model import PollConfig, Report
from watcher.polling.poll import Poller, StoppedError
from watcher.polling.problems import Problem, ProblemReporter, ended_problems, problems
from watcher.polling.setup import (
    channel_warnings,
    clock,
    lock_holder,
    nothing_to_watch,
    poll_config,
    preload,
    recheck_channels,
    searched_places,
    validate_channels,
    warnings,
)
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.state.store import StateFolder
from watcher.streams import is_terminal, width
from watcher.text.mask import describe
from watcher.text.sanitize import Trusted

CHANNEL_BUDGET = 5.0
"""Seconds after which `run` turns from a channel with many messages to the other channels, and returns to it later."""

CHECK_BUDGET = 300.0
"""Seconds after which `check`, which holds the lock, leaves a channel's other messages to the next poll."""


def check(chosen: Loaded, *, dry_run: bool, as_json: bool, fail_on: frozenset[Kind]) -> int:
    """Do one poll, print its result and return the exit code; WatchError as the parts raise it."""
    folder = StateFolder(chosen.settings.state_dir)
    report_problem = ProblemReporter(lambda problem: echo(f"{problem.level}: {problem.sentence}", error=True))

    async def poll_once(config: PollConfig, worker: Worker) -> tuple[Report | None, int]:
        """Return the report, None if the poll was stopped while it was reading, and the signal or 0."""
        _tune_gc()
        stop = Stop()
        with _progress_line(chosen.settings) as progress:
            poller = Poller(
                config=config,
                folder=folder,
                clock=clock,
                stopping=stop.event,
                progress=progress,
                worker=worker,
                dry_run=dry_run,
                channel_budget=CHECK_BUDGET,
                on_expired=report_problem.expired,
                on_set_aside=report_problem.set_aside,
            )
            try:
                return await poller.poll(), stop.signal
            except StoppedError:
                return None, stop.signal

    with Worker() as worker:
        config = _poll_config(chosen, folder, worker)
        with contextlib.nullcontext() if dry_run else folder.locked(lock_holder("check")):
            done, stopped_by = asyncio.run(poll_once(config, worker))
            if done is not None:
                found = [*_setting_problems(chosen), *problems(done)]
                if dry_run or _reports_every_time():
                    report_problem(found)
                else:
                    _report_news(folder, config, done, found, report_problem)
    if done is None:
        echo("stopped; nothing was changed", error=True)
        return 128 + stopped_by
    wide = width(sys.stdout)
    echo_result([report.as_json(done)] if as_json else report.lines(done, dry_run=dry_run, width=wide))
    return 128 + stopped_by if stopped_by else report.exit_code(done, fail_on)


def _setting_problems(chosen: Loaded) -> list[Problem]:
    return [
        Problem(level="warning", event="settings", fields={}, sentence=sentence, about=("settings channels",))
        for sentence in channel_warnings(chosen)
    ]


def _reports_every_time() -> bool:
    """Return whether a lasting problem is reported in every run: on a terminal, and where each run has its own log."""
    own_log = any(os.environ.get(name) for name in ("CI", "GITHUB_ACTIONS", "INVOCATION_ID"))
    return own_log or is_terminal(sys.stderr)


def _report_news(
    folder: StateFolder, config: PollConfig, done: Report, found: list[Problem], report_problem: ProblemReporter
) -> None:
    """Report problems that are new, that were last reported a day ago, and that have ended."""
    news = reminders.news(done.reported, {key for problem in found for key in problem.about}, done.started)
    report_problem(problem for problem in found if not problem.about or news.due.intersection(problem.about))
    channels = {channel.name for channel in config.channels} - done.set_aside
    for sentence in ended_problems(news.ended, config.nodes, channels):
        echo(sentence, error=True)
    if news.reported != done.reported and not done.unsaved:
        with contextlib.suppress(StateError):  # then it is reported once more
            folder.save_reported(news.reported)


def run_forever(chosen: Loaded) -> int:
    """Poll until stopped, or until the state or the installation is replaced, and return the exit code.

    WatchError for what is wrong before the first poll.
    """
    from watcher.polling.daemon import run  # here, since `check` is 3 ms faster without it

    settings = chosen.settings
    folder = StateFolder(settings.state_dir)

    async def loop(config: PollConfig, worker: Worker, check_installation: Callable[[], None]) -> None:
        _tune_gc()
        stop = Stop()
        with _progress_line(settings) as progress:
            poller = Poller(
                config=config,
                folder=folder,
                clock=clock,
                stopping=stop.event,
                progress=progress,
                worker=worker,
                channel_budget=CHANNEL_BUDGET,
            )
            for warning in warnings(chosen):
                log.warning("settings", warning=Trusted(warning))
            log.info("started", nodes=len(config.nodes), channels=len(config.channels), interval=settings.interval)
            await run(poller, settings.interval, settings.jitter, check_installation)
        log.info("stopped", signal=Signals(stop.signal).name)

    with Worker() as worker:
        check_installation = preload(worker if settings.all_channels() else None)
        config = _poll_config(chosen, folder, worker)
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


def _poll_config(chosen: Loaded, folder: StateFolder, worker: Worker) -> PollConfig:
    """Return the configuration of a poll; UsageError if there is nothing to watch."""
    if not chosen.settings.nodes:
        raise nothing_to_watch(chosen)
    return poll_config(chosen.settings, folder, chosen.origins, worker.refusal)


def send_samples(chosen: Loaded, names: tuple[str, ...]) -> int:
    """Send a sample to all channels at once and print a line for each when it is done; return 1 if one failed."""
    from watcher.alerts.digest import sample  # here, since a quiet poll is 3 ms faster without it

    settings = chosen.settings
    channels = settings.all_channels()
    if not channels:
        hint = "add alert_urls or [[channels]] to the settings"
        raise UsageError("there are no channels", hint=f"{searched_places(chosen)}\n{hint}")
    known = {channel.name: channel for channel in channels}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"there is no channel {describe(unknown[0])}", hint=f"channels are {', '.join(known)}")
    folder = StateFolder(settings.state_dir)
    asked = [known[name] for name in names] or list(channels)
    events = sample(clock())

    async def send(channel: Channel) -> bool:
        progress(channel.name, f"sending to {channel.name}")
        outcome = await worker.deliver(Job(url=channel.url, events=events, timeout=settings.timeout))
        progress(channel.name, "")
        log.debug("sent", channel=channel.name)
        if isinstance(outcome, Delivered):
            echo_result([f"{channel.name}: {colour('delivered')}"])
            _end_backoff(folder, channel.name, url_digests[channel.name])
            return True
        echo_result([f"{channel.name}: {colour('failed')}: {outcome.reason}"])
        return False

    async def send_all() -> list[bool]:
        return await asyncio.gather(*map(send, asked))

    with Worker() as worker, _progress_line(settings) as progress:
        url_digests = validate_channels(settings, folder, chosen.origins, worker.refusal).url_digests
        for warning in chosen.warnings:
            echo(f"warning: {warning}", error=True)
        return 0 if all(asyncio.run(send_all())) else 1


def _progress_line(settings: Settings) -> ProgressLine:
    return ProgressLine(wanted=settings.log_level != "debug")


def _end_backoff(folder: StateFolder, name: str, url_digest: str) -> None:
    """Make the channel's undelivered alerts due, now that it works; a `run` beside this sees it within seconds."""
    try:
        if until := backoffs_of(folder.load().outbox, name, url_digest):
            folder.end_backoffs(until)
    except StateError as error:
        echo(f"warning: channel {name}: its undelivered alerts wait for the next retry: {error.what}", error=True)


def _tune_gc() -> None:
    """Collect garbage again, which `main` stopped, but rarely and without what the imports built.

    For a quiet poll of 1,000 nodes Python's own thresholds take 0.77 s of CPU instead of 0.70, and not freezing 0.73.
    """
    gc.freeze()
    gc.set_threshold(50_000, 1, 1)
    gc.enable()
