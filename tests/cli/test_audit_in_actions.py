"""What `audit` tells GitHub Actions: the summary of the job, by the real program."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import corpus
from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry

Audit = Callable[..., program.Completed]


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """A ComfyUI without packs, in the workspace of a job."""
    return ComfyUI(tmp_path / "ComfyUI")


@pytest.fixture
def audit(run: Callable[..., program.Completed], registry: FakeRegistry) -> Audit:
    """`audit` in a job of GitHub Actions, with the file of its summary."""

    def audited(*args: str, code: int, summary: Path) -> program.Completed:
        env = {
            "COMFY_WATCH_REGISTRY_URL": registry.url,
            "COMFY_WATCH_RETRIES": "0",
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(summary),
        }
        done = run("audit", *args, env=env)
        assert done.code == code, done
        return done

    return audited


def test_the_summary(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """The job's summary gets the table, after what is in it, whatever the format is."""
    for node in ("evil", "fine"):
        registry.catalog.publish(node, "1.0.0")
        comfyui.registry(node, "1.0.0")
    registry.catalog.set_status("evil", "1.0.0", "banned", "Adware")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", "utf-8")
    audit(str(comfyui.root), "gone", "--json", code=3, summary=summary)
    before, *lines = summary.read_text("utf-8").splitlines()
    assert before == "before"
    shown = [" ".join(line.split()[:2]) for line in lines if line]
    assert shown == [
        "WHERE PACK",
        f"{comfyui.root.parent.name} evil",
        "2 packs:",
        "error: gone:",
    ]
    away = audit(str(comfyui.root), code=3, summary=tmp_path)
    assert "warning: the summary of the job could not be written: " in away.err


def test_hostile_text_forges_nothing(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Whatever a reason says: it ends no block of code in the summary, and the log has no command."""
    texts = (
        *corpus.MENTIONS,
        *corpus.MARKDOWN,
        "x%0A::error title=y,file=z::w\r\n::error::q\u202e##[error]a\u2028::set-output name=a::b",
        "::stop-commands::evil",
        "```\n\n</pre> @x",
    )
    for number, text in enumerate(text for text in texts if "\0" not in text):
        registry.catalog.publish(f"evil-{number}", "1.0.0")
        comfyui.registry(f"evil-{number}", "1.0.0")
        registry.catalog.set_status(f"evil-{number}", "1.0.0", "banned", text)
    summary = tmp_path / "summary.md"
    done = audit(str(comfyui.root), code=3, summary=summary)
    assert "##[" not in done.out + done.err
    assert not re.search(r"^\s*::", done.out + done.err, re.MULTILINE)
    lines = summary.read_text("utf-8").split("\n")
    assert all(line.startswith("    ") and line.isprintable() for line in lines if line)
