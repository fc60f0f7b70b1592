"""The action that audits: what a run of it does and says, by the workflow of docs/ci.md too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.github_actions.conftest import equipped
from tests.deploy.support.actions_runner import Finished, Runner
from tests.deploy.support.person import Person
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.markdown import blocks

pytestmark = pytest.mark.deployment

_PAGE = "ci.md"
_DOCKERFILE = """\
FROM python:3.13
RUN comfy node install fine@1.0.0
RUN comfy node install evil@1.0.0
"""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository whose workflow uses the action."""

    registry: FakeRegistry
    runner: Runner

    def use(self, *, env: Mapping[str, str] | None = None, **inputs: str) -> Finished:
        """Run the workflow once; an input `fail_on` is the action's `fail-on`."""
        settings = {
            "COMFY_WATCH_MINIMUM_AGE": "0",
            "COMFY_WATCH_REGISTRY_URL": self.registry.url,
            "COMFY_WATCH_RETRIES": "0",
            **(env or {}),
        }
        return self.runner.use(inputs, settings)

    def put(self, name: str, text: str) -> None:
        """Write a file of the repository."""
        path = self.runner.folder / "workspace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


@pytest.fixture
def repository(tmp_path: Path, action: Path, registry: FakeRegistry) -> Repository:
    """A repository with a Dockerfile that names a good and a banned pack."""
    for node in ("fine", "evil"):
        registry.catalog.publish(node, "1.0.0")
    registry.catalog.set_status("evil", "1.0.0", "banned", "runs code")
    runner = equipped(tmp_path / "machine", action, action / "audit", {})
    made = Repository(registry=registry, runner=runner)
    made.put("docker/Dockerfile", _DOCKERFILE)
    return made


def _results(done: Finished) -> list[dict[str, Any]]:
    document = json.loads(Path(done.outputs["file"]).read_bytes())
    results: list[dict[str, Any]] = document["runs"][0]["results"]
    return results


def test_the_format(repository: Repository) -> None:
    """The file has the format of the input; the summary is the same."""
    done = repository.use(format="table", fail_on="none")
    assert done.code == 0
    assert "evil" in done.summary
    assert Path(done.outputs["file"]).read_text("utf-8").startswith("WHERE")


def test_several_paths(repository: Repository) -> None:
    """Each line of `path` is looked at, also one that begins with a hyphen; empty lines are none."""
    repository.put("-x/Dockerfile", "FROM a\nRUN comfy node install other@1.0.0\n")
    repository.registry.catalog.publish("other", "1.0.0")
    done = repository.use(path="docker\n\n  -x  \n", fail_on="none", format="json")
    packs = json.loads(Path(done.outputs["file"]).read_bytes())["packs"]
    assert [pack["id"] for pack in packs] == ["evil", "fine", "other"]


def test_a_path_that_is_not_there(repository: Repository) -> None:
    """It is exit code 2 with the reason, and what is there was looked at."""
    done = repository.use(path="docker\nnowhere", fail_on="none")
    assert (done.code, done.outputs["exit-code"]) == (2, "2")
    assert "error: nowhere: " in done.log
    assert "error: nowhere: " in done.summary
    assert len(_results(done)) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"format": "xml"}, "--format"),
        ({"fail_on": "bad"}, "--fail-on"),
        ({"path": "http://127.0.0.1:1"}, "sarif"),
    ],
)
def test_a_wrong_input(
    repository: Repository, wrong: dict[str, Any], said: str
) -> None:
    """It is exit code 2, a line that names it, and no file."""
    done = repository.use(**wrong)
    assert (done.code, done.outputs["exit-code"], done.outputs["file"]) == (2, "2", "")
    assert said in done.log
    assert repository.registry.requests == []


def test_the_workflow_of_the_page(repository: Repository) -> None:
    """With a banned pack its job is red, the summary and the SARIF file say where it is, and that is uploaded."""
    workflow = yaml.safe_load(blocks(_PAGE, "yaml")[0])
    assert {"pull_request", "schedule"} == workflow[True].keys()  # `on` is YAML's yes
    steps = workflow["jobs"]["audit"]["steps"]
    (ours,) = [one for one in steps if one["uses"].startswith("OWNER/comfy-watch/")]
    done = repository.use(**ours.get("with", {}))
    assert (ours["id"], done.code, done.outputs["exit-code"]) == ("audit", 3, "3")
    assert "    docker/Dockerfile:3  evil" in done.summary
    (result,) = _results(done)
    assert result["ruleId"] == "comfy-watch/banned"
    upload = steps[-1]
    assert upload["if"] == "always() && steps.audit.outputs.file"
    assert upload["with"]["sarif_file"] == "${{ steps.audit.outputs.file }}"
    assert done.outputs["file"].endswith(".sarif")


def test_an_acceptance(repository: Repository) -> None:
    """The acceptance of the page, for the pack of the repository, makes the job green."""
    (accepted,) = blocks(_PAGE, "toml")
    accepted = re.sub(r'"comfyui-[^"]*"', '"evil@1.0.0=banned"', accepted)
    repository.put(
        "comfy-watch.toml", re.sub(r"until = .*", "until = 2999-01-01", accepted)
    )
    done = repository.use()
    assert done.code == 0


def test_any_other_ci(repository: Repository, person: Person) -> None:
    """The second of the two lines does what the action does; with its ending, only exit code 1 stops nobody."""
    (words,) = blocks(_PAGE, "sh")
    _, audit = words.splitlines()
    command = person.installs()
    page = (program.ROOT / "docs" / _PAGE).read_text("utf-8")
    lenient = f"{audit} || [ $? -eq 1 ]"
    assert f"`{lenient}`" in page

    def code(line: str, url: str) -> int:
        env = {
            "COMFY_WATCH_REGISTRY_URL": url,
            "COMFY_WATCH_RETRIES": "0",
            "PATH": f"{command.parent}:{person.environment()['PATH']}",
        }
        workspace = repository.runner.folder / "workspace"
        return person.shell(line, cwd=workspace, env=env).code

    assert code(audit, repository.registry.url) == 3
    assert code(lenient, repository.registry.url) != 0
    assert code(lenient, "http://127.0.0.1:9") == 0
