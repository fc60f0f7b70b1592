"""The folder for a web server, and the only writer of what is in it.

Each file is whole at any time, and everybody can read it. No link in the folder is followed, and of what others put
there nothing is changed but files with the names of ours. Nothing is forced onto the disk except the page: what a loss
of power took is written again, since it differs then.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from watcher.errors import UsageError, WatchError
from watcher.publish.documents import atom, documents, metrics
from watcher.publish.page import page
from watcher.publish.public import Public
from watcher.settings.places import open_at_once
from watcher.state import files
from watcher.text.sanitize import escape_invisible
from watcher.values import frozen

PAGE = "index.html"
"""The name of the page. It comes last, since it links to the other files."""

MARK = b"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="comfy-watch">
"""
"""What a page of ours begins with, in each version of this program."""

_FILE_MODE = 0o644
_FOLDER_MODE = 0o755
_BANS = "osv"
_BAN = f"x_COMFY-{'[0-9a-f]' * 16}.json"
"""A glob for the names of bans."""
_ABANDONED = 60.0
"""Seconds after which nobody is still writing a temporary file."""


@frozen
class Written:
    """What was written."""

    files: int
    """How many files are published."""
    changed: int
    """How many of them are new or differ, and how many were removed."""


def files_of(public: Public) -> Iterator[tuple[str, str]]:
    """Yield the name of each file, relative to the folder and with `/`, and its text: `index.html` last."""
    yield "feed.xml", atom(public)
    yield "metrics.prom", metrics(public)
    yield from documents(public).items()
    yield PAGE, page(public)


def write(folder: Path, published: Iterable[tuple[str, str]]) -> Written:
    """Write files by their names into a folder, which is made if need be, and remove bans that are not published.

    UsageError, before anything is written, for what is no folder, or has a page that is not ours. WatchError if
    something cannot be written; the files before it are.
    """
    try:
        _require_ours(folder)
        return _write(folder, published)
    except OSError as error:
        why = error.strerror or type(error).__name__
        path = escape_invisible(str(error.filename or folder))
        raise WatchError(
            f"{path} cannot be written: {why}",
            hint="free some space on its disk"
            if error.errno == errno.ENOSPC
            else "see that this user may write to it, or name another folder",
        ) from None


def _require_ours(folder: Path) -> None:
    """Raise UsageError where files of ours have no place."""
    shown, bans = escape_invisible(str(folder)), folder / _BANS
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(f"{shown} is not a folder")
    # A link that another user put here could lead what is written to any place.
    if os.path.lexists(bans) and (bans.is_symlink() or not bans.is_dir()):
        raise UsageError(
            f"{escape_invisible(str(bans))} is a link or a file, where a folder has to be; move it away"
        )
    page = folder / PAGE
    # A folder of somebody else, such as the root of a web server, must not lose its page by a typing mistake.
    if os.path.lexists(page) and _read(page, len(MARK)) != MARK:
        raise UsageError(
            f"{shown} has an {PAGE} that comfy-watch did not write",
            hint="name a folder of its own",
        )


def _write(folder: Path, published: Iterable[tuple[str, str]]) -> Written:
    names: set[str] = set()
    changed = 0
    for name, text in published:
        path, content = folder / name, text.encode()
        names.add(name)
        if not path.parent.is_dir():
            files.make_folder(path.parent, _FOLDER_MODE)
        # A file that stays as it is keeps its time, by which servers answer that nothing has changed.
        if _read(path, len(content) + 1) != content:
            files.replace_file(path, content, _FILE_MODE, is_durable=name == PAGE)
            changed += 1
    # Of a state that began anew, or another selection: nobody else names files so.
    for ban in (folder / _BANS).glob(_BAN):
        is_file = ban.is_file() and not ban.is_symlink()
        if is_file and f"{_BANS}/{ban.name}" not in names:
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                files.unlink(ban)
                changed += 1
    # What a kill left; a young one may be that of another process that is writing.
    files.remove_leftovers(folder / _BANS, _BAN, _ABANDONED)
    for name in names:
        if "/" not in name:
            files.remove_leftovers(folder, name, _ABANDONED)
    return Written(files=len(names), changed=changed)


def _read(path: Path, most: int) -> bytes | None:
    """Return at most so many bytes of a file; None if there is none that can be read. A link is none."""
    if path.is_symlink():
        return None
    try:
        # A FIFO under the name of ours would hold the poll until somebody writes to it.
        with open(path, "rb", opener=open_at_once) as file:
            return file.read(most)
    except OSError:
        return None
