"""Settings and state for a command, from this process's surroundings; quick to import, for `health`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from watcher import log, timestamps
from watcher.cli.options import masked
from watcher.cli.terminal import ProgressLine
from watcher.errors import UsageError
from watcher.polling.clock import clock
from watcher.settings.loading import Loaded, load, nothing_to_watch
from watcher.settings.model import Settings
from watcher.settings.parsing import LOGIN, SECRET
from watcher.state.store import StateFolder
from watcher.streams import Progress
from watcher.values import frozen

_Found = TypeVar("_Found")


def existing_state(loaded: Loaded) -> StateFolder:
    """Return the state folder to read; UsageError if it does not exist and nothing is watched."""
    folder = StateFolder(loaded.settings.state_dir)
    # What was polled once can be shown, whatever the settings say now.
    if not (loaded.settings.watches_anything or folder.exists()):
        error = nothing_to_watch(loaded)
        raise UsageError(
            error.what, f"{error.hint}\nthere is no state in {folder.path}"
        )
    return folder


def load_settings(
    config: Path | None,
    changed: Iterable[str],
    more_nodes: Sequence[str] = (),
    *,
    alerts: bool = True,
) -> Loaded:
    """Load the settings, as `load`, with this process's environment and working folder, and configure the log.

    `changed` are the words of `--set`.
    """
    loaded = load(
        config=config,
        overrides=_assigned(changed),
        more_nodes=more_nodes,
        environ=os.environ,
        cwd=working_folder(),
        alerts=alerts,
    )
    log.configure(loaded.settings.log_level, loaded.settings.log_format, sys.stderr)
    return loaded


def _assigned(pairs: Iterable[str]) -> dict[str, object]:
    """Return the settings of `--set NAME=VALUE`; UsageError for wrong ones.

    Secrets are refused, since every user of the machine can read a command line.
    """
    settings: dict[str, object] = {}
    for pair in pairs:
        name, given, value = pair.partition("=")
        # As options are written.
        name = name.strip().replace("-", "_")
        if not given:
            raise UsageError(f"--set {masked(name)}: write NAME=VALUE")
        if name in SECRET or (name == "installs" and LOGIN.search(value)):
            raise UsageError(
                f"--set {name}: it is a secret, and every user of the machine can read a command line",
                hint=f"put it in the settings file, in COMFY_WATCH_{name.upper()} or in a secrets folder",
            )
        settings[name] = value
    return settings


def working_folder() -> Path:
    """Return the working folder; UsageError if it has been deleted: what is relative to it cannot be found."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the working folder has been deleted", hint="change to another folder"
        ) from None


@frozen
class Took:
    """When a look at the registry began and ended."""

    started: str
    finished: str

    @property
    def seconds(self) -> float:
        """How long it took; 0 where the clock was set back."""
        return max(timestamps.seconds_between(self.started, self.finished), 0)


def look_at_registry(
    settings: Settings, look: Callable[[Progress], Coroutine[None, None, _Found]]
) -> tuple[_Found, Took]:
    """Return what a look found, and when that was; ConfigError as `network.check_usable`."""
    # Here, since `health` needs neither.
    import asyncio

    from watcher.registry import network

    # A proxy that cannot be used is wrong settings, and no failure of the registry.
    network.check_usable(settings.registry_url)
    started = clock()
    with ProgressLine() as progress:
        found = asyncio.run(look(progress))
    return found, Took(started=started, finished=clock())


def collect_rarely() -> None:
    """Collect garbage again, which `watcher.__main__` stopped, but rarely and without what the imports built.

    For a quiet poll of 1,000 nodes Python's own thresholds take 0.77 s of CPU instead of 0.70, and not freezing 0.73.
    """
    gc.freeze()
    gc.set_threshold(50_000, 1, 1)
    gc.enable()
