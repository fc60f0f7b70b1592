"""What every test may have: a registry, a webhook and a mailbox on loopback, a state folder, a program that ends."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path

import coverage
import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

import tests.support.offline.sitecustomize  # noqa: F401 - keeps pytest on loopback
import watcher
from tests.support import program
from tests.support.elsewhere.lacking import NEEDS_LINUX, lacks
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.smtp import Mailbox
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from watcher.delivery.urls import load

# How long a machine takes is no property of the program: no example has a deadline, and none is too slow to make.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", _UNTIMED)
settings.register_profile("quick", _UNTIMED, max_examples=10)
settings.load_profile("quick")


_TESTS = program.ROOT / "tests"
_LAWS = {"faults", "hostile", "properties", "proxied"}
_MARKED = {
    "services": "services",
    "deploy": "deployment",
    "installs": "installs",
    "proxied": "bounded",
}
"""Folders each of whose tests gets a mark."""
_MEASURING: dict[str, str] = {}
"""The variables that have coverage taken of a child process; empty where none is taken here."""


collect_ignore = [] if sys.platform == "linux" else [*NEEDS_LINUX]


def pytest_configure(config: pytest.Config) -> None:
    """Take coverage in the processes that run tests: xdist's own runs none, and its workers are measured already.

    SIGHUP is heard even if what started pytest ignores it, as nohup does: programs would inherit that, and keep to it.
    """
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    taken = coverage.Coverage.current()
    if taken is None:
        return
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        taken.stop()
        return
    _MEASURING["COVERAGE_PROCESS_START"] = str(program.ROOT / "pyproject.toml")
    _MEASURING["COVERAGE_FILE"] = str(program.ROOT / ".coverage")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a folder of which no test is asked for: each process would import them all to leave out each test."""
    mark = (
        _MARKED.get(collection_path.name) if collection_path.parent == _TESTS else None
    )
    return True if mark and f"not {mark}" in config.getoption("markexpr") else None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Take no coverage of the tests' own imports, which it makes twice as long; the program is imported before them."""
    if not _MEASURING or (taken := coverage.Coverage.current()) is None:
        _compile_in_turns(session.config)
        return (yield)
    for module in pkgutil.walk_packages(watcher.__path__, "watcher."):
        if module.name != "watcher.__main__":  # it works on the streams
            importlib.import_module(module.name)
    taken.stop()
    try:
        return (yield)
    finally:
        taken.start()


def _compile_in_turns(config: pytest.Config) -> None:
    """Import the tests in each of xdist's workers from another one on: what one has compiled the others only read.

    Where nothing is compiled yet each would compile every test at the same time: six seconds of work in each.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return
    folders = [
        folder
        for arg in config.args
        if (folder := Path(arg).resolve()).is_relative_to(_TESTS)
    ]
    paths = sorted(
        path.relative_to(program.ROOT)
        for folder in folders
        for path in folder.rglob("test_*.py")
    )
    paths = [path for path in paths if path.parts[1] not in _MARKED]
    first = (
        len(paths) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    )
    for path in paths[first:] + paths[:first]:
        with contextlib.suppress(
            Exception, pytest.skip.Exception
        ):  # the collection imports it again, and says why
            importlib.import_module(".".join(path.with_suffix("").parts))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take no coverage of tests that try many inputs: it doubles their time, and others run the same lines."""
    for item in items:
        folder = item.path.parts[len(_TESTS.parts)]
        if is_hypothesis_test(getattr(item, "obj", None)) or folder in _LAWS:
            item.add_marker(pytest.mark.no_cover)
        if folder in _MARKED:
            item.add_marker(_MARKED[folder])
        if sys.platform != "linux" and (lacking := lacks(item)):
            item.add_marker(pytest.mark.skip(reason=lacking))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Have coverage taken of the processes that a test starts if it is `measured`: half of their time is its price."""
    if item.get_closest_marker("measured") is not None:
        os.environ.update(_MEASURING)
    else:
        for name in _MEASURING:
            os.environ.pop(name, None)


def pytest_collection_finish() -> None:
    """Keep what the imports built out of later garbage collections: a delivery collects, 0.14 s each time without."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """What starts the program in milliseconds, and lets it die at a chosen point."""
    if sys.platform != "linux":
        pytest.skip("forks processes as only Linux does")
    with contextlib.ExitStack() as ends:
        with pytest.MonkeyPatch.context() as patch:
            for (
                name,
                value,
            ) in (
                _MEASURING.items()
            ):  # where a test is not measured, what is forked for it ends that
                patch.setenv(name, value)
            forks = ends.enter_context(ForkServer())
        yield forks


@pytest.fixture(scope="session")
def apprise_frozen() -> None:
    """Apprise is loaded, and left out of the collection of garbage after a delivery: half of the time of one."""
    load()
    gc.collect()
    gc.freeze()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry on loopback with an empty catalog."""
    with FakeRegistry() as embedded:
        yield embedded


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook on loopback that answers 200 to everything."""
    with Webhook() as peer:
        yield peer


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server on loopback."""
    with Mailbox() as peer:
        yield peer


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def run(tmp_path: Path, fork_server: ForkServer) -> Callable[..., program.Completed]:
    """`ForkServer.run` in the test's own folder."""
    return partial(fork_server.run, cwd=tmp_path)
