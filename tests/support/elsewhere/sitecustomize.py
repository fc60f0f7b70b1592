"""Lets the program take this machine for the system that `ELSEWHERE` names, `win32` or `darwin`.

While a module of `watcher` is imported, `sys.platform` has that name, and the modules that differ there lack what they
lack there. The standard library, other packages and what they do at run time stay Linux's: a Windows of one's own
cannot be had by taking things away. Python finds this module by its name at start.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pathlib
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

_LACKS = {
    "win32": {
        "os": "O_ASYNC O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC WNOHANG chown chroot fchdir fchmod fchown"
        " fdatasync fork forkpty getegid geteuid getgid getgroups getpgid getpgrp getpriority getsid getuid"
        " initgroups killpg lchown mkfifo nice openpty pipe2 posix_spawn posix_spawnp pread preadv pwrite pwritev"
        " register_at_fork sched_getaffinity sendfile setegid seteuid setgid setpgid setpriority setsid setuid"
        " statvfs sync sysconf uname wait wait3 wait4",
        "signal": "ITIMER_PROF ITIMER_REAL ITIMER_VIRTUAL SIGALRM SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL SIGPIPE SIGQUIT"
        " SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 SIGVTALRM alarm getitimer pause pthread_kill pthread_sigmask setitimer"
        " siginterrupt sigpending sigwait",
        "socket": "AF_UNIX MSG_DONTWAIT SO_REUSEPORT recv_fds send_fds",
    },
    "darwin": {
        "os": "O_ASYNC fdatasync posix_fadvise sched_getaffinity",
        "socket": "SOCK_CLOEXEC",
    },
}
_ABSENT = {
    "win32": ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"),
    "darwin": (),
}
_SEES_IT = ("watcher", *os.environ.get("ELSEWHERE_TOO", "").split())
_O_BINARY = 0x8000
_F_FULLFSYNC = 51
_NO_WINDOW, _NEW_GROUP = 0x8000000, 0x200


def _open(
    path: str | os.PathLike[str],
    flags: int,
    mode: int = 0o777,
    *,
    dir_fd: int | None = None,
) -> int:
    """Open a file as Windows does: no folder; and as text, which is a mistake, without O_BINARY."""
    if pathlib.Path(path).is_dir():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
    if (
        not flags & (_O_BINARY | os.O_CLOEXEC) and os.fspath(path) != os.devnull
    ):  # the second is there from `open`
        raise AssertionError(f"{os.fspath(path)} was opened as text")
    return os.open(path, flags & ~_O_BINARY, mode, dir_fd=dir_fd)


def _locking(descriptor: int, mode: int, count: int) -> None:
    """Lock bytes from where the file stands, as msvcrt does: another lock on them is an error at once."""
    assert (mode, count) == (2, 1), "only what is used is here"
    fcntl.fcntl(descriptor, fcntl.F_GETFD)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, count, 0, os.SEEK_CUR)
    except OSError:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None


def _replace(source: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """Rename a file, unless another program has it open: a file `.held` has the number of times that it is refused."""
    mark = pathlib.Path(f"{target}.held")
    if mark.exists():
        left = int(mark.read_text("ascii"))
        mark.write_text(str(left - 1), "ascii") if left > 1 else mark.unlink()
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source))
    os.replace(source, target)  # noqa: PTH105 - `Path.replace` is this
    return target


def _full_fcntl(descriptor: int, command: int, argument: Any = 0) -> Any:
    if command == _F_FULLFSYNC:
        return os.fsync(descriptor)
    return fcntl.fcntl(descriptor, command, argument)


def _popen(*args: Any, creationflags: int, **more: Any) -> Any:
    """Start a process away from the terminal, as Windows does with these flags."""
    assert creationflags == _NO_WINDOW | _NEW_GROUP
    return subprocess.Popen(*args, **more)


def _module(name: str, values: Mapping[str, object]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(values)
    return module


def _changed(module: ModuleType, lacks: str, has: Mapping[str, object]) -> ModuleType:
    kept = {
        name: value for name, value in vars(module).items() if name not in lacks.split()
    }
    return _module(module.__name__, {**kept, **has})


def _modules(system: str) -> dict[str, ModuleType | None]:
    """Return the system's modules; None stands for one that it does not have."""
    extra: dict[str, dict[str, object]] = {}
    found: dict[str, ModuleType | None] = dict.fromkeys(_ABSENT[system])
    if system == "win32":
        extra["os"] = {
            "O_BINARY": _O_BINARY,
            "open": _open,
            "supports_effective_ids": set(),
        }
        extra["signal"] = {"SIGBREAK": signal.SIGQUIT}
        flags = {"CREATE_NO_WINDOW": _NO_WINDOW, "CREATE_NEW_PROCESS_GROUP": _NEW_GROUP}
        extra["subprocess"] = {"Popen": _popen, **flags}
        found["msvcrt"] = _module("msvcrt", {"LK_NBLCK": 2, "locking": _locking})
    else:
        found["fcntl"] = _changed(
            fcntl, "F_SETSIG", {"F_FULLFSYNC": _F_FULLFSYNC, "fcntl": _full_fcntl}
        )
    for module in (os, signal, socket, subprocess):
        name = module.__name__
        found[name] = _changed(
            module, _LACKS[system].get(name, ""), extra.get(name, {})
        )
    return found


class _Here:
    """What is to be seen now: this system, or the other one."""

    def __init__(self, system: str) -> None:
        self._other: dict[str, ModuleType | None] = _modules(system)
        self._platforms = {True: system, False: sys.platform}
        self._own: dict[str, ModuleType | None] = {}
        self._elsewhere = False

    @contextlib.contextmanager
    def be(self, *, elsewhere: bool) -> Iterator[None]:
        """See the other system, or this one, while the block runs."""
        before = self._elsewhere
        self._see(elsewhere)
        try:
            yield
        finally:
            self._see(before)

    def _see(self, elsewhere: bool) -> None:
        if elsewhere == self._elsewhere:
            return
        self._elsewhere = elsewhere
        sys.platform = self._platforms[elsewhere]
        if elsewhere:
            self._own = {
                name: sys.modules[name] for name in self._other if name in sys.modules
            }
            sys.modules.update(self._other)  # type: ignore[arg-type]  # None stands for a module that is absent
            return
        for name in self._other:
            del sys.modules[name]
        sys.modules.update(self._own)  # type: ignore[arg-type]  # as they were


class _Loader(importlib.abc.Loader):
    """Loads a module as its own loader does, and shows it a system meanwhile."""

    def __init__(self, own: Any, here: _Here, *, elsewhere: bool) -> None:
        self._its, self._here, self._elsewhere = own, here, elsewhere

    def __getattr__(self, name: str) -> Any:
        return getattr(self._its, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Have its own loader make the module."""
        return self._its.create_module(spec)  # type: ignore[no-any-return]  # it is a loader

    def exec_module(self, module: ModuleType) -> None:
        """Have its own loader fill the module."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._its
        module.__loader__ = self._its
        with self._here.be(elsewhere=self._elsewhere):
            self._its.exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what the other finders find."""

    def __init__(self, here: _Here) -> None:
        self._here = here

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Return where a module is, with a loader that shows it its system."""
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                break
        else:
            return None
        if spec.loader is not None:
            sees = fullname.startswith(_SEES_IT)
            spec.loader = _Loader(spec.loader, self._here, elsewhere=sees)
        return spec


def _unavailable(*_: object) -> None:
    raise NotImplementedError


def go() -> None:
    """Take this machine for another system from now on."""
    here = _Here(os.environ["ELSEWHERE"])
    sys.meta_path.insert(0, _Finder(here))
    if os.environ["ELSEWHERE"] == "win32":
        pathlib.Path.replace = _replace  # type: ignore[assignment,method-assign]
        asyncio.unix_events._UnixSelectorEventLoop.add_signal_handler = _unavailable  # type: ignore[assignment,method-assign]


runpy.run_path(str(pathlib.Path(__file__).parents[1] / "offline" / "sitecustomize.py"))
if os.environ.get("ELSEWHERE"):
    go()
