"""What `audit --format sarif` prints, judged by the validator of SARIF's makers, with their rules of GitHub's.

Its package is made for each system: it carries its own runtime, and rules that the schema alone does not have.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.support.tools import ended, package
from tests.hostile import corpus
from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry

pytestmark = pytest.mark.deployment

_RULES = "Sarif;Ghas"
"""Those of the standard, and those of what GitHub takes."""
Audit = Callable[..., Path]


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """A ComfyUI without packs, in the working folder."""
    return ComfyUI(tmp_path / "ComfyUI")


@pytest.fixture
def audit(
    run: Callable[..., program.Completed], registry: FakeRegistry, tmp_path: Path
) -> Audit:
    """`audit --format sarif` of a loopback registry; it gives a file with the document."""

    def audited(*args: str) -> Path:
        env = {"COMFY_WATCH_REGISTRY_URL": registry.url, "COMFY_WATCH_RETRIES": "0"}
        done = run("audit", *args, "--format", "sarif", env=env)
        path = tmp_path / "audit.sarif"
        path.write_text(done.out, "utf-8")
        return path

    return audited


def findings_in(path: Path) -> list[str]:
    """Return the rules that a document breaks, each with where."""
    validator = package("@microsoft/sarif-multitool-linux") / "Sarif.Multitool"
    validator.chmod(0o755)  # as its script would, which nobody runs
    report = path.with_suffix(".report")
    done = ended(
        *(validator, "validate", path, "--rule-kind", _RULES),
        *("--output", report, "--log", "ForceOverwrite"),
        env={
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
            "DOTNET_BUNDLE_EXTRACT_BASE_DIR": str(path.parent / "extracted"),
        },
    )
    assert "Analysis completed successfully" in done.out, done
    [of_validator] = json.loads(report.read_text("utf-8-sig"))["runs"]
    return [one["ruleId"] for one in of_validator.get("results", ())]


def _install(comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """Install packs with most verdicts, two of them in odd places."""
    for name in ("banned", "flagged", "deleted", "pending"):
        registry.catalog.publish(name, "1.0.0", status=name)
        comfyui.registry(name, "1.0.0", folder=f"{name} #1%")
    registry.catalog.publish("withdrawn", "2.0.0")
    comfyui.registry("withdrawn", "1.0.0")
    comfyui.single("mine.py")
    comfyui.plain("ein größerer Ordner")
    (comfyui.nodes / "nothing").mkdir()
    comfyui.claimed("banned", "1.0.0", folder=".disabled/banned@1_0_0")


def test_what_is_found(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """It breaks no rule: installed packs, references, accepted findings, and what could not be read."""
    _install(comfyui, registry)
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text(
        "FROM scratch\nRUN comfy node install banned@1.0.0 flagged $PACK\n"
    )
    assert findings_in(audit("docker/nothing")) == []
    path = audit("ComfyUI", "docker", "missing", "--accept", "flagged@1.0.0")
    assert path.read_text("utf-8").count('"ruleId"') == 12  # the variable is a row too
    assert findings_in(path) == []


def test_hostile_texts(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """Whatever the names of folders and the registry's reasons are."""
    texts = [text for text in corpus.TEXTS if len(text) < 200]
    for number, text in enumerate(texts):
        name = f"pack-{number}"
        folder = text.translate({0: None, ord("/"): "-"}) or name
        registry.catalog.publish(name, "1.0.0", status="banned")
        registry.catalog.set_status(name, "1.0.0", "banned", text)
        if len(folder.encode()) < 200 and not (comfyui.nodes / folder).exists():
            comfyui.registry(name, "1.0.0", folder=folder)
    assert findings_in(audit("ComfyUI")) == []
