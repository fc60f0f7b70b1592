"""The one entrance to what is installed: a source in, its packs out."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import assert_never

from watcher import durations
from watcher.installs.safe_files import reason
from watcher.installs.unscannable import Unscannable
from watcher.model.pack import Pack, Source, SourceKind


async def scan(source: Source, *, timeout: float) -> tuple[Pack, ...]:  # noqa: ASYNC109 - a setting, which the reasons name
    """Return the packs of one install, enabled ones first, by folder; within `timeout` seconds.

    Unscannable, with a reason in which no secret is, if that cannot be said of all of them. A single pack that cannot
    be read is `unknown`, and says why.
    """
    try:
        async with asyncio.timeout(timeout):
            found = await _read(source)
    except TimeoutError:
        raise Unscannable(f"there was no answer within {durations.show(timeout)}") from None
    except OSError as error:
        raise Unscannable(f"something in it {reason(error)}") from None
    return tuple(sorted(found, key=lambda pack: (not pack.enabled, pack.folder.lower(), pack.folder)))


async def _read(source: Source) -> tuple[Pack, ...]:
    match source.kind:
        case SourceKind.PATH:
            from watcher.installs import folder

            return await _in_thread(lambda go_on: folder.packs(source.where, go_on))
        case SourceKind.SNAPSHOT:
            from watcher.installs import snapshot_file

            return await _in_thread(lambda _: snapshot_file.packs(source.where))
        case SourceKind.URL:
            from watcher.installs import manager

            return await manager.packs(source.where)
        case _:
            assert_never(source.kind)


class _AbandonedError(Exception):
    """Nobody waits for the scan any more."""


async def _in_thread(work: Callable[[Callable[[], None]], tuple[Pack, ...]]) -> tuple[Pack, ...]:
    """Return what `work` returns in a thread of its own, which does not hold up the program's end.

    A volume that does not answer holds a thread for ever. `work` calls its argument now and then, which ends it once
    nobody waits.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Pack, ...]] = loop.create_future()
    abandoned = threading.Event()

    def go_on() -> None:
        if abandoned.is_set():
            raise _AbandonedError

    def settle(packs: tuple[Pack, ...], error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(packs)
        else:
            done.set_exception(error)

    def run() -> None:
        packs: tuple[Pack, ...] = ()
        failure: BaseException | None = None
        try:
            packs = work(go_on)
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            failure = error
        with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(settle, packs, failure)

    threading.Thread(target=run, daemon=True, name="scan").start()
    try:
        return await done
    finally:
        abandoned.set()
