"""What tests of deployments may have: somebody in an empty place, and a Debian in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.support.debian import bootstrap
from tests.deploy.support.person import Person
from tests.deploy.support.podman import Podman


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody with an empty home, who follows a page."""
    return Person(tmp_path / "home")


@pytest.fixture(scope="session")
def debian() -> Path:
    """The root folder of a minimal Debian, which all tests share: read it, or work on a copy."""
    return bootstrap()


@pytest.fixture(scope="session")
def podman(debian: Path) -> Podman:
    """What builds and runs containers, with the base image that the Containerfile begins with."""
    engine = Podman()
    engine.prepare(debian)
    return engine


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    """The image that comes of the Containerfile."""
    return podman.build()
