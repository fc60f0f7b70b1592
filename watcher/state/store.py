"""The state folder: one lock, files that are whole or absent, and the order in which they become durable.

A poll calls `prepare`, `commit`, `record`, `save_checks` and `compact`, and sends nothing before `commit` (why:
docs/dev/behaviour.md, State).
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from watcher import log
from watcher.alerts.queues.outbox import Change, Outbox, change
from watcher.alerts.queues.ownership import Addresses
from watcher.errors import InUseError, ReplacedError, StateError, UnsureError
from watcher.model.event import Event
from watcher.model.pack import Pack
from watcher.model.snapshot import Snapshot
from watcher.settings.places import is_root, owner_of
from watcher.state import codec, documents, files
from watcher.state.model import Checks, History, State
from watcher.text.sanitize import escape_invisible, sanitize_line

SNAPSHOT = "snapshot.json"
OWED = "owed.jsonl"
CHECKS = "checks.json"
ADDRESSES = "addresses.json"
HISTORY = "history.jsonl"
INSTALLS = "installs.json"
LOCK = "lock"

HISTORY_LIMIT = 16 * 1024 * 1024
_HOLDER_SHOWN = 120
_LOOKS = 3
"""How often a state is read anew into which a poll wrote meanwhile."""
_SET_STATE_DIR = "name another folder in state_dir"
_HINTS = {
    errno.ENOSPC: "free some space on its disk, or " + _SET_STATE_DIR,
    errno.EACCES: "run this as the user that the folder belongs to, or "
    + _SET_STATE_DIR,
}
"""What to do, by the system's error."""
_Value = TypeVar("_Value")


@dataclass(slots=True, eq=False, repr=False)
class StateFolder:
    """One state folder. Every method raises StateError if the folder or a file in it cannot be used.

    While it is `locked`, nothing is written once the lock's file was replaced.
    """

    path: Path
    history_limit: int = HISTORY_LIMIT
    """Bytes. Beyond them the older half of the history is dropped."""
    _is_locked: Callable[[], bool] | None = field(default=None, init=False)
    """Says whether the lock that this process holds is that of the folder; None without one."""
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)
    """Held while writing to `owed.jsonl`, which threads share."""
    _revision: int = field(default=0, init=False)
    """The highest revision that this process has read or committed."""
    _owed: bytes | None = field(default=b"", init=False)
    """What `owed.jsonl` held when this process read it or wrote it anew; None once it was appended to."""

    @contextlib.contextmanager
    def locked(self, holder: str = "") -> Iterator[None]:
        """Hold the folder's exclusive lock, creating the folder if need be; StateError if another run holds it.

        It is refused to root where the folder is another user's. `holder` names this process in the error that
        another one gets.
        """
        with self._failing("cannot be read"):
            # What root writes there its user could not read or replace.
            if is_root() and self.path.exists() and self.path.stat().st_uid:
                whose, how = owner_of(self.path)
                raise StateError(
                    f"state folder {self._shown()} belongs to {whose}, so root does not write there",
                    hint=how,
                )
        with contextlib.ExitStack() as held:
            with self._failing("cannot be written"):
                files.make_folder(self.path)
                try:
                    self._is_locked = held.enter_context(
                        files.lock(self.path / LOCK, holder)
                    )
                    held.callback(setattr, self, "_is_locked", None)
                except BlockingIOError as error:
                    holder = sanitize_line(error.strerror or "", _HOLDER_SHOWN)
                    raise InUseError(
                        f"state folder {self._shown()} is in use by {holder or 'another comfy-watch'}",
                        hint="one process at a time may use a state: wait until a check has finished, or stop a run",
                    ) from None
                # To open a lock's file that is there takes no right to write the folder.
                if not os.access(
                    self.path,
                    os.W_OK,
                    effective_ids=os.access in os.supports_effective_ids,
                ):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
                # Not before the lock is held: a temporary file may be what its holder is about to rename.
                files.remove_leftovers(self.path)
            yield

    def see_that_it_is_held(self) -> None:
        """Raise ReplacedError where the lock's file was deleted, or the folder replaced, while this process held it."""
        if self._is_locked is not None and not self._is_locked():
            raise ReplacedError(
                f"the lock of state folder {self._shown()} was deleted or replaced while this process held it",
                hint="another comfy-watch may be working on it by now; see that only one does, then start again",
            )

    def load(self) -> State:
        """Read everything except the alerts of a change that was never committed.

        Raises ReplacedError if the snapshot is older than this process knows it.
        """
        looks = 0
        while True:
            # Commands that hold no lock read this while a poll writes: the snapshot comes last, so that no file beside
            # it seems newer than its commit. If there was one meanwhile, all are read again.
            self._owed = owed = self._read(OWED, bytes, b"")
            lines = self._decoded(OWED, partial(documents.read, owed))
            checks = self._read(CHECKS, documents.CHECKS.read, Checks())
            snapshot = self.snapshot()
            known = max((line.revision for line in lines), default=0)
            looks += 1
            if known >= snapshot.revision or looks == _LOOKS:
                break
        # Looked at in what is used: between a look of its own and this one the files may go, and all would begin anew.
        if snapshot.revision < self._revision:
            raise ReplacedError(
                f"the state in {self._shown()} has vanished or was replaced while this process ran",
                hint="put it back, or begin with an empty folder; then start comfy-watch again",
            )
        self._revision = snapshot.revision
        needed = max((checks.revision, *(line.needs for line in lines)))
        # A commit is written after what is owed with it, and before all else that goes with it.
        if known < snapshot.revision or needed > snapshot.revision:
            lost = OWED if known < snapshot.revision else SNAPSHOT
            raise StateError(
                f"{self._shown(lost)} is missing, cut off or older than the files beside it",
                hint=f"put the right {lost} back; or, to start over, move the whole folder away",
            )
        return State(
            snapshot=snapshot,
            outbox=self._decoded(
                OWED, lambda: documents.owed(lines, snapshot.revision)
            ),
            checks=checks,
            addresses=self.addresses(),
            installs=self._read(
                INSTALLS, documents.INSTALLS.read, documents.LastScans()
            ).installs,
        )

    def exists(self) -> bool:
        """Return whether there is anything of a state here."""
        with self._failing("cannot be read"):
            return any(
                (self.path / name).exists()
                for name in (SNAPSHOT, CHECKS, HISTORY, OWED)
            )

    def snapshot(self) -> Snapshot:
        """Read the snapshot; an empty one while there is none."""
        return self._read(SNAPSHOT, documents.read_snapshot, Snapshot())

    def addresses(self) -> Addresses:
        """Read which alert URLs apprise has accepted."""
        return self._read(ADDRESSES, documents.read_addresses, Addresses())

    def prepare(self, alerts: Change) -> None:
        """Make alerts durable that count only with the next revision of the snapshot, once that is committed."""
        # A poll that dies before the commit leaves a line that does not count, and that the next poll cuts off.
        self._append(documents.write(alerts, self._revision + 1, prepared=True))

    def commit(self, snapshot: Snapshot) -> None:
        """Make the change and its prepared alerts real, in one rename.

        Raises UnsureError if the rename succeeded but was not confirmed on disk. Until `fsync_folder` succeeds, nothing
        may be sent then, and nothing written that is only valid with the new revision.
        """
        # This rename is the commit: until it has happened the change and its alerts do not exist.
        self._replace(SNAPSHOT, documents.write_snapshot(snapshot))
        self._revision = snapshot.revision

    def fsync_folder(self) -> None:
        """Fsync the folder, in case an earlier run died before it did."""
        with self._writing():
            files.sync_folder(self.path)

    def compact(self, waiting: Outbox) -> None:
        """Write what is owed anew, as one line, unless the file is just that.

        There is no file before the first commit, since nothing is owed by then.
        """
        line = documents.write(change(Outbox(), waiting), self._revision)
        # A quiet poll asks twice, and neither reads nor writes anything for that.
        if self._owed not in (b"", line):
            self._replace(OWED, line)
            self._owed = line

    def save_checks(self, checks: Checks, revision: int) -> None:
        """Write how the poll went; UnsureError as for `commit`."""
        self._replace(
            CHECKS, documents.CHECKS.write(replace(checks, revision=revision))
        )

    def save_addresses(self, addresses: Addresses) -> None:
        """Write which alert URLs apprise has accepted."""
        self._replace(ADDRESSES, documents.ADDRESSES.write(addresses))

    def save_installs(self, installs: Mapping[str, tuple[Pack, ...]]) -> None:
        """Write what the last good scans found, before a change that rests on it is committed."""
        self._replace(
            INSTALLS, documents.INSTALLS.write(documents.LastScans(installs=installs))
        )

    def write_sending(self, sending: Change, arrival: Change) -> slice:
        """Make durable that a message goes out; return the room for its acknowledgement in the file.

        That has the length of `arrival`, so that a disk that becomes full meanwhile cannot lose the acknowledgement.
        """
        line = documents.write(sending, self._revision)
        room = documents.room(arrival, self._revision)
        # Both in one write, of which a crash leaves the line with or without its room.
        start = self._append(line + room) + len(line)
        return slice(start, start + len(room))

    def write_change(self, values: Change, room: slice | None = None) -> None:
        """Make a change of what is owed durable, in the room for it if it fits into that."""
        line = documents.write(values, self._revision)
        # The last space of the room stays.
        if room is None or len(line) + 1 > room.stop - room.start:
            self._append(line)
            return
        with self._writing(), self._turn:
            files.overwrite(self.path / OWED, room.start, line.rstrip(b"\n"))

    def _append(self, lines: bytes) -> int:
        with self._writing(), self._turn:
            # Unknown before it is written: what is cut short has changed the file, too.
            self._owed = None
            return files.append(self.path / OWED, lines)

    def record(self, events: tuple[Event, ...]) -> None:
        """Append events to the history, and drop its older half if it is too long."""
        path = self.path / HISTORY
        with self._writing():
            # It is no document that is written anew: what a crash can cost of it is its last line.
            files.append(path, b"".join(map(codec.line_of, events)))
            # Half of it, so that it is rarely written anew.
            if path.stat().st_size > self.history_limit:
                lines = path.read_bytes().splitlines(keepends=True)
                files.replace_file(path, b"".join(lines[len(lines) // 2 :]))

    def record_rest(self, waiting: Outbox) -> None:
        """Append the events that an interrupted poll did not record."""
        known = {event.id for event in self.history().events}
        if events := tuple(
            waiting.events[key] for key in waiting.unrecorded if key not in known
        ):
            self.record(events)

    def history(self) -> History:
        """Read the history. A last line that was torn by a crash is ignored."""
        return self._read(HISTORY, documents.read_history, History())

    def _read(
        self, name: str, decode: Callable[[bytes], _Value], missing: _Value
    ) -> _Value:
        path = self.path / name
        with self._failing("cannot be read"):
            try:
                text = path.read_bytes()
            except FileNotFoundError:
                return missing
        log.debug("file read", path=path, bytes=len(text))
        return self._decoded(name, lambda: decode(text), text)

    def _decoded(
        self, name: str, decode: Callable[[], _Value], text: bytes = b"?"
    ) -> _Value:
        try:
            return decode()
        except codec.UnreadableFormError as error:
            why = f"cannot be used: {error}" if text.strip() else "is empty"
            raise StateError(f"{self._shown(name)} {why}", error.hint) from None

    def _shown(self, name: str = "") -> str:
        """Return the folder's path, or a file's, for a message."""
        return escape_invisible(str(self.path / name))

    def _replace(self, name: str, content: bytes) -> None:
        with self._writing():
            files.replace_file(self.path / name, content)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise ReplacedError if this process has lost the lock, and StateError if writing fails.

        That is UnsureError where a rename succeeded but was not confirmed on disk.
        """
        self.see_that_it_is_held()
        with self._failing("cannot be written"):
            yield

    @contextlib.contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = UnsureError if isinstance(error, files.UnsyncedError) else StateError
            path = Path(str(error.filename or self.path))
            file = f" ({path.name})" if path.parent == self.path else ""
            # A person knows the folder; only what is in it is named beside that.
            why = f"{what}: {error.strerror or type(error).__name__}{file}"
            if isinstance(error, NotADirectoryError):
                why = "is not a folder"
            raise kind(
                f"state folder {self._shown()} {why}",
                hint=_HINTS.get(error.errno or 0, _SET_STATE_DIR),
            ) from None
