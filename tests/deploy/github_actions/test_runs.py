"""What a run of the action does and says, by how the poll ended."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.github_actions.conftest import REPOSITORY, World
from tests.deploy.support.actions_runner import python_on_path
from tests.deploy.support.tools import tool
from tests.support.fakes.webhook import Answer
from tests.support.harness import write_settings

pytestmark = pytest.mark.deployment

_PASSED_ON = (
    "PIP_",
    "SSL_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "TMPDIR",
    "LD_LIBRARY_PATH",
)


def test_the_first_runs(world: World) -> None:
    """The first makes the state's branch, sends one message and is green; a quiet one commits and sends nothing."""
    done = world.use()
    assert (done.code, done.outputs["exit-code"], done.outputs["worst"]) == (
        0,
        "0",
        "info",
    )
    assert json.loads(done.outputs["counts"]) == {"baseline": 1}
    assert len(world.alerts()) == len(world.commits()) == 1
    assert world.files().keys() == {
        "addresses.json",
        "snapshot.json",
        "owed.jsonl",
        "checks.json",
        "history.jsonl",
    }
    assert {one.level for one in done.annotations} == {"notice"}
    before = world.commits()
    quiet = world.use()
    assert (quiet.code, quiet.outputs["events"], quiet.outputs["worst"]) == (
        0,
        "[]",
        "",
    )
    assert (world.commits(), len(world.alerts())) == (before, 1)
    assert quiet.annotations == []
    assert quiet.summary.splitlines()[0] == "### Comfy Watch: nothing new"
    assert "1 of 1 node packs checked" in quiet.summary


def test_it_installs_what_is_pinned(world: World) -> None:
    """The action's own step installs the pinned packages and the program, which then polls; a second use takes both."""
    runner = world.runner
    here = {
        name: value
        for name, value in os.environ.items()
        if name.upper().startswith(_PASSED_ON)
    }
    runner.environment = {**here, **runner.environment, "PYTHONPATH": ""}
    runner.prepare = lambda _: None
    assert world.use().code == 0
    assert len(world.alerts()) == 1
    program = runner.folder / "temp" / "1" / "comfy-watch-program"
    installed = (program / "installed").stat().st_mtime_ns
    runner.prepare = lambda temp: (temp / program.name).symlink_to(program)
    assert world.use().code == 0
    assert (program / "installed").stat().st_mtime_ns == installed


def test_fail_on(world: World) -> None:
    """`fail-on` turns the job red with exit code 3, after the state was saved; the next run is green."""
    world.use()
    world.registry.catalog.set_status("alpha", "1.0.0", "banned")
    done = world.use(fail_on="banned,flagged")
    assert (done.code, done.outputs["exit-code"]) == (3, "3")
    assert "Comfy Watch: fail-on: 1 banned" in done.said("error")
    assert len(world.commits()) == 2
    assert world.use(fail_on="banned,flagged").code == 0
    assert len(world.alerts()) == 2


def test_publish(world: World) -> None:
    """`publish` leaves what is published, for others to read, also if the job turns red; the output has the folder."""
    assert world.use().outputs["publish-dir"] == ""
    world.registry.catalog.set_status("alpha", "1.0.0", "banned", "steals passwords")
    done = world.use(publish="true", fail_on="banned")
    assert done.code == 3
    folder = Path(done.outputs["publish-dir"])
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    assert "steals passwords" in files["index.html"].read_text("utf-8")
    assert {oct(path.stat().st_mode & 0o044) for path in files.values()} == {"0o44"}
    assert "published" not in world.files()


def test_nothing_is_published(world: World) -> None:
    """A run that published nothing has no folder to deploy: wrong settings, a state or a folder that cannot be used."""
    wrong = {"COMFY_WATCH_INTERVAL": "never"}
    done = world.use(publish="true", env=wrong)
    assert (done.code, done.outputs["publish-dir"]) == (2, "")
    full = {"Poll": partial(_take_the_place_of_bans, world)}
    done = world.use(publish="true", before=full)
    assert (done.code, done.outputs["publish-dir"]) == (1, "")
    damaged = world.put({**world.files(), "snapshot.json": "{"})
    done = world.use(publish="true")
    assert (done.code, done.outputs["publish-dir"]) == (4, "")
    assert world.commits() == [damaged]


def _take_the_place_of_bans(world: World) -> None:
    """Put a file where the folder for bans has to be."""
    (folder,) = world.runner.folder.glob("temp/2/comfy-watch-*-state")
    (folder / "published").mkdir()
    (folder / "published" / "osv").touch()


def test_an_empty_secret(world: World) -> None:
    """An unset secret is an empty string: the job fails with exit code 2 and one line, and nothing is polled."""
    for given in ("", "  \n "):
        done = world.use(alert_urls=given)
        assert (done.code, done.outputs["exit-code"]) == (2, "2")
        (said,) = done.said("error")
        assert said.startswith("Comfy Watch: alert-urls is empty")
    assert world.commits() == []
    assert world.registry.requests == []


def test_a_settings_file(world: World) -> None:
    """`settings` names a file of the workspace; what the inputs leave empty comes from there."""
    folder = world.runner.folder / "workspace" / "etc"
    folder.mkdir(parents=True)
    write_settings(folder, nodes=["alpha", "bravo"], baseline="silent")
    world.registry.catalog.publish("bravo", "1.0.0")
    done = world.use(nodes="", settings="etc/comfy-watch.toml")
    assert "2 of 2 node packs checked" in done.summary
    assert len(world.commits()) == 1


def test_a_folder_called_watcher(world: World) -> None:
    """A repository that has a module of the program's name does not get in its way."""
    folder = world.runner.folder / "workspace" / "watcher"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('not this one')", "utf-8")
    assert world.use().code == 0


def test_a_public_repository(world: World) -> None:
    """In a public repository nothing runs, with one line about what others would see, until that is allowed.

    Others can read its cache too, and one of which GitHub's API does not say that it is private counts as public.
    """
    repository = f"/repos/{REPOSITORY}"
    world.api.answer[repository] = Answer(body=b"not JSON")
    (said,) = world.use().said("error")
    assert "did not say whether this repository is private" in said
    world.api.answer[repository] = Answer(body=b'{"private": false}')
    assert world.use(state="cache").code == 2
    done = world.use()
    assert (done.code, world.commits(), world.alerts()) == (2, [], [])
    (said,) = done.said("error")
    assert "this repository is public, so others may see which node packs" in said
    assert done.outcomes["Install Comfy Watch"] == "skipped"
    assert world.use(public_state="true").code == 0


def test_the_event_says_whether_it_is_public(world: World) -> None:
    """What the event says of the repository is enough; GitHub's API is not asked then."""
    event = world.runner.folder.parent / "event.json"
    for private, code in (("false", 2), ("true", 0)):
        event.write_text(f'{{"repository": {{"private": {private}}}}}', "utf-8")
        assert world.use().code == code
    assert world.api.messages() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "disk"},
        {"public_state": "yes"},
        {"publish": "page"},
        {"fail_on_incomplete": "maybe"},
        {"state_name": "main"},
        {"state_name": "x\nfolder=/etc"},
    ],
)
def test_a_wrong_input(world: World, wrong: dict[str, Any]) -> None:
    """A wrong input is refused with one line that names it, before anything is done."""
    done = world.use(**wrong)
    assert done.code == 2
    (said,) = done.said("error")
    assert said.startswith(f"Comfy Watch: {next(iter(wrong)).replace('_', '-')}: ")
    assert done.outcomes["Restore the state"] == "skipped"


def test_a_machine_without_git(world: World) -> None:
    """A job in a container that has no git is refused with one line; it can have the state in the cache."""
    bare, runner = world.runner.folder / "bare", world.runner
    bare.mkdir()
    for name in ("bash", "cmp"):
        (bare / name).symlink_to(tool(name))
    python_on_path(bare)
    runner.environment = {**runner.environment, "PATH": str(bare)}
    done = world.use()
    assert (done.code, done.outcomes["Install Comfy Watch"]) == (2, "skipped")
    (said,) = done.said("error")
    assert said.startswith("Comfy Watch: state: the branch needs git")
    assert world.use(state="cache").code == 0
