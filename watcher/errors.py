"""Failures: what stops the program, said to a person; caught once, by the command line."""

from __future__ import annotations

from typing import ClassVar


class WatchError(Exception):
    """What happened and what to do about it, in words that hold no secret.

    `what` is one line or several, `hint` says what to do; `str()` gives both, the hint's lines begun with `hint:`.
    `exit_code` is the process's (contract, Commands).
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(self._lines())

    @property
    def line(self) -> str:
        """All of it on one line, for a log."""
        return "; ".join(self._lines())

    def _lines(self) -> list[str]:
        return self.what.splitlines() + [f"hint: {line}" for line in self.hint.splitlines()]


class UsageError(WatchError):
    """The command cannot mean anything as it was given."""

    exit_code = 2


class ConfigError(WatchError):
    """The configuration is wrong. `problems` are all of them, one line each; nothing was touched."""

    exit_code = 2

    def __init__(self, *problems: str, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint)
        self.problems = problems


class InstallationError(WatchError):
    """The program's own installation is broken, or not the one any more that this process was started from."""


class StateError(WatchError):
    """The state cannot be used, and was left as it is."""

    exit_code = 4


class ReplacedError(StateError):
    """The lock or the state is not the one any more that this process began with; it may not go on with it."""


class UnsureError(StateError):
    """A file of the state was replaced, but a loss of power may bring the old one back."""
