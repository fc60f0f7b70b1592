"""ngIRCd, an IRC server, and somebody in its channels."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Self

from tests.services.servers.server import Server

CHANNEL, CLOSED, PASSWORD = "alerts", "board", "s3cret-of-irc"


class Ngircd(Server):
    """`ngircd -n`, with a password and two channels: one for all, one for the invited.

    No other channel can be made.
    """

    programs = ("ngircd",)
    packages = "ngircd"

    def prepare(self) -> None:
        """Write the settings."""
        settings = f"""
            [Global]
            Name = irc.example.net
            Listen = 127.0.0.1
            Ports = {self.port}
            Password = {PASSWORD}
            MotdPhrase = hello
            [Limits]
            MaxConnectionsIP = 0
            [Options]
            AllowedChannelTypes =
            DNS = no
            Ident = no
            PAM = no
            [Channel]
            Name = #{CHANNEL}
            Modes = +n
            [Channel]
            Name = #{CLOSED}
            Modes = +i
        """
        lines = [line.strip() for line in settings.splitlines()]
        path = self.folder / "ngircd.conf"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        path.chmod(0o644)

    def command(self) -> Sequence[str]:
        """Return the command that serves."""
        return "ngircd", "-n", "-f", str(self.folder / "ngircd.conf")

    def url(self, *targets: str, password: str = PASSWORD) -> str:
        """Return the apprise URL of channels and nicks."""
        return f"irc://watcher:{password}@localhost:{self.port}/{'/'.join(targets)}"


class Reader:
    """Somebody with a nick, who joins channels and reads what is said there."""

    def __init__(self, server: Ngircd, nick: str, *channels: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), 60)
        self._lines = self._socket.makefile("rb")
        self._say(f"PASS {PASSWORD}", f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        self._heard: list[str] = []
        self._until(" 001 ")
        for channel in channels:
            self._say(f"JOIN #{channel}")
            self._until(" 366 ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._lines.close()
        self._socket.close()

    def heard(self) -> list[str]:
        """Return what was said so far, in channels and to the nick: target and text."""
        self._say("PING :now")
        self._until(" PONG ")
        return list(self._heard)

    def _say(self, *lines: str) -> None:
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _until(self, part: str) -> None:
        while part not in (line := self._lines.readline().decode("utf-8", "replace")):
            assert line, "the server hung up"
            if line.startswith("PING"):
                self._say(line.replace("PING", "PONG", 1).strip())
            elif " PRIVMSG " in line:
                self._heard.append(line.partition(" PRIVMSG ")[2].strip())
