"""The one entrance to what is installed: a source in, its packs out, or as many of them as can be read."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial
from typing import assert_never

from watcher import durations
from watcher.installs.result import Unscannable, failed, in_order
from watcher.installs.safe_files import reason
from watcher.model.pack import Inventory, Pack, Source, SourceKind


async def scan(
    source: Source,
    *,
    timeout: float,  # noqa: ASYNC109 - a setting, which the reasons name
    had: Collection[Pack] = (),
) -> Inventory:
    """Return what one install has, its packs in the order of `in_order`, read within `timeout` seconds.

    `had` are the packs of the last good scan. What cannot be read is the failure, in which no secret is. A single pack
    that cannot be read is `unknown`, and says why.
    """
    [found] = await _scanned(source, timeout, _read(source, had))
    return found


async def look(
    source: Source,
    *,
    timeout: float,  # noqa: ASYNC109 - as above
    base: str,
) -> tuple[Inventory, ...]:
    """Return what a TARGET of `audit` has: an install as `scan` does, and the files in it that name packs.

    `base` is the folder from which paths are shown.
    """
    if source.kind is SourceKind.URL:
        return (await scan(source, timeout=timeout),)
    from watcher.installs import references

    reading = _in_thread(partial(references.read, source, base, timeout))
    return await _scanned(source, timeout, reading)


async def _scanned(
    source: Source,
    timeout: float,  # noqa: ASYNC109 - as above
    reading: Awaitable[tuple[Inventory, ...]],
) -> tuple[Inventory, ...]:
    try:
        async with asyncio.timeout(timeout):
            found = await reading
    except Unscannable as error:
        return (failed(source, error),)
    except TimeoutError:
        why = f"there was no answer within {durations.show(timeout)}"
        return (failed(source, Unscannable(why)),)
    except OSError as error:
        return (failed(source, Unscannable(f"something in it {reason(error)}")),)
    return tuple(
        one if one.named else replace(one, packs=in_order(one.packs)) for one in found
    )


async def _read(source: Source, had: Collection[Pack]) -> tuple[Inventory, ...]:
    match source.kind:
        case SourceKind.PATH:
            from watcher.installs import folder

            return await _in_thread(lambda go_on: (folder.read(source, had, go_on),))
        case SourceKind.SNAPSHOT:
            from watcher.installs import document

            return await _in_thread(lambda _: (document.read(source),))
        case SourceKind.URL:
            from watcher.installs import manager

            packs = await manager.packs(source.where)
            return (Inventory(install=source.name, packs=packs),)
        case _:
            assert_never(source.kind)


class _AbandonedError(Exception):
    """Nobody waits for the scan any more."""


async def _in_thread(
    work: Callable[[Callable[[], None]], tuple[Inventory, ...]],
) -> tuple[Inventory, ...]:
    """Return what `work` returns in a thread of its own, which does not hold up the program's end.

    A volume that does not answer holds a thread for ever. `work` calls its argument now and then, which ends it once
    nobody waits.
    """
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
