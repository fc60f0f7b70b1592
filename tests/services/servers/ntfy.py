"""ntfy."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.services.servers.server import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as ntfy keeps it for its apps."""

    title: str
    text: str
    attachment: str


class Ntfy(Server):
    """`ntfy serve`; `settings` are added to its own whenever it starts."""

    programs = ("ntfy",)
    packages = "ntfy"

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__(folder)
        self.settings = settings

    def prepare(self) -> None:
        """Write the settings; JSON is YAML."""
        address = f"127.0.0.1:{self.port}"
        settings = {
            "base-url": f"http://{address}",
            "listen-http": address,
            "cache-file": str(self.folder / "cache.db"),
            "auth-file": str(self.folder / "users.db"),
            "auth-default-access": "read-write",
            **self.settings,
        }
        (self.folder / "server.yml").write_text(json.dumps(settings), "utf-8")

    def command(self) -> Sequence[str]:
        """Return the command that serves."""
        return "ntfy", "serve", "--config", str(self.folder / "server.yml")

    def url(self, token: str = "") -> str:
        """Return the apprise URL of a topic."""
        return f"ntfy://{token and f'{token}@'}127.0.0.1:{self.port}/alerts"

    def messages(self) -> list[Message]:
        """Return the messages of all topics in the order in which ntfy took them."""
        with closing(
            sqlite3.connect(f"file:{self.folder / 'cache.db'}?mode=ro", uri=True)
        ) as cache:
            found = cache.execute(
                "select title, message, attachment_name from messages order by id"
            ).fetchall()
        return [
            Message(title=title, text=text, attachment=name)
            for title, text, name in found
        ]
