"""`installed`: the packs of each install, from one scan; nothing is asked of the registry and nothing is kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from functools import partial

from watcher.cli.commands.installs import scan_all, targets_of
from watcher.cli.terminal import (
    ProgressLine,
    base_name,
    colour,
    echo,
    echo_error,
    shown_name,
    styled,
    table,
    to_json,
    version_cell,
)
from watcher.errors import WatchError
from watcher.model.pack import Inventory, Pack, PackKind, Source, SourceKind
from watcher.settings.loading import Loaded
from watcher.streams import width
from watcher.text import mask
from watcher.text.sanitize import escape_invisible, plural, sanitize_line

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


def show(
    *, settings: Callable[..., Loaded], targets: tuple[str, ...], as_json: bool
) -> int:
    """Scan the installs and print their packs. Return the exit code: 0 if every folder could be read.

    Else it is 2 for what the command line names and 1 for what the settings do.
    """
    chosen = targets_of(targets, partial(settings, alerts=False))
    if chosen.note:
        echo(chosen.note, error=True)
    with ProgressLine() as progress:
        found = asyncio.run(scan_all(chosen.sources, chosen.timeout, progress))
    scanned = list(zip(chosen.sources, found, strict=True))
    if as_json:
        echo(to_json({"installs": [_document(*one) for one in scanned]}))
    else:
        for line in lines(scanned, width(sys.stdout)):
            echo(line)
    failures = [one.failure for one in found if one.failure]
    for failure in failures:
        name = sanitize_line(failure.install or "")
        echo_error(WatchError(f"{name}: {failure.error}", failure.hint))
    return (2 if chosen.are_named else 1) if failures else 0


def _place(source: Source) -> str:
    """Return where an install is read from, without what is secret."""
    if source.kind is SourceKind.URL:
        return f"{mask.scheme(source.where)}://***"
    return source.where


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
        head = f"{name}: {_summary(one.packs)} ({_place(source)})"
        found += ["", head]
        if one.packs:
            columns = ("PACK", "VERSION", "KIND", "EVIDENCE")
            found += table(columns, map(_cells, one.packs), width)
    return found[1:]


def _summary(packs: Sequence[Pack]) -> str:
    parts = [plural(len(packs), "pack") if packs else "no packs"]
    if disabled := sum(not pack.enabled for pack in packs):
        parts.append(f"{disabled} disabled")
    if unknown := sum(pack.kind is PackKind.UNKNOWN for pack in packs):
        parts.append(styled(f"{unknown} unknown", "yellow"))
    return ", ".join(parts)


def _cells(pack: Pack) -> tuple[str, ...]:
    where = (
        f"; folder {shown_name(pack)}" if pack.id not in {None, base_name(pack)} else ""
    )
    return (
        sanitize_line(pack.id) if pack.id else shown_name(pack),
        version_cell(pack),
        colour(pack.kind.value),
        ("" if pack.enabled else "disabled; ")
        + escape_invisible(pack.evidence)
        + where,
    )
