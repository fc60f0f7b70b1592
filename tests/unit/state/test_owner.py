"""What root does on another user's state: nothing but read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher

USER = 54_321

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root can write in another user's folder",
)


def test_root_only_reads_anothers_state(
    tmp_path: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> None:
    """`check` and `run` are refused with the command to use; other commands write nothing there, and work."""
    registry.catalog.publish("alpha", "1.0.0")
    webhook.answer["/"] = 500
    watch = Watcher(
        tmp_path,
        registry,
        fork_server=fork_server,
        alert_urls=webhook.apprise_url(),
        baseline="summary",
    )
    assert watch.run("check").code == 1
    for path in (watch.state, *watch.state.iterdir()):
        shutil.chown(path, USER, USER)
    before = watch.contents()
    for command in ("check", "run"):
        done = watch.run(command)
        assert done.code == 4
        assert f"belongs to '#{USER}'" in done.err
        assert f"hint: begin the command with: sudo -u '#{USER}'" in done.err
    webhook.answer.clear()
    for command in ("test-alerts", "status", "health"):
        assert watch.run(command).code == 0
    # A channel still has what it is owed.
    assert watch.run("check", "--dry-run").code == 1
    assert watch.run("publish", str(tmp_path / "public")).code == 0
    assert watch.contents() == before
    assert {path.stat().st_uid for path in watch.state.iterdir()} == {USER}
