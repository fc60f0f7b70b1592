"""Errors that stop the program, in words for people; the command line catches them."""

from __future__ import annotations

from typing import ClassVar


class WatchError(Exception):
    """What happened and what to do about it, without any secret.

    `what` is one or more lines, `hint` says what to do. `str()` is both, with `hint:` before each line of the hint.
    """

    exit_code: ClassVar[int] = 1
    """Of the process (docs/dev/behaviour.md, Commands)."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(self._lines())

    @property
    def line(self) -> str:
        """The whole error on one line, for a log."""
        return "; ".join(self._lines())

    def _lines(self) -> list[str]:
        return self.what.splitlines() + [
            f"hint: {line}" for line in self.hint.splitlines()
        ]


class UsageError(WatchError):
    """The command cannot be run as it was given."""

    exit_code = 2


class ConfigError(WatchError):
    """The configuration is wrong. `problems` lists everything, a line each; nothing was touched."""

    exit_code = 2

    def __init__(self, *problems: str, hint: str = "") -> None:
        super().__init__("\n".join(problems), hint)
        self.problems = problems


class InstallationError(WatchError):
    """The installation is broken, or was replaced since this process started."""


class StateError(WatchError):
    """The state cannot be used; it was not changed."""

    exit_code = 4


class InUseError(StateError):
    """Another run holds the state's lock."""


class ReplacedError(StateError):
    """The lock or the state was replaced since this process started. The process must not go on."""


class UnsureError(StateError):
    """A file of the state was replaced, but may be lost in a power failure."""


def line_of(error: Exception) -> str:
    """Return an error on one line, for a log: in its own words if it is ours, else by its type."""
    if isinstance(error, WatchError):
        return error.line
    return f"unexpected {type(error).__name__}"
