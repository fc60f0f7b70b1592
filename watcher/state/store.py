"""The state folder: one lock, files that are whole or absent, and the order in which they become durable.

The order is what keeps alerts. `prepare` makes a poll's alerts durable while nobody acts on them; `commit` renames the
snapshot, and with that one step both the change and its alerts exist; only then is anything sent. After a crash
between the two, the alerts belong to a revision that the snapshot never reached and are dropped, and the next poll
finds the same change again.
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
from watcher.alerts import outbox
from watcher.alerts.channel_identity import Addresses
from watcher.alerts.outbox import Acknowledgement, FailedAttempt, Outbox
from watcher.errors import ReplacedError, StateError, UnsureError
from watcher.model.event import Event
from watcher.model.snapshot import Snapshot
from watcher.state import codec, files, records, snapshot_file
from watcher.state.model import Checks, State
from watcher.text.sanitize import escape_invisible, sanitize_line

SNAPSHOT = "snapshot.json"
OUTBOX = "outbox.json"
ACKS = "acks.jsonl"
CHECKS = "checks.json"
ADDRESSES = "addresses.json"
HISTORY = "history.jsonl"
RETRY = "retry.json"
LOCK = "lock"

HISTORY_LIMIT = 16 * 1024 * 1024
"""Bytes."""

_HOLDER_SHOWN = 120
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The recorded events, oldest first, and how many whole lines among them are none that this program knows.

    It is a record and not what anything rests on: damage to it holds back no alert and no later event.
    """

    events: tuple[Event, ...] = ()
    unreadable: int = 0


@dataclass(slots=True)
class _Held:
    """What this process holds of a folder: its lock, and the turn to write to `acks.jsonl`, which threads share."""

    lock: files.Lock | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One state folder. Every method raises StateError where the folder or a file in it cannot be used.

    `history_limit` is in bytes; beyond it the older half of the history goes. While it is `locked`, nothing is written
    once another file stands in the lock's place.
    """

    path: Path
    history_limit: int = HISTORY_LIMIT
    _held: _Held = field(default_factory=_Held, repr=False, compare=False)

    @contextlib.contextmanager
    def locked(self, holder: str = "") -> Iterator[None]:
        """Hold the folder's exclusive lock, creating the folder if need be; StateError if another run holds it.

        `holder` says in words who holds it then, for the error that the other one gets.
        """
        with contextlib.ExitStack() as held:
            with self._failing("cannot be written"):
                files.make_folder(self.path)
                try:
                    self._held.lock = held.enter_context(files.lock(self.path / LOCK, holder))
                    held.callback(setattr, self._held, "lock", None)
                except BlockingIOError:
                    holder = sanitize_line(files.lock_holder(self.path / LOCK), _HOLDER_SHOWN)
                    raise StateError(
                        f"state folder {self._shown()} is in use by {holder or 'another comfy-watch'}",
                        hint="wait until it has finished, or stop it",
                    ) from None
                if not os.access(self.path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
                files.sweep(self.path)
            yield

    def see_that_it_is_held(self) -> None:
        """Raise ReplacedError where the lock's file was deleted, or the folder replaced, while this process held it."""
        if self._held.lock is not None and not self._held.lock.is_there():
            raise ReplacedError(
                f"the lock of state folder {self._shown()} was deleted or replaced while this process held it",
                hint="another comfy-watch may be working on it by now; see that only one does, then start again",
            )

    def load(self) -> State:
        """Read everything, without the alerts of a change that never became durable."""
        journal = self._read(ACKS, _read_journal, _NO_OUTCOMES)
        written_at, waiting = self._read(OUTBOX, records.read_outbox, (0, Outbox()))
        checks_at, checks = self._read(CHECKS, records.read_checks, (0, Checks()))
        snapshot = self._read(SNAPSHOT, partial(snapshot_file.read_snapshot, refuse=self._refused_snapshot), Snapshot())
        if (needed := max(written_at, checks_at)) > snapshot.revision:
            found = f"is at revision {snapshot.revision}" if snapshot.revision else "is missing"
            raise StateError(
                f"{self._shown(SNAPSHOT)} {found}, but the files beside it go with revision {needed}",
                hint=f"put the right {SNAPSHOT} back; or, to begin anew, move the whole folder away",
            )
        if checks_at < snapshot.revision:
            # A crash came between the picture and its answers' names: an older name would vouch for an older picture.
            checks = replace(checks, etags={})
        if snapshot.revision and not (self.path / OUTBOX).exists():
            raise self._refused(OUTBOX, f"is missing beside {SNAPSHOT}, and with it what no channel has taken yet")
        waiting = outbox.drop_uncommitted(waiting, snapshot.revision)
        if journal:
            waiting = outbox.replay(waiting, journal)
        if any(queue.not_before for queue in waiting.queues.values()):
            waiting = outbox.end_backoffs(waiting, self._retry())
        return State(snapshot=snapshot, outbox=waiting, checks=checks, addresses=self.addresses())

    def exists(self) -> bool:
        """Tell whether there is anything of a state here."""
        with self._failing("cannot be read"):
            return any((self.path / name).exists() for name in (SNAPSHOT, CHECKS, HISTORY, OUTBOX))

    def load_revision(self) -> int:
        """Read the snapshot's revision alone; 0 while there is none."""
        return self._read(SNAPSHOT, snapshot_file.read_revision, 0)

    def addresses(self) -> Addresses:
        """Read which alert URLs were accepted."""
        return self._read(ADDRESSES, records.read_addresses, Addresses())

    def prepare(self, waiting: Outbox, committed: int) -> None:
        """Make alerts durable that count only once `commit` has raised the revision above `committed`."""
        self._replace(OUTBOX, records.write_outbox(committed, waiting))

    def commit(self, snapshot: Snapshot) -> None:
        """Make the change and its prepared alerts real, in one rename.

        UnsureError where that was done but may not outlive a loss of power. Nothing may be sent then, nor written that
        goes with the new revision, until `fsync_folder` succeeds.
        """
        with self._writing(unsure=UnsureError):
            files.replace_file(self.path / SNAPSHOT, snapshot_file.write_snapshot(snapshot))

    def fsync_folder(self) -> None:
        """Make sure that what this folder shows is on the disk, whatever became of it when it was written."""
        with self._writing():
            files.sync_folder(self.path)

    def compact(self, waiting: Outbox, revision: int) -> None:
        """Write the outbox if it differs from what the folder says, and drop the acknowledgements it has taken in."""
        path, content = self.path / OUTBOX, records.write_outbox(revision, waiting)
        with self._writing():
            saved = path.read_bytes() if path.exists() else records.write_outbox(revision, Outbox())
            if saved != content:
                files.replace_file(path, content)
            files.remove(self.path / ACKS)
            if (self.path / RETRY).is_file() and waiting == outbox.end_backoffs(waiting, self._retry()):
                files.remove(self.path / RETRY)

    def end_backoffs(self, until: Mapping[str, str]) -> None:
        """Note that queues are due which rest until these times, by name; it needs no lock, and holds from `load` on.

        A queue that fails once more rests until another time, so that the note is void without being taken back.
        """
        self._replace(RETRY, records.write_retry({**self._retry(), **until}))

    def backoffs_mark(self) -> object:
        """Return what changes when `end_backoffs` has noted something; cheap, and never fails."""
        try:
            found = (self.path / RETRY).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _retry(self) -> Mapping[str, str]:
        try:
            return records.read_retry((self.path / RETRY).read_bytes())
        except OSError:
            return {}

    def save_checks(self, checks: Checks, revision: int) -> None:
        """Write how the poll went; UnsureError where that was done but may not outlive a loss of power."""
        self._replace(CHECKS, records.write_checks(revision, checks), UnsureError)

    def save_said(self, said: Mapping[str, str]) -> None:
        """Write when each problem that lasts was said last, and leave the rest of `checks.json` as it is."""
        revision, checks = self._read(CHECKS, records.read_checks, (0, Checks()))
        self.save_checks(replace(checks, said=said), revision)

    def save_addresses(self, addresses: Addresses) -> None:
        """Write which alert URLs were accepted."""
        self._replace(ADDRESSES, records.write_addresses(addresses))

    def reserve_ack(self, channel: str, message: str) -> int:
        """Make room for an acknowledgement before the message goes out, and give the place for `write_ack`.

        With the room taken beforehand, a disk that is full by then can't cost the acknowledgement.
        """
        with self._writing(), self._held.turn:
            return files.append(self.path / ACKS, records.write_acknowledgement(channel, message, arrived=False))

    def write_ack(self, channel: str, message: str, place: int) -> None:
        """Make an acknowledgement durable."""
        with self._writing(), self._held.turn:
            files.overwrite(self.path / ACKS, place, records.write_acknowledgement(channel, message, arrived=True))

    def write_failure(self, refusal: FailedAttempt) -> None:
        """Make a failed attempt durable: which of the URL's targets have the message, and how the channel fares."""
        with self._writing(), self._held.turn:
            files.append(self.path / ACKS, records.write_refusal(refusal))

    def record(self, events: tuple[Event, ...]) -> None:
        """Append events to the history, which forgets its older half when it has grown too long."""
        path = self.path / HISTORY
        with self._writing():
            files.append(path, b"".join(records.write_event(event) for event in events))
            if path.stat().st_size > self.history_limit:
                lines = path.read_bytes().splitlines(keepends=True)
                files.replace_file(path, b"".join(lines[len(lines) // 2 :]))

    def record_rest(self, waiting: Outbox) -> None:
        """Append what an interrupted poll had not recorded yet of its events."""
        known = {event.id for event in self.history()}
        if events := tuple(waiting.events[key] for key in waiting.unrecorded if key not in known):
            self.record(events)

    def history(self) -> tuple[Event, ...]:
        """Give the recorded events, oldest first; see `read_history`."""
        return self.read_history().events

    def read_history(self) -> History:
        """Give the recorded events and how many lines are none; a last line that a crash cut short is neither."""
        return self._read(HISTORY, _read_history, History())

    def _read(self, name: str, decode: Callable[[bytes], _Value], missing: _Value) -> _Value:
        path = self.path / name
        with self._failing("cannot be read"):
            try:
                text = path.read_bytes()
            except FileNotFoundError:
                return missing
        log.debug("file read", path=path, bytes=len(text))
        try:
            return decode(text)
        except codec.UnreadableFormError as error:
            what = "is empty" if not text.strip() else f"cannot be used: {error}"
            raise self._refused(name, what, error.hint) from None

    def _refused_snapshot(self, error: codec.UnreadableFormError) -> StateError:
        return self._refused(SNAPSHOT, f"cannot be used: {error}", error.hint)

    def _refused(self, name: str, what: str, hint: str = codec.UnreadableFormError.hint) -> StateError:
        return StateError(f"{self._shown(name)} {what}", hint)

    def _shown(self, name: str = "") -> str:
        """Give the folder's path, or a file's, for a message: the user's own text, of which nothing acts unseen."""
        return escape_invisible(str(self.path / name))

    def _replace(self, name: str, content: bytes, unsure: type[StateError] = StateError) -> None:
        with self._writing(unsure):
            files.replace_file(self.path / name, content)

    def _of(self, error: OSError) -> str:
        """Name the file that an error is about, by the name it would have had in the end."""
        path = Path(str(error.filename)) if error.filename else self.path
        return f" ({files.final_name(path)})" if path.parent == self.path else ""

    @contextlib.contextmanager
    def _writing(self, unsure: type[StateError] = StateError) -> Iterator[None]:
        """Hold every write back that this process has lost the lock for."""
        self.see_that_it_is_held()
        with self._failing("cannot be written", unsure):
            yield

    @contextlib.contextmanager
    def _failing(self, what: str, unsure: type[StateError] = StateError) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = unsure if isinstance(error, files.UnsyncedError) else StateError
            raise kind(
                f"state folder {self._shown()} {what}: {error.strerror or type(error).__name__}{self._of(error)}",
                hint="see that the folder exists, belongs to this user and has room, or set state_dir",
            ) from None


_NO_OUTCOMES: tuple[Acknowledgement | FailedAttempt, ...] = ()


def _read_journal(text: bytes) -> tuple[Acknowledgement | FailedAttempt, ...]:
    """Give what came of each delivery that ended; a damaged line tells of none, and its message goes out again."""
    found: list[Acknowledgement | FailedAttempt] = []
    for line in text.splitlines():
        with contextlib.suppress(codec.UnreadableFormError):
            if outcome := records.read_outcome(line):
                found.append(outcome)
    return tuple(found)


def _read_history(text: bytes) -> History:
    whole, _, _ = text.rpartition(b"\n")
    events: list[Event] = []
    lines = whole.splitlines()
    for line in lines:
        with contextlib.suppress(codec.UnreadableFormError):
            events.append(records.read_event(line))
    return History(events=tuple(events), unreadable=len(lines) - len(events))
