"""The progress line on a terminal, and what `--set log_level=debug` shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.gate import Gate
from tests.support.fakes.webhook import Answer, Webhook
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


@pytest.mark.bounded
def test_a_registry_that_asks_to_slow_down(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A wait that the registry asked for is said with its length and its reason."""
    _answer_once(registry, 429, {"Retry-After": "3"})
    with on_terminal(watch.but(retries=2), "check") as terminal:
        terminal.until("alpha: waiting 3 s, the registry asked to slow down")
        assert terminal.end() == 0


@pytest.mark.bounded
def test_samples_are_shown_as_they_come(watch: Watcher, webhook: Webhook) -> None:
    """`test-alerts` prints a result when it is there, and says which channel it still waits for."""
    webhook.answer["/slow"] = Answer(hang=True)
    urls = [webhook.apprise_url("/slow"), webhook.apprise_url("/fast")]
    with on_terminal(
        watch.but(alert_urls=urls, timeout="3s"), "test-alerts"
    ) as terminal:
        terminal.until("json-2: \x1b[32mdelivered\x1b[0m")
        assert "failed" not in terminal.said
        terminal.until("sending to json (")
        assert terminal.end() == 1
    assert terminal.said.endswith("\r\x1b[Kjson: \x1b[31mfailed\x1b[0m: timed out\r\n")


@pytest.mark.parametrize("quiet", [{"log_level": "debug"}, {}])
def test_no_line_where_it_could_not_be_wiped(
    watch: Watcher, registry: FakeRegistry, quiet: dict[str, Any]
) -> None:
    """Beside a debug log, and where stderr is no terminal, nothing is shown that would have to be wiped."""
    inflict(registry, "hang", nodes={"alpha"})
    slow = watch.but(timeout=PATIENCE + 0.5, **quiet)
    if quiet:
        with on_terminal(slow, "check") as terminal:
            assert terminal.end() == 1
        assert "waiting for" not in terminal.said
    else:
        (said,) = slow.run("check").err.splitlines()
        assert said.startswith("error: the registry cannot be read: cannot reach ")


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
    _answer_once(registry, 503)
    url = webhook.apprise_url(f"/{TOKEN}")
    done = watch.but(alert_urls=url, retries=1, baseline="summary").run(
        "check", "--set", "log_level=debug"
    )
    requests = [
        (line["method"], line["path"].partition("&")[0], line["status"])
        for line in _of(done, "request")
    ]
    assert requests == [
        ("GET", "/versions?nodeId=alpha", 503),
        ("GET", "/versions?nodeId=alpha", 200),
        ("GET", "/nodes?node_id=alpha", 200),
    ]
    assert all(
        line["bytes"] >= 0 and line["seconds"] >= 0 for line in _of(done, "request")
    )
    assert [(line["node"], line["why"]) for line in _of(done, "retry")] == [
        ("alpha", "HTTP 503")
    ]
    assert [(line["channel"], line["result"]) for line in _of(done, "sent")] == [
        ("json", "delivered")
    ]
    written = {Path(line["path"]).name for line in _of(done, "file written")}
    assert written == {"addresses.json", "owed.jsonl", "snapshot.json", "checks.json"}
    assert {Path(line["path"]).name for line in _of(done, "file appended to")} == {
        "owed.jsonl",
        "history.jsonl",
    }
    assert TOKEN not in done.err + done.out


def _answer_once(
    registry: FakeRegistry, status: int, headers: Mapping[str, str] | None = None
) -> None:
    """Let the registry answer its next request with this status."""

    async def respond(_: web.BaseRequest) -> web.StreamResponse:
        registry.respond = None
        return web.Response(status=status, headers=headers)

    registry.respond = respond


def _of(done: Completed, event: str) -> list[dict[str, Any]]:
    """Return a log's lines of one event."""
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]
