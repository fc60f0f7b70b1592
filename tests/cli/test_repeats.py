"""What lasts, as cron gets it: when it begins, once a day, and when it ends (cases: unit/cli/commands/test_notes)."""

from __future__ import annotations

import json

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.harness import Watcher
from tests.support.program import Completed


class Job:
    """A line of a crontab: `check` in one folder, with nobody at a terminal."""

    def __init__(self, watch: Watcher) -> None:
        self.watch = watch.but(nodes="alpha wrong-id")
        home = str(watch.folder / "home")
        self.env = {"CI": "", "HOME": home, "XDG_CACHE_HOME": ""}

    def check(self, *options: str, **env: str) -> Completed:
        """Poll once."""
        return self.watch.run("check", *options, env={**self.env, **env})


@pytest.fixture
def job(watch: Watcher) -> Job:
    """A job whose settings are right, but for an id that the registry does not know."""
    return Job(watch)


def test_settings_that_stay_wrong(job: Job) -> None:
    """They are reported every time, and when they are right again."""
    first, again = (job.check(COMFY_WATCH_RETRIES="many") for _ in range(2))
    said = first.err.removeprefix("error: ")
    assert said.startswith("retries: 'many' is not a whole number")
    assert (first.code, first.out) == (2, f"nothing was checked: {said}")
    assert (again.code, again.out, again.err) == (2, first.out, first.err)
    ended = "no longer: comfy-watch check cannot be carried out\n"
    assert [ended in job.check().err for _ in range(2)] == [True, False]


def test_problems_of_a_poll(job: Job, registry: FakeRegistry) -> None:
    """They are reported when they begin, after a day, and when they end; stdout and the exit code say it every time."""
    inflict(registry, "status_404_json", nodes={"alpha"})
    odd = {"COMFY_WATCH_NODE": "x"}
    first = job.check(**odd)
    assert (first.code, len(first.err.splitlines())) == (1, 3)
    again = job.check(**odd)
    assert (again.code, again.err) == (1, "")
    assert again.out.startswith("1 of 2 packs checked, 1 without versions")
    assert "alpha: the registry does not know it (404)" in again.out
    for name in ("CI", "GITHUB_ACTIONS", "INVOCATION_ID"):
        assert job.check(**odd, **{name: "1"}).err == first.err
    assert job.check("--dry-run", **odd).err == first.err
    for path in (job.watch.folder / "home").rglob("said/*.json"):
        long_ago = "2026-01-01T00:00:00.000Z"
        notes = dict.fromkeys(json.loads(path.read_bytes()), long_ago)
        path.write_text(json.dumps(notes), "utf-8")
    assert job.check(**odd).err == first.err
    registry.respond = None
    registry.catalog.publish("wrong-id", "1.0.0")
    ended = job.check()
    assert ended.code == 0
    assert sorted(ended.err.splitlines()) == [
        "no longer: alpha cannot be read",
        "no longer: environment COMFY_WATCH_NODE: unknown setting, ignored; did you mean nodes?",
        "no longer: wrong-id has no versions",
    ]
    assert job.check().err == ""
