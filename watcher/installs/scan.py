"""A file that a person names: the newest of those that a glob names, and a snapshot that settings name."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import os
import re
import threading
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from itertools import islice
from pathlib import Path

from watcher import durations
from watcher.installs import safe_files
from watcher.installs.recognise import lists, texts
from watcher.installs.safe_files import (
    Unscannable,
    failed,
    in_order,
    naming,
    reason,
)
from watcher.model.pack import Inventory, Pack, Source, SourceKind

LIMIT = 16 * 1024 * 1024
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")


def read(source: Source) -> Inventory:
    """Return the packs of a snapshot; Unscannable if there is no such file, or none that can be read."""
    path, data = content(source.where)
    with naming(path):
        packs = in_order(lists.of_snapshot(texts.load(data, path.name)))
    return Inventory(install=source.name, packs=packs)


def content(where: str) -> tuple[Path, bytes]:
    """Return the file that a person named, or the newest match, and what it holds; Unscannable if it cannot be read."""
    path = _newest(where)
    # What is named may be a link; what lies in a folder of snapshots may not: anybody may have put it there.
    real = Path(os.path.realpath(path)) if str(path) == where else path
    with naming(path):
        data = safe_files.read(str(real.parent), real.name, limit=LIMIT)
    if data is None:
        raise Unscannable(f"{path} does not exist")
    return path, data


def _newest(where: str) -> Path:
    """Return the file, or the newest match of a glob: by the moment in their names if all have one, else by change.

    Unscannable if nothing matches, or more than is looked at.
    """
    # A file may have brackets in its name.
    if Path(where).exists() or not glob.has_magic(where):
        return Path(where)
    found = [Path(match) for match in islice(glob.iglob(where), texts.MOST + 1)]  # noqa: PTH207 - the pattern is whole
    if not found:
        raise Unscannable(f"no file matches {where}")
    if len(found) > texts.MOST:
        raise Unscannable(f"more than {texts.MOST:,} files match {where}")
    # The moment in the name outlives a copy, which changes the times of files.
    if all(_MOMENT.match(path.name) for path in found):
        return max(found, key=lambda path: path.name)
    try:
        return max(found, key=lambda path: (path.lstat().st_mtime, path.name))
    except OSError as error:
        raise Unscannable(f"a file that matches {where} {reason(error)}") from None


async def scan(
    source: Source,
    *,
    timeout: float,  # noqa: ASYNC109 - a setting, which the reasons name
    had: Collection[Pack] = (),
    base: str | None = None,
) -> tuple[Inventory, ...]:
    """Return what one install has, read within `timeout` seconds; with a `base` also the files in it that name packs.

    `had` are the packs of the last good scan, and `base` is the folder from which paths are shown. What cannot be read
    is the failure, in which no secret is. A single pack that cannot be read is `unknown`, and says why.
    """
    reading: Awaitable[tuple[Inventory, ...]]
    if source.kind is SourceKind.URL:
        # `installed` of a folder needs no HTTP client, and a poll of an address no parser of folders.
        from watcher.installs import manager

        reading = manager.read(source)
    elif base is not None:
        from watcher.installs import references

        reading = _in_thread(partial(references.read, source, base, timeout))
    elif source.kind is SourceKind.SNAPSHOT:
        reading = _in_thread(lambda _: (read(source),))
    else:
        from watcher.installs import folder

        reading = _in_thread(lambda go_on: (folder.read(source, had, go_on),))
    try:
        async with asyncio.timeout(timeout):
            return await reading
    except Unscannable as error:
        return (failed(source.name, error.what, error.hint),)
    except TimeoutError:
        why = f"there was no answer within {durations.show(timeout)}"
    except OSError as error:
        why = f"something in it {reason(error)}"
    return (failed(source.name, why),)


class _AbandonedError(Exception):
    """Nobody waits for the scan any more."""


async def _in_thread(
    work: Callable[[Callable[[], None]], tuple[Inventory, ...]],
) -> tuple[Inventory, ...]:
    """Return what `work` returns in a thread of its own, which does not hold up the program's end.

    A volume that does not answer holds a thread for ever. `work` calls its argument now and then, which ends it once
    nobody waits.
    """
    # asyncio's own threads are waited for when the program ends: one on a dead network drive would hold it for ever.
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Inventory, ...]] = loop.create_future()
    abandoned = threading.Event()

    def go_on() -> None:
        if abandoned.is_set():
            raise _AbandonedError

    def settle(give: Callable[[], None]) -> None:
        if not done.cancelled():
            give()

    def run() -> None:
        try:
            give = partial(done.set_result, work(go_on))
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            give = partial(done.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(settle, give)

    threading.Thread(target=run, daemon=True, name="scan").start()
    try:
        return await done
    finally:
        abandoned.set()
