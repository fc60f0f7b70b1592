"""`run` under systemd: what it says to the socket of the service manager, and to the journal."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fork_server import Forked
from tests.support.harness import Watcher
from tests.support.program import Started

_PATIENCE = 60.0


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def until(self, true: Callable[[str], bool]) -> str:
        """Read until a datagram of which something is true has come, and return it."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                self.heard.append(self._socket.recv(65536).decode())
            except TimeoutError:
                raise AssertionError(f"it never came: {self.heard}") from None
            if true(self.heard[-1]):
                return self.heard[-1]

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Manager]:
    """A service manager that listens on a socket, by a path and by an abstract name."""
    listening = Manager(
        str(tmp_path / "notify")
        if request.param == "path"
        else f"@comfy-watch-{os.getpid()}"
    )
    yield listening
    listening.close()


@pytest.fixture
def watch(watch: Watcher) -> Watcher:
    """A watcher of one node pack that polls once."""
    return watch.but(interval="1h")


@contextlib.contextmanager
def _running(watch: Watcher, address: str, **env: str) -> Iterator[Started]:
    """Run it as systemd does: the variables are not settings, so they go beside these."""
    given = {**watch.environment(), "NOTIFY_SOCKET": address, **env}
    assert watch._fork_server is not None
    with watch._fork_server.start(
        "run", cwd=watch.folder, env=given, module="tests.support.eager"
    ) as started:
        yield started


def test_a_life(watch: Watcher, manager: Manager) -> None:
    """It is ready with its first poll, and says that it stops."""
    with _running(watch, manager.address) as started:
        manager.until(lambda it: it == "READY=1")
        started.until_logged("poll")
        started.signal(signal.SIGTERM)
        manager.until(lambda it: it == "STOPPING=1")
        assert started.wait().code == 0
    assert [it for it in manager.heard if "WATCHDOG" in it] == []


def test_a_watchdog_that_is_too_early(watch: Watcher, tmp_path: Path) -> None:
    """It is put off, so that no poll that waits for an answer is ended."""
    manager = Manager(str(tmp_path / "notify"))
    watch = watch.but(timeout="10s")
    with (
        contextlib.closing(manager),
        _running(watch, manager.address, WATCHDOG_USEC="1000000") as started,
    ):
        assert (
            manager.until(lambda it: "WATCHDOG_USEC" in it) == "WATCHDOG_USEC=340000000"
        )
        started.until_logged("poll")


def test_a_socket_that_is_full(watch: Watcher, tmp_path: Path) -> None:
    """No poll waits for it, and once it has room again it hears that the service is ready."""
    manager = Manager(str(tmp_path / "notify"))
    with contextlib.closing(manager):
        _fill(manager)
        with _running(watch.but(interval="50ms"), manager.address) as started:
            started.until_logged("poll", 3)
            manager.until(lambda it: it.startswith("READY=1"))


def _fill(manager: Manager) -> None:
    count = 1
    while count:  # until not even a new sender has room
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
            contextlib.suppress(BlockingIOError),
        ):
            other.setblocking(False)
            count = 0
            while True:
                other.sendto(b"X=1", manager.address)
                count += 1


@contextlib.contextmanager
def _journalled(
    watch: Watcher, *args: str, named: bool = True
) -> Iterator[tuple[Forked, Path]]:
    """Run a command whose stderr is what `$JOURNAL_STREAM` names, or is not; give it and its log."""
    log = watch.folder / "journal"
    with log.open("wb") as stream, open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - only its descriptor counts
        found = os.fstat(stream.fileno())
        journal = f"{found.st_dev}:{found.st_ino if named else 1}"
        streams = (nothing.fileno(), nothing.fileno(), stream.fileno())
        forked = watch.fork(*args, streams=streams, env={"JOURNAL_STREAM": journal})
    try:
        yield forked, log
    finally:
        forked.kill()
        forked.wait_for_all()


def _polled(watch: Watcher, words: str, *args: str, named: bool = True) -> list[str]:
    """Run it until its log has some words, and return the log's lines."""
    with _journalled(watch, "run", *args, named=named) as (forked, log):
        deadline = time.monotonic() + _PATIENCE
        while words not in log.read_text("utf-8"):
            assert time.monotonic() < deadline
            time.sleep(0.01)  # between two looks at what another process writes
        forked.terminate()
        assert forked.wait(_PATIENCE) == 0
        return log.read_text("utf-8").splitlines()


@pytest.mark.parametrize("named", [True, False])
def test_json_lines(watch: Watcher, *, named: bool) -> None:
    """They are written where stderr is no journal, and in a journal if asked for, each after its priority."""
    watch = watch.but(nodes=["alpha", "nowhere"])
    args = ["--set", "log_format=json"] if named else []
    lines = _polled(watch, '"event": "poll"', *args, named=named)
    levels = {
        (json.loads(line.lstrip("<34567>"))["level"], line[:3] if named else "")
        for line in lines
    }
    wanted = {("info", "<6>"), ("warning", "<4>")}
    assert levels == (wanted if named else {(level, "") for level, _ in wanted})


def test_the_journal_is_for_people(watch: Watcher) -> None:
    """Sentences, each one line with its priority, without a second time, colours or JSON, whatever the level."""
    watch = watch.but(nodes=["alpha", "nowhere"], log_level="debug")
    lines = _polled(watch, "2 packs checked")
    assert {line[:3] for line in lines} == {"<4>", "<6>", "<7>"}
    said = [line[3:] for line in lines if line[:3] != "<7>"]
    assert "[info] watching 2 packs, every 1h" in said
    assert [line for line in said if line.startswith("[warning] nowhere: ")]
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert [line for line in lines if "\x1b" in line or f"{today}T" in line] == []
    assert [line for line in lines if line[3:].startswith("{")] == []


def test_a_command_has_priorities_too(watch: Watcher) -> None:
    """What `check` writes to the journal begins with its priority: an error and its hint."""
    with _journalled(watch.but(interval="soon"), "check") as (forked, log):
        forked.wait(_PATIENCE)
        lines = log.read_text("utf-8").splitlines()
    assert {line.partition(":")[0] for line in lines} == {"<3>error"}
