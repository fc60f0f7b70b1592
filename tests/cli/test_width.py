"""A terminal that is narrow: every line that is written to it fits, and what programs read is written as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import Watcher
from tests.support.terminal import on_terminal
from watcher.text.columns import display_width

PACK = "comfyui-a-pack-with-a-name-that-says-all-that-its-nodes-do"
ABSENT = "comfyui-a-pack-with-quite-another-name"
_FINDING = """[{
    "issue_type": "reads_browser_passwords", "severity": "critical",
    "file_path": "nodes/glow.py", "line_number": 42
}]"""


def _written(watch: Watcher, *args: str, columns: int) -> list[str]:
    """Return the lines that a command leaves on a terminal, without their colours."""
    with on_terminal(watch, *args, COLUMNS=str(columns)) as terminal:
        terminal.end()
    shown = re.sub(
        r"\r\x1b\[K[^\r\n]*(?=\r\x1b\[K)|\x1b\[[0-9;]*[mK]", "", terminal.said
    )
    return shown.replace("\r", "").splitlines()


@pytest.fixture
def troubled(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook, tmp_path: Path
) -> Watcher:
    """A watcher whose packs, installs and channels have something wrong with them, and long names."""
    webhook.answer["/gone"] = Answer(status=404)
    registry.catalog.publish(PACK, "1.0.0")
    registry.catalog.publish(PACK, "1.1.0", status="flagged", reason=_FINDING)
    ComfyUI(tmp_path / "ComfyUI").registry(PACK, "1.1.0")
    return watch.but(
        nodes=["alpha", ABSENT],
        installs=[str(tmp_path / "ComfyUI"), str(tmp_path / "not-mounted")],
        alert_urls=[webhook.apprise_url("/gone")],
        baseline="summary",
    )


def test_a_reason_stands_below_its_version(troubled: Watcher) -> None:
    """On a terminal `versions --reasons` has it as a line, indented below the row."""
    _, row, reason, *_ = _written(troubled, "versions", PACK, "--reasons", columns=120)
    assert row.split()[-2:] == [PACK, "1.1.0"]
    assert re.match(r"    1 .*reads_browser_passwords.* in nodes/glow\.py:42$", reason)


def test_no_line_is_wider_than_the_terminal(troubled: Watcher) -> None:
    """Not a table's, a warning's, an error's, a hint's or a log's; an id is whole, and may be wider if it is alone."""
    commands = (
        *("check", "status", "history", "health --strict", "audit", "installed"),
        *("versions --reasons", "test-alerts", "config", "status --node nowhere"),
    )
    for command in commands:
        lines = _written(troubled, *command.split(), columns=40)
        assert lines, command
        wide = [line for line in lines if display_width(line) > 40]
        assert all(re.fullmatch(r" *[\w.@-]+,?", line) for line in wide), (
            command,
            wide,
        )
    ids = re.findall(
        r"comfyui-\S+", "\n".join(_written(troubled, "status", columns=40))
    )
    assert {PACK, ABSENT} <= set(ids)


def test_what_programs_read_is_not_wrapped(troubled: Watcher) -> None:
    """A JSON document has its lines as they are, however narrow the terminal is."""
    text = "\n".join(_written(troubled, "status", "--json", columns=40))
    assert json.loads(text) == troubled.document("status")
