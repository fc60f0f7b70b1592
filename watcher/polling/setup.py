"""From settings to what a poll needs: its configuration, with channels that apprise accepts, and loaded libraries."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import watcher
from watcher import log, timestamps
from watcher.alerts.queues import channel_identity
from watcher.alerts.queues.channel_identity import Addresses
from watcher.delivery import urls
from watcher.delivery.client import Worker, WorkerError
from watcher.errors import ConfigError, InstallationError, UsageError
from watcher.model.channel import Channel
from watcher.polling.installation import installation_check
from watcher.polling.model import PollConfig
from watcher.registry import transport
from watcher.registry.client import Limits
from watcher.settings.loading import Loaded, load, url_problems
from watcher.settings.model import Settings
from watcher.settings.parsing import NO_ALERTS
from watcher.settings.sources import FILE_ORIGIN, FILE_VARIABLE
from watcher.state.store import StateFolder
from watcher.text.sanitize import sanitize_line

UrlProblem = Callable[[str], str | None]
"""Returns why apprise refuses a URL."""


def clock() -> str:
    """Return the current time as RFC 3339."""
    return timestamps.show(datetime.now(UTC))


def warnings(loaded: Loaded) -> tuple[str, ...]:
    """Return warnings about valid settings."""
    return (*loaded.warnings, *channel_warnings(loaded))


def channel_warnings(loaded: Loaded) -> tuple[str, ...]:
    """Return a warning if there are no channels and `alert_urls` does not say that this is intended."""
    settings, origin = loaded.settings, loaded.origins["alert_urls"]
    if settings.alert_urls is None or settings.all_channels():
        return ()
    given = "" if origin == "default" else f" (alert_urls is empty: {origin})"
    intended = f'alert_urls = "{NO_ALERTS}"'
    return (f"no channel is configured{given}, so alerts go nowhere; set alert_urls, or {intended} if intended",)


def url_warnings(settings: Settings) -> tuple[str, ...]:
    """Return a warning for each channel whose URL works, but not as its user may expect."""
    cautions = ((channel.name, urls.caution(channel.url)) for channel in settings.all_channels())
    return tuple(f"channel {name}: {why}" for name, why in cautions if why is not None)


def searched_places(loaded: Loaded) -> str:
    """Return lines that say where settings were looked for, unless a file was found, and where the state is."""
    places = ", ".join(map(str, loaded.searched))
    lines = [f"no settings file was found; looked for {places}"] if places else []
    return "\n".join([*lines, f"the state folder is {loaded.settings.state_dir}"])


def nothing_to_watch(loaded: Loaded) -> UsageError:
    """Return the error for settings without nodes."""
    hint = "name node packs with --node ID, in COMFY_WATCH_NODES or in comfy-watch.toml (comfy-watch init)"
    return UsageError("there is nothing to watch: nodes is empty", hint=f"{searched_places(loaded)}\n{hint}")


def existing_state(loaded: Loaded) -> StateFolder:
    """Return the state folder to read; UsageError if it does not exist and nothing is watched."""
    folder = StateFolder(loaded.settings.state_dir)
    if not loaded.settings.nodes and not folder.exists():
        raise nothing_to_watch(loaded)
    return folder


def lock_holder(command: str) -> str:
    """Return a description of this process, for a process that finds the state in use."""
    return f"comfy-watch {command} (process {os.getpid()}, since {clock()[:19]}Z)"


def load_settings(config: Path | None, overrides: Mapping[str, object]) -> Loaded:
    """Load the settings, with this process's environment and working folder, and configure the log.

    ConfigError as `load`; UsageError for a relative path in a working folder that has been deleted.
    """
    cwd = _working_folder()
    given = config or os.environ.get(FILE_VARIABLE)
    if cwd is None and given:
        _require_absolute(Path(given), "the settings file")
    loaded = load(config=config, overrides=overrides, environ=os.environ, cwd=cwd or Path(), refusal=urls.refusal)
    if cwd is None:
        _require_absolute(loaded.settings.state_dir, "state_dir")
        leave_deleted_folder()
    log.configure(loaded.settings.log_level, loaded.settings.log_format, sys.stderr)
    if loaded.settings.log_level == "debug":
        _log_files(loaded)
    return loaded


def _log_files(loaded: Loaded) -> None:
    """Log which settings files were read. This cannot happen earlier, because the log level comes from them."""
    paths = {Path(origin.removeprefix(FILE_ORIGIN)) for origin in loaded.origins.values() if FILE_ORIGIN in origin}
    for path in sorted(paths | ({loaded.config_file} if loaded.config_file else set())):
        with contextlib.suppress(OSError):
            log.debug("file read", path=path, bytes=path.stat().st_size)


def _working_folder() -> Path | None:
    """Return the working folder; None if it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def leave_deleted_folder() -> None:
    """Change to the root folder if the working folder has been deleted: apprise needs one to be imported."""
    if _working_folder() is None:
        os.chdir("/")


def _require_absolute(path: Path, what: str) -> None:
    if not path.expanduser().is_absolute():
        raise UsageError(
            f"the working folder has been deleted, and {what} is relative to it: {str(path)!r}",
            hint="change to another folder, or give absolute paths with --config and --state-dir",
        )


def preload(worker: Worker | None) -> Callable[[], None]:
    """Import what `run` will need for deliveries and log lines, while it can still be imported.

    Returns a check of the files it was imported from, as `installation_check`; InstallationError if an import fails.
    """
    files = [str(watcher.__file__)]
    try:
        log.prepare()
        if worker is not None:
            files += worker.start()
    except WorkerError:
        raise
    except Exception as error:  # noqa: BLE001 - an import can raise anything
        what = f"{type(error).__name__}: {error}"
        raise InstallationError(
            f"what writes the log cannot be loaded: {sanitize_line(what, 200)}",
            hint="reinstall comfy-watch, then start it again",
        ) from None
    return installation_check(files)


def recheck_channels(channels: tuple[Channel, ...], worker: Worker) -> None:
    """Raise InstallationError if apprise no longer accepts a channel's URL that it has accepted before."""
    refused = ((channel.name, worker.refusal(channel.url)) for channel in channels)
    problems = [f"channel {name}: {why}" for name, why in refused if why is not None]
    if problems:
        raise InstallationError("\n".join(problems), hint="these URLs worked before: install what is missing")


def validate_channels(
    settings: Settings,
    folder: StateFolder,
    origins: Mapping[str, str] | None = None,
    refusal: UrlProblem = urls.refusal,
) -> Addresses:
    """Return the channels' URLs as the state should keep them.

    ConfigError with a line for each URL that apprise does not accept. URLs that it accepted before are not checked.
    Where apprise cannot be started none is, until it can: a poll goes on, and its alerts are kept.
    """
    channels, known = settings.all_channels(), folder.addresses()
    if not channels:
        return replace(known, url_digests={})
    judge = partial(channel_identity.judge, channels, known, new_salt=lambda: secrets.token_hex(16))
    try:
        addresses, refused = judge(apprise=version("apprise"), refusal=refusal)
    except WorkerError:
        addresses, refused = judge(apprise="", refusal=lambda _: None)
    if refused:
        raise ConfigError(*url_problems(settings, origins or {}, refused))
    return addresses


def poll_config(
    settings: Settings,
    folder: StateFolder,
    origins: Mapping[str, str] | None = None,
    refusal: UrlProblem = urls.refusal,
) -> PollConfig:
    """Return the configuration of a poll. ConfigError as `validate_channels` and `check_usable` raise it."""
    transport.check_usable(settings.registry_url)
    return PollConfig(
        nodes=settings.nodes,
        statuses=settings.statuses,
        registry_url=settings.registry_url,
        limits=Limits(
            timeout=settings.timeout,
            retries=settings.retries,
            concurrency=settings.concurrency,
            max_bytes=int(settings.max_response_mb * 1024 * 1024),
        ),
        baseline=settings.baseline,
        failure_threshold=settings.failure_threshold,
        channels=settings.all_channels(),
        alert_expiry=settings.alert_expiry,
        addresses=validate_channels(settings, folder, origins, refusal),
    )


def config_to_watch(loaded: Loaded, folder: StateFolder, refusal: UrlProblem) -> PollConfig:
    """Return the configuration of a poll, as `poll_config`; UsageError if there is nothing to watch."""
    if not loaded.settings.nodes:
        raise nothing_to_watch(loaded)
    return poll_config(loaded.settings, folder, loaded.origins, refusal)
