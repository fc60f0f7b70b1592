"""The installs that a command looks at, scanned at once; what cannot be read is a value."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from watcher.installs.scan import scan
from watcher.installs.unscannable import IsWorkflow, Unscannable
from watcher.model.failure import ReadFailure
from watcher.model.pack import Inventory, Source
from watcher.polling.clock import clock
from watcher.progress import Progress
from watcher.text.sanitize import sanitize_line


async def scan_all(
    sources: Sequence[Source],
    timeout: float,  # noqa: ASYNC109 - a setting, which `scan` takes
    progress: Progress,
    *,
    workflows: bool = False,
) -> list[Inventory]:
    """Return what each install has. `workflows`: a file that is one is read as what it names, else it is refused."""

    async def one(source: Source) -> Inventory:
        progress(source.name, f"scanning {sanitize_line(source.name)}")
        try:
            found = await scan(source, timeout=timeout)
        except IsWorkflow as error:
            if workflows:
                return await asyncio.to_thread(_workflow, source)
            return _unread(source.name, error)
        except Unscannable as error:
            return _unread(source.name, error)
        finally:
            progress(source.name, "")
        failure = None
        if found.failed:
            failure = ReadFailure(install=source.name, error=found.error)
        return Inventory(
            install=source.name, packs=found.packs, failure=failure, at=clock()
        )

    return list(await asyncio.gather(*map(one, sources)))


def _unread(name: str, error: Unscannable) -> Inventory:
    failure = ReadFailure(install=name, error=error.what, hint=error.hint)
    return Inventory(install=name, failure=failure)


def _workflow(source: Source) -> Inventory:
    from dataclasses import replace

    from watcher.installs.workflow_file import named_by

    path = Path(source.where)
    try:
        found = named_by(path)
    except Unscannable as error:
        return replace(_unread(path.name, error), named=True)
    return Inventory(
        install=path.name, packs=found.packs, named=True, unnamed=found.unnamed
    )
