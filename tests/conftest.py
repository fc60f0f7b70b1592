"""What every test may have: a registry, a webhook and a mailbox on loopback, a state folder, a program that ends."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import coverage
import pytest
from hypothesis import is_hypothesis_test, settings

import tests.support.offline.sitecustomize  # noqa: F401 - keeps pytest on loopback
from tests.support import program
from tests.support.fakes.smtp import Mailbox
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from watcher.fake_registry.server import FakeRegistry

settings.register_profile("untimed", deadline=None)  # how long a machine takes is no property of the program
settings.load_profile("untimed")


_LAWS = tuple(program.ROOT / "tests" / folder for folder in ("faults", "hostile", "properties", "proxied"))


def pytest_configure(config: pytest.Config) -> None:
    """Have coverage taken of the program's processes where it is taken here, but not by xdist's workers twice."""
    runs_tests = hasattr(config, "workerinput") or not config.getoption("numprocesses", None)
    if runs_tests and coverage.Coverage.current() is not None:
        os.environ["COVERAGE_PROCESS_START"] = str(program.ROOT / "pyproject.toml")
        os.environ["COVERAGE_FILE"] = str(program.ROOT / ".coverage")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take no coverage of tests that try many inputs: it doubles their time, and others run the same lines."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)) or any(map(item.path.is_relative_to, _LAWS)):
            item.add_marker(pytest.mark.no_cover)


def pytest_collection_finish() -> None:
    """Keep what the imports built out of later garbage collections: a delivery collects, 0.14 s each time without."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage of the processes that the test starts is not taken, which costs as long again as they run.

    For tests that run the program many times through what others have it run through already.
    """
    for name in [name for name in os.environ if name.startswith(program.MEASURING)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """What starts the program in milliseconds, and lets it die at a chosen point."""
    with ForkServer() as forks:
        yield forks


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
def run(tmp_path: Path) -> Callable[..., program.Completed]:
    """`program.run` in the test's own folder."""
    return partial(program.run, cwd=tmp_path)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., program.Started]]:
    """`program.start` in the test's own folder; whatever still runs is ended with the test."""
    with contextlib.ExitStack() as ends:

        def begin(*args: str, env: Mapping[str, str] | None = None, module: str = "watcher") -> program.Started:
            return ends.enter_context(program.start(*args, cwd=tmp_path, env=env, module=module))

        yield begin
