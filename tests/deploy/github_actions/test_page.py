"""docs/github-actions.md, held against the action and carried out."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.deploy.github_actions.conftest import World
from tests.deploy.support.person import Person
from tests.support import program
from tests.support.markdown import blocks, tables

pytestmark = pytest.mark.deployment

_PAGE = "github-actions.md"
_WORKFLOW = program.ROOT / "deploy" / "github-actions" / "comfy-watch.yml"


@pytest.mark.parametrize(
    ("page", "action"), [(_PAGE, "action.yml"), ("ci.md", "audit/action.yml")]
)
def test_inputs_and_outputs(page: str, action: str) -> None:
    """The tables have every input with its default, and every output, in the action's order."""
    definition = yaml.safe_load((program.ROOT / action).read_text("utf-8"))
    words = {"": "none", "${{ github.token }}": "the job's own"}
    found = tables(page)
    assert [(row[0], row[1]) for row in found["input"]] == [
        (
            f"`{name}`",
            ""
            if one.get("required")
            else words.get(one["default"], f"`{one['default']}`"),
        )
        for name, one in definition["inputs"].items()
    ]
    assert [row[0] for row in found["output"]] == [
        f"`{name}`" for name in definition["outputs"]
    ]


def test_what_the_action_says_is_in_the_table_of_remedies() -> None:
    """Each quoted line of the last table is one that the action's scripts print, or GitHub's own word."""
    folder = program.ROOT / "deploy" / "github-actions"
    scripts = " ".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    said = re.sub(r'"\s+f?"', "", scripts)
    quoted = [
        found
        for row in tables(_PAGE)["it says"]
        for found in re.findall(r"`([^`]+)`", row[0])
    ]
    theirs = {"denied", "403", "protected branch", "rule"}
    counted = {"an alert is undelivered"}
    assert [
        text for text in quoted if text not in said and text not in theirs | counted
    ] == []


def test_the_workflow_that_users_copy(world: World) -> None:
    """The workflow, with its secret set and nothing else changed, polls the packs that it names."""
    (ours,) = [
        step
        for step in yaml.safe_load(_WORKFLOW.read_text("utf-8"))["jobs"]["watch"][
            "steps"
        ]
        if step["uses"].startswith("OWNER/comfy-watch@")
    ]
    given = {
        name: value for name, value in ours["with"].items() if name != "alert-urls"
    }
    assert ours["with"]["alert-urls"] == "${{ secrets.ALERT_URLS }}"
    for node in given["nodes"].split():
        world.registry.catalog.publish(node, "1.0.0")
    done = world.use(**given)
    assert done.code == 0
    assert "2 of 2 node packs checked" in done.summary
    assert len(world.alerts()) == 1


def test_the_workflow_with_the_page() -> None:
    """The other workflow is the same but for the page: it uploads what the action published, and deploys that."""
    workflow, plain = (
        yaml.safe_load(path.read_text("utf-8"))
        for path in (_WORKFLOW.with_name("comfy-watch-pages.yml"), _WORKFLOW)
    )
    page, watch = workflow["jobs"].pop("page"), workflow["jobs"]["watch"]
    assert watch.pop("outputs") == {
        "artifact": "${{ steps.upload.outputs.artifact_id }}"
    }
    upload = watch["steps"].pop()
    assert upload["id"] == "upload"
    assert upload["with"] == {"path": "${{ steps.watch.outputs.publish-dir }}"}
    assert "steps.watch.outputs.publish-dir != ''" in upload["if"]
    assert page["needs"] == "watch"
    assert "needs.watch.outputs.artifact != ''" in page["if"]
    assert page["permissions"] == {"pages": "write", "id-token": "write"}
    ours = watch["steps"][-1]
    assert ours.pop("id") == "watch"
    assert ours["with"].pop("publish") is True
    assert workflow == plain


def test_the_whole_registry(world: World) -> None:
    """The step that watches everything finds packs that nobody names."""
    (step,) = yaml.safe_load(blocks(_PAGE, "yaml")[0])
    nodes, public_state = step["with"]["nodes"], step["with"]["public-state"]
    world.registry.catalog.publish("bravo", "1.0.0")
    done = world.use(nodes=nodes, public_state=str(public_state).lower())
    assert done.code == 0
    assert "2 of 2 node packs checked" in done.summary


def test_the_state_is_looked_at_as_the_page_says(world: World, person: Person) -> None:
    """The commands of the page, in a clone of the repository, show the state of the last run."""
    world.use()
    world.put({"README.md": "mine"}, branch="main")
    command = person.installs()
    clone = person.home / "clone"
    world.git.git(person.home, "clone", "--quiet", str(world.remote), str(clone))
    (words,) = blocks(_PAGE, "sh")
    done = person.shell(
        words,
        cwd=clone,
        env={"PATH": f"{command.parent}:{person.environment()['PATH']}"},
    )
    assert (done.code, done.err) == (0, "")
    assert "alpha" in done.out
    assert "1.0.0" in done.out
