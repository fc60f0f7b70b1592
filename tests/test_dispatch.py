"""Delivery of what is due: order, budget and acknowledgements, to a real webhook."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.making import NOW, event
from tests.peers.webhook import Webhook
from watcher import outbox
from watcher.channels import Channel, Grouping
from watcher.dispatch import Dispatch, Terms, dispatch
from watcher.outbox import Outbox
from watcher.store import StateFolder


def sent(folder: StateFolder, waiting: Outbox, channel: Channel, budget: float | None) -> Dispatch:
    """Dispatch once."""

    async def once() -> Dispatch:
        terms = Terms(timeout=10, expiry=3600, clock=lambda: NOW, stopping=asyncio.Event(), budget=budget)
        return await dispatch(folder, waiting, (channel,), terms)

    return asyncio.run(once())


def owing(channel: Channel) -> Outbox:
    """Give an outbox that owes three messages."""
    return outbox.enqueue(Outbox(), (channel,), tuple(event(f"e{number}") for number in range(3)), 1, NOW)


def test_a_channel_that_used_up_its_budget_lets_go(tmp_path: Path, webhook: Webhook) -> None:
    """Behind its budget a channel leaves the rest of its queue, in order and due at once, to the next round."""
    channel = Channel(name="ops", url=webhook.apprise_url("/a"), grouping=Grouping.EVENT)
    waiting = owing(channel)
    for left in (2, 1, 0):
        done = sent(StateFolder(tmp_path), waiting, channel, budget=0)
        waiting = done.waiting
        assert (done.delivered, waiting.alerts("ops"), done.failures) == (1, left, {})
        assert not left or outbox.is_due(waiting.queues["ops"], NOW)
    assert [message.json["events"] for message in webhook.messages()] == [["e0"], ["e1"], ["e2"]]


def test_without_a_budget_all_goes_out(tmp_path: Path, webhook: Webhook) -> None:
    """Where nothing else is waiting, all that there is is sent."""
    channel = Channel(name="ops", url=webhook.apprise_url("/a"), grouping=Grouping.EVENT)
    assert sent(StateFolder(tmp_path), owing(channel), channel, budget=None).delivered == 3


def test_nothing_is_sent_whose_acknowledgement_cannot_be_kept(tmp_path: Path, webhook: Webhook) -> None:
    """Where no room can be made for an acknowledgement the message stays, since it would go out again and again."""
    channel = Channel(name="ops", url=webhook.apprise_url("/a"))
    (tmp_path / "acks.jsonl").mkdir()
    waiting = owing(channel)
    done = sent(StateFolder(tmp_path), waiting, channel, budget=None)
    assert (done.waiting, done.delivered, webhook.messages()) == (waiting, 0, [])
    assert done.failures["ops"].startswith("its acknowledgement could not be kept: ")
