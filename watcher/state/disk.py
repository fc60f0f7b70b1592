"""Files as each system opens, replaces and removes them, and puts them on the disk.

Every function raises OSError as the system gives it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

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
        import contextlib
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
