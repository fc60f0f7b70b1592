"""What a channel is owed follows it: through edits of the settings, kills, and a disk that does not confirm."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from tests.chaos.receiver import Receiver
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fault_points import Cut
from tests.support.harness import Watcher, counts


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook that keeps account, and refuses what comes to `/old`."""
    with Receiver() as peer:
        peer.down = {"/old"}
        yield peer


@pytest.fixture
def watch(watch: Watcher, receiver: Receiver) -> Watcher:
    """A watcher with a summary for its baseline, and a channel at `/old`."""
    return _listed(watch.but(baseline="summary"), receiver, "/old")


def _listed(watch: Watcher, receiver: Receiver, *paths: str) -> Watcher:
    """Return the watcher with `alert_urls` that post to these paths."""
    return watch.but(alert_urls=[receiver.apprise_url(path) for path in paths])


def _owed(watch: Watcher) -> dict[str, int]:
    channels = watch.document("status")["channels"]
    return {channel["name"]: channel["undelivered"] for channel in channels}


def _paths(receiver: Receiver) -> list[str]:
    return [taken.path for taken in receiver.taken]


def test_a_corrected_entry_of_alert_urls_gets_what_the_wrong_one_was_owed(
    watch: Watcher, registry: FakeRegistry, receiver: Receiver
) -> None:
    """It is the channel of its name, whose URL is new, and is due at once; the others keep their own."""
    receiver.down = {"/old", "/b"}
    listed = _listed(watch, receiver, "/old", "/b")
    listed.check(code=1)
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    listed.check(code=1)
    corrected = _listed(watch, receiver, "/new", "/b")
    assert "was removed" not in corrected.run("check").err
    (taken,) = receiver.taken
    assert (taken.path, len(taken.events)) == ("/new", 2)
    assert _owed(corrected) == {"json": 0, "json-2": 2}


def test_an_entry_of_alert_urls_that_is_taken_out_passes_nothing_on(
    watch: Watcher, receiver: Receiver
) -> None:
    """Its queue is set aside, reported once, shown by `status`, and delivered once the URL is back.

    Who has its name now gets only what was its own.
    """
    _listed(watch, receiver, "/old", "/b").check(code=1)
    receiver.down = {"/new"}
    edited = _listed(watch, receiver, "/b", "/new")
    assert "was removed" not in edited.run("check", "--dry-run").err
    first, second = (edited.run("check").err for _ in range(2))
    kept = "1 alert for it is kept until it is back or alert_expiry"
    assert first == f"warning: channel json: its URL was removed; {kept}\n"
    assert second == ""
    assert _owed(edited) == {"json": 0, "json-2": 0, "json (former)": 1}
    # No poll tries it, so `check` and `health` do not count it either.
    assert edited.run("status").out.splitlines()[0].endswith(" · 1 alert undelivered")
    edited.end_backoffs()
    back = _listed(watch, receiver, "/b", "/old").check()
    assert back["alerts"]["delivered"] == 1
    assert _paths(receiver) == ["/b", "/old"]


def test_at_another_url_nobody_counts_as_served(
    watch: Watcher, receiver: Receiver
) -> None:
    """After a partial failure all targets of the new URL get the message, whatever the old one's have had."""
    receiver.refuses = lambda message: (message.json or {}).get("channel") == "bad"
    team = f"mmost://127.0.0.1:{receiver.port}/3ccdd113474722377935511fc85d3dd4?to="
    for targets, code in ("good,bad", 1), ("good,better", 0):
        channel = {"name": "two", "url": f"{team}{targets}"}
        watch.but(alert_urls="none", channels=[channel]).check(code=code)
    served = [one.json["channel"] for one in receiver.accepted]
    assert sorted(served) == ["better", "good", "good"]


def test_an_alert_is_not_dropped_silently(watch: Watcher, receiver: Receiver) -> None:
    """Killed when it is about to forget an old alert, the program has said so already, and goes on to owe it."""
    watch.check(code=1)
    watch.end_backoffs()
    done = watch.but(alert_expiry="1ms").cut("rename state/owed.jsonl", Cut.BEFORE)
    assert done.code == -signal.SIGKILL
    assert "1 alert expired: not delivered within alert_expiry" in done.err
    receiver.down = set()
    watch.end_backoffs()
    watch.check()
    assert _paths(receiver) == ["/old"]


def test_a_change_that_is_not_certain_is_reported_but_not_sent(
    watch: Watcher, receiver: Receiver
) -> None:
    """Where the snapshot has its name but the disk does not confirm it, the poll gives its events and exit code 1.

    Nothing goes out, or is written that goes with it, until the next poll.
    """
    receiver.down = set()
    watch.check()
    watch.registry.catalog.set_status("alpha", "1.0.0", "flagged")
    done = watch.cut("fsync state", Cut.ERROR, "--json", at=2)
    trace = (watch.folder / "trace").read_text("utf-8").splitlines()
    assert trace[-2:] == ["rename state/snapshot.json", "fsync state"]
    document = json.loads(done.out)
    assert (done.code, document["alerts"]) == (1, counts(pending=1))
    said = "Input/output error (snapshot.json); no change and no alert is lost"
    assert said in done.err
    assert len(receiver.taken) == 1
    later = watch.check()
    assert (later["events"], later["alerts"]["delivered"]) == ([], 1)
    (event,) = document["events"]
    assert receiver.taken[-1].events == (event["id"],)
    assert [event["kind"] for event in watch.history()] == ["flagged", "baseline"]


def test_what_an_earlier_run_left_is_made_certain_first(
    watch: Watcher, receiver: Receiver
) -> None:
    """Where the disk does not confirm what a killed run renamed, a poll ends with 4: it writes and sends nothing."""
    watch.check(code=1)
    receiver.down = set()
    watch.end_backoffs()
    before = watch.contents()
    done = watch.cut("fsync state", Cut.ERROR)
    assert done.code == 4
    assert "cannot be written: Input/output error" in done.err
    assert watch.contents() == before
    assert receiver.taken == ()
    assert watch.check()["alerts"]["delivered"] == 1
