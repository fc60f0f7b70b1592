"""Files that survive: whole or not at all, private, and nothing left behind."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import program
from watcher.state import files

pytestmark = pytest.mark.measured

FULL = """
import atexit, resource
from pathlib import Path
from watcher.state import files
atexit.register(resource.setrlimit, resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE))
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
"""
"""Lets no file grow beyond `size` bytes from here on, but for what measures coverage at the very end."""


def mode(path: Path) -> int:
    """Return the permission bits of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    """Return all names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def with_room_for(size: int, code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run code that may write no file beyond so many bytes, as on a disk that is full; `path` is its `path`."""
    return subprocess.run(
        [
            sys.executable,
            "-B",
            "-c",
            f"{FULL.format(size=size)}path = Path({str(path)!r})\n{code}",
        ],
        env=program.surroundings(path.parent),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_file_is_replaced_as_a_whole_and_private(tmp_path: Path) -> None:
    """The new content is there under mode 0600 with nothing else beside it, whatever the old file's mode was."""
    path = tmp_path / "file.json"
    path.write_text("old")
    path.chmod(0o644)
    files.replace_file(path, b"new")
    assert (path.read_bytes(), mode(path), names(tmp_path)) == (
        b"new",
        0o600,
        ["file.json"],
    )


def test_folders_are_made_private(tmp_path: Path) -> None:
    """A folder and what was missing above it get mode 0700, and one that was there keeps its own."""
    tmp_path.chmod(0o755)
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")
    assert [mode(tmp_path / name) for name in ("a", "a/b", ".")] == [
        0o700,
        0o700,
        0o755,
    ]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """When there is no room for the new content, the old file stays whole and no temporary file is left."""
    path = tmp_path / "file.json"
    files.replace_file(path, b"old")
    done = with_room_for(1000, "files.replace_file(path, b'n' * 5000)", path)
    assert "OSError: [Errno 27]" in done.stderr
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["file.json"])


def test_a_full_disk_leaves_the_appended_file_as_it_was(tmp_path: Path) -> None:
    """Lines that find no room are taken back, and what was there before stays."""
    path = tmp_path / "lines"
    files.append(path, b"one\n")
    done = with_room_for(1000, "files.append(path, b'n' * 5000 + b'\\n')", path)
    assert "OSError: [Errno 27]" in done.stderr
    assert path.read_bytes() == b"one\n"


def _no_sync_of_folders(descriptor: int) -> None:
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_lines_need_a_name_that_is_certain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose name may not be on the disk takes no line, however often it is tried, until it is."""
    path = tmp_path / "lines"
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _no_sync_of_folders)
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output error"):
                files.append(path, b"one\n")
            assert path.read_bytes() == b""
    assert files.append(path, b"one\n") == 0
    assert path.read_bytes() == b"one\n"


def test_writing_over_bytes_needs_no_room(tmp_path: Path) -> None:
    """Bytes that are there are written over on a disk that is full."""
    path = tmp_path / "lines"
    place = files.append(path, b"one\n") or files.append(path, b"two\n")
    done = with_room_for(8, f"files.overwrite(path, {place}, b'TWO\\n')", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes() == b"one\nTWO\n"


@pytest.mark.parametrize("torn", [b"", b"half", b"\0" * 9])
def test_a_torn_last_line_is_dropped(tmp_path: Path, torn: bytes) -> None:
    """Where a crash cut the file, the whole lines stay and the new one follows them."""
    path = tmp_path / "lines"
    path.write_bytes(b"one\n\n" + torn)
    assert files.append(path, b"new\n") == 5
    assert path.read_bytes() == b"one\n\nnew\n"


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    """Temporary files of our own are removed; whatever else is in the folder is not ours to remove."""
    others = [
        ".editor.tmp",
        ".snapshot.json.tmp",
        "notes.tmp",
        "snapshot.json",
        ".a.json.0123456789ABCDEF.tmp",
    ]
    for name in [
        *others,
        ".snapshot.json.0123456789abcdef.tmp",
        ".owed.jsonl.fedcba9876543210.tmp",
    ]:
        (tmp_path / name).touch()
    files.remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted(others)


def test_what_a_killed_write_leaves_is_removed(tmp_path: Path) -> None:
    """A process that dies before the rename leaves the old file, and a temporary one that is known for a leftover."""
    path = tmp_path / "file.json"
    files.replace_file(path, b"old")
    code = (
        "import os; os.fsync = lambda _: os._exit(9); files.replace_file(path, b'new')"
    )
    assert with_room_for(10_000, code, path).returncode == 9
    assert len(names(tmp_path)) == 2
    files.remove_leftovers(tmp_path)
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["file.json"])


def test_one_holds_a_lock_at_a_time(tmp_path: Path) -> None:
    """A lock that is held is refused at once, is private, and is free again when it was let go."""
    path = tmp_path / "lock"
    with files.lock(path):
        assert mode(path) == 0o600
        with pytest.raises(BlockingIOError), files.lock(path):
            pass
    with files.lock(path):
        pass


def test_no_file_handle_is_left_open(tmp_path: Path) -> None:
    """Every function closes what it opened, after an error too."""
    before = len(names(Path("/proc/self/fd")))
    files.replace_file(tmp_path / "file", b"x")
    files.append(tmp_path / "lines", b"x\n")
    files.overwrite(tmp_path / "lines", 0, b"y")
    with pytest.raises(OSError, match="No such file"):
        files.replace_file(tmp_path / "missing" / "file", b"x")
    with (
        files.lock(tmp_path / "lock"),
        pytest.raises(BlockingIOError),
        files.lock(tmp_path / "lock"),
    ):
        pass
    assert len(names(Path("/proc/self/fd"))) == before
