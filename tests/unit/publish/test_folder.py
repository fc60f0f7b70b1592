"""The one writer of published files: what it writes, and what of a folder it leaves alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from watcher.errors import UsageError, WatchError
from watcher.publish.folder import MARK, Written, write

PAGE = MARK.decode()
BAN, OTHER = (f"osv/x_COMFY-{digit * 16}.json" for digit in "0f")
ALL = {"feed.xml": "<feed/>", BAN: "{}", OTHER: "{}", "index.html": PAGE}


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    """Make files as the program does: for their owner only, unless it says otherwise."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that was written before."""
    made = tmp_path / "www" / "public"
    assert publish(made) == Written(files=4, changed=4)
    return made


def publish(folder: Path, **changed: str) -> Written:
    """Write all files, some of them with another text."""
    return write(folder, {**ALL, **changed}.items())


def contents(folder: Path) -> dict[str, str]:
    """Return the texts of a folder's files by their names."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def marks(folder: Path) -> dict[str, tuple[int, int]]:
    """Return by its name which file each is, and when it was written."""
    found = {name: (folder / name).stat() for name in ALL}
    return {name: (about.st_ino, about.st_mtime_ns) for name, about in found.items()}


def test_files_and_folders_are_for_everybody(folder: Path) -> None:
    """What it makes can be read by all; a mode that somebody gave a folder stays."""
    modes = {
        path: path.stat().st_mode & 0o777
        for path in (folder.parent, *folder.rglob("*"))
    }
    assert modes[folder.parent] == modes[folder / "osv"] == 0o755
    assert {modes[folder / name] for name in ALL} == {0o644}
    folder.chmod(0o750)
    publish(folder, **{"feed.xml": "<feed></feed>"})
    assert folder.stat().st_mode & 0o777 == 0o750


def test_a_file_that_does_not_differ_is_left(folder: Path) -> None:
    """It is not even written again, so that a server's caches hold."""
    before = marks(folder)
    assert publish(folder) == Written(files=4, changed=0)
    assert publish(folder, **{"feed.xml": "<feeD/>"}) == Written(files=4, changed=1)
    after = marks(folder)
    assert {name for name in ALL if after[name] != before[name]} == {"feed.xml"}


def test_a_ban_that_is_published_no_more_goes(folder: Path) -> None:
    """Its document is removed, and nothing else is, whatever it is called."""
    theirs = ("osv/notes.txt", f"{BAN}.bak", "osv/x_COMFY-0.json")
    for name in theirs:
        (folder / name).touch()
    kept = ALL.keys() - {BAN}
    write(folder, [(name, ALL[name]) for name in ALL if name in kept])
    assert contents(folder).keys() == {*kept, *theirs}


def test_nothing_is_removed_that_is_not_ours(folder: Path) -> None:
    """A link or a folder that has the name of a ban is none; and only our own temporary files go, once nobody uses
    them.
    """
    link = folder / "osv" / f"x_COMFY-{'1' * 16}.json"
    link.symlink_to(folder / "feed.xml")
    (folder / "osv" / f"x_COMFY-{'2' * 16}.json").mkdir()
    ours = (f".feed.xml.{'0' * 16}.tmp", f"osv/.{BAN[4:]}.{'0' * 16}.tmp")
    theirs = (f".notes.txt.{'0' * 16}.tmp", f"osv/.notes.{'0' * 16}.tmp", ".feed.tmp")
    for name in (*ours, *theirs):
        (folder / name).touch()
    before = contents(folder).keys()
    publish(folder)
    assert contents(folder).keys() == before
    for name in (*ours, *theirs):
        os.utime(folder / name, (0, 0))
    publish(folder)
    assert contents(folder).keys() == before - set(ours)
    assert link.is_symlink()
    assert link.with_name(f"x_COMFY-{'2' * 16}.json").is_dir()


@pytest.mark.parametrize(
    "make",
    [
        Path.touch,
        Path.mkdir,
        os.mkfifo,
        # Ours further on: it speaks of our page.
        lambda page: page.write_text(f"<!-- {PAGE} -->"),
    ],
)
def test_a_page_that_is_none_of_ours(
    folder: Path, make: Callable[[Path], object]
) -> None:
    """Nothing is written where another page is, also an empty one, or something else with its name."""
    page = folder / "index.html"
    page.unlink()
    make(page)
    with pytest.raises(UsageError, match="that comfy-watch did not write"):
        publish(folder, **{"feed.xml": "new"})
    assert (folder / "feed.xml").read_text() == "<feed/>"


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo, "link"])
def test_a_folder_of_bans_that_is_none(folder: Path, make: object) -> None:
    """Nothing is written where the name of that folder is taken, or leads elsewhere."""
    elsewhere = folder.parent / "elsewhere"
    (folder / "osv").rename(elsewhere)
    if callable(make):
        make(folder / "osv")
    else:
        (folder / "osv").symlink_to(elsewhere)
    before = contents(elsewhere)
    with pytest.raises(UsageError, match="osv is a link or a file"):
        write(folder, {"feed.xml": "new", "index.html": PAGE}.items())
    assert contents(elsewhere) == before
    assert (folder / "feed.xml").read_text() == "<feed/>"


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo, "link", "dangling"])
def test_a_place_that_is_no_folder(tmp_path: Path, make: object) -> None:
    """A file or a link that leads nowhere is refused; a link to a folder is that folder."""
    place = tmp_path / "place"
    if callable(make):
        make(place)
    else:
        place.symlink_to(tmp_path / ("." if make == "link" else "nowhere"))
    if make == "link":
        assert publish(place).changed == 4
        assert contents(tmp_path).keys() >= ALL.keys()
    else:
        with pytest.raises(UsageError, match="place is not a folder"):
            publish(place)
        assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("make", [os.mkfifo, "link", "hard link"])
def test_what_is_in_a_files_place_is_replaced(folder: Path, make: object) -> None:
    """A link or a pipe with the name of a file is neither followed nor read."""
    theirs = folder.parent / "theirs"
    theirs.write_text("<feed/>")
    place = folder / "feed.xml"
    place.unlink()
    if callable(make):
        make(place)
    elif make == "link":
        place.symlink_to(theirs)
    else:
        place.hardlink_to(theirs)
    publish(folder)
    assert not place.is_symlink()
    publish(folder, **{"feed.xml": "<feeD/>"})
    assert (place.read_text(), theirs.read_text()) == ("<feeD/>", "<feed/>")


@pytest.mark.parametrize("name", ["feed.xml", BAN])
def test_a_file_that_cannot_be_written(folder: Path, name: str) -> None:
    """The error has its name and why; the page is not written, and no temporary file is left."""
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(WatchError, match=rf"{name} cannot be written: ") as error:
        publish(folder, **{"index.html": f"{PAGE}2"})
    assert error.value.exit_code == 1
    assert (folder / "index.html").read_text() == PAGE
    assert not [found for found in contents(folder) if found.endswith(".tmp")]
