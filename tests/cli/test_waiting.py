"""The progress line on a terminal, and what `--set log_level=debug` shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.gate import Gate
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from tests.support.program import Completed
from tests.support.terminal import on_terminal
from watcher.cli.terminal import PATIENCE, ProgressLine
from watcher.text.columns import display_width

pytestmark = pytest.mark.measured

TOKEN = "S3cr3tT0k3n"


def test_slow_nodes(watch: Watcher, registry: FakeRegistry) -> None:
    """The line counts the nodes that are checked, and is wiped in the end."""
    nodes = ["slow"]
    gate = Gate(registry, *nodes)
    with on_terminal(watch.but(nodes=nodes), "check") as terminal:
        terminal.until("\r\x1b[K0 of 1 pack checked (")
        gate.open()
        assert terminal.end() == 0
    assert " of " not in terminal.said.rpartition("\r\x1b[K")[2]


def test_no_line_beside_a_debug_log(watch: Watcher, registry: FakeRegistry) -> None:
    """It could not be wiped there."""
    inflict(registry, "hang", nodes={"alpha"})
    slow = watch.but(timeout=PATIENCE + 0.5, log_level="debug")
    with on_terminal(slow, "check") as terminal:
        assert terminal.end() == 1
    assert "waiting for" not in terminal.said


def test_a_line_fits_the_terminal() -> None:
    """Of many notes the newest is shown; what has just begun, or is over, is none."""
    progress = ProgressLine()
    assert progress.line(1e12) == ""
    for place in ("first", "second", "third", "fourth"):
        progress(place, f"{place} " * 3)
    progress("fourth", "")
    progress("third", "三" * 60)
    line = progress.line(1e12)
    assert line.startswith("三三三")
    assert display_width(line) < 80
    assert "… (" in line
    assert progress.line(0.0) == ""


def test_debug_shows_requests_waits_and_files(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """`--set log_level=debug` shows each request, retry, delivery and file of a poll, and no secret."""
    (watch.folder / "comfy-watch.toml").write_text("failure_threshold = 2\n", "utf-8")

    async def refuse_once(_: web.BaseRequest) -> web.StreamResponse:
        registry.respond = None
        return web.Response(status=503)

    registry.respond = refuse_once
    url = webhook.apprise_url(f"/{TOKEN}")
    done = watch.but(alert_urls=url, retries=1, baseline="summary").run(
        "check", "--set", "log_level=debug"
    )
    requests = [(line["path"], line["status"]) for line in _of(done, "request")]
    assert [(path.partition("&")[0], status) for path, status in requests] == [
        ("/versions?nodeId=alpha", 503),
        ("/versions?nodeId=alpha", 200),
        ("/nodes?node_id=alpha", 200),
    ]
    (retry,) = _of(done, "retry")
    assert (retry["node"], retry["why"]) == ("alpha", "HTTP 503")
    (sent,) = _of(done, "sent")
    assert (sent["channel"], sent["result"]) == ("json", "delivered")
    written = {Path(line["path"]).name for line in _of(done, "file written")}
    assert written == {"addresses.json", "owed.jsonl", "snapshot.json", "checks.json"}
    assert TOKEN not in done.err + done.out


def _of(done: Completed, event: str) -> list[dict[str, Any]]:
    """Return a log's lines of one event."""
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]
