"""From settings to what a poll needs: the watch, the state folder and alert URLs that apprise has accepted."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from watcher import log, timestamps
from watcher.alerts.channel_identity import Addresses
from watcher.errors import ConfigError, InstallationError, UsageError
from watcher.model.channel import Channel
from watcher.polling.model import PollConfig
from watcher.registry import transport
from watcher.registry.client import Limits
from watcher.settings.loading import Loaded, load, url_problems
from watcher.settings.model import Settings
from watcher.settings.parsing import NO_ALERTS
from watcher.settings.sources import FILE_ORIGIN, FILE_VARIABLE
from watcher.state.store import StateFolder
from watcher.text.sanitize import sanitize_line

if TYPE_CHECKING:
    from watcher.polling.installation import Installation

NOWHERE: Mapping[str, str] = MappingProxyType({})
"""The origins of settings that were made and not loaded."""


def clock() -> str:
    """Give the time now, as the program writes times."""
    return timestamps.show(datetime.now(UTC))


def warnings(loaded: Loaded) -> tuple[str, ...]:
    """Return what a person should know of the settings although nothing is wrong with them."""
    return (*loaded.warnings, *nowhere(loaded))


def nowhere(loaded: Loaded) -> tuple[str, ...]:
    """Return a sentence if alerts go nowhere and nothing says that this is intended."""
    settings, origin = loaded.settings, loaded.origins["alert_urls"]
    if settings.alert_urls is None or settings.all_channels():
        return ()
    given = "" if origin == "default" else f" (alert_urls is empty: {origin})"
    meant = f'alert_urls = "{NO_ALERTS}"'
    return (f"alerts go nowhere, since there is no channel{given}; give alert_urls, or {meant} if that is intended",)


def looked(loaded: Loaded) -> str:
    """Return in words where settings and state were looked for; nothing of the settings where a file was found."""
    places = ", ".join(map(str, loaded.looked))
    return "\n".join(
        [
            *([f"no settings file was found; looked for {places}"] if places else []),
            f"the state folder is {loaded.settings.state_dir}",
        ]
    )


def nothing_to_watch(loaded: Loaded) -> UsageError:
    """Return the error that says where somebody looked for what to watch."""
    hint = "name node packs with --node ID, in COMFY_WATCH_NODES or in comfy-watch.toml (comfy-watch init)"
    return UsageError("there is nothing to watch: nodes is empty", hint=f"{looked(loaded)}\n{hint}")


def existing_state(loaded: Loaded) -> StateFolder:
    """Return the state folder to read; UsageError if it does not exist and nothing is watched."""
    folder = StateFolder(loaded.settings.state_dir)
    if not loaded.settings.nodes and not folder.exists():
        raise nothing_to_watch(loaded)
    return folder


def holder(command: str) -> str:
    """Return in words who this process is, for one that finds the state in use."""
    return f"comfy-watch {command} (process {os.getpid()}, since {clock()[:19]}Z)"


def settings_from(config: Path | None, overrides: Mapping[str, object]) -> Loaded:
    """Load the settings from this process's surroundings and begin to log as they say.

    ConfigError as `load`; UsageError for a relative path in a working folder that has been deleted.
    """
    cwd = _working_folder()
    named = config or os.environ.get(FILE_VARIABLE)
    if cwd is None and named:
        _absolute(Path(named), "the settings file")
    loaded = load(config=config, overrides=overrides, environ=os.environ, cwd=cwd or Path(), refusal=_refusal)
    if cwd is None:
        _absolute(loaded.settings.state_dir, "state_dir")
        leave_deleted_folder()
    log.configure(loaded.settings.log_level, loaded.settings.log_format, sys.stderr)
    if loaded.settings.log_level == "debug":
        _log_files(loaded)
    return loaded


def _log_files(loaded: Loaded) -> None:
    """Log which files the settings were read from: before, it was not known whether to."""
    named = {Path(origin.removeprefix(FILE_ORIGIN)) for origin in loaded.origins.values() if FILE_ORIGIN in origin}
    for path in sorted(named | ({loaded.config_file} if loaded.config_file else set())):
        with contextlib.suppress(OSError):
            log.debug("file read", path=path, bytes=path.stat().st_size)


def _working_folder() -> Path | None:
    """Give the working folder, None if it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def leave_deleted_folder() -> None:
    """Go to the root folder if the working folder has been deleted: apprise cannot be loaded without one."""
    if _working_folder() is None:
        os.chdir("/")


def _absolute(path: Path, what: str) -> None:
    if not path.expanduser().is_absolute():
        raise UsageError(
            f"the working folder has been deleted, and {what} is relative to it: {str(path)!r}",
            hint="change to another folder, or give absolute paths with --config and --state-dir",
        )


def preload(channels: tuple[Channel, ...]) -> Installation:
    """Load what a process that stays needs for deliveries and log lines, while it is there to be loaded.

    Returns what it was loaded from; InstallationError if it cannot be loaded.
    """
    import watcher
    from watcher.polling.installation import Installation

    files = [str(watcher.__file__)]
    try:
        log.prepare()
        from watcher.text import status_reason  # noqa: F401 - a poll has it wait for the first reason

        if channels:
            from watcher.delivery import sender

            files += sender.load()
    except Exception as error:  # noqa: BLE001 - an import can raise anything
        raise InstallationError(
            f"what deliveries need cannot be loaded: {type(error).__name__}: {sanitize_line(str(error), 200)}",
            hint="install comfy-watch anew, then start it again",
        ) from None
    return Installation.of(files)


def recheck_channels(channels: tuple[Channel, ...]) -> None:
    """Raise InstallationError if apprise, which accepted the channels' URLs before, cannot use one any more."""
    problems = [f"channel {channel.name}: {why}" for channel in channels if (why := _refusal(channel.url)) is not None]
    if problems:
        raise InstallationError("\n".join(problems), hint="these URLs worked before: install what is missing")


def validate_channels(
    settings: Settings, folder: StateFolder, origins: Mapping[str, str] = NOWHERE
) -> tuple[Mapping[str, str], Addresses]:
    """Have every alert URL accepted by apprise, or remembered as accepted; ConfigError with a line for each refusal.

    Gives the channels' digests by name and what to remember. `origins` say where the settings came from.
    """
    channels = settings.all_channels()
    if not channels:
        return {}, folder.addresses()
    from watcher.alerts import channel_identity

    verdict = channel_identity.judge(
        channels,
        folder.addresses(),
        apprise=version("apprise"),
        refusal=_refusal,
        new_salt=lambda: secrets.token_hex(16),
    )
    if verdict.refused:
        raise ConfigError(*url_problems(settings, origins, verdict.refused))
    return verdict.digests, verdict.addresses


def _refusal(url: str) -> str | None:
    """Ask apprise, which a quiet poll need not load."""
    from watcher.delivery.sender import refusal

    return refusal(url)


def poll_config(settings: Settings, folder: StateFolder, origins: Mapping[str, str] = NOWHERE) -> PollConfig:
    """Give what to poll. ConfigError as `validate_channels` and `check_usable` raise it."""
    transport.check_usable(settings.registry_url)
    digests, remembered = validate_channels(settings, folder, origins)
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
        addresses=digests,
        accepted=remembered,
    )
