"""`demo`: the real watcher polls a local registry that changes between polls, and a webhook shows its alerts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Self

import click

from watcher.cli import invocation
from watcher.cli.loading import working_folder
from watcher.cli.terminal import echo
from watcher.delivery.client import Worker
from watcher.errors import StateError, WatchError
from watcher.model.version import ACTIVE, BANNED, FLAGGED, status_to_api
from watcher.polling import setup
from watcher.polling.clock import clock
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.settings.model import Settings
from watcher.state.store import StateFolder


@dataclass(frozen=True, slots=True)
class Act:
    """One poll of the demo."""

    title: str
    change: Callable[[_World], object] = lambda _: None
    """What happens before the poll."""
    has_alert: bool = True


NODE = "comfyui-night-lights"

_FINDINGS = json.dumps(
    [
        {
            "issue_type": "reads_browser_passwords",
            "severity": "critical",
            "scanner": "demo",
            "description": "Collects saved passwords and posts them to a chat webhook",
            "file_path": "nodes/glow.py",
            "line_number": 42,
            "code_snippet": "requests.post(HOOK, json=steal())",
        },
        {
            "issue_type": "runs_shell",
            "severity": "info",
            "file_path": "install.py",
            "line_number": 7,
        },
    ]
)
_VERDICT = json.dumps({"message": "Steals passwords", "by": "a reviewer"})


ACTS = (
    Act("First poll: what the registry lists today becomes the baseline."),
    Act(
        "A release: 1.2.0 is published.",
        lambda world: world.edit("1.2.0"),
    ),
    Act(
        "A deprecation: the author withdraws 1.0.0.",
        lambda world: world.edit("1.0.0", deprecated=True),
    ),
    Act(
        "A flag: a scanner finds something in 1.2.0.",
        lambda world: world.edit("1.2.0", FLAGGED, status_reason=_FINDINGS),
    ),
    Act(
        "A ban: a reviewer agrees.",
        lambda world: world.edit("1.2.0", BANNED, status_reason=_VERDICT),
    ),
    Act(
        "A reinstatement: it was a false alarm.",
        lambda world: world.edit("1.2.0"),
    ),
    Act("Nothing happens: a quiet poll.", has_alert=False),
)


def demo() -> int:
    """Play all acts and print each alert; WatchError if one is missing. All files are removed, after Ctrl-C too."""
    os.environ["no_proxy"] = (
        "127.0.0.1"  # everything is on loopback, which no proxy reaches
    )
    # Raises, so that the folder below is removed.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    working_folder()
    try:
        temporary = tempfile.TemporaryDirectory(prefix="comfy-watch-demo-")
    except OSError:
        raise WatchError(
            "there is no writable folder for temporary files",
            hint="set TMPDIR to a writable folder",
        ) from None
    with temporary as folder:
        try:
            _perform(Path(folder))
        except StateError as error:
            raise WatchError(
                error.what, hint="set TMPDIR to a writable folder with free space"
            ) from None
    echo()
    moral = "Polling found every change, and each alert arrived once."
    echo(f"Done. {moral} Next: {invocation.command()} init")
    return 0


def _perform(folder: Path) -> None:
    with _World() as world, Worker() as worker:
        echo(f"Watching {NODE} in a local registry at http://{world.address}.")
        for act in ACTS:
            echo()
            echo(click.style(f"▶ {act.title}", bold=True))
            act.change(world)
            report = asyncio.run(_poll(folder, world.address, worker))
            arrived = world.take()
            if report.errors or report.pending or bool(arrived) != act.has_alert:
                why = "an alert is missing, or one too many came"
                if report.errors:
                    _, why = report.errors[0]
                raise WatchError(f"the demo failed: {why}", "please report this")
            for message in arrived:
                for line in message.splitlines():
                    echo(f"    {line}")
            if not arrived:
                echo("    (no alert)")


async def _poll(folder: Path, address: str, worker: Worker) -> Report:
    # Built from values only: the machine's own settings name real channels.
    values = {
        "nodes": [NODE],
        "registry_url": f"http://{address}",
        "alert_urls": [f"json://{address}/demo"],
    }
    settings = Settings.model_validate(values)
    state = StateFolder(folder / "state")
    with state.locked():
        config = setup.poll_config(settings, state, refusal=worker.refusal)
        poller = Poller(
            config=config,
            folder=state,
            clock=clock,
            stopping=asyncio.Event(),
            worker=worker,
        )
        return await poller.poll()


class _World:
    """A loopback registry of one node pack, and a webhook that keeps what apprise's `json://` posts to it."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, object]] = {}
        self._arrived: list[str] = []
        self.edit("1.0.0")
        self.edit("1.1.0")
        rows, arrived = self._rows, self._arrived

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = {"total": len(rows), "versions": list(rows.values())}
                self.answer(200 if self.path.startswith("/versions") else 404, page)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                posted = json.loads(self.rfile.read(length))
                arrived.append(f"{posted['title']}\n{posted['message']}")
                self.answer(200, {})

            def answer(self, status: int, document: object) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *_: object) -> None:
                """Log nothing: the demo prints the messages."""

        # HTTPServer asks for its own name, which may take long.
        self._server = TCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def edit(self, version: str, status: str = ACTIVE, **fields: object) -> None:
        """Publish a version, or change its status and other fields, by the API's names."""
        row = {"id": version, "node_id": NODE, "version": version, "createdAt": clock()}
        status = status_to_api(status)
        self._rows[version] = (
            row | self._rows.get(version, {}) | {"status": status, **fields}
        )

    def take(self) -> list[str]:
        """Return the messages that arrived since the last call."""
        messages = list(self._arrived)
        self._arrived.clear()
        return messages

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
