"""The state folder: in which order things become durable, and what is refused and left as it is."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    PACK,
    channel,
    event,
    failed,
    known,
    taken,
    version,
)
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Change, Outbox, change
from watcher.alerts.queues.ownership import Addresses
from watcher.alerts.queues.queue import Queue, going_out
from watcher.errors import ReplacedError, StateError, UnsureError
from watcher.model.event import Kind
from watcher.model.pack import Pack, PackKind
from watcher.model.snapshot import Snapshot
from watcher.state.codec import line_of
from watcher.state.model import Checks, History, State
from watcher.state.store import StateFolder

OPS = channel("ops")
PICTURE = Snapshot(
    revision=1,
    nodes={PACK.lower(): known(version("1.0"), version("2.0", "flagged"))},
)
FLAG, RELEASE = event("flag"), event("release", Kind.NEW)
CHECKS = Checks(revision=1, polled_at=NOW, checked={PACK.lower(): NOW})
INSTALLS = {
    "studio": (Pack(folder=PACK, kind=PackKind.REGISTRY, id=PACK, version="1.0"),)
}
FILES = [
    "snapshot.json",
    "owed.jsonl",
    "checks.json",
    "addresses.json",
    "installs.json",
]
KEPT = Addresses(salt="ab" * 16, apprise="2.3")


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    """A state folder that is there and empty."""
    (tmp_path / "state").mkdir(mode=0o700)
    return StateFolder(tmp_path / "state")


def polled(folder: StateFolder) -> State:
    """Put a whole state into the folder, as a poll does that found something and could not deliver it."""
    waiting = outbox.enqueue(Outbox(), (OPS,), (FLAG, RELEASE), 1, NOW)
    folder.prepare(change(Outbox(), waiting))
    folder.commit(PICTURE)
    folder.record((FLAG, RELEASE))
    folder.save_checks(CHECKS, 1)
    folder.save_addresses(KEPT)
    folder.save_installs(INSTALLS)
    waiting = failed(outbox.recorded(waiting), "ops", "HTTP 500", NOW)
    folder.compact(waiting)
    return State(
        snapshot=PICTURE,
        outbox=waiting,
        checks=CHECKS,
        addresses=KEPT,
        installs=INSTALLS,
    )


def contents(folder: StateFolder) -> dict[str, bytes]:
    """Return all files of the folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.path.iterdir())}


def owed(folder: StateFolder) -> list[str]:
    """Return the events that the channel has still to get, as a new process finds them."""
    waiting = folder.load().outbox
    queue = waiting.queues.get("ops")
    return (
        [one for message in queue.messages for one in message.events] if queue else []
    )


def test_a_folder_that_is_not_there_is_a_fresh_state(tmp_path: Path) -> None:
    """Where nothing is, everything begins; reading creates nothing."""
    folder = StateFolder(tmp_path / "nowhere")
    assert folder.load() == State()
    assert (
        folder.snapshot().revision,
        folder.history().events,
        folder.addresses(),
    ) == (
        0,
        (),
        Addresses(),
    )
    assert not folder.path.exists()


def test_what_was_saved_is_loaded(folder: StateFolder) -> None:
    """All that a poll leaves is what the next one begins with."""
    state = polled(folder)
    assert folder.load() == state
    assert folder.snapshot().revision == 1
    assert folder.history().events == (FLAG, RELEASE)


def prepare_later(folder: StateFolder, state: State) -> None:
    """Prepare one more alert."""
    waiting = outbox.enqueue(state.outbox, (OPS,), (event("later"),), 2, NOW)
    folder.prepare(change(state.outbox, waiting))


def test_alerts_that_were_prepared_do_not_exist_yet(folder: StateFolder) -> None:
    """Between prepare and commit a new process sees the old picture and no new alert."""
    state = polled(folder)
    prepare_later(folder, state)
    before = contents(folder)
    assert owed(folder) == ["flag", "release"]
    assert folder.load().snapshot == PICTURE
    assert folder.load().outbox.unrecorded == ()
    assert contents(folder) == before


def test_one_rename_makes_change_and_alerts_real(folder: StateFolder) -> None:
    """After the commit a new process sees the change and owes its alerts, in order."""
    state = polled(folder)
    prepare_later(folder, state)
    folder.commit(replace(PICTURE, revision=2))
    assert owed(folder) == ["flag", "release", "later"]
    assert folder.load().snapshot.revision == 2
    assert folder.load().outbox.unrecorded == ("later",)


@pytest.mark.parametrize("is_read", [False, True])
def test_a_state_that_vanished_is_not_begun_anew(
    folder: StateFolder, *, is_read: bool
) -> None:
    """A process that has committed or read a revision refuses an older one, also an empty folder."""
    polled(folder)
    known = StateFolder(folder.path) if is_read else folder
    if is_read:
        known.load()
    for file in folder.path.iterdir():
        file.unlink()
    with pytest.raises(ReplacedError, match="has vanished or was replaced"):
        known.load()
    assert StateFolder(folder.path).load() == State()


def test_a_change_that_is_not_certain_is_reported_as_such(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the snapshot was replaced but the folder cannot be synced, that is no refusal, and can be made certain."""
    polled(folder)
    fsync = os.fsync

    def broken(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", broken)
        with pytest.raises(UnsureError, match=r"Input/output error \(installs\.json\)"):
            folder.save_installs({})
        with pytest.raises(UnsureError, match=r"Input/output error \(snapshot\.json\)"):
            folder.commit(replace(PICTURE, revision=2))
        with pytest.raises(StateError, match="Input/output error"):
            folder.fsync_folder()
    assert folder.snapshot().revision == 2
    folder.fsync_folder()


def sending(waiting: Outbox) -> tuple[Outbox, Outbox]:
    """Let the channel's message go out; return what is owed then, and when it arrived but for one of its events."""
    queue = waiting.queues["ops"]
    out = going_out(queue, queue.messages[0], NOW)
    doubted = replace(waiting, queues={"ops": out})
    return doubted, taken(waiting, left=["release"])


def test_an_acknowledgement_is_durable_at_once(folder: StateFolder) -> None:
    """A message that goes out is in doubt, and one that arrived is not owed any more, before the file is settled and
    after.
    """
    fresh = polled(folder).outbox
    doubted, arrived = sending(fresh)
    arrival = change(doubted, arrived)
    room = folder.write_sending(change(fresh, doubted), arrival)
    assert folder.load().outbox == doubted
    size = (folder.path / "owed.jsonl").stat().st_size
    folder.write_change(arrival, room)
    assert (folder.path / "owed.jsonl").stat().st_size == size
    assert owed(folder) == ["release"]
    folder.compact(folder.load().outbox)
    assert owed(folder) == ["release"]


def test_an_acknowledgement_needs_no_room(folder: StateFolder) -> None:
    """One that had none, or too little, is a line of its own: no other line is written over."""
    fresh = polled(folder).outbox
    doubted, arrived = sending(fresh)
    room = folder.write_sending(change(fresh, doubted), Change())
    folder.write_change(change(doubted, arrived), room)
    assert folder.load().outbox == arrived
    room = folder.write_sending(Change(), Change(queues={"ops": Queue(error="x")}))
    folder.write_change(Change(queues={"ops": Queue(error="xy")}), room)
    assert (folder.path / "owed.jsonl").read_bytes().splitlines()[-2].isspace()
    rest = change(arrived, Outbox())
    folder.write_change(rest)
    assert folder.load().outbox == Outbox()


@pytest.mark.parametrize(
    "line", [b"", b"nonsense", b"{}", b"\xff", b"[" * 5000, b"\x00" * 9]
)
def test_a_damaged_line_is_refused(folder: StateFolder, line: bytes) -> None:
    """A whole line that nobody wrote may have been an alert: it is refused with its number, and left.

    The lines before it count that are only room.
    """
    polled(folder)
    path = folder.path / "owed.jsonl"
    whole = path.read_bytes()
    path.write_bytes(b"    \n" + line + b"\n" + whole)
    before = contents(folder)
    with pytest.raises(StateError, match=r"owed\.jsonl cannot be used: .*line 2\)"):
        folder.load()
    assert contents(folder) == before


def test_what_is_owed_of_an_old_copy_is_refused(folder: StateFolder) -> None:
    """Beside a newer snapshot its alerts are not all there, and each commit is known to it, also one without alerts."""
    state = polled(folder)
    old = (folder.path / "owed.jsonl").read_bytes()
    folder.prepare(change(state.outbox, state.outbox))
    folder.commit(replace(PICTURE, revision=2))
    assert folder.load().outbox == state.outbox
    (folder.path / "owed.jsonl").write_bytes(old)
    with pytest.raises(
        StateError,
        match=r"owed\.jsonl is missing, cut off or older than the files beside it",
    ):
        folder.load()


@pytest.mark.parametrize("file", ["owed.jsonl", "checks.json", "snapshot.json"])
def test_a_reader_beside_a_poll_finds_one_of_its_states(
    folder: StateFolder, file: str
) -> None:
    """A commit between its looks at two files makes it look again: it finds what the commit made."""
    state = polled(folder)

    class Reader(StateFolder):
        def _read(self, name: str, *how: Any) -> Any:
            if name == file and folder.snapshot().revision == 1:
                prepare_later(folder, state)
                folder.commit(replace(PICTURE, revision=2))
                folder.save_checks(Checks(), 2)
            return StateFolder._read(self, name, *how)

    assert owed(Reader(folder.path)) == ["flag", "release", "later"]


def test_what_is_settled_is_not_written_again(folder: StateFolder) -> None:
    """A poll that changes nothing of what is owed leaves the file alone; without any event there is none."""
    folder.compact(Outbox())
    assert contents(folder) == {}
    state = polled(folder)
    before = (folder.path / "owed.jsonl").stat()
    folder.compact(state.outbox)
    assert (folder.path / "owed.jsonl").stat().st_ino == before.st_ino
    folder.compact(Outbox())
    assert (folder.path / "owed.jsonl").stat().st_ino != before.st_ino


def test_what_a_killed_poll_prepared_is_gone_with_the_next(folder: StateFolder) -> None:
    """Once what is owed is settled, no later commit makes alerts count that were prepared for another one."""
    state = polled(folder)
    prepare_later(folder, state)
    folder.compact(folder.load().outbox)
    folder.prepare(Change())
    folder.commit(replace(PICTURE, revision=2))
    assert owed(folder) == ["flag", "release"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_refused_and_left(folder: StateFolder, name: str) -> None:
    """Whatever length a file was cut to, it is refused with its name and a hint, and no file is touched."""
    polled(folder)
    path = folder.path / name
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 1 + len(whole) // 20):
        path.write_bytes(whole[:length])
        before = contents(folder)
        with pytest.raises(StateError, match=name) as caught:
            folder.load()
        assert caught.value.exit_code == 4
        assert (name == "owed.jsonl") is not ("left as it is" in caught.value.hint)
        assert contents(folder) == before


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("text", "said", "to_do"),
    [
        *((text, "", "") for text in ("", "null", "{}", "\0" * 400, "{" * 5000)),
        ('{"format": "one"}', "", ""),
        (
            '{"format": 6, "some": "thing"}',
            r"written by a newer version of comfy-watch \(format 6",
            "upgrade comfy-watch",
        ),
        (
            '{"format": 4, "some": "thing"}',
            r"written by a version of comfy-watch before 0\.3\.0",
            "alerts that are undelivered",
        ),
    ],
)
def test_what_another_program_wrote_is_refused(
    folder: StateFolder, name: str, text: str, said: str, to_do: str
) -> None:
    """A file of zeros, of another version, or of anything else is refused and left, and the way on is said."""
    polled(folder)
    (folder.path / name).write_text(f"{text}\n" if text else "")
    before = contents(folder)
    with pytest.raises(StateError, match=f"{name}.*{said}") as caught:
        folder.load()
    assert to_do in caught.value.hint
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"snapshot.json", "checks.json"}, r"snapshot\.json is missing"),
        ({"snapshot.json", "owed.jsonl"}, r"snapshot\.json is missing"),
        ({"owed.jsonl"}, r"owed\.jsonl is missing"),
    ],
)
def test_a_missing_file_is_refused(
    folder: StateFolder, missing: set[str], said: str
) -> None:
    """A folder that has lost its snapshot or its undelivered alerts is no fresh start, whatever is left."""
    polled(folder)
    for name in missing:
        (folder.path / name).unlink()
    before = contents(folder)
    with pytest.raises(StateError, match=said):
        StateFolder(folder.path).load()
    assert contents(folder) == before


def test_an_older_snapshot_beside_newer_files_is_refused(folder: StateFolder) -> None:
    """A snapshot that was put back from an old copy would report its changes again, and is refused."""
    polled(folder)
    folder.save_checks(CHECKS, 3)
    with pytest.raises(
        StateError, match=r"snapshot\.json is missing, cut off or older"
    ):
        folder.load()


def test_taking_the_lock_sweeps_leftovers(folder: StateFolder) -> None:
    """Temporary files of a killed run go; the state stays."""
    state = polled(folder)
    (folder.path / ".snapshot.json.0123456789abcdef.tmp").write_text("half")
    with folder.locked():
        assert folder.load() == state
    assert not list(folder.path.glob(".*"))


@contextlib.contextmanager
def _nobody() -> Iterator[None]:
    """Be somebody whom file modes bind; root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared() -> Iterator[StateFolder]:
    """A whole state in a folder that anybody may look into."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        folder = StateFolder(Path(made) / "my.app")
        folder.path.mkdir(mode=0o755)
        polled(folder)
        yield folder
        folder.path.chmod(0o755)


def test_a_read_only_folder_can_be_read_but_not_used(shared: StateFolder) -> None:
    """Where nothing may be written `status` works and a poll is refused; the files stay as they are."""
    state = shared.load()
    for path in shared.path.iterdir():
        path.chmod(0o444)
    shared.path.chmod(0o555)
    before = contents(shared)
    with _nobody():
        assert shared.load() == state
        with (
            pytest.raises(StateError, match="cannot be written: Permission denied"),
            shared.locked(),
        ):
            pass
        for write in (
            lambda: shared.prepare(Change()),
            lambda: shared.commit(PICTURE),
            lambda: shared.compact(Outbox()),
            lambda: shared.record((FLAG,)),
            lambda: shared.write_sending(Change(), Change()),
        ):
            with pytest.raises(StateError, match="cannot be written: Permission"):
                write()
    assert contents(shared) == before


def test_a_folder_that_takes_no_file_is_refused_before_a_poll(
    shared: StateFolder,
) -> None:
    """Where the lock can be taken and no file be written beside it, a poll does not begin, and it is said who may."""
    (shared.path / "lock").touch()
    (shared.path / "lock").chmod(0o666)
    shared.path.chmod(0o555)
    with (
        _nobody(),
        pytest.raises(
            StateError,
            match=r"(?s)my\.app cannot be written: Permission denied.*run this as the user",
        ),
        shared.locked(),
    ):
        pass


def test_files_that_may_not_be_read_are_refused(shared: StateFolder) -> None:
    """A file of somebody else's is an error of the state, not a fresh start."""
    for path in shared.path.iterdir():
        path.chmod(0o000)
    with (
        _nobody(),
        pytest.raises(StateError, match="cannot be read: Permission denied"),
    ):
        shared.load()


def test_the_history_keeps_its_younger_half(tmp_path: Path) -> None:
    """Past its limit the history forgets its older half, and stays below the limit for ever."""
    line = len(line_of(event("e0000")))
    folder = StateFolder(tmp_path, history_limit=10 * line)
    for number in range(100):
        folder.record((event(f"e{number:04}"),))
        kept = [one.id for one in folder.history().events]
        assert kept == [
            f"e{one:04}" for one in range(number + 1 - len(kept), number + 1)
        ]
        assert min(5, number + 1) <= len(kept) <= 10
    assert stat.S_IMODE((tmp_path / "history.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("line", [b"\x00" * 300, b'{"kind": "flogged"}'])
def test_a_damaged_line_of_the_history_costs_itself_only(
    folder: StateFolder, line: bytes
) -> None:
    """A whole line that is no event is counted, and stays; a torn last one is dropped; the others are read."""
    folder.record((FLAG,))
    path = folder.path / "history.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + line + b'\n{"torn')
    assert folder.history() == History(events=(FLAG,), unreadable=1)
    folder.record_rest(outbox.enqueue(Outbox(), (), (FLAG, RELEASE), 1, NOW))
    assert folder.history() == History(events=(FLAG, RELEASE), unreadable=1)
    assert path.read_bytes().startswith(whole + line + b"\n")


def test_what_an_interrupted_poll_did_not_record_is_recorded_once(
    folder: StateFolder,
) -> None:
    """Events of a committed change that are not in the history yet are added, those that are there are not."""
    waiting = outbox.enqueue(Outbox(), (), (FLAG, RELEASE), 1, NOW)
    folder.record((FLAG,))
    folder.record_rest(waiting)
    folder.record_rest(waiting)
    assert folder.history().events == (FLAG, RELEASE)
