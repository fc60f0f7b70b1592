"""Names of the targets in one URL that have taken a message, so that no attempt repeats it to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from watcher.alerts import channel_identity
from watcher.delivery.job import Reached

_OUTDATED = 16
"""Digits in a target's name that an older version made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The targets that have taken the message; a service asks for each one, and says when it has.

    A name is as slow to guess a target from as a digest is to guess a URL from (docs/behaviour.md, Secrets).
    """

    earlier: Reached
    taken: Callable[[str], None]
    """Called with the name of each target as soon as it has the message."""
    _known: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    """The target that the service asked for last, which is the one that it sends to now; empty if it asks for none."""

    def has(self, key: object, per_message: bool = False) -> bool:  # noqa: ARG002 - apprise's signature
        """Return whether a target has taken the message."""
        target = repr(key)
        self.asked[:] = [target]
        if target not in self._known and self._was_reached(target):
            self._known.add(target)
        return target in self._known

    def add(self, key: object, per_message: bool = False) -> None:  # noqa: ARG002 - apprise's signature
        """Note that a target has taken the message."""
        self._take(repr(key))

    def add_asked(self) -> None:
        """Note that the target which was asked for last has taken the message."""
        for target in self.asked:
            self._take(target)

    def _take(self, target: str) -> None:
        if target not in self._known:
            self._known.add(target)
            self.taken(self._name(target))

    def _was_reached(self, target: str) -> bool:
        names = self.earlier.targets
        is_new = any(len(name) != _OUTDATED for name in names)
        return (is_new and self._name(target) in names) or (bool(names) and self._outdated_name(target) in names)

    def _name(self, target: str) -> str:
        return channel_identity.digest(f"{self.earlier.key} {target}", self.earlier.salt)

    def _outdated_name(self, target: str) -> str:
        key = self.earlier.key.encode()[:64]
        return hashlib.blake2b(target.encode("utf-8", "surrogatepass"), key=key, digest_size=_OUTDATED // 2).hexdigest()
