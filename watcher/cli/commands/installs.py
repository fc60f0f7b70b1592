"""The installs that a command looks at, scanned at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from watcher.cli.loading import working_folder
from watcher.errors import UsageError
from watcher.installs import places
from watcher.installs.scan import look, scan
from watcher.model.pack import Inventory, Source
from watcher.settings import tables
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.settings.sources import absolute
from watcher.streams import Progress
from watcher.text.sanitize import escape_invisible, sanitize_line
from watcher.values import frozen


@frozen
class _ChosenInstalls:
    """Installs, and where they are from."""

    sources: tuple[Source, ...]
    timeout: float
    """Seconds that a scan may take."""
    are_named: bool = False
    """Whether the command line names them."""
    note: str = ""
    """Which they are and who says so, where nobody named them; for a person."""


def targets_of(names: Sequence[str], settings: Callable[[], Loaded]) -> _ChosenInstalls:
    """Return the installs to look at; the `settings` are loaded only without TARGETs.

    UsageError for a TARGET that can be none, and if there is no install at all; ConfigError as the settings.
    """
    if names:
        named = tables.targets(names, partial(absolute, working_folder()))
        return _ChosenInstalls(
            sources=named, timeout=Settings().timeout, are_named=True
        )
    loaded = settings().settings
    if installs := loaded.all_installs():
        return _ChosenInstalls(sources=installs, timeout=loaded.timeout)

    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path's raises where the home folder is not known
    found = places.here(os.environ, working_folder(), home)
    if not found:
        looked = dict.fromkeys(
            escape_invisible(str(place.path))
            for place in places.known(os.environ, home)
        )
        raise UsageError(
            f"no ComfyUI found; looked in the working folder and {', '.join(looked)}",
            hint="name one: its folder, its address (http://127.0.0.1:8188) or a snapshot file;"
            " for the files of a repository: comfy-watch audit .",
        )
    return _ChosenInstalls(
        sources=tables.of_folders(place.path for place in found),
        timeout=loaded.timeout,
        note="; ".join(
            f"found {escape_invisible(str(place.path))} ({place.by})" for place in found
        ),
    )


async def scan_all(
    sources: Sequence[Source],
    timeout: float,  # noqa: ASYNC109 - a setting, which `scan` takes
    progress: Progress,
    *,
    with_files: bool = False,
) -> list[Inventory]:
    """Return what each install has. `with_files`: the files are read, too, that name packs (`look`)."""
    base = str(working_folder()) if with_files else ""

    async def one(source: Source) -> tuple[Inventory, ...]:
        progress(source.name, f"scanning {sanitize_line(source.name)}")
        if with_files:
            found = await look(source, timeout=timeout, base=base)
        else:
            found = (await scan(source, timeout=timeout),)
        progress(source.name, "")
        return found

    return [of for found in await asyncio.gather(*map(one, sources)) for of in found]
