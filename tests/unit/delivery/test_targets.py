"""Names of targets that have taken a message."""

from __future__ import annotations

import hashlib

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
    """What an earlier attempt reached is known in the next one; one that an older version named gets a new name."""
    oldest = hashlib.blake2b(b"'oldest'", key=KEY.encode(), digest_size=8).hexdigest()
    targets, taken = _targets(oldest, digest(f"{KEY} 'old'", SALT), digest(f"{SERVICE} 'new'", SALT))
    assert [targets.has(name) for name in ("oldest", "old", "new", "other")] == [True, True, True, False]
    assert taken == [digest(f"{SERVICE} '{name}'", SALT) for name in ("oldest", "old")]


def test_the_target_that_was_asked_for_last_can_be_noted() -> None:
    """A service that does not report how it went for a target has asked for it before."""
    targets, taken = _targets()
    targets.add_asked()
    targets.has("one")
    targets.has("two")
    targets.add_asked()
    assert taken == [digest(f"{SERVICE} 'two'", SALT)]


def test_no_target_has_it_for_all() -> None:
    """Once a target was denied the message, what stands for all of them is not noted; each other one is."""
    targets, taken = _targets()
    answers = iter((False, True, True))
    targets.is_acknowledged = lambda: next(answers)
    for name in ("all", "one", "two"):
        targets.has(name)
    for name in ("one", "two", "all"):
        targets.add(name)
    assert taken == [digest(f"{SERVICE} 'two'", SALT)]
