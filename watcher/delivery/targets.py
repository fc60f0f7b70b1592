"""Names of the targets in one URL that have taken a message, so that no attempt repeats it to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from watcher.alerts.queues import channel_identity
from watcher.delivery.job import Reached

_WORD = re.compile(rb"[A-Za-z0-9]+")
_slow_digest = lru_cache(maxsize=256)(channel_identity.digest)
"""A process sends many messages to the same targets."""


@dataclass(slots=True, kw_only=True)
class Targets:
    """The targets that have taken the message; apprise asks about each one before it sends, and says when it has it.

    A target is stored as a slow salted digest, like a URL (docs/behaviour.md, Secrets).
    """

    earlier: Reached
    taken: Callable[[str], None]
    """Called with the name of each target as soon as it has the message."""
    service: str = ""
    """What identifies the service without its targets: a target has the same name once another one is edited."""
    is_acknowledged: Callable[[str], bool] = field(default=lambda _: True)
    """Returns whether the answers to what was sent to the target allow that it has the message."""
    was_cut_off: Callable[[str], bool] = field(default=lambda _: False)
    """Returns whether the target took the message with an answer whose rest was lost."""
    has_skipped: bool = False
    """A target was left out, because it has the message."""
    current: str = ""
    """The target that is being sent to. Empty before apprise has asked about one."""
    names: set[str] = field(default_factory=set)
    """All that apprise has asked about."""
    asked: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    """Those since the last request, and their words, which look the same in any request."""
    has_sent: bool = False
    """A request went out since."""
    whole: str = ""
    """What stands for all targets together: apprise asks about it first."""
    has_settled: bool = False
    """A target took the message with an answer whose rest was lost."""
    known: set[str] = field(default_factory=set)
    """Those that have the message."""
    denied: set[str] = field(default_factory=set)
    """Those that have not, whatever apprise says."""

    def has(self, key: object, per_message: bool = False) -> bool:  # noqa: ARG002 - apprise's signature
        """Return whether a target has taken the message."""
        self.settle()
        self.current = target = repr(key)
        self.whole = self.whole or target
        if self.has_sent:
            self.asked, self.has_sent = {}, False
        self.asked[target] = (
            () if target == self.whole else tuple(_WORD.findall(str(key).encode()))
        )
        self.names.add(target)
        if target not in self.known and self._name(target) in self.earlier.targets:
            self.known.add(target)
        self.has_skipped |= target in self.known
        return target in self.known

    def add(self, key: object, per_message: bool = False) -> None:  # noqa: ARG002 - apprise's signature
        """Note that a target has taken the message, as apprise says."""
        target = repr(key)
        if target in self.known:
            return
        if not self.is_acknowledged(target):
            self.denied.add(target)
        # All of them do not have it if one was denied.
        elif target != self.whole or not self.denied:
            self._take(target)

    def sent_to(self, said: bytes) -> frozenset[str]:
        """Return the targets of a request: those that are named in it, else the one that apprise asked about last."""
        self.has_sent = True
        named = {
            target
            for target, words in self.asked.items()
            if words and all(word in said for word in words)
        }
        return frozenset((named - self.known) or {self.current})

    def settle(self) -> None:
        """Note that the targets which were sent to last have the message, if only the rest of an answer was lost."""
        for target in self.asked:
            if target not in self.known and self.was_cut_off(target):
                self._take(target)
                self.has_settled = True

    def _take(self, target: str) -> None:
        self.known.add(target)
        self.taken(self._name(target))

    def _name(self, target: str) -> str:
        return _slow_digest(f"{self.service} {target}", self.earlier.salt)
