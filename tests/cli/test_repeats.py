"""What lasts, as cron gets it: when it begins, once a day, and when it ends."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from tests.support.program import Completed
from tests.support.terminal import on_terminal
from watcher import timestamps
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
            aged = {key: dict.fromkeys(causes, moment) for key, causes in said.items()}
            path.write_text(json.dumps(aged), "utf-8")


@pytest.fixture
def job(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Job:
    """A job whose settings are right."""
    return Job(tmp_path, registry, fork_server)


def test_a_terminal_that_stderr_is_not_on(watch: Watcher, tmp_path: Path) -> None:
    """Its summary says why each time, also when stderr has said it within a day."""
    failing = watch.but(installs=[str(tmp_path / "gone")], failure_threshold=9)
    said = tmp_path / "said"
    for is_first in (True, False):
        with (
            said.open("w", encoding="utf-8") as errors,
            on_terminal(failing, "check", stderr=errors.fileno(), CI="") as terminal,
        ):
            assert terminal.end() == 1
        assert "gone does not exist" in re.sub(r"\s+", " ", terminal.said)
        assert ("gone does not exist" in said.read_text("utf-8")) is is_first
    with on_terminal(failing, "check") as terminal:
        assert terminal.end() == 1
    assert terminal.said.count("its last list") == 1


def test_settings_that_stay_wrong(job: Job) -> None:
    """They are reported once, again after a day, and when they are right again; the exit code is 2 every time."""
    job.is_well(False)
    first = job.check()
    said = first.err.removeprefix("error: ")
    assert said.startswith("retries: 'many' is not a whole number")
    assert (first.code, first.out) == (2, f"nothing was checked: {said}")
    again = job.check()
    assert (again.code, again.out, again.err) == (2, first.out, "")
    job.age(timedelta(hours=23))
    assert job.check().err == ""
    job.age(timedelta(hours=25))
    assert job.check().err == first.err
    job.is_well(True)
    ended = job.check()
    assert (ended.code, ended.err) == (0, "comfy-watch check works again\n")
    assert job.check().err == ""
    job.is_well(False)
    assert job.check().err == first.err


def test_another_error_is_news(job: Job) -> None:
    """Held back is only the same error of the same job."""
    job.is_well(False)
    assert job.check().err
    assert "interval" in job.check(COMFY_WATCH_INTERVAL="soon").err


def test_polls_that_overlap(job: Job) -> None:
    """That another poll is under way is reported once a day, on stdout always, and never that it has ended."""
    assert job.check().code == 0
    for expected in (True, False):
        with files.lock(
            job.folder / "state" / "lock", f"comfy-watch check (process {expected:d})"
        ):
            done = job.check()
        assert done.code == 4
        assert ("is in use by" in done.err) == expected
        assert done.out.startswith("nothing was checked: ")
        assert job.check().err == ""


@pytest.mark.parametrize(
    "surroundings",
    [{"CI": "1"}, {"INVOCATION_ID": "1"}, {"HOME": ""}, {"HOME": "/proc/none"}],
)
def test_where_nothing_is_held_back(job: Job, surroundings: dict[str, str]) -> None:
    """An error is reported each time where each run has its own log, and where nothing can be noted."""
    job.is_well(False)
    for _ in range(2):
        assert job.check(**surroundings).err.startswith("error: retries")


def test_a_script_gets_each_error(job: Job) -> None:
    """With `--json` stdout stays empty and stderr says the error each time; so it is with `--dry-run`, which notes
    nothing.
    """
    job.is_well(False)
    for options in (["--json"], ["--dry-run"]):
        for _ in range(2):
            done = job.check(*options)
            assert (done.found, done.err[:14]) == ("", "error: retries")
            assert bool(done.out) == ("--json" not in options)
    assert not (job.folder / "home").exists()


def test_a_note_that_is_damaged(job: Job) -> None:
    """A damaged note counts as none."""
    job.is_well(False)
    assert job.check().err
    for path in (job.folder / "home").rglob("said/*.json"):
        path.write_text("[1]")
    assert job.check().err.startswith("error: retries")


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
        "alpha can be read again",
        "wrong-id has versions now",
    ]
    assert job.check().err == ""


def test_a_wrong_id_that_cannot_be_read(job: Job, registry: FakeRegistry) -> None:
    """An id without versions that cannot be read any more is not said to have some."""
    job.well["nodes"] = ["alpha", "wrong-id"]
    job.is_well(True)
    assert "wrong-id: no versions found" in job.check().err
    inflict(registry, "status_404_json", nodes={"wrong-id"})
    said = job.check().err
    assert "has versions" not in said
    assert "wrong-id: the registry does not know it (404)" in said


def test_another_cause_is_news(job: Job, registry: FakeRegistry) -> None:
    """A problem that goes on for another reason is reported again; a reason that was reported within a day is not,
    though another one was between, nor is one that differs by its figures alone.
    """
    inflict(registry, "status_404_json", nodes={"alpha"})
    assert "(404)" in job.check().err
    inflict(registry, "status_403_forbidden", nodes={"alpha"})
    news = job.check()
    assert "(403)" in news.err
    for fault in ("status_404_json", "status_403_forbidden"):
        inflict(registry, fault, nodes={"alpha"})
        again = job.check()
        assert (again.code, again.err) == (1, "")
        assert fault[7:10] in again.out
    job.age(timedelta(hours=25))
    assert job.check().err == news.err


def test_causes_without_end(job: Job, registry: FakeRegistry) -> None:
    """The registry's words are no cause of their own, and of causes that differ each time a few are reported."""
    said: list[str] = []

    def answering(status: int) -> None:
        async def respond(_: web.BaseRequest) -> web.StreamResponse:
            return web.json_response({"message": f"request {len(said)}"}, status=status)

        registry.respond = respond

    answering(404)
    said += [job.check().err for _ in range(3)]
    assert [bool(one) for one in said] == [True, False, False]
    for status in range(405, 425):
        answering(status)
        said.append(job.check().err)
    assert len(list(filter(None, said))) == 8


def test_a_wrong_id_in_an_outage(job: Job, registry: FakeRegistry) -> None:
    """An id without versions is no news after polls in which nothing could be read."""
    job.well["nodes"] = ["alpha", "wrong-id"]
    job.is_well(True)
    assert "wrong-id: no versions found" in job.check().err
    inflict(registry, "status_403_forbidden")
    assert "the registry cannot be read" in job.check().err
    registry.respond = None
    assert job.check().err == "the registry can be read again\n"


def test_pages_that_fail(job: Job, registry: FakeRegistry) -> None:
    """Where not even the pages can be read, nothing is said to be readable again."""
    job.well["nodes"] = ["*", "wrong-id"]
    job.is_well(True)
    inflict(registry, "status_404_json", nodes={"wrong-id"})
    assert "wrong-id" in job.check().err
    inflict(registry, "status_500_json")
    assert "again" not in job.check().err


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
    """That a channel waits after a failure is no other cause than the failure."""
    job.well |= {"alert_urls": webhook.apprise_url("/a"), "baseline": "silent"}
    job.is_well(True)
    job.check()
    webhook.answer["/a"] = 500
    registry.catalog.publish("alpha", "2.0.0")
    assert "HTTP 500" in job.check().err
    waiting = job.check()
    assert (waiting.code, waiting.err) == (1, "")
    assert "channel json: HTTP 500" in waiting.out
