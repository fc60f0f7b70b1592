"""What an edit of the settings, or a lost file of addresses, does to the queues and to what is known of a channel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.support.factories import NOW, channel, event, failed, watch
from watcher.alerts.queues import outbox, ownership
from watcher.alerts.queues.outbox import Outbox, change
from watcher.alerts.queues.ownership import (
    Addresses,
    at_their_channels,
    reroute,
    set_aside,
)
from watcher.model.channel import Channel
from watcher.model.snapshot import Snapshot
from watcher.polling.poll import Poller, channel_states
from watcher.polling.problems import Problem
from watcher.state.model import State
from watcher.state.store import StateFolder

OLD, OTHER = (
    channel(name, url=f"json://127.0.0.1/{name}", placed=True)
    for name in ("json", "form")
)


FORMER = channel("former", url=OTHER.url)


def addresses(*channels: Channel, salt: str = "ab" * 16) -> Addresses:
    """Return what is known once the URLs of channels were accepted."""
    digests = ownership.url_digests(channels, salt)
    return Addresses(salt=salt, apprise="2.3", url_digests=digests)


def test_what_is_set_aside_is_said_before_it_is_forgotten(tmp_path: Path) -> None:
    """A poll that is killed while it says so leaves that to the next one: the former URL is still known then.

    What is owed is in its place by then: by the former URLs it is known whose it is.
    """
    folder, known = StateFolder(tmp_path), addresses(OLD, FORMER)
    waiting = outbox.enqueue(Outbox(), [OLD, FORMER], (event(),), 1, NOW)
    waiting = reroute(waiting, [OLD, FORMER], known.url_digests, {})
    waiting = failed(waiting, "former", "timed out", NOW)
    folder.prepare(change(Outbox(), waiting))
    folder.commit(Snapshot(revision=1))
    folder.save_addresses(known)
    said: list[tuple[str, Addresses]] = []

    def say(found: Iterable[Problem]) -> None:
        assert {*folder.load().outbox.queues} == {"json", "form"}
        said.extend((one.sentence, folder.addresses()) for one in found)

    poller = Poller(
        config=watch("", channels=(OTHER,), addresses=addresses(OTHER)),
        folder=folder,
        clock=lambda: NOW,
        stopping=asyncio.Event(),
        on_problems=say,
    )
    asyncio.run(poller.deliver_due())
    [(sentence, at)] = said
    assert (sentence.split(":")[0], at) == ("channel json", known)
    assert folder.addresses() == addresses(OTHER)
    idle = replace(waiting.queues["json"], messages=(), failing_since=NOW)
    assert set_aside(known, Outbox(queues={"json": idle}), [OTHER]) == {}


def test_a_lost_salt_makes_an_entry_another_channel_only_once() -> None:
    """The poll that finds the file gone knows a place in `alert_urls` by the digest that the next one knows it by."""
    accepted = addresses(OLD, salt="cd" * 16)
    keys: set[str] = set()
    for known in (Addresses(), accepted):
        _, found = at_their_channels(Outbox(), [OLD], known, accepted)
        [one, named] = channel_states(State(addresses=found), [OLD, FORMER])
        keys.add(one.key)
        assert named.key == "former"
    assert keys == {accepted.url_digests[OLD.name]}


def test_a_salt_that_another_run_wrote_is_kept() -> None:
    """To a run that made one of its own before it had the lock no URL is new: who has a message gets no repeat."""
    known = addresses(OLD)
    waiting = outbox.enqueue(Outbox(), [OLD], (event(),), 1, NOW)
    waiting = reroute(waiting, [OLD], known.url_digests, {})
    accepted = addresses(OLD, salt="cd" * 16)
    assert at_their_channels(waiting, [OLD], known, accepted) == (waiting, known)
