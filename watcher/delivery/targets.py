"""Names of the targets in one URL that have taken a message, so that no attempt repeats it to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from watcher.alerts.queues import channel_identity
from watcher.delivery.job import Reached

_slow_digest = lru_cache(maxsize=256)(channel_identity.digest)
"""A process sends many messages to the same targets."""


@dataclass(slots=True, kw_only=True)
class Targets:
    """The targets that have taken the message; a service asks for each one, and says when it has.

    A target is stored as a slow salted digest, like a URL (docs/behaviour.md, Secrets).
    """

    earlier: Reached
    taken: Callable[[str], None]
    """Called with the name of each target as soon as it has the message."""
    service: str = ""
    """What identifies the service without its targets: a target has the same name once another one is edited."""
    is_acknowledged: Callable[[], bool] = field(default=lambda: True)
    """Returns whether what the service says of a target now is worth anything."""
    has_skipped: bool = False
    """A target was left out, because it has the message."""
    _whole: str | None = None
    """What stands for all targets together: apprise asks for it first."""
    _is_denied: bool = False
    """Some target has not taken the message, whatever the service says."""
    _known: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    """The target being sent to. Empty if the service does not report its targets."""

    @property
    def has_reached(self) -> bool:
        """Return whether any target has the message."""
        return bool(self._known)

    def has(self, key: object, per_message: bool = False) -> bool:  # noqa: ARG002 - apprise's signature
        """Return whether a target has taken the message."""
        target = repr(key)
        self.asked[:] = [target]
        self._whole = self._whole or target
        if target not in self._known and (names := self.earlier.targets):
            if (name := self._name(target)) in names:
                self._known.add(target)
            elif not names.isdisjoint(self._outdated_names(target)):
                self._known.add(target)
                self.taken(name)
        self.has_skipped |= target in self._known
        return target in self._known

    def add(self, key: object, per_message: bool = False) -> None:  # noqa: ARG002 - apprise's signature
        """Note that a target has taken the message."""
        self._take(repr(key))

    def add_asked(self) -> None:
        """Note that the target which was asked for last has taken the message."""
        for target in self.asked:
            self._take(target)

    def _take(self, target: str) -> None:
        if target in self._known:
            return
        if not self.is_acknowledged():
            self._is_denied = True
        elif not self._is_denied or target != self._whole:
            self._known.add(target)
            self.taken(self._name(target))

    def _name(self, target: str) -> str:
        return _slow_digest(f"{self.service} {target}", self.earlier.salt)

    def _outdated_names(self, target: str) -> tuple[str, ...]:
        """Return the names that older versions made, with the digest of the whole URL."""
        key = self.earlier.key.encode()
        quick = hashlib.blake2b(target.encode("utf-8", "surrogatepass"), key=key[:64], digest_size=8)
        return channel_identity.digest(f"{self.earlier.key} {target}", self.earlier.salt), quick.hexdigest()
