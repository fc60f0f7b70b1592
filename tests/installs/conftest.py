"""The folder that the programs have built, once for all tests, which only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.installs import tree
from tests.installs.network import GitHub
from tests.installs.tools import ENVIRONMENT, Tools, lack


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    """The programs, and their `root`: what they built from the network of `tree`, which they asked nothing else."""
    if not (ENVIRONMENT / "ready").exists():
        lack("comfy-cli and comfyui-manager are not installed (make installs does that)")
    folder = tmp_path_factory.mktemp("installs")
    with tree.network() as network:
        tools = Tools(folder / "ComfyUI", folder / "home", network.environment)
        tree.build(tools, GitHub(folder / "github"))
        yield tools
        assert network.strays == []
