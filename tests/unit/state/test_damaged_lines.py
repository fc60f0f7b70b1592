"""Damage in the files of the state: it is refused, or costs a line of the history; an absurd time breaks nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.factories import NOW, channel, event, failed, minute
from watcher.alerts.payload import public_form
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox, change
from watcher.alerts.queues.queue import is_due
from watcher.cli.commands import history
from watcher.cli.commands.health import judge, usual_age
from watcher.cli.commands.status import Overview, document
from watcher.cli.commands.status import lines as status_lines
from watcher.cli.options import parse_since
from watcher.errors import StateError
from watcher.model.channel import Grouping
from watcher.model.event import FieldChange, Kind
from watcher.model.snapshot import Snapshot
from watcher.state import documents
from watcher.state.codec import line_of
from watcher.state.model import Checks, State
from watcher.state.store import StateFolder

pytestmark = pytest.mark.measured

ABSURD = [
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
]
"""Times that can be read."""
DAMAGED = [
    "2026-01-01\x1b00:00:00Z",
    "",
    "yesterday",
    "2026-13-01T00:00:00Z",
    "2026-01-01\u00a000:00:00Z",
    "-1",
    "\ud800",
]
"""What is none."""
_NUMBERS = st.sampled_from(
    [True, False, -1, 0, 1, 2, 3, 10**400, -(10**30), 1e308, 0.5]
)
_JUNK = st.one_of(
    st.sampled_from(ABSURD + DAMAGED),
    _NUMBERS,
    st.none(),
    st.text(max_size=8),
    st.lists(st.none() | st.text(max_size=3) | _NUMBERS, max_size=2),
    st.dictionaries(st.text(max_size=3), _NUMBERS, max_size=2),
)
OPS = channel("ops", grouping=Grouping.EVENT)
WAITING = failed(
    outbox.recorded(
        outbox.enqueue(Outbox(), [OPS], (event("e1"), event("e2")), 1, NOW)
    ),
    "ops",
    "HTTP 500",
    NOW,
)
LATER = failed(WAITING, "ops", "HTTP 503", NOW, reached=frozenset({"0123456789abcdef"}))
LINES = (
    documents.write(change(Outbox(), WAITING), 1),
    documents.write(change(WAITING, LATER), 1),
    documents.write(change(WAITING, Outbox()), 1),
)
RECORDED = line_of(
    event(
        "e1",
        Kind.CHANGED,
        changes=(FieldChange(field="dependencies", before=(), after=("a",)),),
        reason="why",
    )
)


@st.composite
def damaged(draw: st.DrawFn, lines: tuple[bytes, ...]) -> bytes:
    """Make a line of one of these with another value in it, or with other bytes."""
    whole = draw(st.sampled_from(lines)).rstrip(b"\n")
    if draw(st.booleans()):
        changed: dict[str, Any] = json.loads(whole)
        changed[draw(st.sampled_from(sorted(changed)))] = draw(_JUNK)
        return json.dumps(changed).encode()
    at = draw(st.integers(0, len(whole) - 1))
    return whole[:at] + draw(st.binary(max_size=4)) + whole[at + 2 :]


@pytest.fixture(scope="module")
def folder() -> Iterator[StateFolder]:
    """A state that owes a channel two messages after a failure."""
    with tempfile.TemporaryDirectory() as made:
        kept = StateFolder(Path(made))
        kept.prepare(change(Outbox(), WAITING))
        kept.commit(Snapshot(revision=1))
        yield kept


@given(line=damaged(LINES))
@example(line=LINES[1].replace(NOW.encode(), ABSURD[0].encode()).rstrip())
@example(line=LINES[1].replace(NOW.encode(), ABSURD[1].encode()).rstrip())
def test_a_damaged_line_of_what_is_owed_is_refused_or_shown(
    folder: StateFolder, line: bytes
) -> None:
    """Whatever it holds, the state is refused as a whole, or read, shown and delivered from."""
    (folder.path / "owed.jsonl").write_bytes(LINES[0] + line + b"\n" + LINES[1])
    try:
        state = folder.load()
    except StateError:
        return
    for now in (NOW, minute(60)):
        for name, queue in state.outbox.queues.items():
            is_due(queue, now)
            if queue.messages:
                again = failed(state.outbox, name, "HTTP 500", now)
                outbox.expired(again, name, now, 60)
    _show(state)


def _show(state: State) -> None:
    """Show the state as `status` and `health` do."""
    view = Overview(
        state=state,
        nodes=["alpha"],
        channels={"ops": False},
        now=NOW,
        max_age=60,
    )
    document(view)
    status_lines(view)
    judge(
        state,
        usual_age(state, 900),
        NOW,
        nodes=["alpha"],
        channels=["ops"],
        installs={},
        strict=True,
    )


@pytest.mark.parametrize("time", ABSURD)
def test_an_absurd_time_in_the_outbox_or_the_checks_breaks_nothing(
    tmp_path: Path, time: str
) -> None:
    """A time that can be read, of whatever year, is a time: the state is shown, and an alert that old expires."""
    late = outbox.enqueue(Outbox(), [OPS], (event("e1", at=time),), 1, time)
    late = failed(outbox.recorded(late), "ops", "HTTP 500", time)
    made = StateFolder(tmp_path)
    made.prepare(change(Outbox(), late))
    made.commit(Snapshot(revision=1))
    made.save_checks(Checks(polled_at=time, checked={"alpha": time}), 1)
    state = made.load()
    _show(state)
    _, expired = outbox.expired(state.outbox, "ops", NOW, 60, configured=False)
    assert bool(expired) is time.startswith("0001")


@given(line=damaged((RECORDED,)))
@example(line=RECORDED.replace(NOW.encode(), ABSURD[0].encode()).rstrip())
def test_a_damaged_line_of_the_history_breaks_nothing(
    folder: StateFolder, line: bytes
) -> None:
    """Whatever it holds, the history is read and searched by time, and the events beside it are there."""
    (folder.path / "history.jsonl").write_bytes(RECORDED + line + b"\n" + RECORDED)
    recorded = folder.history()
    found = history.choose(recorded.events, since=parse_since("1d", NOW))
    assert sum(one.id == "e1" and one.at == NOW for one in found) >= 2
    history.lines(found)
    for one in found:
        public_form(one)
