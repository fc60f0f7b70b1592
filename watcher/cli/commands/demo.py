"""`demo`: the real watcher polls a local registry that changes between polls, and a webhook shows its alerts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer

from watcher.cli.loading import working_folder
from watcher.cli.terminal import INDENT, Document, bold, echo
from watcher.delivery.client import Worker
from watcher.durations import DAY
from watcher.errors import StateError, WatchError
from watcher.model.version import ACTIVE, BANNED, FLAGGED, status_to_api
from watcher.polling import setup
from watcher.polling.clock import clock
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.state.store import StateFolder
from watcher.timestamps import later

Rows = dict[str, dict[str, object]]
"""The versions that the registry has of the pack, as it answers them."""


def _edit(rows: Rows, version: str, status: str = ACTIVE, **fields: object) -> None:
    """Publish a version, or change its status and other fields, by the API's names."""
    row = {"id": version, "node_id": NODE, "version": version, "createdAt": clock()}
    status = status_to_api(status)
    # What it was before stays, such as when it was published.
    rows[version] = row | rows.get(version, {}) | {"status": status, **fields}


@dataclass(frozen=True, slots=True)
class Act:
    """One poll of the demo."""

    title: str
    change: Callable[[Rows], object] | None = None
    """What happens before the poll, which then has an alert."""


NODE = "comfyui-night-lights"

_STORY = (
    "Comfy Watch polls the Comfy Registry, and alerts you about the node packs that you run. Here it polls a made-up"
    f" registry on this machine, seven times. You run {NODE} 1.1.0. Below each step is the alert that it sends."
)

_FINDING = {
    "issue_type": "downloads_and_executes",
    "severity": "critical",
    "description": "Downloads a file and runs it",
    "file_path": "nodes/glow.py",
    "line_number": 42,
}
_COMFYUI = "workstation/ComfyUI"
_FIVE_MINUTES = 300.0


def _begin(rows: Rows) -> None:
    # Both are older than `minimum_age`, so that one is advised when the other is bad.
    _edit(rows, "1.0.0", createdAt=later(clock(), -90 * DAY))
    _edit(rows, "1.1.0", createdAt=later(clock(), -8 * DAY))


ACTS = (
    Act("First poll: this is what the registry has, and what you run.", _begin),
    Act(
        "A scanner of the registry flags 1.1.0, which you run.",
        lambda rows: _edit(
            rows, "1.1.0", FLAGGED, status_reason=json.dumps([_FINDING])
        ),
    ),
    Act(
        "A reviewer bans it.",
        lambda rows: _edit(rows, "1.1.0", BANNED, status_reason="Steals passwords"),
    ),
    Act(
        "The registry reinstates it: it was a false alarm.",
        lambda rows: _edit(rows, "1.1.0"),
    ),
    Act(
        "The author releases 1.2.0.",
        lambda rows: _edit(rows, "1.2.0", createdAt=later(clock(), -_FIVE_MINUTES)),
    ),
    Act(
        "The author deprecates 1.0.0.",
        lambda rows: _edit(rows, "1.0.0", deprecated=True),
    ),
    Act("Nothing changes."),
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
        with tempfile.TemporaryDirectory(prefix="comfy-watch-demo-") as folder:
            _perform(Path(folder))
    except (OSError, StateError) as error:
        # The demo's state is in the same folder, so both have the same remedy.
        why = error.what if isinstance(error, StateError) else error.strerror
        raise WatchError(
            f"the demo could not run: {why}",
            hint="set TMPDIR to a writable folder with free space",
        ) from None
    echo()
    echo("Each alert came once, and where nothing changed there was none.")
    echo("To look once at what you have installed:")
    echo(Document("  comfy-watch audit"))
    echo("To be alerted from now on:")
    echo(Document("  comfy-watch init"))
    return 0


def _perform(folder: Path) -> None:
    arrived: list[str] = []
    rows: Rows = {}
    with _world(rows, arrived) as address, Worker() as worker:
        _install(folder)
        # Built from values only: the machine's own settings name real channels.
        values = {
            "nodes": [NODE],
            "registry_url": f"http://{address}",
            "installs": [str(folder / _COMFYUI)],
            "alert_urls": [f"json://{address}/demo"],
            "state_dir": str(folder / "state"),
        }
        settings = Settings.model_validate(values)
        for line in textwrap.wrap(_STORY, width=78):
            echo(line)
        for act in ACTS:
            echo()
            echo(bold(f"▶ {act.title}"))
            if act.change:
                act.change(rows)
            report = asyncio.run(_poll(settings, worker))
            # Looked at each time: a demo that shows less than it says would be believed.
            if report.errors or bool(arrived) != bool(act.change):
                why = [f"{error}; " for _, error in report.errors]
                raise WatchError(
                    f"the demo failed: {''.join(why)}{len(arrived)} alerts came"
                )
            for message in arrived or ["(no alert)"]:
                for line in filter(None, message.splitlines()):
                    echo(INDENT + line)
            arrived.clear()


def _install(folder: Path) -> None:
    """Make a ComfyUI with the pack in it, as the Manager installs it from the registry."""
    pack = folder / _COMFYUI / "custom_nodes" / NODE
    pack.mkdir(parents=True)
    pyproject = f'[project]\nname = "{NODE}"\nversion = "1.1.0"\n'
    (pack / "pyproject.toml").write_text(pyproject, "utf-8")
    (pack / ".tracking").write_text("pyproject.toml", "utf-8")


async def _poll(settings: Settings, worker: Worker) -> Report:
    state = StateFolder(settings.state_dir)
    with state.locked():
        poller = Poller(
            config=setup.poll_config(Loaded(settings=settings), state, worker.refusal),
            folder=state,
            clock=clock,
            stopping=asyncio.Event(),
            worker=worker,
        )
        return await poller.poll()


@contextlib.contextmanager
def _world(rows: Rows, arrived: list[str]) -> Iterator[str]:
    """Serve a loopback registry of one node pack, and a webhook that keeps what apprise's `json://` posts to it.

    Yields the address of both.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pack = {"id": NODE, "status": "NodeStatusActive"}
            # Two paths of the registry: the list of packs, and the versions of this one.
            page = {"total": 1, "totalPages": 1, "nodes": [pack]}
            if self.path.startswith("/versions"):
                page = {"total": len(rows), "versions": [*rows.values()]}
            self.answer(page)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            posted = json.loads(self.rfile.read(length))
            arrived.append(f"{posted['title']}\n{posted['message']}")
            self.answer({})

        def answer(self, document: object) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: object) -> None:
            """Log nothing: the demo prints the messages."""

    # HTTPServer asks for its own name, which may take long.
    with TCPServer(("127.0.0.1", 0), Handler) as server:
        # It looks so often, in seconds, whether it is to end: the usual half second would be waited for.
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
