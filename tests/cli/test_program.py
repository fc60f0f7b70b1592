"""The tests' own way to run programs: clean surroundings, and a certain end."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import program

pytestmark = pytest.mark.measured


def test_surroundings_are_clean(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing of the caller's settings, secrets or proxies gets through; what measures coverage does."""
    for name in (
        "COMFY_WATCH_NODES",
        "CREDENTIALS_DIRECTORY",
        "STATE_DIRECTORY",
        "https_proxy",
        "XDG_CONFIG_HOME",
    ):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("COVERAGE_PROCESS_START", "/config")
    given = program.surroundings(tmp_path, {"COMFY_WATCH_INTERVAL": "1s"})
    assert "/elsewhere" not in given.values()
    assert (given["COVERAGE_PROCESS_START"], given["COMFY_WATCH_INTERVAL"]) == (
        "/config",
        "1s",
    )
    assert given["HOME"] == str(tmp_path)


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        ("with socket.socket() as s: s.connect(('192.0.2.1', 80))", PermissionError),
        ("socket.create_connection(('192.0.2.1', 80))", socket.gaierror),
        ("socket.getaddrinfo('registry.example', 443)", socket.gaierror),
    ],
)
def test_no_program_leaves_loopback(
    tmp_path: Path, call: str, refusal: type[OSError]
) -> None:
    """A program that a test starts cannot look up or reach another host, and neither can the test.

    A look-up fails as one that finds nothing does, since libraries live on without an answer to some.
    """
    code = f"import socket\n{call}"
    env = program.surroundings(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(rf"{refusal.__name__}: .*a test wanted to reach", done.stderr)
    with pytest.raises(refusal):
        exec(code)


def test_a_run_cannot_outstay_its_time(run: Callable[..., program.Completed]) -> None:
    """A program that does not end in time is killed."""
    with pytest.raises(subprocess.TimeoutExpired):
        run("--bind", "127.0.0.1", "0", module="http.server", timeout=0.3)


def test_a_started_program_ends_with_its_block(tmp_path: Path) -> None:
    """A program that still runs is ended; one that ended by itself is an AssertionError to whoever waits for more."""
    with program.start(
        "--bind", "127.0.0.1", "0", cwd=tmp_path, module="http.server"
    ) as server:
        pass
    assert server.process.poll() is not None
    with program.start("--no-such-option", cwd=tmp_path, module="json.tool") as tool:
        with pytest.raises(AssertionError, match="ended with 2"):
            tool.until(lambda it: "never" in it.out)
        assert "usage" in tool.err
        assert tool.wait().code == 2
