"""Names of targets that have taken a message."""

from __future__ import annotations

from watcher.alerts.queues.channel_identity import digest
from watcher.delivery.job import Reached
from watcher.delivery.targets import Targets

KEY, SALT, SERVICE = "5" * 32, "ab" * 16, "('ntfy', 'host.example')"


def _targets(*names: str) -> tuple[Targets, list[str]]:
    taken: list[str] = []
    earlier = Reached(key=KEY, salt=SALT, targets=frozenset(names))
    return Targets(earlier=earlier, taken=taken.append, service=SERVICE), taken


def test_a_target_is_as_slow_to_guess_as_a_url() -> None:
    """A target that took the message is named at once, by the slow digest that URLs have."""
    targets, taken = _targets()
    assert not targets.has("good")
    targets.add("good")
    targets.add("good")
    assert taken == [digest(f"{SERVICE} 'good'", SALT)]
    assert targets.has("good")


def test_a_target_that_was_reached_is_known() -> None:
    """What an earlier attempt reached is known in the next one."""
    targets, taken = _targets(digest(f"{SERVICE} 'new'", SALT))
    assert [targets.has(name) for name in ("new", "other")] == [True, False]
    assert taken == []


def test_a_target_whose_answer_was_cut_off_has_it() -> None:
    """Where only the rest of an answer was lost the target that was sent to last has the message."""
    targets, taken = _targets()
    targets.was_cut_off = lambda _: True
    targets.settle()
    targets.has("one")
    targets.sent_to(b"a message")
    targets.has("two")
    targets.was_cut_off = lambda _: False
    targets.settle()
    assert taken == [digest(f"{SERVICE} 'one'", SALT)]
    assert targets.has_settled


def test_a_request_is_to_the_targets_that_are_named_in_it() -> None:
    """Of the targets that apprise asked about before a request those are meant that it names, else the last one."""
    targets, _ = _targets()
    for name in ("all", "one", "two", "six"):
        targets.has(name)
    assert targets.sent_to(b"to=one,two") == {"'one'", "'two'"}
    assert targets.sent_to(b"to=six") == {"'six'"}
    assert targets.sent_to(b"to=them all") == {"'six'"}


def test_a_request_is_to_the_targets_that_it_names() -> None:
    """Where apprise asks about several first, in whatever way a request writes them; else to the last one."""
    targets, _ = _targets()
    for name in ("all", "+15551231234", "+15551231235", ("room", "a b")):
        targets.has(name)
    assert targets.sent_to(b"to=%2B15551231234&text=x") == {"'+15551231234'"}
    assert targets.sent_to(b'{"to": ["+15551231234", "+15551231235"]}') == {
        "'+15551231234'",
        "'+15551231235'",
    }
    assert targets.sent_to(b"/room/a%20b") == {"('room', 'a b')"}
    assert targets.sent_to(b"nobody") == {"('room', 'a b')"}


def test_no_target_has_it_for_all() -> None:
    """Once a target was denied the message, what stands for all of them is not noted; each other one is."""
    targets, taken = _targets()
    answers = iter((False, True, True))
    targets.is_acknowledged = lambda _: next(answers)
    for name in ("all", "one", "two"):
        targets.has(name)
    for name in ("one", "two", "all"):
        targets.add(name)
    assert taken == [digest(f"{SERVICE} 'two'", SALT)]
