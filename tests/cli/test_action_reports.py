"""What a run on GitHub Actions reports: the action's own steps, with a runner's files.

tests/deploy/github_actions carries out the whole action.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.deploy.support.actions_runner import Finished, read_outputs
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import as_json, asked, ordinary
from tests.support.fakes.webhook import Webhook
from tests.support.lived_in import LivedIn

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the action was not tried on Windows"
)

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
_SHOWN = {
    "install": "install `studio`",
    "pack": "`bravo`",
    "part of the sweep": "the registry",
    "sweep": "the registry",
}
"""How the summary's table of what could not be checked names it."""
_EACH = ("channel", "install", "pack")
_SWEEPS = ("sweep", "part of the sweep")
_FAILURES = [
    (),
    *((one,) for one in (*_EACH, *_SWEEPS)),
    *((*_EACH, one) for one in _SWEEPS),
]
"""None, each alone, and all of them, with a sweep that fails in one of two ways."""
_QUICK = (((*_EACH, "sweep"), True), (("install",), False))
"""The combinations that run each time."""


def _as_process(
    script: Path, args: Sequence[str], env: Mapping[str, str], folder: Path
) -> tuple[int, str]:
    """Start a step as a runner does; return its exit code, and what it said."""
    done = subprocess.run(
        [sys.executable, str(script), *args],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8")


def _carry_out(
    script: Path, args: Sequence[str], env: Mapping[str, str], folder: Path
) -> tuple[int, str]:
    """Carry out a step in this process, which takes a tenth of the time."""
    kept = io.BytesIO()
    said = io.TextIOWrapper(kept, "utf-8", write_through=True)
    known = set(sys.modules)
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        contextlib.chdir(folder),
    ):
        for name in set(os.environ) - set(env):
            patch.delenv(name)
        for name, value in env.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", [str(script), *args])
        patch.syspath_prepend(str(script.parent))
        try:
            runpy.run_path(str(script), run_name="__main__")
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            for name in set(sys.modules) - known:
                if (script.parent / f"{name}.py").exists():
                    del sys.modules[name]
    return code, kept.getvalue().decode("utf-8")


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
            "PUBLISH": "false",
            "RUNNER_TEMP": str(self.folder.parent),
            "SETTINGS": "",
            **env,
        }
        done = self.step("poll.py", env)
        assert done.code == 0, done.log
        return done.outputs

    def report(self, polled: Mapping[str, str], choice: str, **env: str) -> Finished:
        """Carry out the step `Report`, with `choice` as the input `fail-on-incomplete`."""
        return self.step("report.py", _inputs(polled, choice) | env)

    def step(
        self,
        script: str,
        env: Mapping[str, str],
        *args: str,
        carry_out: Callable[..., tuple[int, str]] = _carry_out,
    ) -> Finished:
        """Carry out a step. No traceback may show, and no command but an annotation."""
        outputs, summary = (
            self.folder.parent / name for name in ("outputs", "summary")
        )
        for file in (outputs, summary):
            file.write_bytes(b"")
        given = {
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
            **env,
        }
        surroundings = program.surroundings(
            self.folder.parent, {"GITHUB_ACTIONS": "true", **given}
        )
        code, said = carry_out(
            _SCRIPTS / script, args, surroundings, self.folder.parent
        )
        done = Finished(code=code, summary=summary.read_text("utf-8"))
        done.outputs = read_outputs(outputs.read_text("utf-8"))
        done.read_log(said)
        assert "Traceback" not in done.log, done.log
        assert done.unknown == []
        return done

    def state(self, what: str) -> Finished:
        """Carry out the step that restores the state from the cache, or keeps it."""
        given = {
            "FOLDER": str(self.folder),
            "PAUSES": "",
            "STATE": "cache",
            "STATE_NAME": "watch",
        }
        return self.step("saved_state.py", given, what)

    def written(self, document: object, code: int = 0) -> dict[str, str]:
        """Return the outputs of a poll that has left this document, or this text."""
        path = self.folder / "check.json"
        path.write_text(
            document if isinstance(document, str) else json.dumps(document), "utf-8"
        )
        return {"code": str(code), "document": str(path), "refusal": ""}

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse | None:
        nodes = asked(request).get("nodeId", [])
        if "pack" in self.failing and "bravo" in nodes:
            return web.Response(text="<html>welcome</html>", content_type="text/html")
        if nodes or not request.path_qs.startswith("/versions"):
            return None
        if "sweep" in self.failing:
            return web.Response(status=400, text="{}", content_type="application/json")
        if (
            "part of the sweep" in self.failing
        ):  # every row of a pack is missing, and still counted
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
    (bin_folder / "comfy-watch").symlink_to(
        Path(sys.executable).with_name("comfy-watch")
    )
    return Job(folder=folder, registry=registry, webhook=webhook, installed=installed)


def _inputs(polled: Mapping[str, str], choice: str) -> dict[str, str]:
    given = {name.upper(): value for name, value in polled.items()}
    return {**given, "FAIL_ON_INCOMPLETE": choice}


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
        "events": any(
            event["kind"] == "banned" for event in json.loads(done.outputs["events"])
        ),
        "counts": "banned" in json.loads(done.outputs["counts"]),
        "worst": done.outputs["worst"] == "critical",
    }
    assert len(set(seen.values())) == 1, seen
    return seen["events"]


@pytest.mark.parametrize(
    ("failing", "banned"),
    [
        pytest.param(
            *both,
            marks=() if both in _QUICK else pytest.mark.bounded,
            id=f"{', '.join(both[0])}; {both[1]}",
        )
        for both in product(_FAILURES, (True, False))
    ],
)
def test_what_fails_hides_no_ban(
    job: Job, failing: tuple[str, ...], *, banned: bool
) -> None:
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
        red = {"alerts": "channel" in failing, "always": bool(failing), "never": False}[
            choice
        ]
        assert done.code == (1 if red else 0)
        said = [
            text
            for text in done.said("error" if red else "warning")
            if text.startswith("Comfy Watch: incomplete")
        ]
        assert len(said) == (1 if failing else 0)
        for one in failing:
            assert re.search(_SAID[one], said[0]), said
            assert f"\n| {_SHOWN.get(one, '')}" in done.summary
        assert (done.outputs["exit-code"], done.outputs["document"]) == (
            polled["code"],
            polled["document"],
        )


def test_a_ban_that_turns_the_job_red_hides_nothing(job: Job) -> None:
    """With `fail-on` the one line that says why the job is red says too what is incomplete."""
    job.poll(ALERT_URLS="none")
    job.registry.catalog.set_status("alpha", "1.0.0", "banned", "steals passwords")
    job.failing.update(("channel", "install"))
    polled = job.poll(FAIL_ON="banned")
    done = job.step("report.py", _inputs(polled, "never"), carry_out=_as_process)
    assert (done.code, _sees_the_ban(done)) == (3, True)
    (said,) = [text for text in done.said("error") if text.startswith("Comfy Watch")]
    assert said == (
        "Comfy Watch: fail-on: 1 banned; incomplete: 1 install could not be scanned; 1 alert undelivered; "
        "the log says why"
    )


def test_every_error_has_a_row(job: Job) -> None:
    """An error of any shape has a row in the summary, and the ban beside it is everywhere."""
    rows: dict[str, object] = {
        "| `bravo` | `one` |": {"node": "bravo", "error": "one"},
        "| install `studio` | `two` |": {"install": "studio", "error": "two"},
        "| the registry | `three` |": {"node": None, "error": "three"},
        "| the registry |  |": ["no error"],
    }
    document = _document(_event(), errors=list(rows.values()))
    done = job.report(job.written(document, code=1), "alerts")
    assert (done.code, _sees_the_ban(done)) == (0, True)
    assert [row for row in rows if row not in done.summary] == []
    assert len(done.said("warning")) == 1


def test_every_event_has_a_row(job: Job) -> None:
    """Events about a pack, an install, a channel and the registry have a row; a text that is null is an empty cell."""
    whole = {
        "node": None,
        "version": None,
        "reason": "",
        "url": "",
    }
    others = [
        _event(kind="failing", severity="warning", **whole, channel="mine"),
        _event(kind="failing", severity="warning", **whole, install="studio"),
        _event(kind="failing", severity="warning", **whole),
        _event(
            kind="appeared",
            severity="info",
            **whole,
            install="studio",
            folder="x",
        ),
        _event(
            kind="exposed",
            version=None,
            reason="",
            installed=[{"install": "studio", "version": None, "enabled": 1}],
        ),
        _event(kind="flagged", severity="warning", version=None),
        _event(kind="flagged", severity="info"),
    ]
    done = job.report(job.written(_document(*others, _event())), "alerts")
    assert (done.code, _sees_the_ban(done)) == (0, True)
    for row in (
        "| failing | channel `mine` |  |  |  |  |",
        "| failing | install `studio` |  |  |  |  |",
        "| failing | the registry |  |  |  |  |",
        "| appeared | folder `x` |  |  | `studio` |  |",
        "| **exposed** | `alpha` |  | a copy of unknown version on `studio` |",
    ):
        assert row in done.summary
    assert done.said("error")[0].startswith("exposed: alpha the whole pack: exposed")
    assert done.said("warning") == ["flagged: alpha the whole pack: steals passwords"]


@pytest.mark.parametrize(("choice", "code"), [("alerts", 1), ("never", 0)])
def test_an_exit_code_that_the_document_does_not_explain(
    job: Job, choice: str, code: int
) -> None:
    """Exit code 1 of a poll that lacks nothing is as bad as an alert that nobody got."""
    done = job.report(job.written(_document(_event()), code=1), choice)
    assert (done.code, _sees_the_ban(done)) == (code, True)
    assert any(
        "something failed that the document does not show" in text
        for text in done.said("error" if code else "warning")
    )


def test_a_poll_that_was_stopped(job: Job) -> None:
    """A poll that was ended from outside is red and says so, beside all that its document has."""
    done = job.report(job.written(_document(_event()), code=143), "never")
    assert (done.code, _sees_the_ban(done)) == (143, True)
    assert (
        "Comfy Watch: the poll ended with exit code 143; the log says why"
        in done.said("error")
    )


@pytest.mark.parametrize("text", ["", "{}", "[" * 5000, "\ud800"])
def test_no_document(job: Job, text: str) -> None:
    """What is no document of `check --json` is one line and a red job, with every output set."""
    polled = job.written("", code=0)
    Path(polled["document"]).write_bytes(text.encode("utf-8", "surrogatepass"))
    done = job.report(polled, "never")
    assert (
        done.code,
        len(done.said("error")),
        done.outputs["events"],
        done.outputs["counts"],
    ) == (1, 1, "[]", "{}")
    assert done.summary.startswith("### Comfy Watch: failed")


@pytest.mark.parametrize("lacking", ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"])
def test_a_part_that_cannot_be_written(job: Job, lacking: str) -> None:
    """Where the summary or the outputs cannot be written the rest is, and the job is red and says so."""
    done = job.report(
        job.written(_document(_event())), "never", **{lacking: str(job.folder)}
    )
    assert done.code == 1
    assert "banned: alpha 1.0.0: steals passwords" in done.said("error")
    assert any(
        "of this poll could not be written: IsADirectoryError" in text
        for text in done.said("error")
    )
    assert ("| **banned** |" in done.summary) == (lacking == "GITHUB_OUTPUT")
    assert ("worst" in done.outputs) == (lacking == "GITHUB_STEP_SUMMARY")


def test_more_than_github_shows(job: Job) -> None:
    """A summary stays below the mebibyte above which GitHub shows none, and has the worst first."""
    long = "\U0001f40d" * 300
    rows = [
        _event(version=f"{number} {long}", reason=long, node=long)
        for number in range(300)
    ]
    rows = [
        row | {"installed": [{"install": long, "version": long, "enabled": True}] * 3}
        for row in rows
    ]
    errors = [{"node": long, "error": long} for _ in range(300)]
    done = job.report(
        job.written(_document(*rows, _event(), errors=errors), code=1), "never"
    )
    assert 300_000 < len(done.summary.encode()) < 1_000_000
    assert re.search(r"\nAnd \d+ more\.\n", done.summary)


@pytest.fixture(scope="module")
def reading() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The modules that decode a document and write the summary."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(_SCRIPTS))
        yield (
            importlib.import_module("poll_document"),
            importlib.import_module("event_table"),
        )
        for name in ("poll_document", "event_table"):
            sys.modules.pop(name)


_ODD: tuple[Any, ...] = (
    None,
    True,
    7,
    -1e308,
    "",
    "\ud800",
    [],
    ["x"],
    {},
    {"x": None},
)


def _places(value: object) -> list[tuple[dict[str, Any] | list[Any], str | int]]:
    """Return every place of a value in a document, as what holds it and its key or index."""
    if not isinstance(value, (dict, list)):
        return []
    here: list[Any] = [
        (value, key)
        for key in (value if isinstance(value, dict) else range(len(value)))
    ]
    return here + [place for holder, key in here for place in _places(holder[key])]


@given(data=st.data())
def test_one_odd_value_hides_nothing_else(
    reading: tuple[ModuleType, ModuleType], data: st.DataObject
) -> None:
    """A document in which any one value is another, or is missing, still shows the ban beside it."""
    poll_document, event_table = reading
    other = _event(
        kind="changed",
        changes=[{"field": "dependencies", "before": "a", "after": "b"}],
        installed=[{"install": "studio", "version": "1.0.0", "enabled": True}],
    )
    errors = [{"node": "bravo", "error": "no answer"}, {"install": "x", "error": "x"}]
    document = _document(other, errors=errors)
    holder, key = data.draw(st.sampled_from(_places(document)))
    if holder is document and key == "events":
        return
    if isinstance(holder, dict) and data.draw(st.booleans()):
        del holder[str(key)]
    else:
        odd = data.draw(st.sampled_from(_ODD))
        cast("dict[str | int, object]", holder)[key] = odd
    document["events"].append(_event())
    poll = poll_document.decoded(json.loads(json.dumps(document)))
    assert "| **banned** | `alpha` | `1.0.0` |" in event_table.summary(poll)


@pytest.mark.parametrize("polled_at", ["2026-01-31T12:00:00+01:00", None])
def test_a_state_without_a_time(job: Job, polled_at: str | None) -> None:
    """A state whose last poll has no time in UTC is restored, which is said once."""
    (job.folder / "state").mkdir()
    checks = job.folder / "state" / "checks.json"
    checks.write_text(json.dumps({"polled_at": polled_at}), "utf-8")
    restored = job.state("restore")
    assert (restored.code, len(restored.annotations)) == (0, 1)
    (said,) = restored.said("warning")
    assert said.startswith("Comfy Watch: state: its age is not known")


def test_a_state_that_cannot_be_read(job: Job) -> None:
    """A file of the state that cannot be read is one line and exit code 4, and nothing is polled."""
    (job.folder / "state").mkdir()
    (job.folder / "before").write_text("in the way", "utf-8")
    done = job.state("restore")
    assert (done.code, len(done.said("error"))) == (4, 1)
    assert "it could not be read, so nothing was polled" in done.said("error")[0]


def test_a_program_that_is_not_there(job: Job) -> None:
    """A poll that cannot be started is one line and a red job."""
    (job.folder.parent / "comfy-watch-program" / "bin" / "comfy-watch").unlink()
    done = job.report(job.poll(), "never")
    assert done.code == 1
    assert done.said("error")[0].startswith(
        "Comfy Watch: the program could not be started: "
    )
