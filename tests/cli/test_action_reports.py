"""What a run on GitHub Actions reports: the action's own steps, with a runner's files.

tests/deploy/github_actions carries out the whole action.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import json
import os
import re
import runpy
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest
from markdown_it import MarkdownIt

from tests.deploy.support.actions_runner import Finished, read_outputs
from tests.hostile import corpus
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the action was not tried on Windows"
)

_SCRIPTS = program.ROOT / "deploy" / "github-actions"
_FAILURES: dict[str, tuple[dict[str, Any], str, str]] = {
    "channel": ({}, "2 alerts undelivered", ""),
    "install": (
        {"install": "studio", "error": "gone"},
        "1 install could not be scanned",
        "install `studio`",
    ),
    "pack": (
        {"node": "bravo", "error": "no answer"},
        "1 of 3 node packs could not be checked",
        "`bravo`",
    ),
    "registry": (
        {"node": None, "error": "page 2"},
        "the registry could not be read in full",
        "the registry",
    ),
}
"""By what fails: its error in the document, what the annotation says, and its name in the summary's table."""

_HOSTILE = (
    *corpus.MENTIONS,
    *corpus.MARKDOWN,
    *corpus.HTML,
    "evil\n::error::evil\n##[error]evil",
    "::set-output name=evil::evil",
    "::stop-commands::evil",
    "evil%0A::error::evil%0D%0Aevil",
    "evil | evil \\| evil \\\\| `evil | evil` \\",
    "| evil | evil |\n|---|---|\n| evil | evil |",
    "x\n\nevil | y\n--- | ---\n",
    "a,title=evil::evil",
    "../evil",
    "evil)b",
)
_MARKDOWN = {"inline", "text", "code_inline", "softbreak"} | {
    f"{name}_{end}"
    for name in [
        "heading",
        "paragraph",
        "strong",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
    for end in ("open", "close")
}
"""What the summary is made of, if no text of the registry has a link of its own."""


def _carry_out(
    script: Path, args: Sequence[str], env: Mapping[str, str], folder: Path
) -> tuple[int, str]:
    """Carry out a step in this process, which takes a tenth of the time; return its exit code, and what it said."""
    said = io.TextIOWrapper(kept := io.BytesIO(), "utf-8", write_through=True)
    code = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        contextlib.chdir(folder),
    ):
        patch.setattr(os, "environ", dict(env))
        patch.setattr(sys, "argv", [str(script), *args])
        patch.syspath_prepend(str(script.parent))
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as end:
            code = int(end.code or 0)
    return code, kept.getvalue().decode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of a repository; its state is kept in `folder`."""

    folder: Path

    def poll(self, **env: str) -> dict[str, str]:
        """Carry out the step `Poll`, and return its outputs."""
        given = dict.fromkeys(("FAIL_ON", "HEARTBEAT_URL", "NODES", "SETTINGS"), "")
        given |= {
            "ALERT_URLS": "none",
            "FOLDER": str(self.folder),
            "PUBLISH": "false",
            "RUNNER_TEMP": str(self.folder.parent),
        }
        done = self.step("poll.py", given | env)
        assert done.code == 0, done.log
        return done.outputs

    def report(self, polled: Mapping[str, str], choice: str, **env: str) -> Finished:
        """Carry out the step `Report`, with `choice` as the input `fail-on-incomplete`."""
        return self.step("report.py", _inputs(polled, choice) | env)

    def step(self, script: str, env: Mapping[str, str], *args: str) -> Finished:
        """Carry out a step. No traceback may show, and no command but an annotation."""
        outputs, summary = (
            self.folder.parent / name for name in ("outputs", "summary")
        )
        for file in (outputs, summary):
            file.write_bytes(b"")
        given = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary),
            **env,
        }
        surroundings = program.surroundings(self.folder.parent, given)
        code, said = _carry_out(
            _SCRIPTS / script, args, surroundings, self.folder.parent
        )
        done = Finished(code=code, summary=summary.read_text("utf-8"))
        done.outputs = read_outputs(outputs.read_text("utf-8"))
        done.read_log(said)
        assert "Traceback" not in done.log, done.log
        assert done.unknown == []
        return done

    def written(self, document: object, code: int = 0) -> dict[str, str]:
        """Return the outputs of a poll that has left this document."""
        path = self.folder / "check.json"
        path.write_text(json.dumps(document), "utf-8")
        return {"code": str(code), "document": str(path), "refusal": ""}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job that has never run."""
    folder = tmp_path / "temp" / "watch"
    folder.mkdir(parents=True)
    return Job(folder=folder)


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


def test_a_ban_that_turns_the_job_red_hides_nothing(
    job: Job, registry: FakeRegistry, webhook: Webhook
) -> None:
    """With `fail-on` the one line that says why the job is red says too what is incomplete: real polls."""
    program_folder = job.folder.parent / "comfy-watch-program" / "bin"
    program_folder.mkdir(parents=True)
    own = Path(sys.executable).with_name("comfy-watch")
    (program_folder / "comfy-watch").symlink_to(own)
    registry.catalog.publish("alpha", "1.0.0")
    env = {"COMFY_WATCH_REGISTRY_URL": registry.url, "NODES": "alpha"}
    job.poll(**env)
    registry.catalog.set_status("alpha", "1.0.0", "banned", "steals passwords")
    webhook.answer["/alerts"] = 503
    env["ALERT_URLS"] = webhook.apprise_url("/alerts")
    polled = job.poll(**env, COMFY_WATCH_INSTALLS="gone", FAIL_ON="banned")
    done = job.report(polled, "never")
    assert (done.code, _sees_the_ban(done)) == (3, True)
    (said,) = [text for text in done.said("error") if text.startswith("Comfy Watch")]
    assert said == (
        "Comfy Watch: fail-on: 1 banned; incomplete: 1 install could not be scanned; 1 alert undelivered; "
        "the log says why"
    )


@pytest.mark.parametrize("failing", [(), *((one,) for one in _FAILURES), (*_FAILURES,)])
def test_what_fails_hides_no_ban(job: Job, failing: tuple[str, ...]) -> None:
    """Whatever failed in a poll, its ban is in summary, annotations and outputs, and the job's colour is the page's."""
    document = _document(_event())
    document["nodes"] = {"watched": 3, "checked": 3, "failed": 0}
    document["errors"] = [error for one in failing if (error := _FAILURES[one][0])]
    document["alerts"]["pending"] = 2 if "channel" in failing else 0
    polled = job.written(document, code=1 if failing else 0)
    colours = {"alerts": "channel" in failing, "always": bool(failing), "never": False}
    for choice, red in colours.items():
        done = job.report(polled, choice)
        assert (done.code, _sees_the_ban(done)) == (1 if red else 0, True)
        said = [
            text
            for text in done.said("error" if red else "warning")
            if text.startswith("Comfy Watch: incomplete")
        ]
        assert len(said) == (1 if failing else 0)
        for _, words, name in (_FAILURES[one] for one in failing):
            assert words in said[0]
            assert f"\n| {name}" in done.summary
        assert (done.outputs["exit-code"], done.outputs["document"]) == (
            polled["code"],
            polled["document"],
        )


def test_every_event_has_a_row(job: Job) -> None:
    """Events about a pack, an install, a channel and the registry have a row; an odd severity is a warning."""
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
        _event(kind="flagged", severity="odd", version=None),
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
        "[registry](https://registry.comfy.org/nodes/alpha)",
    ):
        assert row in done.summary
    assert done.said("error")[0].startswith("exposed: alpha the whole pack: exposed")
    assert done.said("warning") == ["flagged: alpha the whole pack: steals passwords"]


@pytest.mark.parametrize(
    ("polled", "choice", "code", "words"),
    [
        (1, "alerts", 1, "something failed that the document does not show"),
        (1, "never", 0, "something failed that the document does not show"),
        (143, "never", 143, "the poll ended with exit code 143; the log says why"),
    ],
)
def test_an_exit_code_that_the_document_does_not_explain(
    job: Job, polled: int, choice: str, code: int, words: str
) -> None:
    """A poll with 1 that lacks nothing is as bad as an undelivered alert; one that was stopped is red, and says so."""
    done = job.report(job.written(_document(_event()), code=polled), choice)
    assert (done.code, _sees_the_ban(done)) == (code, True)
    assert any(words in text for text in done.said("error" if code else "warning"))


@pytest.mark.parametrize("text", ["", "{}", "[" * 5000])
def test_no_document(job: Job, text: str) -> None:
    """What is no document of `check --json` is one line and a red job, with every output set."""
    polled = job.written("")
    Path(polled["document"]).write_bytes(text.encode())
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


def test_hostile_texts(job: Job) -> None:
    """What anybody may write stays text: one cell of code in our table, one line of an annotation, no command."""
    events = [
        _event(
            kind="flagged",
            severity="warning",
            node=text,
            version=text,
            reason=text,
            installed=[{"install": text, "version": text, "enabled": True}],
            url=f"https://registry.comfy.org/nodes/{text}",
        )
        for text in _HOSTILE
    ]
    errors = [
        {sort: text, "error": text} for text in _HOSTILE for sort in ("node", "install")
    ]
    done = job.report(job.written(_document(*events, errors=errors)), "never")
    # Read as GitHub reads Markdown.
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = reader.parse(done.summary)
    tokens += [child for token in tokens for child in token.children or ()]
    assert {token.type for token in tokens} <= _MARKDOWN
    plain = [token.content for token in tokens if token.type == "text"]
    assert [text for text in plain if "evil" in text] == []
    assert sum(token.type == "td_open" for token in tokens) == 10 * len(_HOSTILE)
    assert len(done.annotations) > 5
    said = [one.text + one.title for one in done.annotations]
    assert [text for text in said if "\n" in text or "@" in text] == []


def test_more_than_github_shows(job: Job) -> None:
    """A summary stays below the mebibyte above which GitHub shows none, and an output below what a variable holds."""
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
    shown = done.outputs["events"]
    assert 50_000 < len(shown) <= 100_000
    assert len(json.loads(shown)) + int(done.outputs["events-omitted"]) == 301


_ODD: tuple[Any, ...] = (..., True, 7, -1e308, "", "\ud800", [], ["x"], {}, {"x": None})
"""What may stand in a value's place; the first: nothing."""


def _places(value: object) -> list[tuple[dict[str, Any] | list[Any], str | int]]:
    """Return every place of a value in a document, as what holds it and its key or index."""
    if not isinstance(value, (dict, list)):
        return []
    here: list[Any] = [
        (value, key)
        for key in (value if isinstance(value, dict) else range(len(value)))
    ]
    return here + [place for holder, key in here for place in _places(holder[key])]


def test_one_odd_value_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document in which any one value is another, or is missing, still shows the ban beside it."""
    monkeypatch.syspath_prepend(str(_SCRIPTS))
    poll_document = importlib.import_module("poll_document")
    event_table = importlib.import_module("event_table")
    other = _event(
        kind="changed",
        changes=[{"field": "dependencies", "before": "a", "after": "b"}],
        installed=[{"install": "studio", "version": "1.0.0", "enabled": True}],
    )
    errors = [{"node": "bravo", "error": "no answer"}, {"install": "x", "error": "x"}]
    whole = _document(other, errors=errors)
    for number, odd in product(range(len(_places(whole))), _ODD):
        document = copy.deepcopy(whole)
        holder, key = _places(document)[number]
        if key == "events":
            continue
        if odd is ... and isinstance(holder, dict):
            del holder[str(key)]
        else:
            cast("dict[str | int, object]", holder)[key] = None if odd is ... else odd
        document["events"].append(_event())
        poll = poll_document.decoded(json.loads(json.dumps(document)))
        assert "| **banned** | `alpha` | `1.0.0` |" in event_table.summary(poll)


def test_a_state_that_is_restored(job: Job) -> None:
    """One whose last poll has no time is said to be of no known age; one that cannot be read is exit code 4."""
    given = {"FOLDER": str(job.folder), "PAUSES": ""}
    given |= {"STATE": "cache", "STATE_NAME": "watch"}
    (job.folder / "state").mkdir()
    (job.folder / "state" / "checks.json").write_text('{"polled_at": null}', "utf-8")
    (job.folder / "before").write_text("in the way", "utf-8")
    done = job.step("saved_state.py", given, "restore")
    assert (done.code, len(done.said("error"))) == (4, 1)
    assert "it could not be read, so nothing was polled" in done.said("error")[0]
    (job.folder / "before").unlink()
    restored = job.step("saved_state.py", given, "restore")
    assert (restored.code, len(restored.annotations)) == (0, 1)
    (said,) = restored.said("warning")
    assert said.startswith("Comfy Watch: state: its age is not known")


def test_a_program_that_is_not_there(job: Job) -> None:
    """A poll that cannot be started is one line and a red job."""
    done = job.report(job.poll(), "never")
    assert done.code == 1
    assert done.said("error")[0].startswith(
        "Comfy Watch: the program could not be started: "
    )
