"""`installed`: the packs of each install, from one scan; nothing is asked of the registry and nothing is kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from watcher.cli.commands.installs.chosen import Chosen, shown
from watcher.cli.commands.installs.names import base_name, shown_name
from watcher.cli.progress_line import ProgressLine
from watcher.cli.terminal import colour, echo, echo_error, table, to_json
from watcher.errors import WatchError
from watcher.installs.scan import scan
from watcher.installs.unscannable import Unscannable
from watcher.model.pack import Pack, PackKind, Source
from watcher.polling.clock import clock
from watcher.progress import Progress
from watcher.streams import width
from watcher.text.plural import plural
from watcher.text.sanitize import escape_invisible, sanitize_line

_SHOWN = 100
"""Packs of an install that a terminal gets."""
_VERSION_WIDTH = 100
_ABBREVIATED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """One install after its scan."""

    source: Source
    packs: tuple[Pack, ...] = ()
    at: str | None = None
    """When it was scanned (RFC 3339); None if it could not be."""
    error: Unscannable | None = None
    """Why it, or a folder of it, could not be read."""


def show(chosen: Chosen, *, as_json: bool) -> int:
    """Scan the installs and print their packs. Return the exit code: 0 if every folder could be read.

    Else it is 2 for what the command line names and 1 for what the settings do.
    """
    if chosen.said:
        echo(chosen.said, error=True)
    with ProgressLine() as progress:
        scanned = asyncio.run(_scan_all(chosen.sources, chosen.timeout, progress))
    if as_json:
        echo(to_json({"installs": [_document(one) for one in scanned]}))
    else:
        for line in lines(
            [one for one in scanned if one.at is not None], width(sys.stdout)
        ):
            echo(line)
    failed = [(one.source, one.error) for one in scanned if one.error is not None]
    for source, error in failed:
        echo_error(
            WatchError(f"{sanitize_line(source.name)}: {error.what}", error.hint)
        )
    return (2 if chosen.by_target else 1) if failed else 0


async def _scan_all(
    sources: Sequence[Source],
    timeout: float,  # noqa: ASYNC109 - `scan` keeps it
    progress: Progress,
) -> list[Scanned]:
    async def one(source: Source) -> Scanned:
        progress(source.name, f"scanning {sanitize_line(source.name)}")
        try:
            found = await scan(source, timeout=timeout)
            error = Unscannable(found.error) if found.failed else None
            return Scanned(source=source, packs=found.packs, at=clock(), error=error)
        except Unscannable as error:
            return Scanned(source=source, error=error)
        finally:
            progress(source.name, "")

    return list(await asyncio.gather(*map(one, sources)))


def _document(one: Scanned) -> dict[str, object]:
    return {
        "install": one.source.name,
        "source": shown(one.source),
        "scanned": one.at,
        "error": one.error.line if one.error else None,
        "packs": [
            {
                "id": pack.id,
                "kind": pack.kind.value,
                "version": pack.version,
                "commit": pack.commit,
                "enabled": pack.enabled,
                "folder": pack.folder,
                "repository": pack.repository,
                "evidence": pack.evidence,
            }
            for pack in one.packs
        ],
    }


def lines(scanned: Sequence[Scanned], width: int | None) -> list[str]:
    """Return a summary and a table for each install; `width` is the terminal's, or None for a pipe, which gets all."""
    found: list[str] = []
    for one in scanned:
        packs = one.packs if width is None else one.packs[:_SHOWN]
        found += [
            "",
            *_wrapped(
                f"{sanitize_line(one.source.name)}: {_summary(one.packs)} ({shown(one.source)})",
                width,
            ),
        ]
        if packs:
            found += table(
                ("PACK", "VERSION", "KIND", "EVIDENCE"), map(_cells, packs), width
            )
        if more := len(one.packs) - len(packs):
            found += _wrapped(f"and {plural(more, 'more pack')}; --json has all", width)
    return found[1:]


def _wrapped(line: str, width: int | None) -> list[str]:
    return [line] if width is None else table((), [(line,)], width)


def _summary(packs: Sequence[Pack]) -> str:
    parts = [plural(len(packs), "pack") if packs else "no packs"]
    if disabled := sum(not pack.enabled for pack in packs):
        parts.append(f"{disabled} disabled")
    if unknown := sum(pack.kind is PackKind.UNKNOWN for pack in packs):
        parts.append(click.style(f"{unknown} unknown", fg="yellow"))
    return ", ".join(parts)


def _cells(pack: Pack) -> tuple[str, ...]:
    where = (
        f"; folder {shown_name(pack)}" if pack.id not in {None, base_name(pack)} else ""
    )
    if pack.version is not None:
        version = sanitize_line(pack.version, _VERSION_WIDTH)
    else:
        version = f"commit {pack.commit[:_ABBREVIATED]}" if pack.commit else "-"
    return (
        sanitize_line(pack.id) if pack.id else shown_name(pack),
        version,
        colour(pack.kind.value) + ("" if pack.enabled else " (disabled)"),
        escape_invisible(pack.evidence) + where,
    )
