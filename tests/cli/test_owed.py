"""What a channel is owed follows it: through edits of the settings, kills, lost files and runs that come too early."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator

import pytest

from tests.chaos.receiver import Receiver
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Answer
from tests.support.fault_points import Cut
from tests.support.harness import Watcher, counts
from tests.support.parameters import one_of
from tests.support.worker import WORKER
from watcher.polling import setup
from watcher.polling.clock import clock
from watcher.polling.poll import Poller
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.state.store import StateFolder


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook that keeps account."""
    with Receiver() as peer:
        yield peer


def _team_url(receiver: Receiver, *targets: str) -> str:
    """Return a URL with several targets."""
    return f"mmost://127.0.0.1:{receiver.port}/3ccdd113474722377935511fc85d3dd4?to={','.join(targets)}"


def _targets(receiver: Receiver) -> list[str]:
    return [
        message.json["channel"]
        for message in receiver.accepted
        if "channel" in message.json
    ]


@pytest.fixture
def watch(watch: Watcher, receiver: Receiver) -> Watcher:
    """A watcher with a summary for its baseline, whose channel `ops` refuses everything at `/old`."""
    receiver.down = {"/old"}
    return _named(watch.but(baseline="summary"), receiver, ops="/old")


def _moved(watch: Watcher, receiver: Receiver) -> Watcher:
    return _named(watch, receiver, ops="/new")


def test_a_new_url_gets_at_once_what_the_old_one_did_not_take(
    watch: Watcher, registry: FakeRegistry, receiver: Receiver
) -> None:
    """The queue is kept and is due at once, however quiet the poll is that first sees the URL."""
    watch.check(code=1)
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    events = watch.check(code=1)["events"]
    document = _moved(watch, receiver).check()
    assert document["alerts"] == counts(2)
    (taken,) = receiver.taken
    assert (taken.path, len(taken.events)) == ("/new", 2)
    assert taken.events[0] == events[0]["id"]


@pytest.mark.parametrize("back", one_of(False, True), ids=["kept", "taken-back"])
@pytest.mark.parametrize("cut", one_of(Cut.AFTER, Cut.BEFORE))
@pytest.mark.parametrize("file", one_of("owed.jsonl", "addresses.json"))
def test_a_kill_in_the_poll_that_sees_a_new_url_loses_nothing(
    watch: Watcher, receiver: Receiver, file: str, cut: Cut, *, back: bool
) -> None:
    """Wherever the program dies while it takes the edit in, the channel's URL of then gets what is owed, once."""
    watch.check(code=1)
    moved = _moved(watch, receiver)
    assert moved.cut(f"rename state/{file}", cut).code == -signal.SIGKILL
    receiver.down = set()
    watch.end_backoffs()
    for _ in range(2):
        (watch if back else moved).check()
    assert [taken.path for taken in receiver.taken] == ["/old" if back else "/new"]


def _listed(watch: Watcher, receiver: Receiver, *paths: str) -> Watcher:
    """Return the watcher with `alert_urls` that post to these paths."""
    return watch.but(
        channels=[], alert_urls=[receiver.apprise_url(path) for path in paths]
    )


def _named(watch: Watcher, receiver: Receiver, **paths: str) -> Watcher:
    return watch.but(
        channels=[
            {"name": name, "url": receiver.apprise_url(path)}
            for name, path in paths.items()
        ]
    )


def _owed(watch: Watcher) -> dict[str, int]:
    channels = watch.document("status")["channels"]
    return {channel["name"]: channel["undelivered"] for channel in channels}


def test_a_corrected_entry_of_alert_urls_gets_what_the_wrong_one_was_owed(
    watch: Watcher, receiver: Receiver
) -> None:
    """It is the channel of its name, whose URL is new; the others keep their own."""
    receiver.down = {"/wrong", "/b"}
    _listed(watch, receiver, "/wrong", "/b").check(code=1)
    done = _listed(watch, receiver, "/right", "/b").run("check")
    assert "was removed" not in done.err
    assert [taken.path for taken in receiver.taken] == ["/right"]
    assert _owed(_listed(watch, receiver, "/right", "/b")) == {"json": 0, "json-2": 1}


def test_an_entry_of_alert_urls_that_is_taken_out_passes_nothing_on(
    watch: Watcher, receiver: Receiver
) -> None:
    """Its queue is set aside, reported once, shown by `status`, and delivered once the URL is back.

    Who has its name now gets only what was its own.
    """
    receiver.down = {"/a"}
    _listed(watch, receiver, "/a", "/b").check(code=1)
    receiver.down = {"/new"}
    edited = _listed(watch, receiver, "/b", "/new")
    first, second = (edited.run("check").err for _ in range(2))
    kept = "1 alert for it is kept until it is back or alert_expiry"
    assert first == f"warning: channel json: its URL was removed; {kept}\n"
    assert second == ""
    assert _owed(edited) == {"json": 0, "json-2": 0, "json (former)": 1}
    # No poll tries it, so `check` and `health` do not count it either.
    assert edited.run("status").out.splitlines()[0].endswith(" · 1 alert undelivered")
    edited.end_backoffs()
    assert _listed(watch, receiver, "/b", "/a").check()["alerts"]["delivered"] == 1
    assert [taken.path for taken in receiver.taken] == ["/b", "/a"]


def test_a_run_that_read_the_addresses_too_early_costs_no_alert(
    watch: Watcher, receiver: Receiver
) -> None:
    """A first run that waits for the lock while another first run begins and ends goes on with what that one left."""
    receiver.down = {"/a", "/b"}
    listed = _listed(watch, receiver, "/a", "/b")
    folder = StateFolder(watch.state)
    settings = {
        "nodes": ["alpha"],
        "registry_url": watch.registry.url,
        "retries": 0,
        "alert_urls": [receiver.apprise_url(path) for path in ("/a", "/b")],
    }
    loaded = Loaded(settings=Settings.model_validate(settings))
    early = setup.poll_config(loaded, folder)
    listed.check(code=1)
    with folder.locked():
        report = asyncio.run(
            Poller(
                config=early,
                folder=folder,
                clock=clock,
                stopping=asyncio.Event(),
                worker=WORKER,
            ).poll()
        )
    assert report.undelivered == 2
    listed.end_backoffs()
    receiver.down = set()
    listed.check()
    assert sorted(taken.path for taken in receiver.taken) == ["/a", "/b"]


def test_an_alert_is_not_dropped_silently(watch: Watcher, receiver: Receiver) -> None:
    """Killed when it is about to forget an old alert, the program has said so already; and what is not forgotten yet
    goes out if the channel is well again.
    """
    watch.check(code=1)
    watch.end_backoffs()
    done = watch.but(alert_expiry="1ms").cut("rename state/owed.jsonl", Cut.BEFORE)
    assert done.code == -signal.SIGKILL
    assert "1 alert expired: not delivered within alert_expiry" in done.err
    receiver.down = set()
    assert "HTTP 500; its alerts are kept and retried" in watch.run("check").err
    watch.end_backoffs()
    watch.check()
    assert [taken.path for taken in receiver.taken] == ["/old"]


@pytest.mark.parametrize(
    "fail_on", one_of((), ("--fail-on", "flagged")), ids=["1", "3"]
)
def test_a_change_that_is_not_certain_is_reported_but_not_sent(
    watch: Watcher, receiver: Receiver, fail_on: tuple[str, ...]
) -> None:
    """Where the snapshot has its name but the disk does not confirm it, the poll gives its events and exit code 1 or 3;
    nothing goes out, or is written that goes with it, until the next poll.
    """
    receiver.down = set()
    watch.check()
    watch.registry.catalog.set_status("alpha", "1.0.0", "flagged")
    done = watch.cut("fsync state", Cut.ERROR, "--json", *fail_on, at=2)
    trace = (watch.folder / "trace").read_text("utf-8").splitlines()
    assert trace[-2:] == ["rename state/snapshot.json", "fsync state"]
    assert done.code == (3 if fail_on else 1)
    document = json.loads(done.out)
    assert document["alerts"] == counts(pending=1)
    assert (
        "Input/output error (snapshot.json); no change and no alert is lost" in done.err
    )
    assert [taken.path for taken in receiver.taken] == ["/old"]
    later = watch.check()
    assert (later["events"], later["alerts"]["delivered"]) == ([], 1)
    (message,) = receiver.taken[1:]
    (event,) = document["events"]
    assert message.events == (event["id"],)
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


def test_a_change_that_is_owed_to_nobody_is_whole(watch: Watcher) -> None:
    """Killed right after its commit, the program does not take what is owed for an old copy."""
    silent = watch.but(baseline="silent")
    assert silent.cut("rename state/snapshot.json", Cut.AFTER).code == -signal.SIGKILL
    silent.check()


def test_a_channel_that_is_gone_from_the_settings_is_reported_once(
    watch: Watcher, receiver: Receiver
) -> None:
    """The poll that finds a channel gone which is owed alerts says so, and no later one; nor does one where a channel
    goes on, or a dry run, which sets nothing aside.
    """
    watch.check(code=1)
    assert (
        "was removed"
        not in _named(watch, receiver, mail="/mail").run("check", "--dry-run").err
    )
    said = [
        _named(watch, receiver, **paths).run("check").err
        for paths in ({"team": "/old"}, {"mail": "/mail"}, {"mail": "/mail"})
    ]
    assert [
        err.count("warning: channel team: its URL was removed; 1 alert") for err in said
    ] == [0, 1, 0]


def test_half_a_delivery_is_known_before_other_channels_are_done(
    watch: Watcher, receiver: Receiver
) -> None:
    """Killed while another channel hangs, the program knows which targets have the message, and that the channel
    backs off.
    """
    receiver.refuses = lambda message: (message.json or {}).get("channel") == "bad"
    receiver.answer["/slow"] = Answer(hang=True)
    two = {"name": "two", "url": _team_url(receiver, "good", "bad")}
    both = watch.but(
        channels=[two, {"name": "slow", "url": receiver.apprise_url("/slow")}]
    )
    with both.start("check") as started:
        started.until(lambda _: b'"HTTP' in both.contents().get("owed.jsonl", b""))
        started.signal(signal.SIGKILL)
        started.wait()
    queue = StateFolder(both.state).load().outbox.queues["two"]
    assert (queue.attempts, len(queue.messages[0].reached), queue.error) == (
        1,
        1,
        "HTTP 500",
    )
    assert queue.retry_at
    receiver.refuses = lambda _: False
    receiver.answer.clear()
    both.check(code=1)
    both.end_backoffs()
    both.check()
    assert sorted(_targets(receiver)) == ["bad", "good"]


def test_at_another_url_nobody_counts_as_served(
    watch: Watcher, receiver: Receiver
) -> None:
    """After a partial failure all targets of the new URL get the message, whatever the old one's have had."""
    receiver.refuses = lambda message: (message.json or {}).get("channel") == "bad"
    for targets, code in (("good", "bad"), 1), (("good", "better"), 0):
        watch.but(
            channels=[{"name": "two", "url": _team_url(receiver, *targets)}]
        ).check(code=code)
    assert sorted(_targets(receiver)) == ["better", "good", "good"]
