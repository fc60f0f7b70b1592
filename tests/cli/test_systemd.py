"""`run` under systemd: what it says to the socket of the service manager, and to the journal."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from tests.support.program import Started
from watcher.fake_registry.server import FakeRegistry

_PATIENCE = 20.0


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
def watch(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Watcher:
    """A watcher of one node pack, with a settings file."""
    registry.catalog.publish("alpha", "1.0.0")
    return Watcher(
        tmp_path, registry, fork_server=fork_server, interval="1h", baseline="silent"
    )


@contextlib.contextmanager
def _running(watch: Watcher, address: str, **env: str) -> Iterator[Started]:
    """Run it as systemd does: the variables are not settings, so they go beside these."""
    given = {**watch.environment(), "NOTIFY_SOCKET": address, **env}
    assert watch._fork_server is not None
    with watch._fork_server.start(
        "run", cwd=watch.folder, env=given, module="tests.support.eager"
    ) as started:
        yield started


def _log(started: Started, event: str) -> list[dict[str, Any]]:
    lines = [
        json.loads(line)
        for line in started.err.splitlines(keepends=True)
        if line.endswith("\n")
    ]
    return [line for line in lines if line["event"] == event]


def test_a_life(watch: Watcher, manager: Manager) -> None:
    """It is ready with its first poll, says what that did, reloads, and says that it stops."""
    with _running(watch, manager.address) as started:
        assert (
            manager.until(lambda it: "READY=1" in it)
            == "READY=1\nSTATUS=first poll under way"
        )
        status = manager.until(lambda it: it.startswith("STATUS=last poll"))
        assert re.fullmatch(
            r"STATUS=last poll [\d-]+ [\d:]+ UTC: 1 of 1 node pack checked, 0 events, 0 alerts undelivered;"
            r" next poll [\d-]+ [\d:]+ UTC",
            status,
        )
        before = time.monotonic_ns() // 1000
        started.signal(signal.SIGHUP)
        reloading = manager.until(lambda it: it.startswith("RELOADING=1"))
        assert (
            before
            <= int(reloading.partition("\nMONOTONIC_USEC=")[2])
            <= time.monotonic_ns() // 1000
        )
        manager.until(lambda it: it == "READY=1")
        manager.until(lambda it: it.startswith("STATUS=settings reloaded; next poll"))
        started.signal(signal.SIGTERM)
        assert (
            manager.until(lambda it: it.startswith("STOPPING=1"))
            == "STOPPING=1\nSTATUS=stopping (SIGTERM)"
        )
        assert started.wait().code == 0
    assert [it for it in manager.heard if "WATCHDOG" in it] == []


def test_a_reload_that_fails_is_over_too(watch: Watcher, tmp_path: Path) -> None:
    """Systemd hears why, and that the service is ready again; no address is in it."""
    manager = Manager(str(tmp_path / "notify"))
    (watch.folder / "comfy-watch.toml").write_text("", "utf-8")
    with contextlib.closing(manager), _running(watch, manager.address) as started:
        manager.until(lambda it: it.startswith("STATUS=last poll"))
        (watch.folder / "comfy-watch.toml").write_text(
            "retries = 'nosuch://secret'\ninterval = 1\n", "utf-8"
        )
        (watch.folder / "comfy-watch.toml").write_text(
            "alert_url = ['json://secret']\n", "utf-8"
        )
        started.signal(signal.SIGHUP)
        said = manager.until(lambda it: it.startswith("READY=1"))
        assert said.startswith("READY=1\nSTATUS=reload failed, the old settings stay: ")
        assert "alert_url" in said
        assert "secret" not in said


def test_a_watchdog_that_is_too_early(watch: Watcher, tmp_path: Path) -> None:
    """It is put off, so that no poll that waits for an answer is ended; one line says so."""
    manager = Manager(str(tmp_path / "notify"))
    watch = watch.but(timeout="10s")
    with (
        contextlib.closing(manager),
        _running(watch, manager.address, WATCHDOG_USEC="1000000") as started,
    ):
        assert (
            manager.until(lambda it: "WATCHDOG_USEC" in it) == "WATCHDOG_USEC=340000000"
        )
        started.until(lambda it: bool(_log(it, "poll")))
        (line,) = _log(started, "systemd")
        assert "WatchdogSec=1 is too short" in line["warning"]


@pytest.mark.parametrize("kind", ["missing", "full", "nonsense"])
def test_a_socket_that_does_not_answer(
    watch: Watcher, tmp_path: Path, kind: str
) -> None:
    """No poll waits for it; one that is missing is said in one line. One that has room again hears what it missed."""
    address = {
        "missing": str(tmp_path / "nobody"),
        "full": str(tmp_path / "notify"),
        "nonsense": "vsock:2:9",
    }[kind]
    with contextlib.ExitStack() as ends:
        manager = None
        if kind == "full":
            manager = ends.enter_context(contextlib.closing(Manager(address)))
            _fill(manager)
        started = ends.enter_context(_running(watch.but(interval="50ms"), address))
        started.until(lambda it: len(_log(it, "poll")) > 2)
        assert len(_log(started, "systemd")) == (kind != "full")
        if manager is not None:
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


def test_priorities_in_the_journal(watch: Watcher, tmp_path: Path) -> None:
    """Each line begins with its priority where stderr is what `$JOURNAL_STREAM` names, and with none elsewhere."""
    log = tmp_path / "journal"
    watch = watch.but(interval="1h", nodes=["alpha", "nowhere"], log_level="debug")
    for named in (True, False):
        with log.open("wb") as stream, open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - only its descriptor counts
            found = os.fstat(stream.fileno())
            journal = {
                "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino if named else 1}"
            }
            streams = (nothing.fileno(), nothing.fileno(), stream.fileno())
            forked = watch.fork("run", streams=streams, env=journal)
        try:
            deadline = time.monotonic() + _PATIENCE
            while '"event": "poll"' not in log.read_text("utf-8"):
                assert time.monotonic() < deadline
                time.sleep(0.01)  # between two looks at what another process writes
            forked.terminate()
            assert forked.wait(_PATIENCE) == 0
        finally:
            forked.kill()
            forked.wait_for_all()
        lines = log.read_text("utf-8").splitlines()
        levels = {
            (json.loads(line.lstrip("<34567>"))["level"], line[:3] if named else "")
            for line in lines
        }
        wanted = {("debug", "<7>"), ("info", "<6>"), ("warning", "<4>")}
        assert levels == (wanted if named else {(level, "") for level, _ in wanted})


def test_a_command_has_priorities_too(watch: Watcher, tmp_path: Path) -> None:
    """What `check` writes to the journal begins with its priority: an error and its hint, a warning."""
    log = tmp_path / "journal"
    for settings, wanted in (
        ({"interval": "soon"}, {"<3>error"}),
        ({"alert_urls": ""}, {"<4>warning"}),
    ):
        with log.open("wb") as stream, open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - only its descriptor counts
            found = os.fstat(stream.fileno())
            streams = (nothing.fileno(), nothing.fileno(), stream.fileno())
            journal = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
            forked = watch.but(**settings).fork("check", streams=streams, env=journal)
        forked.wait(_PATIENCE)
        forked.wait_for_all()
        assert {
            line.partition(":")[0] for line in log.read_text("utf-8").splitlines()
        } == wanted
