"""What a test uses that this system lacks: elsewhere than on Linux such tests are skipped, and say what it is."""

from __future__ import annotations

import inspect
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

_USED = re.compile(r"\b(os|signal|socket)\.(\w+)")
_MODULES = {"os": os, "signal": signal, "socket": socket}
_MODES = re.compile(r"0o[0-7]{3}\b|\bchmod\b")
_FILES = re.compile(r"\bwith_room_for\b|\bsetattr\(os, \"fsync\"")
"""A limit of a file's size, and a folder that cannot be made durable."""
NEEDS_LINUX = (
    "unit/delivery/services/test_table.py",
    "unit/delivery/test_client.py",
    "unit/settings/test_template.py",
    "unit/test_log.py",
    "unit/test_streams.py",
)
"""Modules that import `resource`, `pty` or the forking worker."""


def lacks(item: pytest.Item) -> str:
    """Return what a test needs and this system has not; "" if there is nothing of that."""
    function = getattr(item, "function", None)
    source = inspect.getsource(function) if function is not None else ""
    for module, name in _USED.findall(source):
        if not hasattr(_MODULES[module], name):
            return f"{sys.platform} has no {module}.{name}"
    if "/proc" in source and not Path("/proc").exists():
        return f"{sys.platform} has no /proc"
    if sys.platform == "win32" and _MODES.search(source):
        return "Windows has no file modes"
    if sys.platform == "win32" and _FILES.search(source):
        return "Windows limits no file's size, and makes no folder durable"
    return ""
