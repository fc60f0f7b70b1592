"""Looks at what this process does, while it does it, and the memory that it takes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

_LOOK = 0.05
"""Seconds between two looks."""

if sys.platform == "win32":
    import _thread
    import ctypes
    import threading
    from ctypes import wintypes

    class Ticks:
        """Calls a function in the first thread again and again, which may end with an exception what that does.

        Another thread has the interpreter believe that a signal came, since Windows has no timer that sends one. The
        first thread sees it when it is not waiting for the system; what it waits for has a timeout of its own.
        """

        def __init__(self, look: Callable[[], object]) -> None:
            self._look = look
            self._ended = threading.Event()
            self._ended.set()
            signal.signal(signal.SIGTERM, self._heard)

        def start(self) -> None:
            """Begin to look."""
            self._ended.set()
            self._ended = threading.Event()
            threading.Thread(
                target=_tick, args=(self._ended,), name="ticks", daemon=True
            ).start()

        def stop(self) -> bool:
            """Look no more, and return whether it was looked before."""
            was_on = not self._ended.is_set()
            self._ended.set()
            return was_on

        def _heard(self, *_: object) -> None:
            if not self._ended.is_set():
                self._look()

    def _tick(ended: threading.Event) -> None:
        while not ended.wait(_LOOK):
            _thread.interrupt_main(signal.SIGTERM)

    class _Counters(ctypes.Structure):
        """`PROCESS_MEMORY_COUNTERS` of psapi.h."""

        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("WorkingSetSize", ctypes.c_size_t),
            ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
            ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
            ("PagefileUsage", ctypes.c_size_t),
            ("PeakPagefileUsage", ctypes.c_size_t),
        )

    _system = ctypes.WinDLL("kernel32")
    _system.GetCurrentProcess.restype = wintypes.HANDLE
    _system.K32GetProcessMemoryInfo.argtypes = (
        wintypes.HANDLE,
        ctypes.POINTER(_Counters),
        wintypes.DWORD,
    )

    def peak() -> int:
        """Return the most memory that this process has had, in KB."""
        counters = _Counters(cb=ctypes.sizeof(_Counters))
        _system.K32GetProcessMemoryInfo(
            _system.GetCurrentProcess(), ctypes.byref(counters), counters.cb
        )
        return int(counters.PeakWorkingSetSize) // 1024

else:
    import resource

    _UNITS_A_KB = 1024 if sys.platform == "darwin" else 1

    class Ticks:
        """Calls a function again and again, by a timer's signal, which interrupts what the process waits for."""

        def __init__(self, look: Callable[[], object]) -> None:
            signal.signal(signal.SIGALRM, lambda *_: look())

        def start(self) -> None:
            """Begin to look."""
            signal.setitimer(signal.ITIMER_REAL, _LOOK, _LOOK)

        def stop(self) -> bool:
            """Look no more, and return whether it was looked before."""
            return signal.setitimer(signal.ITIMER_REAL, 0)[0] > 0

    def peak() -> int:
        """Return the most memory that this process has had, in KB."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _UNITS_A_KB
