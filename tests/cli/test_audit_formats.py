"""`audit` for programs: stdout has exactly the document, the exit code stays what it is, and a job gets its summary."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Audit
from tests.hostile import corpus
from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry

pytestmark = pytest.mark.measured

_FORGED = (
    *corpus.MARKDOWN,
    "x%0A::error title=y,file=z::w\r\n::error::q\u202e##[error]a\u2028::set-output name=a::b",
    "```\n\n</pre> @x",
)


@pytest.fixture
def comfyui(tmp_path: Path, registry: FakeRegistry) -> ComfyUI:
    """A ComfyUI in the working folder, with a banned pack and one that is fine."""
    made = ComfyUI(tmp_path / "ComfyUI")
    for name in ("evil", "fine"):
        registry.catalog.publish(name, "1.0.0")
        made.registry(name, "1.0.0")
    registry.catalog.set_status("evil", "1.0.0", "banned", "Adware")
    return made


def _run_of(done: program.Completed) -> dict[str, Any]:
    """Return the one run of the SARIF document that is all of stdout."""
    [run] = json.loads(done.out)["runs"]
    assert isinstance(run, dict)
    return run


@pytest.mark.usefixtures("comfyui")
def test_sarif(audit: Audit) -> None:
    """Each pack that is not ok is a result, in a file of it that the working folder has; a running ComfyUI has none."""
    done = audit("ComfyUI", "--format", "sarif", code=3)
    assert done.err == ""
    [result] = _run_of(done)["results"]
    [location] = result["locations"]
    assert result["ruleId"] == "comfy-watch/banned"
    assert location["physicalLocation"]["artifactLocation"]["uri"] == (
        "ComfyUI/custom_nodes/evil/pyproject.toml"
    )
    address = "http://user:hunter2@127.0.0.1:1"
    done = audit("ComfyUI", address, "--format", "sarif", code=2)
    assert (done.out, done.err.splitlines()) == (
        "",
        [
            "error: --format sarif shows packs in files, and 127.0.0.1:1 is an address",
            "hint: name the folder of that ComfyUI, or a snapshot of it",
        ],
    )


@pytest.mark.usefixtures("comfyui")
@pytest.mark.parametrize("form", ["json", "sarif"])
def test_what_fails_leaves_stdout_a_document(audit: Audit, form: str) -> None:
    """A TARGET that cannot be read is said on stderr and in the document; what cannot begin leaves stdout empty."""
    done = audit("ComfyUI", "missing", "--format", form, "--fail-on", "none", code=2)
    assert (done.err[:16], done.err.count("\n")) == ("error: missing: ", 1)
    assert "missing does not exist" in done.out
    if form == "sarif":
        [invocation] = _run_of(done)["invocations"]
        assert invocation["executionSuccessful"] is False
    assert audit("--accept", "x", "--format", form, code=2).out == ""


def test_the_summary_of_a_job(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """GitHub's job gets the table in a block of code that no text ends, whatever the format; the log has no command."""
    for number, text in enumerate(_FORGED):
        registry.catalog.publish(f"odd-{number}", "1.0.0", status="banned", reason=text)
        comfyui.registry(f"odd-{number}", "1.0.0")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", "utf-8")
    job = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    audit("ComfyUI", "gone", "--json", code=3, **job)
    before, *lines = summary.read_text("utf-8").split("\n")
    assert before == "before"
    assert all(line.startswith("    ") and line.isprintable() for line in lines if line)
    shown = [line.split()[:2] for line in lines if line]
    assert (shown[0], shown[-1]) == (["WHERE", "PACK"], ["error:", "gone:"])
    done = audit("ComfyUI", code=3, **job | {"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert "warning: the summary of the job could not be written: " in done.err
    said = done.out + done.err
    assert "##[" not in said
    assert not re.search(r"^\s*::", said, re.MULTILINE)
