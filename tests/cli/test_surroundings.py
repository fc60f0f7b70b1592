"""A poll in bad surroundings: streams that are closed, full or broken, no working folder, Ctrl-C while it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from tests.support.parameters import one_of

FULL = '"$@" >/dev/full'
FULL_SAID = "error: standard output cannot be written: No space left on device\n"


def _broken(watch: Watcher, *args: str) -> int:
    """Run a command with a stdout whose reader has gone; return its exit code."""
    reader, writer = os.pipe()
    os.close(reader)
    with Path(os.devnull).open("r+b") as nothing, tempfile.TemporaryFile() as err:
        env = program.surroundings(watch.folder, watch.environment())
        command = [sys.executable, "-m", "watcher", *args]
        process = subprocess.Popen(
            command, cwd=watch.folder, env=env, stdin=nothing, stdout=writer, stderr=err
        )
        os.close(writer)
        code = process.wait(60)
        err.seek(0)
        assert b"BrokenPipe" not in err.read()
    return code


def test_what_was_found_decides_the_code_and_not_who_reads_it(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """`--fail-on` beside a reader that has gone, or a full disk, is 3 all the same; what only prints ends with 1."""
    watch.check()
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    guard = ("check", "--dry-run", "--fail-on", "banned", "--json")
    assert _broken(watch, *guard) == 3
    assert watch.shell(FULL, *guard) == program.Completed(code=3, out="", err=FULL_SAID)
    assert watch.shell(FULL, "config").code == 1
    assert _broken(watch, "check") == 0


@pytest.mark.measured
@pytest.mark.parametrize("closed", one_of("<&- >&- 2>&-", ">/dev/full 2>/dev/full"))
def test_a_poll_needs_no_stream(
    watch: Watcher, registry: FakeRegistry, closed: str
) -> None:
    """Thirty nodes are polled and saved without stdin, stdout and stderr, and no log line goes into a state file."""
    nodes = [f"node-{number}" for number in range(30)]
    for node in nodes:
        registry.catalog.publish(node, "1.0.0")
    many = watch.but(nodes=nodes, log_level="debug")
    done = many.shell(f'"$@" {closed}', "check")
    assert (done.code, done.err) == (0, "")
    assert len(json.loads((watch.state / "snapshot.json").read_bytes())["nodes"]) == 30
    registry.catalog.set_status("node-7", "1.0.0", "flagged")
    assert many.shell(f'"$@" {closed}', "check", "--fail-on", "flagged").code == 3
    wrong = many.shell(f'"$@" {closed}', "check", "--set", "retries=many")
    assert (wrong.code, wrong.found, wrong.err) == (2, "", "")
    for file in watch.state.glob("*.json"):
        json.loads(file.read_bytes())


def test_a_working_folder_that_is_gone(watch: Watcher) -> None:
    """A command in a deleted folder is an error that says so."""
    lost = watch.folder / "lost"
    lost.mkdir()
    folder = os.open(lost, os.O_RDONLY)
    lost.rmdir()
    done = watch.run("config", cwd=folder)
    os.close(folder)
    assert (done.code, done.found) == (2, "")
    assert done.err.startswith("error: the working folder has been deleted\nhint: ")


_NO_PROCESS = """
import subprocess

def refuse(*args, **more):
    raise BlockingIOError(11, "Resource temporarily unavailable")

subprocess.Popen = refuse
"""


def test_no_process_for_apprise(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """Where no process can be started a poll finds and saves what there is and keeps the alerts for the next one, which
    checks their URLs; `run` does not begin, and says why.
    """
    watch.check()
    registry.catalog.publish("alpha", "1.1.0")
    alerting = watch.but(alert_urls=webhook.apprise_url("/a"))
    done = alerting.after(_NO_PROCESS, "check")
    assert (done.code, "1.1.0" in done.out) == (1, True)
    assert done.err.startswith("error: channel json: the process that delivers could")
    failed = alerting.after(_NO_PROCESS, "run")
    assert (failed.code, failed.found) == (1, "")
    said = (
        "error: apprise could not be started: Resource temporarily unavailable\nhint: "
    )
    assert failed.err.startswith(said)
    watch.end_backoffs()
    assert alerting.check()["alerts"]["delivered"] == 1


_INTERRUPTED = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
"""


@pytest.mark.parametrize(
    "module",
    one_of("click", "watcher.settings.model", "pydantic", "watcher.polling.poll"),
)
def test_ctrl_c_while_it_starts(
    watch: Watcher, registry: FakeRegistry, module: str
) -> None:
    """Ctrl-C in the middle of any import ends the program at once with 130, without a word."""
    done = watch.after(_INTERRUPTED.format(module=module), "check", "--dry-run")
    assert done == program.Completed(code=130, out="", err="")
    assert registry.requests == []
