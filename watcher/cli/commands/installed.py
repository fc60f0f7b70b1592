"""`installed`: the packs of each install, from one scan; nothing is asked of the registry and nothing is kept."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from watcher.cli.loading import working_folder
from watcher.cli.report import base_name, exit_code, shown_name, version_cell
from watcher.cli.terminal import (
    ProgressLine,
    colour,
    columns,
    echo,
    echo_error,
    show,
    table,
)
from watcher.errors import UsageError, WatchError
from watcher.installs import places
from watcher.installs.scan import scan
from watcher.model.pack import Inventory, Pack, Source, SourceKind
from watcher.settings import tables
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.settings.sources import absolute
from watcher.streams import Progress
from watcher.text import mask
from watcher.text.sanitize import escape_invisible, plural, sanitize_line
from watcher.values import frozen

_KEYS = (
    "id",
    "kind",
    "version",
    "commit",
    "enabled",
    "folder",
    "repository",
    "evidence",
)
"""What `--json` has of a pack."""


def installed(
    *, settings: Callable[..., Loaded], targets: tuple[str, ...], as_json: bool
) -> int:
    """Scan the installs and print their packs. Return the exit code: 0 if every folder could be read.

    Else it is 2 for what the command line names and 1 for what the settings do.
    """
    chosen = targets_of(targets, settings)
    if chosen.note:
        # Not on stdout, which a program may read.
        echo(chosen.note, error=True)
    with ProgressLine() as progress:
        found = asyncio.run(scan_all(chosen.sources, chosen.timeout, progress))
    scanned = list(zip(chosen.sources, found, strict=True))
    document = {"installs": [_document(*one) for one in scanned]}
    show(document if as_json else lines(scanned, columns()))
    # Last, so that on a terminal what failed is not scrolled away by the tables.
    failures = [one.failure for one in found if one.failure]
    for failure in failures:
        name = sanitize_line(failure.install or "")
        echo_error(WatchError(f"{name}: {failure.error}", failure.hint))
    return exit_code(
        is_misused=bool(failures) and chosen.are_named, is_undone=bool(failures)
    )


def _place(source: Source) -> str:
    """Return where an install is read from, without what is secret."""
    is_secret = source.kind is SourceKind.URL
    return mask.masked(source.where) if is_secret else source.where


def _document(source: Source, one: Inventory) -> dict[str, object]:
    return {
        "install": one.install,
        "source": _place(source),
        "error": one.failure.line if one.failure else None,
        "packs": [{key: getattr(pack, key) for key in _KEYS} for pack in one.packs],
    }


def lines(scanned: Sequence[tuple[Source, Inventory]], width: int | None) -> list[str]:
    """Return a summary and a table for each install that was scanned.

    `width` is the terminal's, or None for a pipe.
    """
    found: list[str] = []
    for source, one in scanned:
        name = sanitize_line(one.install)
        if not one.places:
            found += ["", f"{name}: could not be read"]
            continue
        head = f"{name}: {plural(len(one.packs), 'pack')} ({_place(source)})"
        found += ["", head]
        if one.packs:
            columns = ("PACK", "VERSION", "KIND", "EVIDENCE")
            found += table(columns, map(_cells, one.packs), width)
    return found[1:]


def _cells(pack: Pack) -> tuple[str, ...]:
    name = shown_name(pack)
    disabled = "" if pack.enabled else "disabled; "
    # Said where it is not the id, so that the pack can be found.
    where = f"; folder {name}" if pack.id not in {None, base_name(pack)} else ""
    return (
        sanitize_line(pack.id) if pack.id else name,
        version_cell(pack),
        colour(pack.kind.value),
        f"{disabled}{escape_invisible(pack.evidence)}{where}",
    )


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
    # The settings are left alone: they may be of another purpose, or broken.
    if names:
        named = tables.targets(names, partial(absolute, working_folder()))
        return _ChosenInstalls(
            sources=named, timeout=Settings().timeout, are_named=True
        )
    loaded = settings().settings
    # What is said in settings counts before what is found by chance.
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
        sources=tables.targets([str(place.path) for place in found], Path),
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
    """Return what each install has. `with_files`: the files are read, too, that name packs."""
    base = str(working_folder()) if with_files else None

    async def one(source: Source) -> tuple[Inventory, ...]:
        progress(source.name, f"scanning {sanitize_line(source.name)}")
        found = await scan(source, timeout=timeout, base=base)
        progress(source.name, "")
        return found

    # All at once, as each waits for a disk or an address of its own.
    return [of for found in await asyncio.gather(*map(one, sources)) for of in found]
