"""Settings and state for a command, from this process's surroundings; quick to import, for `health`."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from watcher import log
from watcher.errors import UsageError
from watcher.settings.loading import Loaded, load, nothing_to_watch
from watcher.settings.sources import FILE_ORIGIN, FILE_VARIABLE
from watcher.state.store import StateFolder


def existing_state(loaded: Loaded) -> StateFolder:
    """Return the state folder to read; UsageError if it does not exist and nothing is watched."""
    folder = StateFolder(loaded.settings.state_dir)
    if not (loaded.settings.nodes or loaded.settings.installs or folder.exists()):
        raise nothing_to_watch(loaded)
    return folder


def load_settings(
    config: Path | None,
    overrides: Mapping[str, object],
) -> Loaded:
    """Load the settings, with this process's environment and working folder, and configure the log.

    ConfigError as `load`; UsageError for a relative path in a working folder that has been deleted.
    """
    cwd = working_folder()
    given = config or os.environ.get(FILE_VARIABLE)
    if cwd is None and given:
        _require_absolute(Path(given), "the settings file")
    loaded = load(
        config=config,
        overrides=overrides,
        environ=os.environ,
        cwd=cwd or Path(),
    )
    if cwd is None:
        _require_absolute(loaded.settings.state_dir, "state_dir")
        leave_deleted_folder()
    configure_log(loaded)
    if loaded.settings.log_level == "debug":
        _log_files(loaded)
    return loaded


def configure_log(loaded: Loaded) -> None:
    """Have the log written as the settings say."""
    log.configure(loaded.settings.log_level, loaded.settings.log_format, sys.stderr)


def _log_files(loaded: Loaded) -> None:
    """Log which settings files were read. This cannot happen earlier, because the log level comes from them."""
    paths = {
        Path(origin.removeprefix(FILE_ORIGIN))
        for origin in loaded.origins.values()
        if FILE_ORIGIN in origin
    }
    for path in sorted(paths | ({loaded.config_file} if loaded.config_file else set())):
        with contextlib.suppress(OSError):
            log.debug("file read", path=path, bytes=path.stat().st_size)


def working_folder() -> Path | None:
    """Return the working folder; None if it has been deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def leave_deleted_folder() -> None:
    """Change to the root folder if the working folder has been deleted: apprise needs one to be imported."""
    if working_folder() is None:
        os.chdir("/")


def collect_rarely() -> None:
    """Collect garbage again, which `watcher.__main__` stopped, but rarely and without what the imports built.

    For a quiet poll of 1,000 nodes Python's own thresholds take 0.77 s of CPU instead of 0.70, and not freezing 0.73.
    """
    gc.freeze()
    gc.set_threshold(50_000, 1, 1)
    gc.enable()


def _require_absolute(path: Path, what: str) -> None:
    if not path.expanduser().is_absolute():
        raise UsageError(
            f"the working folder has been deleted, and {what} is relative to it: {str(path)!r}",
            hint="change to another folder, or give absolute paths with --config and --state-dir",
        )
