"""From settings to what a poll needs: its configuration, with channels that apprise accepts, and loaded libraries."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import watcher
from watcher import log, timestamps
from watcher.alerts.queues.ownership import Addresses, judge
from watcher.delivery import urls
from watcher.delivery.client import Worker, WorkerError
from watcher.errors import ConfigError, InstallationError
from watcher.polling.clock import clock
from watcher.polling.model import PollConfig, request_limits
from watcher.registry import network
from watcher.settings.loading import Loaded, nothing_to_watch, url_problems
from watcher.settings.model import Settings
from watcher.settings.parsing import NO_ALERTS
from watcher.state.model import State
from watcher.state.store import StateFolder
from watcher.text.sanitize import sanitize_line
from watcher.values import projected

_LATER = (
    "watcher.polling.sending",  # for the first message, as what is below it
    "watcher.alerts.digest",
)
"""What a poll imports when it first needs it, with all that it needs itself."""

_TO_PUBLISH = ("watcher.publish.setup", "watcher.publish.folder")
"""What a poll that publishes imports besides."""

UrlProblem = Callable[[str], str | None]
"""Returns why apprise refuses a URL."""


def warnings(loaded: Loaded) -> tuple[str, ...]:
    """Return warnings about valid settings."""
    return (*loaded.warnings, *channel_warnings(loaded))


def channel_warnings(loaded: Loaded) -> tuple[str, ...]:
    """Return a warning if there are no channels and `alert_urls` does not say that this is intended."""
    settings, origin = loaded.settings, loaded.origins["alert_urls"]
    if settings.alert_urls is None or settings.all_channels():
        return ()
    # An empty variable of the environment hides the file's channels, which nobody sees in the file.
    given = "" if origin == "default" else f" (alert_urls is empty: {origin})"
    intended = f'alert_urls = "{NO_ALERTS}"'
    return (
        f"no channel is configured{given}, so alerts go nowhere; set alert_urls, or {intended} if intended",
    )


def url_warnings(settings: Settings) -> tuple[str, ...]:
    """Return a warning for each channel whose URL works, but not as its user may expect."""
    cautions = (
        (channel.name, urls.caution(channel.url)) for channel in settings.all_channels()
    )
    return tuple(f"channel {name}: {why}" for name, why in cautions if why is not None)


def lock_holder(command: str) -> str:
    """Return a description of this process, for a process that finds the state in use."""
    return f"comfy-watch {command} (process {os.getpid()}, since {timestamps.for_people(clock())})"


def preload(worker: Worker | None, *, publishes: bool = False) -> Callable[[], None]:
    """Import what `run` will need for changes, deliveries, files and log lines, while it can still be imported.

    Returns a check of the files it was imported from, as `installation_check`; InstallationError if an import fails.
    """
    files = [str(watcher.__file__)]
    try:
        # An upgrade replaces files under a running process: what is imported only then may be half the new program.
        log.prepare()
        for module in (*_LATER, *(_TO_PUBLISH if publishes else ())):
            import_module(module)
        if worker is not None:
            files += worker.start()
    # No process can be started here, which has an error of its own.
    except WorkerError:
        raise
    except Exception as error:  # noqa: BLE001 - an import can raise anything
        what = f"{type(error).__name__}: {error}"
        raise InstallationError(
            f"what compares nodes, writes files or sends messages cannot be loaded: {sanitize_line(what, 200)}",
            hint="reinstall comfy-watch, then start it again",
        ) from None
    return installation_check(files)


def validate_channels(
    loaded: Loaded, folder: StateFolder, refusal: UrlProblem = urls.refusal
) -> Addresses:
    """Return the channels' URLs as the state should keep them.

    ConfigError with a line for each URL that apprise does not accept. URLs that it accepted before are not checked.
    Where apprise cannot be started none is, until it can: a poll goes on, and its alerts are kept.
    """
    channels, known = loaded.settings.all_channels(), folder.addresses()
    if not channels:
        return replace(known, url_digests={})
    # A digest with a salt of its own, which is slow to guess: a state that others read gives no webhook away.
    known = replace(known, salt=known.salt or secrets.token_hex(16))
    # A process that loads apprise takes a second or more: it is asked only about what it has not accepted yet.
    try:
        addresses, refused = judge(
            channels, known, apprise=version("apprise"), refusal=refusal
        )
    except WorkerError:
        addresses, refused = judge(channels, known, apprise="", refusal=lambda _: None)
    if refused:
        raise ConfigError(*url_problems(loaded.settings, loaded.origins, refused))
    return addresses


def poll_config(
    loaded: Loaded, folder: StateFolder, refusal: UrlProblem = urls.refusal
) -> PollConfig:
    """Return the configuration of a poll. ConfigError as `validate_channels` and `check_usable` raise it.

    UsageError if there is nothing to watch.
    """
    settings = loaded.settings
    if not settings.watches_anything:
        raise nothing_to_watch(loaded)
    # A proxy that cannot be used is exit code 2 before anything is touched, and not a failure of every pack.
    network.check_usable(settings.registry_url)
    chosen = settings.selection()
    return projected(
        PollConfig,
        settings,
        nodes=chosen.names,
        globs=chosen.globs,
        limits=request_limits(settings),
        channels=settings.all_channels(),
        addresses=validate_channels(loaded, folder, refusal),
        installs=settings.all_installs(),
        accept=settings.all_accepted(),
        publish=_publisher(settings),
    )


def _publisher(settings: Settings) -> Callable[[State, StateFolder], object] | None:
    """Return what writes the files of `publish_dir`."""
    if settings.publish_dir is None:
        return None
    # Here, since most polls publish nothing.
    from watcher.publish.setup import publish, terms_of

    return partial(publish, terms=terms_of(settings), to=settings.publish_dir)


def installation_check(files: Iterable[str]) -> Callable[[], None]:
    """Return a function that raises InstallationError if one of the files was removed or replaced since.

    Imported modules keep working without them. But apprise, requests and this program read files while they run, such
    as the trusted certificates. Paths that are not files, as in an archive, are left out.
    """
    marks = {file: mark for file in files if (mark := _mark(file)) is not None}

    def check() -> None:
        for file, mark in marks.items():
            try:
                is_same = _mark(file) == mark
            except OSError:  # unknown at the moment
                continue
            if not is_same:
                raise InstallationError(
                    "the installation was replaced or removed while this process ran; stopping for a restart",
                    hint="nothing is lost; if nothing restarts it, start comfy-watch again",
                )

    return check


def _mark(file: str) -> tuple[int, int, int] | None:
    """Return what identifies the file; None if there is none. OSError if this is unknown at the moment."""
    try:
        found = Path(file).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
