"""Times that can be read and that no clock has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.factories import NOW, channel, event, failed
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox, change
from watcher.alerts.queues.queue import is_due
from watcher.cli.commands import history, status
from watcher.cli.commands.health import judge, usual_age
from watcher.cli.options import parse_since
from watcher.model.snapshot import Snapshot
from watcher.state.model import Checks
from watcher.state.store import StateFolder


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)
def test_an_absurd_time_breaks_nothing(tmp_path: Path, time: str) -> None:
    """The state and the history are shown and delivered from, and an alert that old expires."""
    seen = event("e1", at=time)
    late = outbox.enqueue(Outbox(), [channel("ops")], (seen,), 1, time)
    late = failed(outbox.recorded(late), "ops", "HTTP 500", time)
    made = StateFolder(tmp_path)
    made.prepare(change(Outbox(), late))
    made.commit(Snapshot(revision=1))
    made.save_checks(Checks(polled_at=time, checked={"alpha": time}), 1)
    made.record((seen,))
    state = made.load()
    is_due(state.outbox.queues["ops"], NOW)
    _, expired = outbox.expired(state.outbox, "ops", NOW, 60, configured=False)
    assert bool(expired) is time.startswith("0001")
    recorded = made.history().events
    history.lines(history.choose(recorded, since=parse_since("1d", NOW)) or recorded)
    view = status.Overview(
        state=state, nodes=["alpha"], channels={"ops": False}, now=NOW, max_age=60
    )
    status.document(view)
    status.lines(view)
    age = usual_age(state, 900)
    judge(state, age, NOW, nodes=["alpha"], channels=["ops"], installs={}, strict=True)
