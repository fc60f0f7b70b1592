"""Critical events are named, not only counted: what one message has no room for goes into further ones."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.support.fault_points import FAILURES, Cut
from tests.support.fork_server import CrashPoint, ForkServer
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn
from tests.support.parameters import one_of
from watcher.fake_registry.server import FakeRegistry

_RUN = [f"mine-{number:03}" for number in range(10)]
_BANNED = [*_RUN, *(f"bad-{number:03}" for number in range(30))]
_OTHERS = [f"other-{number:03}" for number in range(104)]
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
    tmp_path: Path, registry: FakeRegistry, holding: _Holding, fork_server: ForkServer
) -> Watcher:
    """A watcher that owes 144 events to a channel which has refused them: 40 bans, 10 of what is run."""
    comfyui = LivedIn(tmp_path / "studio")
    for node in (*_BANNED, *_OTHERS):
        registry.catalog.publish(node, "1.0.0")
    for node in _RUN:
        comfyui.put(node, "1.0.0")
    watch = Watcher(
        tmp_path,
        registry,
        fork_server=fork_server,
        nodes=" ".join((*_BANNED, *_OTHERS)),
        baseline="silent",
        installs=[str(comfyui.root)],
        channels=[{"name": "ops", "url": holding.apprise_url("/ops")}],
    )
    watch.check()
    holding.answer["/ops"] = 503
    for number, nodes in enumerate((_BANNED[::2], _BANNED[1::2])):
        for node in nodes:
            registry.catalog.set_status(node, "1.0.0", "banned", "A stealer")
        for node in _OTHERS[number::2]:
            registry.catalog.publish(node, "1.1.0")
        watch.check(code=1)
    watch.end_backoffs()
    holding.answer.clear()
    holding.before = len(holding.messages())
    return watch


def _texts(holding: _Holding) -> list[str]:
    return [message.json["message"] for message in holding.since()]


def test_a_backlog_names_every_ban_once(backlog: Watcher, holding: _Holding) -> None:
    """What is run comes first; the first message says how many follow, and the next one that it is a further one."""
    assert backlog.check()["alerts"] == {
        "delivered": 144,
        "unconfirmed": 0,
        "pending": 0,
        "expired": 0,
    }
    first, second = _texts(holding)
    named = [_BAN.findall(text) for text in (first, second)]
    assert sorted(named[0][:10]) == _RUN
    assert [len(one) for one in named] == [25, 15]
    assert sorted(named[0] + named[1]) == sorted(_BANNED)
    assert "(15 follow)" in first
    titles = [message.json["title"] for message in holding.since()]
    assert titles[1].startswith("Part 2: BANNED bad-")
    (ref,) = {
        match
        for text in (first, second)
        for match in re.findall(r"ref ([0-9a-f]{8})", text)
    }
    events = json.loads(backlog.run("history", "--ref", ref, "--json").out)["events"]
    assert len(events) == 144
    backlog.check()
    assert len(_texts(holding)) == 2


@pytest.mark.parametrize("hold", [1, 2])
def test_a_kill_while_a_message_is_out_repeats_that_one(
    backlog: Watcher, holding: _Holding, hold: int
) -> None:
    """Whichever of the messages it is, nothing is lost, no other comes twice, and its reference finds all events."""
    holding.hold = hold
    with backlog.start("check") as started:
        holding.wait_for(holding.before + hold)
        started.signal(signal.SIGKILL)
        started.wait()
    holding.hold = 0
    texts = _texts(holding)
    [ref] = re.findall(r"ref ([0-9a-f]{8})", texts[-1])
    assert (
        len(json.loads(backlog.run("history", "--ref", ref, "--json").out)["events"])
        == 144
    )
    backlog.check()
    texts = _texts(holding)
    assert texts[hold - 1] == texts[hold]
    del texts[hold]
    assert sorted(node for text in texts for node in _BAN.findall(text)) == sorted(
        _BANNED
    )


@pytest.mark.parametrize("cut", one_of(*Cut))
@pytest.mark.parametrize("at", range(1, 5))
def test_a_kill_around_an_acknowledgement_loses_nothing(
    backlog: Watcher,
    holding: _Holding,
    fork_server: ForkServer,
    tmp_path: Path,
    at: int,
    cut: Cut,
) -> None:
    """Whether or not it is in the journal, what the first message has left comes, and at most one comes twice."""
    point = CrashPoint(
        folder=backlog.state,
        trace=tmp_path / "trace",
        label="write state/acks.jsonl",
        at=at,
        cut=cut,
    )
    done = fork_server.run(
        "check", cwd=tmp_path, env=backlog.environment(), point=point
    )
    assert (done.code == -signal.SIGKILL) == (cut not in FAILURES)
    backlog.end_backoffs()
    backlog.check()
    came = Counter(_texts(holding))
    assert sorted(node for text in came for node in _BAN.findall(text)) == sorted(
        _BANNED
    )
    assert came.total() <= 3
