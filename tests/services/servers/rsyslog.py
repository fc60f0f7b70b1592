"""rsyslog, which takes syslog's datagrams and writes them down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.services.servers.server import Server

_SETTINGS = """
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{port}" ruleset="taken")
template(name="line" type="string" string="%timegenerated% %syslogtag%%msg%\\n")
ruleset(name="taken") {{
    action(type="omfile" file="{folder}/lines" template="line")
}}
"""


class Rsyslog(Server):
    """`rsyslogd` that listens to UDP."""

    programs = ("rsyslogd",)
    packages = "rsyslog"

    def prepare(self) -> None:
        """Write the settings."""
        (self.folder / "rsyslog.conf").write_text(
            _SETTINGS.format(port=self.port, folder=self.folder), "utf-8"
        )

    def command(self) -> Sequence[str]:
        """Return the command that serves."""
        settings, pid = f"{self.folder}/rsyslog.conf", f"{self.folder}/pid"
        return "rsyslogd", "-n", "-f", settings, "-i", pid

    def is_ready(self) -> bool:
        """Return whether it holds its port. The system is asked: a probe that binds it could be there first."""
        local = (
            line.split()[1]
            for line in Path("/proc/net/udp").read_text("ascii").splitlines()[1:]
        )
        return any(int(address.partition(":")[2], 16) == self.port for address in local)

    def url(self) -> str:
        """Return the apprise URL that writes to it."""
        return f"rsyslog://127.0.0.1:{self.port}/local3"

    def lines(self) -> list[str]:
        """Return the lines that an administrator reads in the file."""
        file = self.folder / "lines"
        return file.read_text("utf-8").split("\n")[:-1] if file.exists() else []
