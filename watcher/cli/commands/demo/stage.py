"""The stage of the demo: the real watcher polls a local registry, and a webhook shows its alerts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Self

import click

from watcher.cli.commands.demo.acts import Play
from watcher.cli.loading import leave_deleted_folder
from watcher.cli.terminal import echo
from watcher.delivery.client import Worker
from watcher.errors import StateError, WatchError
from watcher.fake_registry.server import FakeRegistry
from watcher.polling import setup
from watcher.polling.clock import clock
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.settings.model import Settings
from watcher.state.store import StateFolder

_FIRST_LINES, _LAST_LINES = 8, 3
"""Of a message that shows a burst."""


def demo(play: Play) -> int:
    """Play all its acts and print each alert; WatchError if one is missing. All files are removed, after Ctrl-C too."""
    os.environ["no_proxy"] = (
        "127.0.0.1"  # everything is on loopback, which no proxy reaches
    )
    # Raises, so that the folder below is removed.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leave_deleted_folder()
    try:
        temporary = tempfile.TemporaryDirectory(prefix="comfy-watch-demo-")
    except OSError:
        raise WatchError(
            "there is no writable folder for temporary files",
            hint="set TMPDIR to a writable folder",
        ) from None
    with temporary as folder:
        try:
            _perform(play, Path(folder))
        except StateError as error:
            raise WatchError(
                error.what, hint="set TMPDIR to a writable folder with free space"
            ) from None
    echo()
    echo(f"Done. {play.moral} Next: {_command()} init")
    return 0


def _perform(play: Play, folder: Path) -> None:
    with (
        FakeRegistry(play.registry()) as registry,
        _Mailbox() as mailbox,
        Worker() as worker,
    ):
        echo(play.introduction.format(url=registry.url))
        for act in play.acts:
            echo()
            echo(click.style(f"▶ {act.title}", bold=True))
            act.change(registry.catalog)
            report = asyncio.run(_poll(play, folder, registry.url, mailbox.url, worker))
            arrived = mailbox.take()
            if report.errors or report.pending or bool(arrived) != act.has_alert:
                why = "an alert is missing, or one too many came"
                if report.errors:
                    _, why = report.errors[0]
                raise WatchError(f"the demo failed: {why}", "please report this")
            for message in arrived:
                for line in _shortened(message.splitlines()):
                    echo(f"    {line}")
            if not arrived:
                echo("    (no alert)")


def _shortened(lines: list[str]) -> list[str]:
    """Return the beginning and the end of a long message."""
    left_out = len(lines) - _FIRST_LINES - _LAST_LINES
    if left_out <= 1:
        return lines
    return [
        *lines[:_FIRST_LINES],
        f"[{left_out} lines left out here]",
        "",
        *lines[-_LAST_LINES:],
    ]


if sys.platform == "win32":

    def _quoted(path: str) -> str:
        return f'"{path}"' if " " in path else path

else:
    _quoted = shlex.quote


def _command() -> str:
    """Return the command to type: its name if PATH finds it, else its path."""
    own = shutil.which("comfy-watch", path=str(Path(sys.executable).parent))
    if own is None:
        return f"{_quoted(sys.executable)} -m watcher"
    if shutil.which("comfy-watch") == own:
        return "comfy-watch"
    with contextlib.suppress(ValueError):  # it is outside the working folder
        own = str(Path(own).relative_to(Path.cwd()))
    return _quoted(own)


async def _poll(
    play: Play, folder: Path, registry_url: str, webhook_url: str, worker: Worker
) -> Report:
    # Built from values only: the machine's own settings name real channels.
    values = {
        "nodes": [play.nodes],
        "registry_url": registry_url,
        "alert_urls": [webhook_url],
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


class _Mailbox:
    """A loopback webhook that keeps what apprise's `json://` posts to it."""

    def __init__(self) -> None:
        arrived: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                posted = json.loads(self.rfile.read(length))
                arrived.append(f"{posted['title']}\n{posted['message']}")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing: the demo prints the messages."""

        self._arrived = arrived
        # HTTPServer asks for its own name, which may take long.
        self._server = TCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        self.url = f"json://127.0.0.1:{self._server.server_address[1]}/demo"

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
