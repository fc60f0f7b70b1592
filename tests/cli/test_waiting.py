"""The progress line on a terminal, and what `--log-level debug` shows."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from tests.support.terminal import on_terminal
from watcher.cli.progress_line import PATIENCE, ProgressLine
from watcher.fake_registry.server import FakeRegistry

_LONGEST = 20.0
TOKEN = "S3cr3tT0k3n"


@pytest.fixture
def watch(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Watcher:
    """A watcher with a silent baseline, beside a registry with alpha 1.0.0."""
    registry.catalog.publish("alpha", "1.0.0")
    return Watcher(tmp_path, registry, fork_server=fork_server, baseline="silent")


class _Gate:
    """Lets the registry answer for some nodes only once it is open."""

    def __init__(self, registry: FakeRegistry, *nodes: str) -> None:
        self._open = threading.Event()
        self._nodes = nodes
        registry.respond = self._respond

    def open(self) -> None:
        self._open.set()

    async def _respond(self, request: web.BaseRequest) -> None:
        if request.query.get("nodeId") in self._nodes:
            await asyncio.to_thread(self._open.wait, _LONGEST)


def test_nodes_that_are_waited_for(watch: Watcher, registry: FakeRegistry) -> None:
    """A few nodes that take long are named, beside the count of those that are through, and wiped in the end."""
    for node in ("bravo", "charlie"):
        registry.catalog.publish(node, "1.0.0")
    gate = _Gate(registry, "bravo", "charlie")
    with on_terminal(watch.but(nodes="alpha bravo charlie"), "check") as terminal:
        terminal.until("\r\x1b[K1 of 3 nodes checked, waiting for bravo, charlie (")
        gate.open()
        assert terminal.end() == 0
    _, _, rest = terminal.said.rpartition("\r\x1b[K")
    assert rest.startswith("3 nodes checked, 0 events")


def test_many_nodes_are_counted(watch: Watcher, registry: FakeRegistry) -> None:
    """Of many nodes only the count is shown."""
    nodes = [f"node-{number}" for number in range(12)]
    gate = _Gate(registry, *nodes)
    with on_terminal(watch.but(nodes=["alpha", *nodes]), "check") as terminal:
        terminal.until("1 of 13 nodes checked (")
        gate.open()
        assert terminal.end() == 0


def test_a_registry_that_asks_to_slow_down(watch: Watcher, registry: FakeRegistry) -> None:
    """A wait that the registry asked for is said with its length and its reason."""
    answered = []

    async def respond(_: web.BaseRequest) -> web.StreamResponse | None:
        answered.append(429)
        return web.Response(status=429, headers={"Retry-After": "3"}) if len(answered) == 1 else None

    registry.respond = respond
    with on_terminal(watch.but(retries=2), "check") as terminal:
        terminal.until("alpha: waiting 3 s, the registry asked to slow down; 0 of 1 nodes check")
        assert terminal.end() == 0


def test_a_delivery_that_takes_long(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """A channel that does not answer is named while its time runs."""
    channel = watch.but(alert_urls=webhook.apprise_url("/slow"), timeout="3s")
    channel.check()
    registry.catalog.publish("alpha", "1.1.0")
    webhook.answer["/slow"] = Answer(hang=True)
    with on_terminal(channel, "check") as terminal:
        terminal.until("\r\x1b[Ksending to json (")
        assert terminal.end() == 1


def test_samples_are_shown_as_they_come(watch: Watcher, webhook: Webhook) -> None:
    """`test-alerts` prints a result when it is there, and says which channel it still waits for."""
    webhook.answer["/slow"] = Answer(hang=True)
    urls = [webhook.apprise_url("/slow"), webhook.apprise_url("/fast")]
    with on_terminal(watch.but(alert_urls=urls, timeout="3s"), "test-alerts") as terminal:
        terminal.until("json-2: \x1b[32mdelivered\x1b[0m")
        assert "failed" not in terminal.said
        terminal.until("sending to json (")
        assert terminal.end() == 1
    assert terminal.said.endswith("\r\x1b[Kjson: \x1b[31mfailed\x1b[0m: timed out\r\n")


@pytest.mark.parametrize("quiet", [{"log_level": "debug"}, {}])
def test_no_line_where_it_could_not_be_wiped(watch: Watcher, registry: FakeRegistry, quiet: dict[str, Any]) -> None:
    """Beside a debug log, and where stderr is no terminal, nothing is shown that would have to be wiped."""
    inflict(registry, "hang", nodes={"alpha"})
    slow = watch.but(timeout=PATIENCE + 0.5, **quiet)
    if quiet:
        with on_terminal(slow, "check") as terminal:
            assert terminal.end() == 1
        assert "waiting for" not in terminal.said
    else:
        assert slow.run("check").err == "error: alpha: it timed out\n"


def test_a_line_fits_the_terminal() -> None:
    """Two of many notes are shown, the newest first; what has just begun is none of them, what is over neither."""
    progress = ProgressLine(wanted=False)
    assert progress.line(1e12) == ""
    for place in ("first", "second", "third", "fourth"):
        progress(place, f"{place} " * 3)
    progress("fourth", "")
    progress("third", "三" * 60)
    line = progress.line(1e12)
    assert line.startswith("三三三")
    assert "… and 1 more (" in line
    assert progress.line(0.0) == ""


def _logged(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_debug_shows_requests_waits_and_files(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """`--log-level debug` shows each request, retry, delivery and file of a poll, and no secret."""
    (watch.folder / "comfy-watch.toml").write_text("failure_threshold = 2\n", "utf-8")
    answered: list[int] = []

    async def respond(_: web.BaseRequest) -> web.StreamResponse | None:
        answered.append(503)
        return web.Response(status=503) if len(answered) == 1 else None

    registry.respond = respond
    url = webhook.apprise_url(f"/{TOKEN}")
    done = watch.but(alert_urls=url, retries=1, baseline="full").run("check", "--log-level", "debug")
    lines = _logged(done.err)
    requests = [(line["method"], line["path"].partition("&")[0], line["status"]) for line in _of(lines, "request")]
    assert requests == [("GET", "/versions?nodeId=alpha", 503), ("GET", "/versions?nodeId=alpha", 200)]
    assert all(line["bytes"] >= 0 and line["seconds"] >= 0 for line in _of(lines, "request"))
    assert [(line["node"], line["why"]) for line in _of(lines, "retry")] == [("alpha", "HTTP 503")]
    assert [(line["channel"], line["result"]) for line in _of(lines, "sent")] == [("json", "delivered")]
    read = {line["path"]: line["bytes"] for line in _of(lines, "file read")}
    assert read[str(watch.folder / "comfy-watch.toml")] == 22
    written = {Path(line["path"]).name for line in _of(lines, "file written")}
    assert written == {"addresses.json", "outbox.json", "snapshot.json", "checks.json"}
    assert {Path(line["path"]).name for line in _of(lines, "file appended to")} == {"acks.jsonl", "history.jsonl"}
    assert TOKEN not in done.err + done.out


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("status", "snapshot.json"),
        ("history", "history.jsonl"),
        ("config", "addresses.json"),
        ("test-alerts", "addresses.json"),
    ],
)
def test_debug_shows_files_in_every_command(watch: Watcher, webhook: Webhook, command: str, file: str) -> None:
    """Each command that has `--log-level` shows with debug what it read, and whom it sent to, without a secret."""
    watch = watch.but(alert_urls=webhook.apprise_url(f"/{TOKEN}"), baseline="full")
    watch.check()
    done = watch.run(command, "--log-level", "debug")
    assert done.code == 0
    lines = _logged(done.err)
    assert file in {Path(line["path"]).name for line in _of(lines, "file read")}
    assert [line["channel"] for line in _of(lines, "sent")] == (["json"] if command == "test-alerts" else [])
    assert TOKEN not in done.err + done.out


def _of(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == event]
