"""Critical events are named, not only counted: what one message has no room for goes into further ones."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.harness import Watcher, counts
from tests.support.lived_in import LivedIn

_RUN = [f"mine-{number:03}" for number in range(10)]
_BANNED = [*_RUN, *(f"bad-{number:03}-{'x' * 30}" for number in range(60))]
_OTHERS = [f"other-{number:03}" for number in range(74)]
_BAN = re.compile(r"BANNED `([^`]*)` `1\.0\.0`")


class _Holding(Webhook):
    """A webhook that takes messages, but never answers the one with this number."""

    hold = 0
    before = 0
    """How many messages have come before."""

    def since(self) -> list[Message]:
        """Return the messages that have come since then."""
        return self.messages()[self.before :]

    def answer_for(self, path: str) -> Answer:
        """Return the answer to the message that has come."""
        return (
            Answer(hang=True)
            if len(self.since()) + 1 == self.hold
            else super().answer_for(path)
        )


@pytest.fixture
def holding() -> Iterator[_Holding]:
    """A webhook that takes everything until it is told otherwise."""
    with _Holding() as peer:
        yield peer


@pytest.fixture
def backlog(
    tmp_path: Path, watch: Watcher, registry: FakeRegistry, holding: _Holding
) -> Watcher:
    """A watcher that owes 144 events to a channel which has refused them: 70 bans, 10 of what is run."""
    comfyui = LivedIn(tmp_path / "studio")
    for node in (*_BANNED, *_OTHERS):
        registry.catalog.publish(node, "1.0.0")
    for node in _RUN:
        comfyui.put(node, "1.0.0")
    many = watch.but(
        nodes=[*_BANNED, *_OTHERS],
        installs=[str(comfyui.root)],
        channels=[{"name": "ops", "url": holding.apprise_url("/ops")}],
    )
    many.check()
    holding.answer["/ops"] = 503
    for node in _BANNED:
        registry.catalog.set_status(node, "1.0.0", "banned", "A stealer")
    for node in _OTHERS:
        registry.catalog.publish(node, "1.1.0")
    many.check(code=1)
    many.end_backoffs()
    holding.answer.clear()
    holding.before = len(holding.messages())
    return many


def _texts(holding: _Holding) -> list[str]:
    return [message.json["message"] for message in holding.since()]


def test_a_backlog_names_every_ban_once(backlog: Watcher, holding: _Holding) -> None:
    """What is run comes first; the first message says how many follow, and the next one that it is a further one."""
    assert backlog.check()["alerts"] == counts(144)
    first, second = _texts(holding)
    named = [_BAN.findall(text) for text in (first, second)]
    assert sorted(named[0][:10]) == _RUN
    assert sorted(named[0] + named[1]) == sorted(_BANNED)
    assert f"({len(named[1])} follow)" in first
    titles = [message.json["title"] for message in holding.since()]
    assert titles[1].startswith("Part 2: BANNED bad-")
    [since] = re.findall(r"history --since (\S+Z)", first)
    assert len(backlog.history("--since", since, "--limit", "999")) >= 144
    backlog.check()
    assert len(_texts(holding)) == 2


def test_a_kill_while_a_message_is_out_repeats_that_one(
    backlog: Watcher, holding: _Holding
) -> None:
    """Nothing is lost, and no other message comes twice."""
    holding.hold = 2
    with backlog.start("check") as started:
        holding.wait_for(holding.before + 2)
        started.signal(signal.SIGKILL)
        started.wait()
    holding.hold = 0
    backlog.check()
    first, second, again = _texts(holding)
    assert second == again
    named = [node for text in (first, second) for node in _BAN.findall(text)]
    assert sorted(named) == sorted(_BANNED)
