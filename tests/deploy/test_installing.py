"""docs/install.md with the real uv: installed, upgraded under a `run`, and removed, by the page's own words.

The repository's address leads to a copy of this checkout. What the program depends on comes from the package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.support.person import Person
from tests.deploy.support.tools import ended, tool, until
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import write_settings
from tests.support.markdown import marked, tables

pytestmark = pytest.mark.deployment

_PASSED_ON = ("UV_", "SSL_", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CACHE = program.ROOT / ".venv-deploy" / "uv-cache"
_PATIENCE = 60.0


class _Installer(Person):
    """Somebody with uv and git, for whom the repository's address leads to a copy of this checkout."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.repository = self.finds_the_repository()

    def publish(self) -> str:
        """Add a commit to the repository, and return it as `--version` shows it."""
        self._git("commit", "--quiet", "--allow-empty", "--message", "next")
        return self._git("rev-parse", "HEAD")[:12]

    def follows(self, marker: str) -> str:
        """Carry out a block of the page, and return what that printed."""
        return self._does(marked("install.md", marker))

    def later(self, column: int) -> str:
        """Carry out what the page's table has for uv: an upgrade (1) or the removal (2)."""
        [row] = [row for row in tables("install.md")["tool"] if row[0] == "uv"]
        return self._does(row[column].strip("`"))

    def session(self) -> dict[str, str]:
        """Return the environment of a new shell in which `~/.local/bin` is on the PATH."""
        given = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(_PASSED_ON)
        }
        uv = {
            "UV_CACHE_DIR": str(_CACHE),
            "UV_PYTHON": sys.executable,
            "UV_PYTHON_DOWNLOADS": "never",
        }
        path = os.pathsep.join(
            (
                str(self.home / ".local/bin"),
                str(Path(tool("uv")).parent),
                self.environment()["PATH"],
            )
        )
        return {
            "UV_SYSTEM_CERTS": "1",
            **given,
            **uv,
            "PATH": path,
            "SHELL": "/bin/bash",
        }

    def _does(self, words: str) -> str:
        done = self.shell(words, env=self.session())
        assert done.code == 0, done.err
        return done.out

    def _git(self, *args: str) -> str:
        done = ended(tool("git"), *args, cwd=self.repository, env=self.environment())
        assert done.code == 0, done
        return done.out.strip()


@pytest.fixture
def settled(tmp_path: Path, registry: FakeRegistry) -> _Installer:
    """Somebody with settings for a registry on loopback."""
    tool("uv")
    installer = _Installer(tmp_path / "home")
    registry.catalog.publish("alpha", "1.0.0")
    write_settings(
        installer.home,
        nodes=["alpha"],
        registry_url=registry.url,
        interval="10s",
        alert_urls="none",
    )
    return installer


def test_uv(settled: _Installer, registry: FakeRegistry) -> None:
    """The words of the page install what was published, upgrade it under a `run`, which ends with 1 by its next poll,
    and remove it; settings and state stay.
    """
    first = settled.publish()
    settled.follows("uv")
    said = settled.follows("works")
    assert f"(commit {first})\n" in said
    assert "banned" in said.lower()

    env = settled.environment(settled.session())
    log = settled.home.parent / "log"
    with log.open("wb") as stream:
        run = subprocess.Popen(
            ["comfy-watch", "run"],
            cwd=settled.home,
            env=env,
            stdout=stream,
            stderr=stream,
        )
    try:
        second = settled.publish()
        until(lambda: bool(registry.requests), "the first poll")
        settled.later(1)
        assert run.wait(_PATIENCE) == 1, log.read_text("utf-8")
    finally:
        run.kill()
        run.wait()
    assert (
        "the installation was replaced or removed while this process ran"
        in log.read_text("utf-8")
    )
    assert f"(commit {second})\n" in settled.follows("works")

    settled.later(2)
    assert [path.name for path in (settled.home / ".local" / "bin").iterdir()] == []
    assert (settled.home / "comfy-watch.toml").exists()
    assert (settled.home / "state" / "snapshot.json").exists()
