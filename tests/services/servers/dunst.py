"""dunst, which shows desktop notifications, on a screen and a D-Bus of its own."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.services.servers.server import Server, lack, until


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A notification as dunst keeps it."""

    summary: str
    body: str
    urgency: str
    """LOW, NORMAL or CRITICAL."""


class _Bus(Server):
    """`dbus-daemon --session`."""

    programs = ("dbus-daemon",)
    packages = "dbus-daemon"

    @property
    def address(self) -> str:
        return f"unix:path={self.folder}/bus"

    def prepare(self) -> None:
        (self.folder / "bus").unlink(missing_ok=True)

    def command(self) -> Sequence[str]:
        return (
            "dbus-daemon",
            "--session",
            "--nofork",
            "--nopidfile",
            f"--address={self.address}",
        )

    def is_ready(self) -> bool:
        return (self.folder / "bus").exists()


class _Screen(Server):
    """`Xvfb`, on the first display that is free."""

    programs = ("Xvfb",)
    packages = "xvfb"

    @property
    def display(self) -> str:
        return ":" + (self.folder / "display").read_text("ascii").strip()

    def prepare(self) -> None:
        (self.folder / "display").unlink(missing_ok=True)

    def command(self) -> Sequence[str]:
        options = "-screen 0 800x600x24 -nolisten tcp -displayfd 1"
        return "sh", "-c", f"exec Xvfb {options} > display"

    def is_ready(self) -> bool:
        shown = self.folder / "display"
        return shown.exists() and shown.read_text("ascii").endswith("\n")


class Dunst(Server):
    """`dunst`; `bus` is the variable that leads the program to it."""

    programs = ("dunst",)
    packages = "dunst"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._bus, self._screen = _Bus(folder / "bus"), _Screen(folder / "screen")

    def start(self) -> None:
        """Start the bus, the screen and what shows notifications on it."""
        if find_spec("dbus") is None:
            lack(
                "dbus-python is not installed (Debian: libdbus-1-dev libglib2.0-dev pkg-config gcc, to build it)"
            )
        try:
            self._bus.start()
            self._screen.start()
            super().start()
        except BaseException:  # whatever ended the start, nothing may keep running
            self.stop()
            raise

    def stop(self) -> None:
        """End all three."""
        super().stop()
        self._screen.stop()
        self._bus.stop()

    def prepare(self) -> None:
        """Write settings that keep what was shown."""
        (self.folder / "dunstrc").write_text(
            "[global]\nhistory_length = 1000\n", "utf-8"
        )

    def command(self) -> Sequence[str]:
        """Return the command that serves."""
        return "dunst", "-conf", str(self.folder / "dunstrc")

    def environment(self) -> dict[str, str]:
        """Return what leads to the screen and the bus."""
        return {"DISPLAY": self._screen.display, **self.bus()}

    def bus(self) -> dict[str, str]:
        """Return the variable that names the bus."""
        return {"DBUS_SESSION_BUS_ADDRESS": self._bus.address}

    def is_ready(self) -> bool:
        """Return whether it takes notifications."""
        return bool(
            _dbus()
            .bus.BusConnection(self._bus.address)
            .name_has_owner("org.freedesktop.Notifications")
        )

    def shown(self) -> list[Shown]:
        """Close what is on the screen, and return all that dunst has shown, in order."""
        connection = _dbus().bus.BusConnection(self._bus.address)
        dunst = connection.get_object(
            "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
        )
        dunst.NotificationCloseAll(dbus_interface="org.dunstproject.cmd0")
        properties = {"dbus_interface": "org.freedesktop.DBus.Properties"}
        until(
            lambda: (
                not int(
                    dunst.Get("org.dunstproject.cmd0", "displayedLength", **properties)
                )
            ),
            "an empty screen",
        )
        kept = dunst.NotificationListHistory(dbus_interface="org.dunstproject.cmd0")
        return [
            Shown(
                summary=str(one["summary"]),
                body=str(one["body"]),
                urgency=str(one["urgency"]),
            )
            for one in reversed(kept)
        ]


def _dbus() -> Any:
    return importlib.import_module("dbus")
