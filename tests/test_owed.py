"""What a channel is owed follows it: through edits of the settings, kills, lost files and runs that come too early."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.nursery import Nursery, Point
from tests.chaos.receiver import Receiver
from tests.chaos.seam import Cut
from tests.peers.webhook import Answer
from tests.watching import Watching
from watcher import start
from watcher.embedded import EmbeddedRegistry
from watcher.poll import Poller
from watcher.settings import ChannelTable, Settings
from watcher.store import StateFolder

pytestmark = pytest.mark.usefixtures("unmeasured")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook that keeps account."""
    with Receiver() as peer:
        yield peer


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """What starts the program quickly, and lets it die where it is told to."""
    with Nursery() as forks:
        yield forks


@pytest.fixture
def watch(tmp_path: Path, registry: EmbeddedRegistry, receiver: Receiver) -> Watching:
    """A watcher of one node whose channel `ops` refuses everything at `/old`."""
    registry.catalog.publish("alpha", "1.0.0")
    receiver.down = {"/old"}
    return Watching(tmp_path, registry, channels=[{"name": "ops", "url": receiver.apprise_url("/old")}])


def _moved(watch: Watching, receiver: Receiver, path: str = "/new") -> Watching:
    return watch.but(channels=[{"name": "ops", "url": receiver.apprise_url(path)}])


def _configure(watch: Watching, receiver: Receiver, path: str) -> None:
    """Write the same settings with another URL into a file, for a program that is started without an environment."""
    lines = ['nodes = ["alpha"]', f'registry_url = "{watch.registry.url}"', "[[channels]]", 'name = "ops"']
    lines.append(f'url = "{receiver.apprise_url(path)}"')
    (watch.folder / "comfy-watch.toml").write_text("\n".join(lines), "utf-8")


def test_a_new_url_gets_at_once_what_the_old_one_did_not_take(
    watch: Watching, registry: EmbeddedRegistry, receiver: Receiver
) -> None:
    """The queue is kept and need not rest any more, however quiet the poll is that first sees the URL."""
    watch.check(code=1)
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    events = watch.check(code=1)["events"]
    document = _moved(watch, receiver).check()
    assert document["alerts"] == {"delivered": 2, "pending": 0, "expired": 0}
    assert [taken.path for taken in receiver.taken] == ["/new", "/new"]
    assert receiver.taken[1].events == (events[0]["id"],)


def test_a_new_url_that_is_dead_too_keeps_the_queue(watch: Watching, receiver: Receiver) -> None:
    """Poll upon poll after the edit the channel goes on to be owed what it was."""
    watch.check(code=1)
    receiver.down = {"/old", "/new"}
    moved = _moved(watch, receiver)
    for _ in range(3):
        assert moved.check(code=1)["alerts"]["pending"] == 1
        moved.end_waits()
    receiver.down = set()
    moved.check()
    assert [taken.path for taken in receiver.taken] == ["/new"]


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
@pytest.mark.parametrize("label", ["rename state/outbox.json", "rename state/addresses.json"])
def test_a_kill_in_the_poll_that_sees_a_new_url_loses_nothing(
    watch: Watching, receiver: Receiver, nursery: Nursery, tmp_path: Path, label: str, cut: Cut
) -> None:
    """Wherever the program dies while it takes the edit in, the new URL gets what is owed."""
    watch.check(code=1)
    point = Point(folder=watch.state, trace=tmp_path / "trace", label=label, at=1, cut=cut)
    _configure(watch, receiver, "/new")
    assert nursery.run("check", cwd=tmp_path, point=point).code == -signal.SIGKILL
    for _ in range(2):
        assert nursery.run("check", cwd=tmp_path).code == 0
    assert [taken.path for taken in receiver.taken] == ["/new"]


@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
@pytest.mark.parametrize("label", ["rename state/outbox.json", "rename state/addresses.json"])
def test_an_edit_that_is_taken_back_after_a_kill_loses_nothing(
    watch: Watching, receiver: Receiver, nursery: Nursery, tmp_path: Path, label: str, cut: Cut
) -> None:
    """A URL that was never more than tried out leaves what is owed to the one that is back."""
    watch.check(code=1)
    point = Point(folder=watch.state, trace=tmp_path / "trace", label=label, at=1, cut=cut)
    _configure(watch, receiver, "/typo")
    assert nursery.run("check", cwd=tmp_path, point=point).code == -signal.SIGKILL
    receiver.down = set()
    watch.end_waits()
    _configure(watch, receiver, "/old")
    for _ in range(2):
        assert nursery.run("check", cwd=tmp_path).code == 0
    assert [taken.path for taken in receiver.taken] == ["/old"]


def test_a_lost_list_of_addresses_costs_no_alert(watch: Watching, receiver: Receiver) -> None:
    """Where `addresses.json` is gone, a channel that nobody touched is owed what it was."""
    watch.check(code=1)
    (watch.state / "addresses.json").unlink()
    for _ in range(2):
        assert watch.check(code=1)["alerts"]["pending"] == 1
    watch.end_waits()
    receiver.down = set()
    watch.check()
    assert len(receiver.taken) == 1


def test_a_run_that_read_the_addresses_too_early_costs_no_alert(watch: Watching, receiver: Receiver) -> None:
    """A first run that waits for the lock while another first run begins and ends goes on with what that one left."""
    channel = ChannelTable.model_validate({"name": "ops", "url": receiver.apprise_url("/old")})
    folder = StateFolder(watch.state)
    early = start.watch_of(
        Settings(nodes=("alpha",), registry_url=watch.registry.url, retries=0, channels=(channel,)), folder
    )
    watch.check(code=1)
    with folder.locked():
        asyncio.run(Poller(watch=early, folder=folder, clock=start.clock, stopping=asyncio.Event()).poll())
    watch.end_waits()
    receiver.down = set()
    watch.check()
    assert len(receiver.taken) == 1


def test_half_a_delivery_is_known_before_other_channels_are_done(watch: Watching, receiver: Receiver) -> None:
    """Killed while another channel hangs, the program knows which targets have the message, and that the channel
    rests.
    """
    receiver.refuses = lambda message: (message.json or {}).get("channel") == "bad"
    receiver.answer["/slow"] = Answer(hang=True)
    url = f"mmost://127.0.0.1:{receiver.port}/3ccdd113474722377935511fc85d3dd4?to=good,bad"
    both = watch.but(
        channels=[{"name": "two", "url": url}, {"name": "slow", "url": receiver.apprise_url("/slow")}],
    )
    journal = both.state / "acks.jsonl"
    with both.start("check") as started:
        deadline = time.monotonic() + 20
        while not (journal.exists() and b'"refused"' in journal.read_bytes()):
            assert time.monotonic() < deadline, started.err
            time.sleep(0.01)
        started.signal(signal.SIGKILL)
        started.wait()
    queue = StateFolder(both.state).load().outbox.queues["two"]
    assert (queue.attempts, len(queue.messages[0].reached), queue.error) == (1, 1, "HTTP 500")
    assert queue.not_before
    receiver.refuses = lambda _: False
    receiver.answer.clear()
    both.check(code=1)
    both.end_waits()
    both.check()
    to = [message.json["channel"] for message in receiver.accepted if "channel" in message.json]
    assert sorted(to) == ["bad", "good"]
