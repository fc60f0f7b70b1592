"""The state between runs: when it is saved, and what happens where that goes wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.deploy.github_actions.conftest import BRANCH, World

pytestmark = pytest.mark.deployment


def _polled(files: dict[str, str], ago: timedelta) -> dict[str, str]:
    """Return a state as if its poll had been so long ago."""
    checks = json.loads(files["checks.json"])
    then = (datetime.now(UTC) - ago).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {**files, "checks.json": json.dumps({**checks, "polled_at": then})}


def _flag(world: World) -> None:
    world.registry.catalog.set_status("alpha", "1.0.0", "flagged", "for a reason")


def test_one_chain_of_commits(world: World) -> None:
    """Each change is a commit on the one before; the branch shares nothing with others, and says who and when."""
    world.use()
    first = world.commits()
    _flag(world)
    world.use()
    assert world.commits()[1:] == first
    said = world.git.git(world.remote, "log", "-1", "--format=%an%n%B", BRANCH)
    assert said.startswith("github-actions[bot]\nState after the poll of 20")
    assert "[skip ci]" in said


def test_once_a_day(world: World) -> None:
    """A run that finds nothing new saves the state once a day."""
    world.use()
    day = timedelta(days=1)
    recent = world.put(_polled(world.files(), day - timedelta(minutes=5)))
    world.use()
    assert world.commits() == [recent]
    old = world.put(_polled(world.files(), day + timedelta(minutes=5)))
    done = world.use()
    assert world.commits()[1:] == [old]
    assert done.said("warning") == []
    assert len(world.alerts()) == 1


def test_a_push_that_is_refused_once(world: World) -> None:
    """A push that the server refuses is tried again."""
    world.refuse_pushes(1)
    done = world.use()
    assert (done.code, len(world.commits())) == (0, 1)
    assert "Again in" in done.log
    assert "not today" in done.log


def test_a_push_that_is_refused_for_ever(world: World) -> None:
    """A push that keeps failing turns the job red and says what follows; the next run reports the same again."""
    world.use()
    _flag(world)
    world.refuse_pushes(100)
    done = world.use()
    assert (done.code, done.outputs["exit-code"]) == (1, "0")
    (said,) = done.said("error")
    assert said.startswith(
        "Comfy Watch: state: it could not be saved. The next run starts from the one before"
    )
    assert "not today" in said
    assert done.said("warning") == ["flagged: alpha 1.0.0: for a reason"]
    world.refuse_pushes(0)
    again = world.use()
    assert (
        json.loads(again.outputs["events"])[0]["id"]
        == json.loads(done.outputs["events"])[0]["id"]
    )
    assert len(world.alerts()) == 3


def test_a_server_that_does_not_answer(world: World) -> None:
    """A branch that cannot or may not be read is no lost branch: nothing is polled, and the job is red with 4."""
    world.use()
    asked = len(world.registry.requests)
    runner = world.runner
    runner.github = {**runner.github, "server_url": "http://127.0.0.1:9"}
    done = world.use()
    assert (done.code, done.outcomes["Poll"]) == (4, "skipped")
    assert "it could not be read, so nothing was polled" in done.said("error")[0]
    assert len(world.registry.requests) == asked
    runner.github = {**runner.github, "server_url": world.git.url}
    assert world.use(token="another").code == 4  # and no wait for a password


def test_a_branch_that_was_deleted(world: World) -> None:
    """After the branch was deleted the next run says so, sends one message, and makes it anew."""
    world.use()
    world.git.git(world.remote, "update-ref", "-d", f"refs/heads/{BRANCH}")
    done = world.use()
    assert (done.code, len(world.commits()), len(world.alerts())) == (0, 1, 2)
    assert json.loads(done.outputs["counts"]) == {"baseline": 1}
    assert "it was deleted" in done.said("notice")[0]


def test_a_branch_that_was_set_back(world: World) -> None:
    """A branch that was force-pushed to a state of last week says its age, and the run goes on from there."""
    world.use()
    old = _polled(world.files(), timedelta(days=7, hours=1))
    _flag(world)
    world.use()
    world.put(old)
    done = world.use()
    assert (done.code, len(world.commits())) == (0, 2)
    assert "it is 7 days old" in done.said("warning")[0]
    assert json.loads(done.outputs["counts"]) == {"flagged": 1}


@pytest.mark.parametrize(
    "files", [{"README.md": "mine"}, {"snapshot.json": "{}", "main.py": "mine"}]
)
def test_a_branch_of_something_else(world: World, files: dict[str, str]) -> None:
    """A branch that this action has not made is refused, and left as it was."""
    commit = world.put(files, branch="other")
    done = world.use(state_name="other")
    assert (done.code, done.outcomes["Poll"]) == (2, "skipped")
    assert "was not made by this action" in done.said("error")[0]
    assert world.commits("other") == [commit]


def test_runs_that_overlap(world: World) -> None:
    """Of two runs that overlap the one that polled later goes on; the other's state is dropped, which it says."""
    world.use()
    _flag(world)
    other = world.another()
    done = world.use(before={"Save the state": lambda: world.use(runner=other)})
    assert done.code == 0
    assert any(
        "another run has saved a later one meanwhile" in text
        for text in done.said("warning")
    )
    assert len(world.commits()) == 2
    assert world.use().outputs["events"] == "[]"


def test_two_runs_that_both_owe(world: World) -> None:
    """Where each of two runs owes an alert that the other does not know, the saved one goes on and the job is red."""
    world.use()
    world.webhook.answer["/alerts"] = 503

    def forget() -> None:
        _flag(world)
        world.use(runner=other)
        theirs = world.files()
        owed = json.loads(theirs["owed.jsonl"])
        ours = next(
            event for event, about in owed["events"].items() if about["kind"] == "new"
        )
        text = json.dumps(owed).replace(ours, "another-event") + "\n"
        world.put(
            {**theirs, "owed.jsonl": text, "history.jsonl": ""},
            parent=world.commits()[1],
        )

    other = world.another()
    world.registry.catalog.publish("alpha", "2.0.0")
    done = world.use(before={"Save the state": forget}, fail_on_incomplete="never")
    assert done.code == 1
    assert any(
        "each owes an alert that the other does not know" in text
        for text in done.said("error")
    )
    assert "another-event" in world.files()["owed.jsonl"]


def test_the_cache(world: World) -> None:
    """With `state: cache` the state goes from cache to cache under keys of its own, and one that is gone is said."""
    world.use(state="cache")
    assert world.use(state="cache").outputs["events"] == "[]"
    assert list(world.runner.caches) == ["comfy-watch/comfy-watch-state/4001-1"]
    _flag(world)
    assert json.loads(world.use(state="cache").outputs["counts"]) == {"flagged": 1}
    assert len(world.runner.caches) == 2
    assert world.use(state="cache").outputs["events"] == "[]"
    assert world.commits() == []
    world.runner.caches.clear()
    assert "it was deleted" in world.use(state="cache").said("notice")[0]
