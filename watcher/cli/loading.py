"""Settings and state for a command, from this process's surroundings; quick to import, for `health`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from watcher import log
from watcher.errors import UsageError
from watcher.settings.loading import Loaded, load, nothing_to_watch
from watcher.state.store import StateFolder


def existing_state(loaded: Loaded) -> StateFolder:
    """Return the state folder to read; UsageError if it does not exist and nothing is watched."""
    folder = StateFolder(loaded.settings.state_dir)
    if not (loaded.settings.watches_anything or folder.exists()):
        error = nothing_to_watch(loaded)
        raise UsageError(
            error.what, f"{error.hint}\nthere is no state in {folder.path}"
        )
    return folder


def load_settings(
    config: Path | None,
    overrides: Mapping[str, object],
    more_nodes: Sequence[str] = (),
    *,
    alerts: bool = True,
) -> Loaded:
    """Load the settings, as `load`, with this process's environment and working folder, and configure the log."""
    loaded = load(
        config=config,
        overrides=overrides,
        more_nodes=more_nodes,
        environ=os.environ,
        cwd=working_folder(),
        alerts=alerts,
    )
    log.configure(loaded.settings.log_level, loaded.settings.log_format, sys.stderr)
    return loaded


def working_folder() -> Path:
    """Return the working folder; UsageError if it has been deleted: what is relative to it cannot be found."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the working folder has been deleted", hint="change to another folder"
        ) from None


def collect_rarely() -> None:
    """Collect garbage again, which `watcher.__main__` stopped, but rarely and without what the imports built.

    For a quiet poll of 1,000 nodes Python's own thresholds take 0.77 s of CPU instead of 0.70, and not freezing 0.73.
    """
    gc.freeze()
    gc.set_threshold(50_000, 1, 1)
    gc.enable()
