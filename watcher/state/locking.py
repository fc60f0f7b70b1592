"""A lock on an open file, which the system releases however its process ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

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
