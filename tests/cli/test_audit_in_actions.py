"""What `audit` tells GitHub Actions: annotations and the summary of the job, by the real program."""

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
    return ComfyUI(tmp_path / "docker" / "ComfyUI")


@pytest.fixture
def audit(
    run: Callable[..., program.Completed], registry: FakeRegistry, tmp_path: Path
) -> Audit:
    """`audit` in a job of GitHub Actions, whose workspace is the working folder."""

    def audited(*args: str, code: int, **env: str) -> program.Completed:
        done = run(
            "audit",
            *args,
            env={
                "COMFY_WATCH_REGISTRY_URL": registry.url,
                "COMFY_WATCH_RETRIES": "0",
                "COMFY_WATCH_MINIMUM_AGE": "0",
                "GITHUB_ACTIONS": "true",
                "GITHUB_WORKSPACE": str(tmp_path),
                **env,
            },
        )
        assert done.code == code, done
        return done

    return audited


def _install(comfyui: ComfyUI, registry: FakeRegistry, *ids: str) -> None:
    for node in ids:
        registry.catalog.publish(node, "1.0.0")
        comfyui.registry(node, "1.0.0")


def _notes(done: program.Completed) -> list[str]:
    """Return the annotations; how long the audit took is left out."""
    lines = [line for line in done.err.splitlines() if line.startswith("::")]
    return [re.sub(r" \(\d+\.\d s\)", "", line) for line in lines]


def test_annotations(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """What `--fail-on` names is an error, another bad verdict a warning, and what is only an info is neither."""
    _install(comfyui, registry, "evil", "aged", "behind", "fine")
    registry.catalog.publish("evil", "0.9.0")
    registry.catalog.set_status("evil", "1.0.0", "banned", "runs code, says bob")
    registry.catalog.publish("aged", "1.1.0")
    registry.catalog.deprecate("aged", "1.0.0")
    registry.catalog.publish("behind", "1.1.0")
    done = audit(str(comfyui.root), code=3)
    ending = "4 packs: 1 banned, 1 deprecated, 1 outdated, 1 ok"
    titles = [re.sub(r",file=[^:]*", "", line) for line in _notes(done)]
    assert titles == [
        f"::error title=Comfy Watch::exit code 3: {ending}",
        (
            "::error title=banned%3A evil 1.0.0::runs code, says bob; not banned: 0.9.0%0A"
            "stop ComfyUI, remove it, read why"
        ),
        "::warning title=deprecated%3A aged 1.0.0::the newest good version is 1.1.0",
    ]
    strict = audit(str(comfyui.root), "--fail-on", "outdated", code=3)
    levels = [line.split()[0] for line in _notes(strict)]
    assert levels == ["::error", "::error", "::warning", "::warning"]


def test_what_counts(audit: Audit, comfyui: ComfyUI, registry: FakeRegistry) -> None:
    """What is disabled or accepted has no annotation, and without one the job is quiet."""
    for node in ("evil", "off"):
        registry.catalog.publish(node, "1.0.0", status="banned")
    comfyui.registry("evil", "1.0.0")
    comfyui.disable(comfyui.registry("off", "1.0.0"))
    quiet = audit(str(comfyui.root), "--accept", "evil@1.0.0=banned", code=0)
    assert _notes(quiet) == []
    elsewhere = audit(str(comfyui.root), code=3, GITHUB_ACTIONS="")
    assert _notes(elsewhere) == []


def test_the_summary(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry, tmp_path: Path
) -> None:
    """The job's summary gets the table, after what is in it, as code that nothing can end, whatever the format is."""
    _install(comfyui, registry, "evil", "fine")
    registry.catalog.set_status("evil", "1.0.0", "banned", "```\n\n</pre> @x")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", "utf-8")
    env = {"GITHUB_STEP_SUMMARY": str(summary)}
    audit(str(comfyui.root), "gone", "--json", code=3, **env)
    before, *lines = summary.read_text("utf-8").splitlines()
    assert before == "before"
    assert all(line.startswith("    ") for line in lines if line)
    shown = [" ".join(line.split()[:2]) for line in lines if line]
    assert shown == ["WHERE PACK", "ComfyUI evil", "2 packs:", "error: gone:"]
    away = audit(str(comfyui.root), code=3, GITHUB_STEP_SUMMARY=str(tmp_path))
    assert "warning: the summary of the job could not be written: " in away.err


def test_what_could_not_be_read(audit: Audit, tmp_path: Path) -> None:
    """A TARGET that is not there is a warning with the reason, beside the error with the exit code."""
    ending, unread = _notes(audit(str(tmp_path / "nowhere"), code=2))
    assert ending.startswith("::error title=Comfy Watch::exit code 2: ")
    assert unread.startswith(
        "::warning title=not everything was checked::error: nowhere: "
    )


def test_a_wrong_use(audit: Audit) -> None:
    """What ends a command before it begins cannot forge an annotation."""
    done = audit("--fail-on", "bad\n::error::x ##[error]y", code=2)
    assert _notes(done) == []
    assert "##[" not in done.err


def test_no_more_than_github_shows(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Ten errors are written of any number of banned packs, and the first says how many there are."""
    ids = [f"evil-{number}" for number in range(14)]
    _install(comfyui, registry, *ids)
    for node in ids:
        registry.catalog.set_status(node, "1.0.0", "banned")
    notes = _notes(audit(str(comfyui.root), code=3))
    assert len(notes) == 10
    assert "14 banned" in notes[0]


def test_hostile_text_forges_nothing(
    audit: Audit, comfyui: ComfyUI, registry: FakeRegistry
) -> None:
    """Whatever a reason says: each command in the log is one of ours, with our properties, on one line."""
    texts = (
        *corpus.MENTIONS,
        *corpus.MARKDOWN,
        "x%0A::error title=y,file=z::w\r\n::error::q\u202e##[error]a\u2028::set-output name=a::b",
        "::stop-commands::evil",
    )
    for number, text in enumerate(text for text in texts if "\0" not in text):
        _install(comfyui, registry, f"evil-{number}")
        registry.catalog.set_status(f"evil-{number}", "1.0.0", "banned", text)
    done = audit(str(comfyui.root), code=3)
    assert "##[" not in done.out + done.err
    assert not re.search(r"^\s*::", done.out, re.MULTILINE)
    for line in done.err.splitlines():
        command = re.fullmatch(r"::(error|warning) ([^:]*)::(.*)", line)
        assert command, line
        names = [one.partition("=")[0] for one in command[2].split(",")]
        assert names in (["title"], ["title", "file"], ["title", "file", "line"])
        assert line.isprintable()
        assert not re.search(r"%(?!25|0A|0D|3A|2C)", line)
