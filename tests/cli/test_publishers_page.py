"""docs/publishers.md: what `wait` prints there is what it prints, in the folder of the pack."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.markdown import blocks, marked
from watcher.settings.loading import load

NODE, VERSION = "comfyui-tide-tables", "2.4.0"
FINDING = {
    "issue_type": "python_command_injection_risk",
    "severity": "info",
    "file_path": "nodes/harbour.py",
    "line_number": 14,
}
_PAGE = program.ROOT / "docs" / "publishers.md"


def _without_times(text: str) -> list[str]:
    """Return the lines without moments and gaps between columns."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME", text)
    return [" ".join(line.split()) for line in text.splitlines()]


def test_what_wait_prints(
    run: Callable[..., program.Completed], registry: FakeRegistry, tmp_path: Path
) -> None:
    """Without arguments, where a pyproject is, `wait` prints the block of the page and ends with 3."""
    asked = 0

    async def respond(request: web.BaseRequest) -> None:
        nonlocal asked
        asked += request.path.startswith("/versions")
        if asked == 2:
            reason = json.dumps([FINDING])
            registry.catalog.set_status(NODE, VERSION, "flagged", reason)

    registry.catalog.publish(NODE, VERSION, status="pending")
    registry.respond = respond
    project = f'[project]\nname = "{NODE}"\nversion = "{VERSION}"\n'
    (tmp_path / "pyproject.toml").write_text(project, "utf-8")
    env = {"COMFY_WATCH_REGISTRY_URL": registry.url}
    done = run("wait", "--every", "0.1", env=env, module="tests.support.eager")
    assert (done.code, done.err) == (3, "")
    assert _without_times(done.out) == _without_times(marked(_PAGE, "wait"))


def test_a_flag_without_a_reason(
    run: Callable[..., program.Completed], registry: FakeRegistry
) -> None:
    """Where the registry gives no reason, `wait` says so."""
    registry.catalog.publish(NODE, VERSION, status="flagged")
    env = {"COMFY_WATCH_REGISTRY_URL": registry.url}
    done = run("wait", NODE, VERSION, env=env)
    assert (done.code, done.err) == (3, "")
    assert done.out.endswith(": the registry gives no reason\n")


def test_the_settings_file(tmp_path: Path) -> None:
    """The settings file of the page is valid, and watches all packs of a publisher."""
    (block,) = blocks(_PAGE, "toml")
    file = tmp_path / "comfy-watch.toml"
    file.write_text(block, "utf-8")
    loaded = load(config=file, overrides={}, environ={}, cwd=tmp_path)
    assert loaded.settings.publishers == ("me",)
    assert [one.name for one in loaded.settings.all_channels()] == ["discord"]
