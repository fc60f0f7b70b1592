"""The hook for pre-commit, by the real one: docs/ci.md carried out in a repository of somebody's own.

The address of Comfy Watch's repository leads to a copy of this checkout. What the program depends on comes from the
package index, once for all tests.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.deploy.support.person import Person, blocks
from tests.deploy.support.tools import tool
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.program import Completed
from watcher.installs.recognise.images import SUFFIXES

pytestmark = pytest.mark.deployment

_HOOK = "comfy-watch-audit"
_PASSED_ON = ("PIP_", "SSL_", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_GOOD = "FROM python:3.13\nRUN comfy node install fine@1.0.0\n"
_BAD = f"{_GOOD}RUN comfy node install evil@1.0.0\n"


@dataclass(frozen=True, kw_only=True)
class Developer:
    """Somebody with a repository that has the hook of the page."""

    person: Person
    cache: Path
    registry: FakeRegistry

    def has(self, name: str, text: str) -> None:
        """Write a file of the repository, and add it to the next commit."""
        path = self.person.home / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        assert self.does("git add .").code == 0

    def does(self, words: str, env: Mapping[str, str] | None = None) -> Completed:
        """Carry out commands in the repository."""
        here = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(_PASSED_ON)
        }
        python = Path(sys.executable).parent
        path = (Path(tool("pre-commit")).parent, python, Path(tool("git")).parent)
        given = {
            **here,
            "COMFY_WATCH_MINIMUM_AGE": "0",
            "COMFY_WATCH_REGISTRY_URL": self.registry.url,
            "COMFY_WATCH_RETRIES": "0",
            "PATH": os.pathsep.join(
                (*map(str, path), self.person.environment()["PATH"])
            ),
            "PIP_NO_COMPILE": "1",
            "PRE_COMMIT_HOME": str(self.cache),
            **(env or {}),
        }
        return self.person.shell(words, cwd=self.person.home / "mine", env=given)

    def commits(self, env: Mapping[str, str] | None = None) -> Completed:
        """Commit what was added; what the hook printed is in `err`."""
        return self.does("git commit --quiet --message x", env)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps what it has installed."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def developer(tmp_path: Path, cache: Path, registry: FakeRegistry) -> Developer:
    """Somebody who has followed the page; the registry has a good and a banned pack."""
    for node in ("fine", "evil"):
        registry.catalog.publish(node, "1.0.0")
    registry.catalog.set_status("evil", "1.0.0", "banned", "runs code")
    person = Person(tmp_path / "home")
    person.finds_the_repository()
    (person.home / "mine").mkdir()
    developer = Developer(person=person, cache=cache, registry=registry)
    assert developer.does("git init --quiet .").code == 0
    developer.has(".pre-commit-config.yaml", blocks("ci.md", "yaml")[1])
    done = developer.does(
        "pre-commit autoupdate --bleeding-edge && pre-commit install && git add ."
    )
    assert done.code == 0, done
    return developer


def test_the_hook(developer: Developer) -> None:
    """A commit with a banned pack is refused and names it; with `SKIP`, or without the pack, it is taken."""
    developer.has("docker/Dockerfile", _BAD)
    refused = developer.commits()
    assert refused.code == 1
    assert "- exit code: 3" in refused.err
    assert re.search(r"^evil +1\.0\.0 +banned ", refused.err, re.MULTILINE)
    away = developer.commits({"COMFY_WATCH_REGISTRY_URL": "http://127.0.0.1:9"})
    assert (away.code, "- exit code: 1" in away.err) == (1, True)
    assert "cannot reach 127.0.0.1:9" in away.err
    assert developer.commits({"SKIP": _HOOK}).code == 0
    developer.has("docker/Dockerfile", _GOOD)
    assert developer.commits().code == 0
    asked = len(developer.registry.requests)
    developer.has("README.md", "text")
    assert developer.commits().code == 0
    assert len(developer.registry.requests) == asked


def test_it_begins_with_every_file_that_names_packs() -> None:
    """The hook begins when a file changes that the program would read, and not with others."""
    (hook,) = yaml.safe_load(
        (program.ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    )
    assert hook["id"] == _HOOK
    names = [
        *("Dockerfile", "dockerfile", "Dockerfile.gpu", "a.dockerfile"),
        *("Containerfile.x", "a.json", "a.yml", "a.yaml"),
        *(f"a{suffix}" for suffix in SUFFIXES),
        "ComfyUI/custom_nodes/a/pyproject.toml",
    ]
    others = ["a.py", "a.md", "my_custom_nodes/a.py"]
    begins = re.compile(hook["files"]).search
    assert [one for one in names if not begins(f"docker/{one}")] == []
    assert [one for one in others if begins(one)] == []
