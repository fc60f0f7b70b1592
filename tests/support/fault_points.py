"""Fault points at the program's system calls: it can be killed (SIGKILL), lose its power or have a call fail there.

`FaultPoints.arm` stands between a process and the calls that change its state folder or talk over TCP. Every such
call is a point, known by what it does to which file, or for which path of a webhook, and by how often that was done
before; at the chosen one the process dies, or the call fails, as `Cut` says.
"""

from __future__ import annotations

import errno
import os
import pickle
import re
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from tests.chaos.witness import FORCED, TOOK, WROTE

_UNIQUE = re.compile(r"\.[0-9a-f]{16}\.tmp$")
_POST = re.compile(rb"POST (/\S*)")
_TAKEN = re.compile(rb"HTTP/1\.\d 2")
_OWED = "owed.jsonl"


class Cut(StrEnum):
    """How the process dies at its point."""

    BEFORE = "before"
    AFTER = "after"
    HALF = "half"
    """After half of the bytes that a write or send was given; other calls are passed."""
    POWER = "power"
    """After the call, and nothing that was not forced onto the disk before is there any more."""
    REORDER = "reorder"
    """As `POWER`, but names (creation, rename, removal) were written out before contents, as file systems may."""
    ZEROES = "zeroes"
    """As `REORDER`, but a file that has grown keeps its new size: zeroes stand where its new bytes were to be."""
    HOLE = "hole"
    """As `ZEROES`, but the later half of the new bytes was written out."""
    ERROR = "error"
    """It does not die: this one call fails (EIO)."""
    FULL = "full"
    """It does not die: from here on the disk has no room (ENOSPC); of a write's bytes half still found some."""


FAILURES = frozenset({Cut.ERROR, Cut.FULL})


@dataclass(slots=True)
class _File:
    path: Path


@dataclass(frozen=True, slots=True)
class _Entry:
    """A name that is not yet certain to be on the disk, what it was called before, and what had this name before."""

    path: Path
    source: Path | None = None
    old: bytes | None = None


@dataclass(slots=True)
class _Disk:
    """What is not yet certain to be on the disk: contents, by what they were before, and names in order."""

    contents: dict[Path, bytes] = field(default_factory=dict)
    names: list[_Entry] = field(default_factory=list)

    def lose(self, *, names: bool, grown: Callable[[bytes], bytes]) -> None:
        """Put back what was there before; of what a file has grown by, `grown` makes what stands there now."""
        for path, content in self.contents.items():
            if path.exists():
                path.write_bytes(content + grown(path.read_bytes()[len(content) :]))
        for entry in reversed(self.names if names else []):
            if entry.source is not None and entry.path.exists():
                entry.path.rename(entry.source)
            if entry.old is not None:
                entry.path.write_bytes(entry.old)
            elif entry.path.is_dir():
                entry.path.rmdir()
            else:
                entry.path.unlink(missing_ok=True)


def _holed(new: bytes) -> bytes:
    return bytes(len(new) // 2) + new[len(new) // 2 :]


_GROWN: Mapping[Cut, Callable[[bytes], bytes]] = {
    Cut.POWER: lambda _: b"",
    Cut.REORDER: lambda _: b"",
    Cut.ZEROES: lambda new: bytes(len(new)),
    Cut.HOLE: _holed,
}


class FaultPoints:
    """Kills its process at the point `label` when it comes there for the `at`th time; at 0 it never does.

    `folder` is the state folder, or that of published files. `trace` is a file that gets the label of each point
    passed, and of the last one, and what `tests.chaos.witness` has to know. `uncertain` is a file that keeps what is
    not certain to be on the disk for the next process in the same folder: a kill does not force it there, and a loss of
    power may take it yet.
    """

    def __init__(
        self,
        folder: Path,
        trace: Path,
        *,
        label: str,
        at: int,
        cut: Cut,
        uncertain: Path | None = None,
    ) -> None:
        self._folder = folder.resolve()
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._label_to_die_at = label
        self._at = at
        self._cut = cut
        self._program = os.getpid()
        self._full = False
        self._turn = threading.RLock()
        self._files: dict[int, _File] = {}
        self._posts: WeakKeyDictionary[socket.socket, str] = WeakKeyDictionary()
        self._uncertain = uncertain
        left = (
            uncertain.read_bytes()
            if uncertain is not None and uncertain.exists()
            else b""
        )
        self._disk: _Disk = pickle.loads(left) if left else _Disk()
        self._real = {
            name: getattr(os, name)
            for name in (
                "open",
                "write",
                "fsync",
                "close",
                "ftruncate",
                "replace",
                "rename",
                "unlink",
                "mkdir",
            )
        }

    def arm(self) -> None:
        """Step between this process and its calls; there is no way back."""
        os.register_at_fork(after_in_child=self._renew_turn)
        signal.signal(signal.SIGUSR1, lambda *_: self._die())
        for name in self._real:
            setattr(os, name, getattr(self, f"_{name}"))
        for name in (
            "connect",
            "connect_ex",
            "send",
            "sendall",
            "sendmsg",
            "recv",
            "recv_into",
        ):
            setattr(
                socket.socket, name, self._talking(name, getattr(socket.socket, name))
            )

    def _renew_turn(self) -> None:
        """In a fork nobody gives back a lock that another thread of the program held."""
        self._turn = threading.RLock()

    def _point(
        self, label: str, call: Callable[[], Any], half: Callable[[], Any] | None = None
    ) -> Any:
        with self._turn:
            self._note(label)
            here = label == self._label_to_die_at and self._passed(label) == self._at
            if here and self._cut is Cut.BEFORE:
                self._die()
            if here and self._cut is Cut.ERROR:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            if here and self._cut is Cut.HALF and half is not None:
                half()
                self._die()
            if here and self._cut is Cut.FULL:
                short = half() if half is not None else None
                self._full = True
                if short is not None:
                    return short
            if not label.startswith("tcp"):
                # One at a time, so that what is uncertain on the disk is known exactly at every point.
                try:
                    return call()
                finally:
                    if here:
                        self._end()
        try:
            return call()
        finally:
            if here:
                with self._turn:
                    self._end()

    def _note(self, line: str) -> None:
        self._real["write"](self._trace, f"{line}\n".encode())

    def _passed(self, label: str) -> int:
        """Count how often the program and its jobs have come to a point: each job is a process of its own."""
        return (
            Path(f"/proc/self/fd/{self._trace}")
            .read_text("utf-8")
            .splitlines()
            .count(label)
        )

    def _need_room(self) -> None:
        if self._full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _end(self) -> None:
        if self._cut in (Cut.HALF, *FAILURES):
            return
        if (grown := _GROWN.get(self._cut)) is not None:
            for name, call in self._real.items():
                setattr(os, name, call)
            self._disk.lose(names=self._cut is Cut.POWER, grown=grown)
            self._disk = _Disk()
        self._die()

    def leave(self) -> None:
        """Keep what is uncertain for the next process."""
        if self._uncertain is not None:
            self._uncertain.write_bytes(pickle.dumps(self._disk))

    def _die(self) -> None:
        """Kill the program; a job asks it to die, since it knows what is uncertain on the disk."""
        if os.getpid() != self._program:
            os.kill(self._program, signal.SIGUSR1)
            while True:
                signal.pause()
        self.leave()
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    def _within(self, path: Any) -> Path | None:
        """Return the absolute path of what belongs to the state folder; the folder that it is in counts too."""
        if isinstance(path, int):
            return None
        full = Path.cwd() / os.fsdecode(path)
        return (
            full
            if full.is_relative_to(self._folder) or full == self._folder.parent
            else None
        )

    def _named(self, verb: str, path: Path) -> str:
        return f"{verb} {_UNIQUE.sub('.tmp', path.relative_to(self._folder.parent).as_posix())}"

    def _open(
        self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> int:
        real = self._real["open"]
        if (inside := self._within(path)) is None:
            return int(real(path, flags, mode, dir_fd=dir_fd))

        def call() -> int:
            new = flags & os.O_CREAT and not inside.exists()
            if new:
                self._need_room()
            descriptor = int(real(path, flags, mode))
            self._files[descriptor] = _File(inside)
            if new:
                self._disk.names.append(_Entry(inside))
            return descriptor

        if not flags & os.O_CREAT:
            return call()
        return int(self._point(self._named("open", inside), call))

    def _close(self, descriptor: int) -> None:
        self._files.pop(descriptor, None)
        self._real["close"](descriptor)

    def _write(self, descriptor: int, content: Any) -> int:
        real = self._real["write"]
        if (file := self._files.get(descriptor)) is None:
            return int(real(descriptor, content))

        def call(part: Any = content) -> int:
            if (
                os.lseek(descriptor, 0, os.SEEK_CUR) + len(part)
                > os.fstat(descriptor).st_size
            ):
                self._need_room()
            self._disk.contents.setdefault(file.path, file.path.read_bytes())
            written = int(real(descriptor, part))
            if file.path.name == _OWED and written == len(content):
                for line in bytes(content).decode().split():
                    self._note(WROTE + line)
            return written

        def half() -> int:
            return call(content[: len(content) // 2])

        return int(self._point(self._named("write", file.path), call, half))

    def _ftruncate(self, descriptor: int, length: int) -> None:
        real = self._real["ftruncate"]
        if (file := self._files.get(descriptor)) is None:
            real(descriptor, length)
            return

        def call() -> None:
            self._disk.contents.setdefault(file.path, file.path.read_bytes())
            real(descriptor, length)

        self._point(self._named("ftruncate", file.path), call)

    def _fsync(self, descriptor: int) -> Any:
        real = self._real["fsync"]
        if (file := self._files.get(descriptor)) is None:
            return real(descriptor)

        def call() -> None:
            real(descriptor)
            if file.path.is_dir():
                self._disk.names = [
                    entry
                    for entry in self._disk.names
                    if entry.path.parent != file.path
                ]
            else:
                self._disk.contents.pop(file.path, None)
            if file.path.name == _OWED:
                self._note(FORCED)

        return self._point(self._named("fsync", file.path), call)

    def _replace(self, source: Any, target: Any) -> Any:
        before, after = self._within(source), self._within(target)
        if before is None or after is None:
            return self._real["replace"](source, target)

        def call() -> None:
            old = after.read_bytes() if after.exists() else None
            self._real["replace"](before, after)
            self._disk.names.append(_Entry(after, before, old))
            self._disk.contents.pop(after, None)
            if before in self._disk.contents:
                self._disk.contents[after] = self._disk.contents.pop(before)

        return self._point(self._named("rename", after), call)

    _rename = _replace

    def _unlink(self, path: Any, *, dir_fd: int | None = None) -> Any:
        if (inside := self._within(path)) is None or not inside.exists():
            return self._real["unlink"](path, dir_fd=dir_fd)

        def call() -> None:
            old = inside.read_bytes()
            self._real["unlink"](inside)
            self._disk.names.append(_Entry(inside, old=old))

        return self._point(self._named("unlink", inside), call)

    def _mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> Any:
        if (inside := self._within(path)) is None:
            return self._real["mkdir"](path, mode, dir_fd=dir_fd)

        def call() -> None:
            if not inside.exists():
                self._need_room()
            self._real["mkdir"](inside, mode)
            self._disk.names.append(_Entry(inside))

        return self._point(self._named("mkdir", inside), call)

    def _talking(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        point = self._point

        def wrapped(sock: socket.socket, *args: Any) -> Any:
            if sock.family not in (socket.AF_INET, socket.AF_INET6):
                return real(sock, *args)
            half = None
            if name in ("send", "sendall"):
                if post := _POST.match(args[0]):
                    self._posts[sock] = post[1].decode()
                part = bytes(args[0])[: len(args[0]) // 2]

                def half() -> Any:
                    return real(sock, part)

            path = self._posts.get(sock, "")

            def call() -> Any:
                done = real(sock, *args)
                if path and name == "recv_into" and _TAKEN.match(args[0]):
                    self._note(TOOK + path)
                return done

            return point(f"tcp {name} {path}".rstrip(), call, half)

        return wrapped
