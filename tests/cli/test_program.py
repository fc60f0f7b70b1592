"""The tests' own way to run programs: clean surroundings, and a certain end."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
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
