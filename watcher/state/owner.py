"""Files that root opens in a folder of another user: they are that user's, and no link there leads elsewhere.

Every function raises OSError as the system gives it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":

    def open_file(path: Path, flags: int, mode: int) -> int:
        """Open a file and return its descriptor."""
        return os.open(path, flags, mode)

    def make_folder(path: Path, mode: int) -> None:
        """Create a folder, unless it is there."""
        path.mkdir(mode=mode, exist_ok=True)

    def set_mode(descriptor: int, mode: int) -> None:
        """Do nothing: who may read a file follows from its folder."""

else:
    _ROOT = 0
    _OTHERS_WRITE = 0o022
    _AS_IT_IS = os.O_NOFOLLOW | os.O_NONBLOCK
    """No link is followed, and no pipe waited for."""

    def open_file(path: Path, flags: int, mode: int) -> int:
        """Open a file and return its descriptor.

        For root in a folder that others may write: a new file gets the folder's owner, and what is there has to be a
        regular file with one name; PermissionError if it is not.
        """
        if os.geteuid() != _ROOT or not _others_write(path.parent.stat()):
            return os.open(path, flags, mode)
        with _folder(path.parent) as (folder, about):
            descriptor, is_new = _opened(path, flags | _AS_IT_IS, mode, folder)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                    raise _no_file(path)
                if is_new:
                    _give(descriptor, about)
            except OSError:
                os.close(descriptor)
                raise
            return descriptor

    def make_folder(path: Path, mode: int) -> None:
        """Create a folder, unless it is there; for root it gets the owner of the folder that it is in.

        It has this mode whatever the umask is.
        """
        path.mkdir(mode=mode, exist_ok=True)
        with _folder(path.parent) as (parent, about):
            made = os.open(
                path.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent
            )
            try:
                is_empty = not os.listdir(made)  # noqa: PTH208 - a path may lead elsewhere by now
                # Else something was put in its place.
                if os.fstat(made).st_uid == os.geteuid() and is_empty:
                    set_mode(made, mode)
                    _give(made, about)
            finally:
                os.close(made)

    def set_mode(descriptor: int, mode: int) -> None:
        """Give an open file or folder this mode, whatever the umask is."""
        with contextlib.suppress(OSError):  # a file system may have no modes
            os.fchmod(descriptor, mode)

    @contextlib.contextmanager
    def _folder(path: Path) -> Iterator[tuple[int, os.stat_result]]:
        """Yield a folder's descriptor and what is known of that folder, whatever its path leads to by now."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield descriptor, os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def _opened(path: Path, flags: int, mode: int, folder: int) -> tuple[int, bool]:
        """Return a file's descriptor, and whether this call has created it."""
        while True:
            if flags & os.O_CREAT:
                with contextlib.suppress(FileExistsError):
                    return os.open(
                        path.name, flags | os.O_EXCL, mode, dir_fd=folder
                    ), True
                if flags & os.O_EXCL:
                    raise FileExistsError(
                        errno.EEXIST, os.strerror(errno.EEXIST), str(path)
                    )
            try:
                return os.open(path.name, flags & ~os.O_CREAT, dir_fd=folder), False
            except FileNotFoundError:
                if not flags & os.O_CREAT:
                    raise FileNotFoundError(
                        errno.ENOENT, os.strerror(errno.ENOENT), str(path)
                    ) from None
            except OSError as error:
                if error.errno in {errno.ELOOP, errno.ENXIO}:
                    raise _no_file(path) from None
                raise

    def _give(descriptor: int, folder: os.stat_result) -> None:
        """Give an open file the owner of its folder."""
        if os.fstat(descriptor).st_uid != folder.st_uid:
            # A file system may have no owners, and root may lack that right.
            with contextlib.suppress(OSError):
                os.fchown(descriptor, folder.st_uid, folder.st_gid)

    def _others_write(folder: os.stat_result) -> bool:
        return folder.st_uid != _ROOT or bool(folder.st_mode & _OTHERS_WRITE)

    def _no_file(path: Path) -> PermissionError:
        return PermissionError(
            errno.EPERM,
            "others may write to its folder, so root uses only regular files with one name there",
            str(path),
        )
