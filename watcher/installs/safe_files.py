"""Files and folders that anybody may have written, read within bounds; and what stops a scan of them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from watcher.errors import WatchError
from watcher.model.pack import Inventory, Pack
from watcher.model.reading import ReadFailure
from watcher.values import frozen


class Unscannable(WatchError):  # noqa: N818 - it says what the install is
    """An install cannot be scanned. `what` says what was looked for and what was found instead; no secret is in it.

    It says nothing about what is installed: a list that a scan gave before still holds.
    """


def failed(name: str, why: str, hint: str = "", *, named: bool = False) -> Inventory:
    """Return the inventory of an install that cannot be scanned, or of a file that should have `named` packs."""
    failure = ReadFailure(install=name, error=why, hint=hint)
    return Inventory(install=name, failure=failure, places=frozenset(), named=named)


@contextmanager
def naming(file: object) -> Iterator[None]:
    """Have what cannot be read within be said of a file: Unscannable in the place of ValueError."""
    try:
        yield
    except ValueError as error:
        raise Unscannable(f"{file} {error}") from None


def joined(reasons: Sequence[str]) -> str:
    """Return why not all could be read, as one reason; those after the first few are only counted."""
    more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    return "; ".join(reasons[:_SHOWN]) + more


def in_order(packs: Iterable[Pack]) -> tuple[Pack, ...]:
    """Return packs as a list of them is shown: enabled ones first, by folder."""
    return tuple(
        sorted(
            packs,
            key=lambda one: (
                not one.enabled,
                one.folder.lower(),
                one.folder,
                one.place,
            ),
        )
    )


_SHOWN = 3
"""Reasons that are named."""
_JUNCTION = 0xA0000003
"""What Windows marks a folder with that leads elsewhere and is no link by its mode."""

# A file that became a pipe must not hold the scan, nor one that became a link be followed.
_UNIX_FLAGS = sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY")
)
_WINDOWS_FLAGS: int = getattr(os, "O_BINARY", 0)

_REASONS = {
    errno.ENOENT: "does not exist",
    errno.EACCES: "may not be read by this user",
    errno.EPERM: "may not be read by this user",
    errno.ENOTDIR: "is not in a folder",
    errno.ELOOP: "is a link, which is not followed",
    errno.ENOTCONN: "is on a volume that is not there",
    errno.ESTALE: "is on a volume that is not there",
    errno.EIO: "cannot be read: the disk reports an error",
    errno.EISDIR: "is a folder, not a file",
    errno.EINVAL: "is not a regular file",
}


class UnreadableError(ValueError):
    """A file is there and cannot be read. Its text says why, after the file's name, and `what` has both."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.what = f"{name} {why}"


@frozen
class Entry:
    """One entry of a folder."""

    name: str
    kind: int | None
    """The file type (as `stat.S_IFDIR`); None for a link that leads nowhere, or out of reach."""


def read(folder: str, *parts: str, limit: int) -> bytes | None:
    """Return the content of a file in a folder; None if there is no such file.

    The folder may itself be reached by links; nothing in it is. UnreadableError if it is no regular file, larger than
    the limit or cannot be read.
    """
    shown = "/".join(parts)
    try:
        with os.fdopen(_open(folder, parts), "rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UnreadableError(shown, reason(error)) from None
    if len(data) > limit:
        why = f"is larger than {limit // 1024} KB, which is not read"
        raise UnreadableError(shown, why)
    return data


def kind(folder: str, name: str) -> int | None:
    """Return the file type of an entry, links not followed (as `stat.S_IFDIR`); None if there is none."""
    try:
        return _kind(os.lstat(os.path.join(folder, name)))  # noqa: PTH118 - names may be bytes that are no text
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UnreadableError(name, reason(error)) from None


def entries(folder: str, most: int, *, follows: bool = True) -> list[Entry]:
    """Return at most so many entries, by name, with what links lead to, or links as such; OSError if there are none."""
    with os.scandir(folder) as found:
        known = filter(None, (_entry(one, follows=follows) for one in found))
        # The order of a folder differs with the system and the moment; what is listed twice has to be comparable.
        return sorted(islice(known, most), key=lambda entry: entry.name)


def _open(folder: str, parts: tuple[str, ...]) -> int:
    """Open a regular file that no link below the folder leads to."""
    path, found = folder, os.lstat(folder)
    for part in parts:
        path = os.path.join(path, part)  # noqa: PTH118 - as in `kind`
        found = os.lstat(path)
        if _kind(found) == stat.S_IFLNK:
            raise OSError(errno.ELOOP, "")
    _require_regular(found.st_mode)
    file = os.open(path, os.O_RDONLY | _UNIX_FLAGS | _WINDOWS_FLAGS)
    try:
        # Once more: it may have been replaced.
        _require_regular(os.fstat(file).st_mode)
    except OSError:
        os.close(file)
        raise
    return file


def _kind(found: os.stat_result) -> int:
    # Python does not call a junction a link, and anybody may make one.
    is_junction = getattr(found, "st_reparse_tag", 0) == _JUNCTION
    return stat.S_IFLNK if is_junction else stat.S_IFMT(found.st_mode)


def _require_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "")


def reason(error: OSError) -> str:
    """Return why something cannot be read, after its name."""
    return (
        _REASONS.get(error.errno or 0)
        or f"cannot be read ({error.strerror or type(error).__name__})"
    )


def _entry(entry: os.DirEntry[str], *, follows: bool) -> Entry | None:
    """Return an entry; None for one that is gone since the folder was listed."""
    try:
        found = entry.stat(follow_symlinks=follows)
    except OSError as error:
        # Only a link can be there and lead nowhere. Anything else may be there again by now.
        if isinstance(error, FileNotFoundError) and not (
            entry.is_symlink() and os.path.lexists(entry.path)
        ):
            return None
        return Entry(name=entry.name, kind=None)
    # Followed, a junction counts as the folder that it leads to, though its own mark is all that is listed.
    kind = stat.S_IFMT(found.st_mode) if follows else _kind(found)
    return Entry(name=entry.name, kind=kind)
