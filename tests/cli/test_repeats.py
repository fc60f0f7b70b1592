"""What lasts, as cron gets it: when it begins, once a day, and when it ends."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import end_backoffs
from tests.support.program import Completed
from watcher import timestamps
from watcher.cli.commands.check import Notes
from watcher.polling.problems import warning
from watcher.state import files


class Job:
    """A line of a crontab: `check` in one folder, with nobody at a terminal."""

    def __init__(
        self, folder: Path, registry: FakeRegistry, fork_server: ForkServer
    ) -> None:
        registry.catalog.publish("alpha", "1.0.0")
        self.folder = folder
        self.well = {
            "nodes": ["alpha"],
            "registry_url": registry.url,
            "alert_urls": "none",
        }
        self._run = partial(fork_server.run, cwd=folder)
        self.env = {"CI": "", "HOME": str(folder / "home"), "XDG_CACHE_HOME": ""}
        self.is_well(True)

    def is_well(self, well: bool) -> None:
        """Write settings that are right, or wrong."""
        (self.folder / "comfy-watch.toml").write_text(
            "\n".join(
                f"{name} = {json.dumps(value)}" for name, value in self.well.items()
            )
            + ("" if well else "\nretries = 'many'"),
            "utf-8",
        )

    def check(self, *options: str, **env: str) -> Completed:
        """Poll once."""
        return self._run("check", *options, env={**self.env, **env})

    def age(self, age: timedelta) -> None:
        """Let all that was said have been said this long ago."""
        for path in (self.folder / "home").rglob("said/*.json"):
            said = json.loads(path.read_bytes())
            moment = timestamps.show(datetime.now(UTC) - age)
            path.write_text(json.dumps(dict.fromkeys(said, moment)), "utf-8")


@pytest.fixture
def job(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Job:
    """A job whose settings are right."""
    return Job(tmp_path, registry, fork_server)


def test_settings_that_stay_wrong(job: Job) -> None:
    """They are reported every time, and when they are right again."""
    job.is_well(False)
    first = job.check()
    said = first.err.removeprefix("error: ")
    assert said.startswith("retries: 'many' is not a whole number")
    assert (first.code, first.out) == (2, f"nothing was checked: {said}")
    again = job.check()
    assert (again.code, again.out, again.err) == (2, first.out, first.err)
    job.is_well(True)
    ended = job.check()
    assert (ended.code, ended.err) == (
        0,
        "no longer: comfy-watch check cannot be carried out\n",
    )
    assert job.check().err == ""


def test_a_variable_that_is_no_setting(job: Job) -> None:
    """It is named once a day where a channel is set too, and the exit code says nothing of it."""
    wrong = {"COMFY_WATCH_NODE": "alpha"}
    said = "environment COMFY_WATCH_NODE: unknown setting, ignored; did you mean nodes?"
    polls = [job.check(**wrong) for _ in range(2)]
    assert [(poll.code, poll.err) for poll in polls] == [
        (0, f"warning: {said}\n"),
        (0, ""),
    ]
    job.age(timedelta(days=1, hours=1))
    assert job.check(**wrong).err == f"warning: {said}\n"
    assert job.check().err == f"no longer: {said}\n"


def test_polls_that_overlap(job: Job) -> None:
    """That another poll is under way is reported every time, on stdout too."""
    assert job.check().code == 0
    for number in range(2):
        with files.lock(
            job.folder / "state" / "lock", f"comfy-watch check (process {number})"
        ):
            done = job.check()
        assert done.code == 4
        assert "is in use by" in done.err
        assert done.out.startswith("nothing was checked: ")


def test_problems_of_a_poll(job: Job, registry: FakeRegistry) -> None:
    """They are reported when they begin, after a day, and when they end; the exit code says it every time."""
    job.well["nodes"] = ["alpha", "wrong-id"]
    job.is_well(True)
    inflict(registry, "status_404_json", nodes={"alpha"})
    first = job.check()
    assert (first.code, len(first.err.splitlines())) == (1, 2)
    again = job.check()
    assert (again.code, again.err) == (1, "")
    assert again.out.startswith("1 of 2 packs checked, 1 without versions")
    assert again.out.endswith(first.err.splitlines()[0].removeprefix("error") + "\n")
    for name in ("CI", "GITHUB_ACTIONS", "INVOCATION_ID"):
        assert job.check(**{name: "1"}).err == first.err
    assert job.check("--dry-run").err == first.err
    for age in (timedelta(hours=25), timedelta(hours=-1)):
        job.age(age)
        assert job.check().err == first.err
    registry.respond = None
    registry.catalog.publish("wrong-id", "1.0.0")
    ended = job.check()
    assert ended.code == 0
    assert sorted(ended.err.splitlines()) == [
        "no longer: alpha cannot be read",
        "no longer: wrong-id has no versions",
    ]
    assert job.check().err == ""


def test_a_wrong_id_that_cannot_be_read(job: Job, registry: FakeRegistry) -> None:
    """An id without versions that cannot be read any more is not said to have some."""
    job.well["nodes"] = ["alpha", "wrong-id"]
    job.is_well(True)
    assert "wrong-id: no versions found" in job.check().err
    inflict(registry, "status_404_json", nodes={"wrong-id"})
    said = job.check().err
    assert "no longer" not in said
    assert "wrong-id: the registry does not know it (404)" in said


@pytest.mark.parametrize("text", ["[1]", "{"])
def test_a_note_that_is_of_no_use(job: Job, registry: FakeRegistry, text: str) -> None:
    """A damaged note counts as none."""
    inflict(registry, "status_404_json", nodes={"alpha"})
    first = job.check().err
    for path in (job.folder / "home").rglob("said/*.json"):
        path.write_text(text)
    assert job.check().err == first
    assert job.check(HOME="/proc/none").err == first


def test_a_wrong_id_in_an_outage(job: Job, registry: FakeRegistry) -> None:
    """An id without versions is no news after polls in which nothing could be read."""
    job.well["nodes"] = ["alpha", "wrong-id"]
    job.is_well(True)
    assert "wrong-id: no versions found" in job.check().err
    inflict(registry, "status_403_forbidden")
    assert "the registry cannot be read" in job.check().err
    registry.respond = None
    assert job.check().err == "no longer: the registry cannot be read\n"


def test_pages_that_fail(job: Job, registry: FakeRegistry) -> None:
    """Where not even the pages can be read, nothing is said to be readable again."""
    job.well["nodes"] = ["*", "wrong-id"]
    job.is_well(True)
    inflict(registry, "status_404_json", nodes={"wrong-id"})
    assert "wrong-id" in job.check().err
    inflict(registry, "status_500_json")
    assert "no longer" not in job.check().err


def test_stdout_has_each_reason(job: Job, registry: FakeRegistry) -> None:
    """What is held back is on stdout, and not the first of it alone."""
    job.well["nodes"] = ["alpha", "beta", "gamma"]
    job.is_well(True)
    registry.catalog.publish("gamma", "1.0.0")
    statuses = {"alpha": 403, "beta": 404}

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        status = statuses.get(request.query.get("nodeId", ""))
        return web.json_response({}, status=status) if status else None

    registry.respond = respond
    for _ in range(2):
        said = job.check().out
        assert "alpha: " in said
        assert "(403)" in said
        assert "beta: " in said
        assert "(404)" in said


def test_a_channel_that_waits(
    job: Job, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A channel that waits after a failure is the same problem as the failure."""
    job.well |= {"alert_urls": webhook.apprise_url("/a"), "baseline": "silent"}
    job.is_well(True)
    job.check()
    webhook.answer["/a"] = 500
    registry.catalog.publish("alpha", "2.0.0")
    assert "HTTP 500" in job.check().err
    waiting = job.check()
    assert (waiting.code, waiting.err) == (1, "")
    assert "channel json: HTTP 500" in waiting.out


def test_what_expires_is_no_recovery(
    job: Job, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A channel is said to take alerts again when it has taken one, not when those that it owed are given up."""
    job.well |= {
        "alert_urls": webhook.apprise_url("/a"),
        "baseline": "silent",
        "alert_expiry": "1s",
    }
    job.is_well(True)
    job.check()
    webhook.answer["/a"] = 500
    registry.catalog.publish("alpha", "2.0.0")
    assert "HTTP 500" in job.check().err
    time.sleep(1)  # alert_expiry, which cannot be shorter
    end_backoffs(job.folder / "state")
    given_up = job.check()
    assert "channel json: 1 alert expired" in given_up.err
    assert "no longer" not in given_up.err
    quiet = job.check()
    assert (quiet.code, quiet.err) == (0, "")
    webhook.answer["/a"] = 200
    end_backoffs(job.folder / "state")
    registry.catalog.publish("alpha", "3.0.0")
    assert job.check().err == "no longer: channel json takes no alerts\n"


def test_what_may_last_is_known_after_a_day(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It has not ended then, and is said once more when it is seen again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    notes, may_last = Notes(), {"down"}.__contains__
    notes._write({"down": "2020-01-01T00:00:00Z"})
    problem = warning("x", "it is down", "down")
    said = [[*notes.report(one, may_last)] for one in ([], [problem], [problem])]
    assert said == [[], [problem], []]
    assert capsys.readouterr().err == ""


def test_what_lasts_is_said_by_when_it_was_said_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day later it is said again, however often it was found since."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    notes, problem = Notes(), warning("x", "it is down", "down")
    noted = {"down": timestamps.show(datetime.now(UTC) - timedelta(hours=20))}
    notes._write(noted)
    assert [*notes.report([problem], lambda _: False)] == []
    assert notes._read() == noted
