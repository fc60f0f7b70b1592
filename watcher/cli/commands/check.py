"""`check`: one poll, from settings to exit code.

Off a terminal cron mails all that it writes, so a problem that lasts is not in each run: it is said when it begins,
once a day, and when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator

from watcher import timestamps
from watcher.cli import report
from watcher.cli.loading import collect_rarely
from watcher.cli.signals import Stop
from watcher.cli.terminal import ProgressLine, columns, echo, show_result
from watcher.delivery.client import Worker
from watcher.durations import DAY
from watcher.errors import InUseError, StateError, WatchError
from watcher.model.event import digest
from watcher.polling.clock import clock
from watcher.polling.model import Report
from watcher.polling.poll import Poller, StoppedError
from watcher.polling.problems import (
    Problem,
    ProblemReporter,
    may_last,
    problems,
    warning,
)
from watcher.polling.setup import channel_warnings, lock_holder, poll_config
from watcher.settings.loading import Loaded
from watcher.settings.places import user_cache
from watcher.settings.sources import FILE_VARIABLE
from watcher.state import files
from watcher.state.store import StateFolder
from watcher.streams import Progress, is_terminal

CHECK_BUDGET = 300.0
"""Seconds after which `check`, which holds the lock, leaves a channel's other messages to the next poll."""


def check(
    *,
    settings: Callable[..., Loaded],
    nodes: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    fail_on: frozenset[str],
) -> int:
    """Do one poll, print its result and return the exit code.

    WatchError as the parts raise it.
    """
    # A person at a terminal, and a job with a log of its own, read each run by itself.
    says_all = is_terminal(sys.stderr) or any(map(os.environ.get, _OWN_LOG))
    # A dry run writes nothing, no notes either.
    notes = None if dry_run or says_all else Notes()
    try:
        done, signal = _poll(settings(nodes), notes, dry_run=dry_run)
    except WatchError:
        # cron mails each error of exit code 2 or 4; that it is over is news then.
        if notes is not None:
            notes.note_failure()
        raise
    if done is None:
        echo("stopped; nothing was changed", error=True)
        return 128 + signal
    show_result(
        report.document(done)
        if as_json
        else report.lines(done, dry_run=dry_run, width=columns(), fail_on=fail_on)
    )
    return 128 + signal if signal else report.code_of(done, fail_on)


def _poll(
    chosen: Loaded, notes: Notes | None, *, dry_run: bool
) -> tuple[Report | None, int]:
    """Poll, and write its problems to stderr; say to the monitor too how it went, or that the state cannot be used.

    Return the report, None if the poll was stopped while it was reading, and the signal or 0.
    """
    settings = chosen.settings
    folder = StateFolder(settings.state_dir)
    report_problems = ProblemReporter(_echo_problem)
    # A dry run must not tell a monitor that all is well: nothing was sent.
    url = "" if dry_run else settings.heartbeat_address()
    found = [*_setting_problems(chosen)]

    async def poll(progress: Progress) -> tuple[Report | None, int]:
        stop = Stop().heard_in_loop()
        poller = Poller(
            config=config,
            folder=folder,
            clock=clock,
            stopping=stop.event,
            worker=worker,
            progress=progress,
            budget=CHECK_BUDGET,
            dry_run=dry_run,
            on_problems=report_problems,
        )
        try:
            done = await poller.poll()
        except StoppedError:
            # A poll that was stopped while reading has saved nothing, so that it is as if it had not begun.
            return None, stop.signal
        found.extend(problems(done))
        if url:
            from watcher.service import heartbeat

            failed = heartbeat.has_failed(done)
            if why := await heartbeat.send(url, settings.timeout, failed=failed):
                found.append(heartbeat.problem(why))
        return done, stop.signal

    try:
        with Worker() as worker:
            config = poll_config(chosen, folder, worker.refusal)
            lock = folder.locked(lock_holder("check"))
            # A dry run only reads, and may run beside the service that holds the lock.
            with contextlib.nullcontext() if dry_run else lock:
                # All is imported by now, and a poll makes little garbage.
                collect_rarely()
                # Its line is wiped before the problems are written.
                with ProgressLine() as progress:
                    done, signal = asyncio.run(poll(progress))
                if done is not None:
                    report_problems(
                        notes.report(found, may_last(done)) if notes else found
                    )
    except InUseError:  # the run that holds the state polls, and says so to the monitor
        raise
    except StateError:
        if url:
            from watcher.service import heartbeat

            # The error is what is to be said, whether or not the monitor hears it.
            asyncio.run(heartbeat.send(url, settings.timeout, failed=True))
        raise
    return done, signal


def _echo_problem(problem: Problem) -> None:
    echo(f"{problem.level}: {problem.sentence}", error=True)


def _setting_problems(chosen: Loaded) -> Iterable[Problem]:
    """Yield the warnings about the settings; those about the channels last, as a name above may be why."""
    for one in chosen.warnings:
        yield warning("settings", one, one)
    for one in channel_warnings(chosen):
        said = f"{one}; comfy-watch config shows what was read"
        yield warning("settings", said, "no channel is configured")


_OWN_LOG = ("CI", "GITHUB_ACTIONS", "INVOCATION_ID")
"""Variables that are set where each run has a log of its own."""
_FAILED = "comfy-watch check cannot be carried out"


class Notes:
    """When each problem of one job was last said, by the words for it (`Problem.about`).

    They are kept in the user's cache folder, since the state may be what cannot be used. Where nothing can be kept,
    everything is said every time.
    """

    def __init__(self) -> None:
        folder = user_cache(os.environ)
        self._path = folder / "said" / f"{digest(_job(), 32)}.json" if folder else None

    def note_failure(self) -> None:
        """Note that an error has ended the job, so that its end is news."""
        self._write({**self._read(), _FAILED: clock()})

    def report(
        self, found: list[Problem], may_last: Callable[[str], bool]
    ) -> Iterator[Problem]:
        """Yield the problems of a poll that are new, or were last said a day ago; then say which have ended.

        Of those that `may_last` nobody knows whether they have ended.
        """
        noted, now = self._read(), clock()
        recent = {key: at for key, at in noted.items() if _is_recent(at, now)}
        lasting = {key: recent.get(key, now) for one in found for key in one.about}
        # A channel that nothing was sent to has neither failed nor worked.
        kept = {key: at for key, at in noted.items() if may_last(key)}
        # A job that runs every minute need not write each time.
        if (left := kept | lasting) != noted:
            self._write(left)
        for one in found:
            if not one.about or {*one.about} - recent.keys():
                yield one
        for key in sorted(noted.keys() - left.keys()):
            echo(f"no longer: {key}", error=True)

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        # Anybody may have edited the file: what is no time counts as long ago.
        return {str(key): str(moment) for key, moment in found.items()}

    def _write(self, noted: dict[str, str]) -> None:
        if self._path is None:
            return
        try:
            files.make_folder(self._path.parent)
            files.replace_file(self._path, json.dumps(noted).encode())
        except OSError:
            pass  # the problem is said more often


def _is_recent(moment: str, now: str) -> bool:
    """Return whether a time is at most a day before `now`; one in the future, or no time, is not."""
    try:
        return 0 <= timestamps.seconds_between(moment, now) < DAY
    except ValueError:
        return False


def _job() -> str:
    """Return what makes two runs the same job."""
    try:
        cwd = os.getcwd()  # noqa: PTH109 - it is only compared
    except FileNotFoundError:
        cwd = ""
    # Two lines of a crontab have problems of their own.
    return json.dumps([cwd, os.environ.get(FILE_VARIABLE, ""), *sys.argv])
