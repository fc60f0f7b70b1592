"""Files that survive: whole or not at all, and on the disk before the next step begins.

Every function raises OSError as the system gives it; `watcher.state.store` turns it into words. Files are
private (0600, where the system has modes) unless another mode is given, since they tell what somebody runs.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from watcher import log
from watcher.state import disk, locking

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_RANDOM_BYTES = 8
_LEFTOVER = ".tmp"
_HOLDER_BYTES = 256


class UnsyncedError(OSError):
    """A file was replaced, but a power loss may bring the old one back."""


def make_folder(folder: Path, mode: int = FOLDER_MODE) -> None:
    """Create a folder and what is missing above it, durably; one that is there stays as it is."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=mode, exist_ok=True)
        path.chmod(mode)  # whatever is masked
        disk.sync_folder(path.parent)


def replace_file(
    path: Path, content: bytes, mode: int = FILE_MODE, *, is_durable: bool = True
) -> None:
    """Put `content` at `path`. Readers, also after a crash, find either the whole old file or the whole new one.

    Unless it `is_durable`, a loss of power may leave something else. Raises UnsyncedError if the rename succeeded but
    was not confirmed on disk. After any other error the old file is still there.
    """
    temporary = path.with_name(
        f".{path.name}.{secrets.token_hex(_RANDOM_BYTES)}{_LEFTOVER}"
    )
    try:
        with _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            _write_all(descriptor, content)
            if mode != FILE_MODE:
                temporary.chmod(mode)
            if is_durable:
                disk.sync(descriptor)
        disk.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        # A person knows the file by its own name, not by the temporary one.
        raise OSError(error.errno, error.strerror, str(path)) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    log.debug("file written", path=path, bytes=len(content))
    try:
        if is_durable:
            disk.confirm(path)
    except OSError as error:
        raise UnsyncedError(error.errno, error.strerror, str(path)) from error


def read(path: Path) -> bytes:
    """Return a file's content."""
    with _opened(path, os.O_RDONLY) as descriptor:
        try:
            return _read_at(descriptor, 0, os.fstat(descriptor).st_size)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None


def append(path: Path, content: bytes) -> int:
    """Add whole lines to a file and return the offset where they begin.

    A last line that was torn by a crash is dropped first. After an error the lines are removed again.
    """
    with _opened(path, os.O_RDWR | os.O_CREAT) as descriptor:
        size = os.fstat(descriptor).st_size
        start = _end_of_last_line(descriptor, size)
        try:
            if start != size:
                os.ftruncate(descriptor, start)
            os.lseek(descriptor, start, os.SEEK_SET)
            _write_all(descriptor, content)
            disk.sync(descriptor)
            if size == 0:  # it may be new: its name has to be durable too
                disk.sync_folder(path.parent)
        except OSError:
            os.ftruncate(descriptor, start)
            raise
    log.debug("file appended to", path=path, bytes=len(content))
    return start


def overwrite(path: Path, offset: int, content: bytes) -> None:
    """Overwrite existing bytes, which needs no free space on the disk."""
    with _opened(path, os.O_WRONLY) as descriptor:
        os.lseek(descriptor, offset, os.SEEK_SET)
        _write_all(descriptor, content)
        disk.sync(descriptor)
    log.debug("file overwritten", path=path, bytes=len(content), offset=offset)


def remove(path: Path) -> None:
    """Remove a file if it is there, durably."""
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(path)
        log.debug("file removed", path=path)
        disk.sync_folder(path.parent)


def remove_leftovers(folder: Path, name: str = "*", age: float = 0.0) -> None:
    """Remove the temporary files that a killed run left, and no one else's.

    Where no lock is held, `name` is a glob for the files that they were to be, and `age` in seconds is how old they
    have to be: another process may be about to rename a younger one.
    """
    for leftover in folder.glob(
        f".{name}.{'[0-9a-f]' * (2 * _RANDOM_BYTES)}{_LEFTOVER}"
    ):
        with contextlib.suppress(FileNotFoundError):
            if not age or time.time() - leftover.lstat().st_mtime > age:
                disk.unlink(leftover)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Lock:
    """A lock that is held."""

    path: Path
    file: os.stat_result
    """Which file it was."""

    def is_there(self) -> bool:
        """Return whether the path still has the locked file; if not, another process may hold a lock there."""
        return locking.is_at(self.path, self.file)


@contextlib.contextmanager
def lock(path: Path, holder: str = "") -> Iterator[Lock]:
    """Hold an exclusive lock on a file. The system releases it however the process ends.

    The file then names the `holder`, for people. The lock is held even if the disk is too full for that.
    Raises BlockingIOError if another process holds it.
    """
    with _opened(path, os.O_RDWR | os.O_CREAT) as descriptor:
        locking.lock_now(descriptor)
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{holder}\n".encode() if holder else b"")
        yield Lock(path, os.fstat(descriptor))


def lock_holder(path: Path) -> str:
    """Return the text in the lock's file, unchecked; "" if it cannot be read."""
    try:
        with _opened(path, os.O_RDONLY) as descriptor:
            return os.read(descriptor, _HOLDER_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | disk.BINARY, FILE_MODE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _end_of_last_line(descriptor: int, size: int) -> int:
    """Return the offset after the last newline: `size` unless the last line is torn."""
    if size and _read_at(descriptor, size - 1, 1) != b"\n":
        return _read_at(descriptor, 0, size).rfind(b"\n") + 1
    return size


def _read_at(descriptor: int, offset: int, size: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)
