"""What a run on GitHub Actions reports: the action's own steps `Poll` and `Report`, as processes, with a runner's files.

tests/deploy/github_actions carries out the whole action.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.deploy.support.actions_runner import Finished, read_outputs
from tests.support import program
from tests.support.fakes.fault import as_json, asked, ordinary
from tests.support.fakes.webhook import Webhook
from tests.support.lived_in import LivedIn
from watcher.fake_registry.server import FakeRegistry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the action was not tried on Windows")

_SCRIPTS = program.ROOT / "deploy" / "github-actions"
_PATIENCE = 60
_CHOICES = ("alerts", "always", "never")
_SAID = {
    "channel": r"\d+ alerts? undelivered",
    "install": "1 install could not be scanned",
    "pack": "[12] of 3 node packs could not be checked",
    "part of the sweep": "the registry could not be read in full",
    "sweep": "the registry could not be read in full",
}
"""What the annotation says of each failure."""
_SHOWN = {"install": "install `studio`", "pack": "`bravo`", "part of the sweep": "the registry", "sweep": "the registry"}
"""How the summary's table of what could not be checked names it."""
_EACH = ("channel", "install", "pack")
_FAILURES = [
    (*chosen, *swept)
    for swept in ((), ("sweep",), ("part of the sweep",))
    for count in range(len(_EACH) + 1)
    for chosen in combinations(_EACH, count)
]
"""Every combination; a sweep fails in one of two ways."""
_QUICK = (_EACH, ("install",), (*_EACH, "sweep"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of a repository that watches three packs and an install; its state is kept in `folder`."""

    folder: Path
    registry: FakeRegistry
    webhook: Webhook
    installed: LivedIn
    failing: set[str] = field(default_factory=set)
    """What fails in the next poll, as in `_SAID`."""

    def poll(self, **env: str) -> dict[str, str]:
        """Carry out the step `Poll`, and return its outputs."""
        self.webhook.answer["/alerts"] = 503 if "channel" in self.failing else 200
        self.installed.mount(there="install" not in self.failing)
        swept = self.failing & {"sweep", "part of the sweep"}
        self.registry.respond = self._respond
        env = {
            "ALERT_URLS": self.webhook.apprise_url("/alerts"),
            "COMFY_WATCH_INSTALLS": json.dumps([str(self.installed.root)]),
            "COMFY_WATCH_REGISTRY_URL": self.registry.url,
            "COMFY_WATCH_RETRIES": "0",
            "FAIL_ON": "",
            "FOLDER": str(self.folder),
            "HEARTBEAT_URL": "",
            "NODES": "alpha bravo charlie *" if swept else "alpha bravo charlie",
            "RUNNER_TEMP": str(self.folder.parent),
            "SETTINGS": "",
            **env,
        }
        done = self.step("poll.py", env)
        assert done.code == 0, done.log
        return done.outputs

    def report(self, polled: Mapping[str, str], choice: str, **env: str) -> Finished:
        """Carry out the step `Report`, with `choice` as the input `fail-on-incomplete`."""
        given = {name.upper(): value for name, value in polled.items()}
        return self.step("report.py", {**given, "FAIL_ON_INCOMPLETE": choice, **env})

    def step(self, script: str, env: Mapping[str, str]) -> Finished:
        """Carry out a step. No traceback may show, and no command but an annotation."""
        outputs, summary = (self.folder.parent / name for name in ("outputs", "summary"))
        for file in (outputs, summary):
            file.write_bytes(b"")
        given = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary), **env}
        run = subprocess.run(
            [sys.executable, str(_SCRIPTS / script)],
            cwd=self.folder.parent,
            env=program.surroundings(self.folder.parent, {"GITHUB_ACTIONS": "true", **given}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
        done = Finished(code=run.returncode, summary=summary.read_text("utf-8"))
        done.outputs = read_outputs(outputs.read_text("utf-8"))
        done.read_log(run.stdout.decode("utf-8"))
        assert "Traceback" not in done.log, done.log
        assert done.unknown == []
        return done

    def written(self, document: object, code: int = 0) -> dict[str, str]:
        """Return the outputs of a poll that has left this document, or this text."""
        path = self.folder / "check.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
        return {"code": str(code), "document": str(path), "refusal": ""}

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse | None:
        nodes = asked(request).get("nodeId", [])
        if "pack" in self.failing and "bravo" in nodes:
            return web.Response(text="<html>welcome</html>", content_type="text/html")
        if nodes or not request.path_qs.startswith("/versions"):
            return None
        if "sweep" in self.failing:
            return web.Response(status=400, text="{}", content_type="application/json")
        if "part of the sweep" in self.failing:  # every row of a pack is missing, and still counted
            document = ordinary(request, self.registry.catalog)
            rows = [row for row in document["versions"] if row["node_id"] != "bravo"]
            return as_json(document | {"versions": rows})
        return None


@pytest.fixture
def job(tmp_path: Path, registry: FakeRegistry, webhook: Webhook) -> Job:
    """A job that has never run."""
    for node in ("alpha", "bravo", "charlie"):
        registry.catalog.publish(node, "1.0.0")
    installed = LivedIn(tmp_path / "studio")
    installed.put("alpha", "1.0.0")
    folder = tmp_path / "temp" / "watch"
    folder.mkdir(parents=True)
    bin_folder = folder.parent / "comfy-watch-program" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "comfy-watch").symlink_to(Path(sys.executable).with_name("comfy-watch"))
    return Job(folder=folder, registry=registry, webhook=webhook, installed=installed)


def _event(**other: object) -> dict[str, Any]:
    """Return an event as the contract has it: by default of a banned version."""
    return {
        "id": "0" * 20,
        "kind": "banned",
        "node": "alpha",
        "version": "1.0.0",
        "version_id": None,
        "before": "active",
        "after": "banned",
        "reason": "steals passwords",
        "changes": [],
        "at": "2026-01-31T12:00:00.000Z",
        "published": None,
        "severity": "critical",
        "installed": [],
        "url": "https://registry.comfy.org/nodes/alpha",
        **other,
    }


def _document(*events: object, errors: object = (), **other: object) -> dict[str, Any]:
    return {
        "started": "2026-01-31T12:00:00.000Z",
        "finished": "2026-01-31T12:00:01.000Z",
        "nodes": {"watched": 1, "checked": 1, "failed": 0},
        "reading": {"way": "each", "requests": 1, "postponed": 0},
        "events": list(events),
        "errors": errors,
        "alerts": {"delivered": 0, "unconfirmed": 0, "pending": 0, "expired": 0},
        **other,
    }


def _sees_the_ban(done: Finished) -> bool:
    """Return whether summary, annotations and outputs all have the ban; they agree, else it is an AssertionError."""
    seen = {
        "summary": "| **banned** | `alpha` | `1.0.0` |" in done.summary,
        "annotations": "banned: alpha 1.0.0: steals passwords" in done.said("error"),
        "events": any(event["kind"] == "banned" for event in json.loads(done.outputs["events"])),
        "counts": "banned" in json.loads(done.outputs["counts"]),
        "worst": done.outputs["worst"] == "critical",
    }
    assert len(set(seen.values())) == 1, seen
    return seen["events"]


@pytest.mark.parametrize("banned", [True, False], ids=["ban", "no ban"])
@pytest.mark.parametrize(
    "failing",
    [pytest.param(one, marks=() if one in _QUICK else pytest.mark.bounded, id=" ".join(one)) for one in _FAILURES],
)
def test_what_fails_hides_no_ban(job: Job, failing: tuple[str, ...], *, banned: bool) -> None:
    """Whatever fails in a poll, its ban is in summary, annotations and outputs, and the job's colour is the page's."""
    job.poll(ALERT_URLS="none")
    job.registry.catalog.publish("charlie", "1.1.0")  # an alert that is due
    if banned:
        job.registry.catalog.set_status("alpha", "1.0.0", "banned", "steals passwords")
    job.failing.update(failing)
    polled = job.poll()
    assert polled["code"] == ("1" if failing else "0")
    for choice in _CHOICES:
        done = job.report(polled, choice)
        assert _sees_the_ban(done) == banned
        red = {"alerts": "channel" in failing, "always": bool(failing), "never": False}[choice]
        assert done.code == (1 if red else 0)
        said = [text for text in done.said("error" if red else "warning") if text.startswith("Comfy Watch: incomplete")]
        assert len(said) == (1 if failing else 0)
        for one in failing:
            assert re.search(_SAID[one], said[0]), said
            assert f"\n| {_SHOWN.get(one, '')}" in done.summary
        assert (done.outputs["exit-code"], done.outputs["document"]) == (polled["code"], polled["document"])


def test_a_ban_that_turns_the_job_red_hides_nothing(job: Job) -> None:
    """With `fail-on` the one line that says why the job is red says too what is incomplete."""
    job.poll(ALERT_URLS="none")
    job.registry.catalog.set_status("alpha", "1.0.0", "banned", "steals passwords")
    job.failing.update(("channel", "install"))
    done = job.report(job.poll(FAIL_ON="banned"), "never")
    assert (done.code, _sees_the_ban(done)) == (3, True)
    (said,) = [text for text in done.said("error") if text.startswith("Comfy Watch")]
    assert said == (
        "Comfy Watch: fail-on: 1 banned; incomplete: 1 install could not be scanned; 1 alert undelivered; "
        "the log says why"
    )
