"""Files as each system opens, replaces and removes them, and puts them on the disk.

Every function raises OSError as the system gives it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from watcher import log

if sys.platform == "win32":
    BINARY = os.O_BINARY
    """What every file is opened with: without it Windows writes two bytes for a newline."""

    _PATIENCE = 2.0
    """Seconds for which another process may have a file open that is to be replaced or removed."""
    _PAUSE = 0.01

    def sync(descriptor: int) -> None:
        """Make an open file's content durable."""
        os.fsync(descriptor)

    def sync_folder(folder: Path) -> None:
        """Do nothing: Windows has no way to make a folder's entries durable."""

    def confirm(path: Path) -> None:
        """Make a file's new name durable: its flush also writes the file system's log, in which the name is."""
        descriptor = os.open(path, os.O_RDWR | BINARY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(source: Path, target: Path) -> None:
        """Rename a file to a name that may be taken."""
        _patiently(lambda: source.replace(target))

    def unlink(path: Path) -> None:
        """Remove a file."""
        _patiently(path.unlink)

    def _patiently(change: Callable[[], object]) -> None:
        """Change a file. A virus scanner, a backup or a reader may have it open, which forbids it, mostly briefly."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                change()
            except PermissionError:
                if time.monotonic() > until:
                    raise
            else:
                return
            time.sleep(_PAUSE)

else:
    BINARY = 0
    """What every file is opened with, beside the flags for what is done with it."""

    if sys.platform == "darwin":
        import fcntl

        def sync(descriptor: int) -> None:
            """Make an open file's or folder's content durable: `fsync` alone leaves it in the drive's own memory."""
            os.fsync(descriptor)
            with contextlib.suppress(OSError):  # not every file system can
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)

    else:

        def sync(descriptor: int) -> None:
            """Make an open file's or folder's content durable."""
            os.fsync(descriptor)

    def sync_folder(folder: Path) -> None:
        """Make a folder's entries durable."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)

    def confirm(path: Path) -> None:
        """Make a file's new name durable."""
        sync_folder(path.parent)

    def replace(source: Path, target: Path) -> None:
        """Rename a file to a name that may be taken."""
        source.replace(target)

    def unlink(path: Path) -> None:
        """Remove a file."""
        path.unlink()


if sys.platform == "win32":
    import msvcrt

    _BYTE = 2**30
    """The byte that is locked. No other process can read it, so it lies far behind the text in the file."""

    def lock_now(descriptor: int) -> None:
        """Lock the file; BlockingIOError if another process has."""
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from None
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)

    def is_at(path: Path, file: os.stat_result) -> bool:  # noqa: ARG001 - which file it is cannot change
        """Return whether the locked file is at the path: Windows lets nobody move or remove a file that is open."""
        return path.exists()

else:
    import fcntl

    def lock_now(descriptor: int) -> None:
        """Lock the file; BlockingIOError if another process has."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_at(path: Path, file: os.stat_result) -> bool:
        """Return whether the locked file is at the path; if not, another process may hold a lock there."""
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # the system cannot say
        return os.path.samestat(found, file)


# What is watched says what somebody runs (state/README.md).
FILE_MODE = 0o600
FOLDER_MODE = 0o700
_RANDOM_BYTES = 8
_LEFTOVER = ".tmp"
_HOLDER_BYTES = 256


class UnsyncedError(OSError):
    """A file was replaced, but a power loss may bring the old one back."""


def make_folder(folder: Path, mode: int = FOLDER_MODE) -> None:
    """Create a folder and what is missing above it, durably; one that is there stays as it is."""
    # Each is durable before there is anything in it.
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=mode, exist_ok=True)
        path.chmod(mode)  # whatever is masked
        sync_folder(path.parent)


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
        # A name that nobody else has: two processes may write the files of a published folder at once.
        with _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            _write_all(descriptor, content)
            if mode != FILE_MODE:
                temporary.chmod(mode)
            if is_durable:
                sync(descriptor)
        # The content is on the disk before the name is its own.
        replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            # A person knows the file by its own name, not by the temporary one.
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    log.debug("file written", path=path, bytes=len(content))
    try:
        if is_durable:
            confirm(path)
    except OSError as error:
        raise UnsyncedError(error.errno, error.strerror, str(path)) from error


def append(path: Path, content: bytes) -> int:
    """Add whole lines to a file and return the offset where they begin.

    A last line that was torn by a crash is dropped first. After an error the lines are removed again.
    """
    with _opened(path, os.O_RDWR | os.O_CREAT) as descriptor:
        size = os.fstat(descriptor).st_size
        start = _end_of_last_line(descriptor, size)
        try:
            # Else the new line would go on with the torn one, and both be damage.
            if start != size:
                os.ftruncate(descriptor, start)
            os.lseek(descriptor, start, os.SEEK_SET)
            _write_all(descriptor, content)
            sync(descriptor)
            if size == 0:  # it may be new: its name has to be durable too
                sync_folder(path.parent)
        except OSError:
            # Half of a line that the next one is appended to would be damage in the middle of the file.
            os.ftruncate(descriptor, start)
            raise
    log.debug("file appended to", path=path, bytes=len(content))
    return start


def overwrite(path: Path, offset: int, content: bytes) -> None:
    """Overwrite existing bytes, which needs no free space on the disk."""
    with _opened(path, os.O_WRONLY) as descriptor:
        os.lseek(descriptor, offset, os.SEEK_SET)
        _write_all(descriptor, content)
        sync(descriptor)
    log.debug("file overwritten", path=path, bytes=len(content), offset=offset)


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
                unlink(leftover)


@contextlib.contextmanager
def lock(path: Path, holder: str = "") -> Iterator[Callable[[], bool]]:
    """Hold an exclusive lock on a file, and give what says whether the path still has that file (`is_at`).

    The system releases the lock however the process ends. The file then names the `holder`, for people. The lock is
    held even if the disk is too full for that. Raises BlockingIOError if another process holds it, with what the file
    says of its holder, unchecked.
    """
    with _opened(path, os.O_RDWR | os.O_CREAT) as descriptor:
        try:
            lock_now(descriptor)
        except BlockingIOError as error:
            holder = os.read(descriptor, _HOLDER_BYTES).decode("utf-8", "replace")
            raise BlockingIOError(error.errno, holder) from None
        with contextlib.suppress(OSError):
            # Only the lock itself counts; who reads the text is a person who wonders what holds it.
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{holder}\n".encode() if holder else b"")
        # By its number the file is known, whatever has its name later.
        yield partial(is_at, path, os.fstat(descriptor))


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | BINARY, FILE_MODE)
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
