"""What most tests of the commands begin with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

Audit = Callable[..., program.Completed]
Versions = Callable[..., program.Completed]


@pytest.fixture
def audit(run: Callable[..., program.Completed], registry: FakeRegistry) -> Audit:
    """`audit` of a loopback registry, without settings; it takes the arguments, the exit code and variables."""
    return _without_settings("audit", run, registry)


@pytest.fixture
def versions(run: Callable[..., program.Completed], registry: FakeRegistry) -> Versions:
    """`versions` of a loopback registry, as `audit`."""
    return _without_settings("versions", run, registry)


def _without_settings(
    command: str, run: Callable[..., program.Completed], registry: FakeRegistry
) -> Callable[..., program.Completed]:
    def called(*args: str, code: int = 0, **env: str) -> program.Completed:
        given = {
            "COMFY_WATCH_REGISTRY_URL": registry.url,
            "COMFY_WATCH_RETRIES": "0",
            **env,
        }
        done = run(command, *args, env=given)
        assert "Traceback" not in done.out + done.err, done.err
        assert done.code == code, done
        return done

    return called


@pytest.fixture
def watch(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Watcher:
    """A watcher with a silent baseline, beside a registry with alpha 1.0.0."""
    registry.catalog.publish("alpha", "1.0.0")
    return Watcher(tmp_path, registry, fork_server=fork_server, baseline="silent")


@pytest.fixture
def comfyui(tmp_path: Path) -> LivedIn:
    """A ComfyUI that runs alpha 1.0.0."""
    installed = LivedIn(tmp_path / "studio")
    installed.put("alpha", "1.0.0")
    return installed
