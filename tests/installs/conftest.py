"""The folder that the programs have built, once for all tests, which only read it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.installs import tree
from tests.installs.network import GitHub
from tests.installs.ours import Ours
from tests.installs.tools import ENVIRONMENT, Tools, lack
from tests.support.program import Completed


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    """The programs, and their `root`: what they built from the network of `tree`, which they asked nothing else."""
    if not (ENVIRONMENT / "ready").exists():
        lack(
            "comfy-cli and comfyui-manager are not installed (make installs does that)"
        )
    if shutil.which("git") is None:
        lack("git is not installed")
    folder = tmp_path_factory.mktemp("installs")
    with tree.network() as network:
        tools = Tools(folder / "ComfyUI", folder / "home", network.environment)
        tree.build(tools, GitHub(folder / "github"))
        yield tools
        assert network.strays == []


@pytest.fixture
def installed(run: Callable[..., Completed]) -> Ours:
    """What Comfy Watch says of a TARGET."""
    return Ours(run)
