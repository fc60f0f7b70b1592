"""`audit --format` by the real program: stdout has exactly the document, and the exit code stays what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry

pytestmark = pytest.mark.measured

Audit = Callable[..., program.Completed]
FORMATS = ("table", "json", "sarif")


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """A ComfyUI without packs, in the working folder."""
    return ComfyUI(tmp_path / "ComfyUI")


@pytest.fixture
def audit(run: Callable[..., program.Completed], registry: FakeRegistry) -> Audit:
    """`audit` of a loopback registry, without settings."""

    def audited(*args: str, code: int) -> program.Completed:
        env = {
            "COMFY_WATCH_REGISTRY_URL": registry.url,
            "COMFY_WATCH_RETRIES": "0",
            "COMFY_WATCH_MINIMUM_AGE": "0",
        }
        done = run("audit", *args, env=env)
        assert done.code == code, done
        return done

    return audited


def results(done: program.Completed) -> list[dict[str, Any]]:
    """Return the results of the SARIF document that is all of stdout."""
    [run] = json.loads(done.out)["runs"]
    found: list[dict[str, Any]] = run["results"]
    return found


def one_that_is_bad(comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """Install a banned pack and one that is fine."""
    for name in ("evil", "fine"):
        registry.catalog.publish(name, "1.0.0")
        comfyui.registry(name, "1.0.0")
    registry.catalog.set_status("evil", "1.0.0", "banned", "Adware")


def test_sarif(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """Each pack that is not ok is a result, in a file of it that the working folder has."""
    one_that_is_bad(comfyui, registry)
    done = audit("ComfyUI", "--format", "sarif", code=3)
    [result] = results(done)
    [location] = result["locations"]
    assert done.err == ""
    assert result["ruleId"] == "comfy-watch/banned"
    assert location["physicalLocation"]["artifactLocation"]["uri"] == (
        "ComfyUI/custom_nodes/evil/pyproject.toml"
    )
    again = audit("ComfyUI", "--format=sarif", "--problems", code=3)
    assert results(again) == [result]


def test_json_has_a_short_form(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """`--json` is `--format json`; of several the last one counts, and without any it is a table."""
    one_that_is_bad(comfyui, registry)
    packs = json.loads(audit("ComfyUI", "--format", "json", code=3).out)["packs"]
    assert json.loads(audit("ComfyUI", "--json", code=3).out)["packs"] == packs
    for args in ((), ("--format", "table"), ("--json", "--format", "table")):
        assert audit("ComfyUI", *args, code=3).out.startswith("PACK")


@pytest.mark.parametrize("form", FORMATS[1:])
def test_what_fails_leaves_stdout_a_document(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, form: str
) -> None:
    """A TARGET that cannot be read is said on stderr, in the document, and by the exit code."""
    one_that_is_bad(comfyui, registry)
    done = audit("ComfyUI", "missing", "--format", form, "--fail-on", "none", code=2)
    assert done.err.startswith("error: missing: ")
    assert done.err.count("\n") == 1
    assert "missing does not exist" in done.out
    if form == "sarif":
        [run] = json.loads(done.out)["runs"]
        [invocation] = run["invocations"]
        assert invocation["executionSuccessful"] is False


@pytest.mark.parametrize("form", FORMATS[1:])
def test_nothing_found_is_a_document_too(
    audit: Audit, comfyui: ComfyUI, form: str
) -> None:
    """A ComfyUI without packs gives a document without results."""
    done = audit("ComfyUI", "--format", form, code=0)
    if form == "sarif":
        assert results(done) == []


@pytest.mark.parametrize("form", FORMATS)
def test_what_ends_early(audit: Audit, form: str) -> None:
    """Where a program reads stdout it stays empty if the command cannot begin; else it has the reason."""
    done = audit("--accept", "x", "--format", form, code=2)
    assert done.err.startswith("error: ")
    assert bool(done.out) is (form == "table")


def test_an_address_has_no_file(audit: Audit, comfyui: ComfyUI) -> None:
    """SARIF shows packs in files, which a running ComfyUI does not give: one line says so, and nothing is asked."""
    address = "http://user:hunter2@127.0.0.1:1"
    done = audit("ComfyUI", address, "--format", "sarif", code=2)
    assert done.out == ""
    assert done.err.splitlines() == [
        "error: --format sarif shows packs in files, and 127.0.0.1:1 is an address",
        "hint: name the folder of that ComfyUI, or a snapshot of it",
    ]


def test_an_unknown_format(audit: Audit) -> None:
    """It is a wrong use, which says what there is."""
    done = audit("--format", "yaml", code=2)
    assert all(f"'{form}'" in done.err for form in FORMATS)
    assert done.out.startswith("exit 2: ")
