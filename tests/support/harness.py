"""A watcher in a test's own folder: the real program, with a loopback registry in its environment."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fault_points import Cut
from tests.support.fork_server import CrashPoint, Forked, ForkServer, Streams
from watcher.state.store import StateFolder

Reported = tuple[str, str | None, str | None]
"""An event by its kind, node and version."""


class Watcher:
    """Runs commands with settings given as text, or as a value that is written as JSON; no traceback may ever show.

    Unless they say otherwise, alerts go nowhere on purpose. With a `fork_server` commands start in milliseconds;
    without one they start as a user's do. Where an `interval` is given it may be as short as a test likes.
    """

    def __init__(
        self,
        folder: Path,
        registry: FakeRegistry,
        *,
        fork_server: ForkServer | None = None,
        **settings: object,
    ) -> None:
        self._fork_server = fork_server
        self._module = "tests.support.eager" if "interval" in settings else "watcher"
        self._run: Callable[..., program.Completed] = partial(
            (fork_server or program).run, module=self._module
        )
        self.folder = folder
        self.registry = registry
        self.state = folder / "state"
        self.settings: dict[str, object] = {
            "registry_url": registry.url,
            "nodes": "alpha",
            "retries": 0,
            "alert_urls": "none",
            **settings,
        }

    def but(self, **settings: object) -> Watcher:
        """Return the same watcher with some settings changed."""
        return Watcher(
            self.folder,
            self.registry,
            fork_server=self._fork_server,
            **{**self.settings, **settings},
        )

    def environment(self) -> dict[str, str]:
        """Write the settings as environment variables."""
        return {
            f"COMFY_WATCH_{name.upper()}": value
            if isinstance(value, str)
            else json.dumps(value)
            for name, value in self.settings.items()
        }

    def run(
        self, *args: str, env: Mapping[str, str] | None = None, cwd: int | None = None
    ) -> program.Completed:
        """Run a command to its end; with a fork server its folder may be a descriptor."""
        done = self._run(
            *args,
            cwd=self.folder if cwd is None else cwd,
            env={**self.environment(), **(env or {})},
        )
        assert "Traceback" not in done.out + done.err, done.err
        return done

    def real(self) -> Watcher:
        """Return the same watcher without a fork server."""
        return Watcher(self.folder, self.registry, fork_server=None, **self.settings)

    def shell(
        self, script: str, *args: str, cwd: Path | None = None
    ) -> program.Completed:
        """Have a shell run a script in which `"$@"` is the command."""
        command = [sys.executable, "-m", "watcher", *args]
        return self._begin(["sh", "-c", script, "sh", *command], cwd)

    def after(self, code: str, *args: str) -> program.Completed:
        """Run a command in an interpreter of its own that has run some code before."""
        script = f"{code}\nfrom watcher.__main__ import main\nmain()"
        return self._begin([sys.executable, "-c", script, *args])

    def _begin(
        self, command: Sequence[str], cwd: Path | None = None
    ) -> program.Completed:
        done = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=program.surroundings(self.folder, self.environment()),
            capture_output=True,
            text=True,
            check=False,
        )
        return program.Completed(code=done.returncode, out=done.stdout, err=done.stderr)

    def check(self, *args: str, code: int = 0) -> dict[str, Any]:
        """Poll once, see the exit code and return the one document that is on stdout."""
        done = self.run("check", "--json", *args)
        assert done.code == code, done
        document: dict[str, Any] = json.loads(done.out)
        return document

    def document(self, *args: str) -> dict[str, Any]:
        """Return what a command that succeeds prints with `--json`."""
        done = self.run(*args, "--json")
        assert done.code == 0, done
        document: dict[str, Any] = json.loads(done.out)
        return document

    def history(self, *args: str) -> list[dict[str, Any]]:
        """Return the events that `history` shows, the newest first."""
        events: list[dict[str, Any]] = self.document("history", *args)["events"]
        return events

    def channel(self, name: str) -> dict[str, Any]:
        """Return how a channel stands, as `status` shows it."""
        rows: list[dict[str, Any]] = self.document("status")["channels"]
        return next(row for row in rows if row["name"] == name)

    @contextlib.contextmanager
    def edited(self, name: str) -> Iterator[dict[str, Any]]:
        """Give a file of the state as a document, and write it back as it is then; of `owed.jsonl` the one line."""
        path = self.state / name
        document = json.loads(path.read_bytes())
        yield document
        path.write_text(json.dumps(document) + "\n", "utf-8")

    def cut(self, label: str, cut: Cut, *args: str, at: int = 1) -> program.Completed:
        """Run `check` up to a fault point (`tests.support.fault_points`); the trace is in the file `trace`."""
        assert self._fork_server is not None
        point = CrashPoint(
            folder=self.state, trace=self.folder / "trace", label=label, at=at, cut=cut
        )
        return self._fork_server.run(
            "check", *args, cwd=self.folder, env=self.environment(), point=point
        )

    def reported(self, *args: str, code: int = 0) -> list[Reported]:
        """Poll once and return the events."""
        return reported(self.check(*args, code=code)["events"])

    def start(self, *args: str) -> contextlib.AbstractContextManager[program.Started]:
        """Start a command that ends with the `with` block."""
        starter = self._fork_server or program
        return starter.start(
            *args, cwd=self.folder, env=self.environment(), module=self._module
        )

    def fork(
        self, *args: str, streams: Streams, env: Mapping[str, str] | None = None
    ) -> Forked:
        """Start a command with these streams, which also may be closed; only with a fork server."""
        assert self._fork_server is not None
        given = {**self.environment(), **(env or {})}
        return self._fork_server.launch(
            *args, cwd=self.folder, env=given, streams=streams, module=self._module
        )

    def contents(self) -> dict[str, bytes]:
        """Return the state folder's files, the lock aside; empty where there is no folder.

        A process may be writing: what is gone again before it was read is left out.
        """
        found: dict[str, bytes] = {}
        for file in self.state.iterdir() if self.state.exists() else ():
            if file.name != "lock":
                with contextlib.suppress(FileNotFoundError):
                    found[file.name] = file.read_bytes()
        return found

    def end_backoffs(self) -> None:
        """End every channel's backoff, as if it had been waited for."""
        end_backoffs(self.state)


def write_settings(
    folder: Path, channels: Sequence[Mapping[str, object]] = (), **settings: object
) -> None:
    """Write `comfy-watch.toml`, for its owner alone; JSON's spelling of each value is TOML's too."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    for channel in channels:
        lines += [
            "[[channels]]",
            *(f"{name} = {json.dumps(value)}" for name, value in channel.items()),
        ]
    path = folder / "comfy-watch.toml"
    path.write_text("\n".join(lines), "utf-8")
    path.chmod(0o600)  # a secret that others can read is a warning


def end_backoffs(state: Path, *channels: str, at: str = "") -> None:
    """Let the backoff of these channels (none named: of all) end at a time, long ago unless one is given."""
    path = state / "owed.jsonl"
    if not path.exists():
        return
    folder = StateFolder(state)
    waiting = folder.load().outbox
    folder.compact(
        replace(
            waiting,
            queues={
                name: replace(
                    queue,
                    retry_at=at,
                    messages=tuple(
                        replace(one, tried_next="") for one in queue.messages
                    ),
                )
                if not channels or name in channels
                else queue
                for name, queue in waiting.queues.items()
            },
        )
    )


def counts(
    delivered: int = 0, *, unconfirmed: int = 0, pending: int = 0
) -> dict[str, int]:
    """Return what a poll's document has under `alerts`."""
    return {
        "delivered": delivered,
        "unconfirmed": unconfirmed,
        "pending": pending,
        "expired": 0,
    }


def reported(events: Iterable[Mapping[str, Any]]) -> list[Reported]:
    """Return events, in their JSON form, by kind, node and version."""
    return [(event["kind"], event["node"], event["version"]) for event in events]
