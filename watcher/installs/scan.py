"""The one entrance to what is installed: a source in, its packs out, or as many of them as can be read."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import assert_never

from watcher import durations
from watcher.installs.result import Scan, in_order
from watcher.installs.safe_files import reason
from watcher.installs.unscannable import Unscannable
from watcher.model.pack import Source, SourceKind


async def scan(source: Source, *, timeout: float, had: Collection[str] = ()) -> Scan:  # noqa: ASYNC109 - a setting, which the reasons name
    """Return the packs of one install, in the order of `in_order`, read within `timeout` seconds.

    `had` are the places that had packs at the last good scan. Unscannable, with a reason in which no secret is, if
    none of its folders can be read. A single pack that cannot be read is `unknown`, and says why.
    """
    try:
        async with asyncio.timeout(timeout):
            found = await _read(source, had)
    except TimeoutError:
        raise Unscannable(
            f"there was no answer within {durations.show(timeout)}"
        ) from None
    except OSError as error:
        raise Unscannable(f"something in it {reason(error)}") from None
    return replace(found, packs=in_order(found.packs))


async def _read(source: Source, had: Collection[str]) -> Scan:
    match source.kind:
        case SourceKind.PATH:
            from watcher.installs import folder

            return await _in_thread(lambda go_on: folder.read(source.where, go_on, had))
        case SourceKind.SNAPSHOT:
            from watcher.installs import snapshot_file

            return await _in_thread(
                lambda _: Scan(packs=snapshot_file.packs(source.where))
            )
        case SourceKind.URL:
            from watcher.installs import manager

            return Scan(packs=await manager.packs(source.where))
        case _:
            assert_never(source.kind)


class _AbandonedError(Exception):
    """Nobody waits for the scan any more."""


async def _in_thread(work: Callable[[Callable[[], None]], Scan]) -> Scan:
    """Return what `work` returns in a thread of its own, which does not hold up the program's end.

    A volume that does not answer holds a thread for ever. `work` calls its argument now and then, which ends it once
    nobody waits.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Scan] = loop.create_future()
    abandoned = threading.Event()

    def go_on() -> None:
        if abandoned.is_set():
            raise _AbandonedError

    def settle(found: Scan | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if found is not None:
            done.set_result(found)
        elif error is not None:
            done.set_exception(error)

    def run() -> None:
        found: Scan | None = None
        failure: BaseException | None = None
        try:
            found = work(go_on)
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            failure = error
        with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(settle, found, failure)

    threading.Thread(target=run, daemon=True, name="scan").start()
    try:
        return await done
    finally:
        abandoned.set()
