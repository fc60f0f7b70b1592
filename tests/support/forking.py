"""The process that `tests.support.fork_server` starts: it forks the program, which it has imported, for each request.

It has no threads, and ends with its socket. Between it and each program stands a keeper, a fork too, which waits for
the program and for what the program had started. The program's workers are forks of a nursery, which has no threads
either (`_Nursery`).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import coverage

import watcher
from tests.support import nursery, program
from tests.support.fault_points import Cut, FaultPoints
from watcher.delivery import process

_NOT_FLUSHED = 120
"""The exit code of an interpreter that could not write all of stdout or stderr."""


def _preload() -> None:
    """Import and build what a poll needs: doing that again in each fork takes longer than the poll itself."""
    import yaml

    assert yaml
    for module in pkgutil.walk_packages(watcher.__path__, "watcher."):
        if module.name != "watcher.__main__":  # it works on the streams
            importlib.import_module(module.name)
    _build_decoders()
    asyncio.run(_connect())
    nursery.load()


async def _connect() -> None:
    """Ask where nobody answers: httpx loads what it connects with at the first request."""
    import httpx

    transport = httpx.AsyncHTTPTransport(verify=False, trust_env=False)
    async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
        with contextlib.suppress(httpx.TransportError):
            await client.get("http://127.0.0.1:9/")


def _build_decoders() -> None:
    """Write and read a state in which nothing is, and an empty answer: the decoders for that are built once."""
    from watcher.alerts.queues.outbox import Change
    from watcher.model.event import Event
    from watcher.registry.schema import parse_page
    from watcher.state import codec, documents

    for one in (
        documents.SNAPSHOT,
        documents.CHECKS,
        documents.ADDRESSES,
        documents.INSTALLS,
    ):
        codec.decoder(one.form)  # type: ignore[arg-type]  # to mypy no type is hashable
    documents.read(documents.write(Change(), 0))
    parse_page(b'{"versions": []}')
    codec.decoder(Event)


def _serve() -> None:
    """Fork a keeper for every program that is asked for."""
    _preload()
    requests = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # A keeper says by itself how its program ended.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (received := socket.recv_fds(requests, 1, 5))[0]:
        if os.fork() == 0:
            requests.close()
            _keep(*received[1])
        for number in received[1]:
            os.close(number)


def _keep(asking: int, folder: int, *streams: int) -> None:
    """Fork the program, and say which process it is, how it ended, what memory it came to, and that nothing is left."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program.end_with_parent()
    program.adopt_orphans()
    end = socket.socket(fileno=asking)
    with end.makefile("rb") as lines:
        asked = json.loads(lines.readline())
    child = os.fork()
    if child == 0:
        end.close()
        _be_the_program(asked, folder, dict(zip(asked["open"], streams, strict=True)))
    for number in streams:
        os.close(number)
    os.close(folder)
    with contextlib.suppress(OSError):  # the test that asked is gone
        end.sendall(f"{child}\n".encode())
        _, ended, used = os.wait4(child, 0)
        end.sendall(
            f"{os.waitstatus_to_exitcode(ended)} {used.ru_maxrss * 1024}\n".encode()
        )
        _wait_for_orphans()
    os._exit(0)


def _wait_for_orphans() -> None:
    """Wait for what a program had started and did not live to see the end of."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _be_the_program(
    asked: dict[str, Any], folder: int, streams: Mapping[int, int]
) -> None:
    program.end_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # coverage has a handler
    os.setsid()
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.fchdir(folder)
    os.close(folder)
    _use(streams)
    if asked["umask"] is not None:
        os.umask(asked["umask"])
    sys.argv = ["-m", *asked["args"]]
    measured = _coverage(asked["env"])
    points = _fault_points(asked["point"]) if "point" in asked else None
    workers = _Nursery([points._trace] if points is not None else [])
    process.spawn = workers.spawn  # type: ignore[assignment]  # it returns what is used of a started process
    with _exiting(points, measured):
        _find_modules_from_here()
        runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


def _use(streams: Mapping[int, int]) -> None:
    """Make these the standard streams, and those that are missing closed ones, as at the start of an interpreter."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if number not in streams:
            os.close(number)
            setattr(sys, name, None)
            continue
        os.dup2(streams[number], number)
        os.close(streams[number])
        lines = number == 2 or os.isatty(number)
        errors = "backslashreplace" if number == 2 else "surrogateescape"
        binary = open(number, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115 - for the whole run
        opened = io.TextIOWrapper(binary, "utf-8", errors, line_buffering=lines)
        setattr(sys, name, opened)


def _find_modules_from_here() -> None:
    """Put the working folder where `python -m` has it."""
    try:
        sys.path[0] = os.getcwd()  # noqa: PTH109 - a text
    except FileNotFoundError:
        del sys.path[0]


class _Nursery:
    """Starts workers as forks of a process that is as the program was before it had threads, with all that they need.

    A process that has threads must not be forked: a lock that another one holds is held for ever in the fork.
    """

    def __init__(self, kept: Sequence[int]) -> None:
        self._asking, asked = socket.socketpair()
        with asked:
            if os.fork() == 0:
                _keep_nothing_open_but(asked.fileno(), *kept)
                nursery.serve(
                    asked, lambda number: _keep_nothing_open_but(number, *kept)
                )

    def spawn(self) -> nursery.Forked:
        """Start a worker."""
        return nursery.asks(self._asking)


def _keep_nothing_open_but(*kept: int) -> None:
    """Close the program's files in its fork, and lead its streams nowhere, as a start of another program would."""
    for link in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            if int(link.name) not in (0, 1, 2, *kept):
                os.close(int(link.name))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    if nowhere > 2:
        os.close(nowhere)


def _fault_points(point: dict[str, Any]) -> FaultPoints:
    """Return the armed fault points."""
    points = FaultPoints(
        Path(point["folder"]),
        Path(point["trace"]),
        label=point["label"],
        at=point["at"],
        cut=Cut(point["cut"]),
        uncertain=Path(point["uncertain"]) if point["uncertain"] else None,
    )
    points.arm()
    return points


def _coverage(env: Mapping[str, str]) -> coverage.Coverage | None:
    """Return this process's coverage, inherited from the parent; None, and it is stopped, if none is to be taken."""
    inherited = coverage.Coverage.current()
    if inherited is None or any(name.startswith(program.MEASURING) for name in env):
        return inherited
    inherited.stop()
    return None


@contextlib.contextmanager
def _exiting(
    points: FaultPoints | None, measured: coverage.Coverage | None
) -> Iterator[None]:
    """End this process as the interpreter would, without the server's business."""
    code = 0
    try:
        yield
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if (
            end.code is not None
            and not isinstance(end.code, int)
            and sys.stderr is not None
        ):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None and not stream.closed:
                    stream.flush()
            except OSError as error:
                code = _NOT_FLUSHED
                if stream is sys.stdout and sys.stderr is not None:
                    sys.stderr.write(
                        f"Exception ignored in: {stream!r}\n{type(error).__name__}: {error}\n"
                    )
        if points is not None:
            points.leave()
        if measured is not None:
            measured.stop()
            measured.save()
        os._exit(code)


if __name__ == "__main__":
    _serve()
