"""A folder with one lock, and how its files are read, replaced and refused: every failure is a StateError."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from watcher import log
from watcher.errors import InUseError, ReplacedError, StateError
from watcher.state import codec, files
from watcher.text.sanitize import escape_invisible, sanitize_line

LOCK = "lock"

_HOLDER_SHOWN = 120
_Value = TypeVar("_Value")


@dataclass(slots=True, eq=False, repr=False)
class _Held:
    """What this process holds of a folder."""

    lock: files.Lock | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held while writing to the journal, which threads share."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LockedFolder:
    """A folder. While it is `locked`, nothing is written once the lock's file was replaced."""

    path: Path
    _held: _Held = field(default_factory=_Held, repr=False, compare=False, kw_only=True)

    @contextlib.contextmanager
    def locked(self, holder: str = "") -> Iterator[None]:
        """Hold the folder's exclusive lock, creating the folder if need be; StateError if another run holds it.

        `holder` names this process in the error that another one gets.
        """
        with contextlib.ExitStack() as held:
            with self._failing("cannot be written"):
                files.make_folder(self.path)
                try:
                    self._held.lock = held.enter_context(
                        files.lock(self.path / LOCK, holder)
                    )
                    held.callback(setattr, self._held, "lock", None)
                except BlockingIOError:
                    holder = sanitize_line(
                        files.lock_holder(self.path / LOCK), _HOLDER_SHOWN
                    )
                    raise InUseError(
                        f"state folder {self._shown()} is in use by {holder or 'another comfy-watch'}",
                        hint="wait until it has finished, or stop it",
                    ) from None
                if not os.access(
                    self.path,
                    os.W_OK,
                    effective_ids=os.access in os.supports_effective_ids,
                ):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
                files.sweep(self.path)
            yield

    def see_that_it_is_held(self) -> None:
        """Raise ReplacedError where the lock's file was deleted, or the folder replaced, while this process held it."""
        if self._held.lock is not None and not self._held.lock.is_there():
            raise ReplacedError(
                f"the lock of state folder {self._shown()} was deleted or replaced while this process held it",
                hint="another comfy-watch may be working on it by now; see that only one does, then start again",
            )

    def _read(
        self, name: str, decode: Callable[[bytes], _Value], missing: _Value
    ) -> _Value:
        path = self.path / name
        with self._failing("cannot be read"):
            try:
                text = files.read(path)
            except FileNotFoundError:
                return missing
        log.debug("file read", path=path, bytes=len(text))
        try:
            return decode(text)
        except codec.UnreadableFormError as error:
            if text.strip():
                raise StateError(
                    f"{self._shown(name)} cannot be used: {error}", error.hint
                ) from None
            raise StateError(f"{self._shown(name)} is empty", error.hint) from None

    def _shown(self, name: str = "") -> str:
        """Return the folder's path, or a file's, for a message."""
        return escape_invisible(str(self.path / name))

    def _replace(
        self, name: str, content: bytes, unsure: type[StateError] = StateError
    ) -> None:
        with self._writing(unsure):
            files.replace_file(self.path / name, content)

    @contextlib.contextmanager
    def _writing(self, unsure: type[StateError] = StateError) -> Iterator[None]:
        """Raise ReplacedError if this process has lost the lock, and StateError if writing fails."""
        self.see_that_it_is_held()
        with self._failing("cannot be written", unsure):
            yield

    @contextlib.contextmanager
    def _failing(
        self, what: str, unsure: type[StateError] = StateError
    ) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = unsure if isinstance(error, files.UnsyncedError) else StateError
            path = Path(str(error.filename or self.path))
            file = f" ({path.name})" if path.parent == self.path else ""
            raise kind(
                f"state folder {self._shown()} {what}: {error.strerror or type(error).__name__}{file}",
                hint="see that the folder exists, belongs to this user and has room, or set state_dir",
            ) from None
