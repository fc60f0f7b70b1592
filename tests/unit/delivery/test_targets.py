"""Names of targets that have taken a message."""

from __future__ import annotations

import hashlib

from watcher.alerts.channel_identity import digest
from watcher.delivery.job import Reached
from watcher.delivery.targets import Targets

KEY, SALT = "5" * 32, "ab" * 16


def _targets(*names: str) -> tuple[Targets, list[str]]:
    taken: list[str] = []
    return Targets(earlier=Reached(key=KEY, salt=SALT, targets=frozenset(names)), taken=taken.append), taken


def test_a_target_is_as_slow_to_guess_as_a_url() -> None:
    """A target that took the message is named at once, by the slow digest that URLs have, under the URL's own."""
    targets, taken = _targets()
    assert not targets.has("good")
    targets.add("good")
    targets.add("good")
    assert taken == [digest(f"{KEY} 'good'", SALT)]
    assert targets.has("good")


def test_a_target_that_was_reached_is_known() -> None:
    """What an earlier attempt reached is known in the next one, under an older version's name too."""
    older = hashlib.blake2b(b"'old'", key=KEY.encode(), digest_size=8).hexdigest()
    targets, taken = _targets(older, digest(f"{KEY} 'new'", SALT))
    assert [targets.has(name) for name in ("old", "new", "other")] == [True, True, False]
    assert taken == []


def test_the_target_that_was_asked_for_last_can_be_noted() -> None:
    """A service that cannot tell how it went for a target has asked for it before."""
    targets, taken = _targets()
    targets.add_asked()
    targets.has("one")
    targets.has("two")
    targets.add_asked()
    assert taken == [digest(f"{KEY} 'two'", SALT)]
