"""Synapse, a Matrix home server with an SQLite database, and its client API as a reader sees it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.services.servers.authority import Authority
from tests.services.servers.server import Server, free_port, lack, listens

PASSWORD = "s3cret-of-matrix"
_PLENTY = {"per_second": 1000, "burst_count": 1000}
_LOGINS = "address", "account", "failed_attempts"


class Synapse(Server):
    """`synapse.app.homeserver`, with a port for plain HTTP and one for TLS."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tls_port = free_port()
        self.authority = Authority(folder / "tls")

    def prepare(self) -> None:
        """Write the settings (JSON is YAML) and the server's key."""
        if find_spec("synapse") is None:
            lack(
                "Synapse is not installed (make services installs it into .venv-services)"
            )
        key = self.folder / "signing.key"
        if not key.exists():
            key.write_text(
                f"ed25519 a_test {base64.b64encode(os.urandom(32)).decode().rstrip('=')}\n",
                "ascii",
            )
        listener = {
            "type": "http",
            "bind_addresses": ["127.0.0.1"],
            "resources": [{"names": ["client"]}],
        }
        settings = {
            "server_name": "localhost",
            "report_stats": False,
            "listeners": [
                {"port": self.port, "tls": False, **listener},
                {"port": self.tls_port, "tls": True, **listener},
            ],
            "tls_certificate_path": str(self.authority.certificate),
            "tls_private_key_path": str(self.authority.key),
            "database": {
                "name": "sqlite3",
                "args": {"database": str(self.folder / "homeserver.db")},
            },
            "signing_key_path": str(key),
            "media_store_path": str(self.folder / "media"),
            "trusted_key_servers": [],
            "macaroon_secret_key": "made up",
            "form_secret": "made up",
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "presence": {"enabled": False},
            "rc_message": _PLENTY,
            "rc_registration": _PLENTY,
            "rc_login": dict.fromkeys(_LOGINS, _PLENTY),
            "rc_joins": {"local": _PLENTY, "remote": _PLENTY},
        }
        (self.folder / "homeserver.yaml").write_text(json.dumps(settings), "utf-8")

    def command(self) -> Sequence[str]:
        """Return the command that serves."""
        return (
            sys.executable,
            "-m",
            "synapse.app.homeserver",
            "-c",
            str(self.folder / "homeserver.yaml"),
        )

    def is_ready(self) -> bool:
        """Return whether it serves."""
        return listens(self.port) and listens(self.tls_port)

    def url(
        self, user: Member, target: str, *, tls: bool = False, password: str = PASSWORD
    ) -> str:
        """Return the apprise URL with which a user writes to a room or alias."""
        scheme, port = ("matrixs", self.tls_port) if tls else ("matrix", self.port)
        return f"{scheme}://{user.name}:{password}@localhost:{port}/{quote(target)}"

    def member(self, name: str) -> Member:
        """Register a user."""
        asked = {
            "username": name,
            "password": PASSWORD,
            "auth": {"type": "m.login.dummy"},
        }
        return Member(self, name, self.ask("POST", "register", asked)["access_token"])

    def ask(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        """Ask the client API, and return its answer's JSON, whatever its status."""
        context = ssl.create_default_context(cafile=str(self.authority.authority))
        connection = http.client.HTTPSConnection(
            "localhost", self.tls_port, timeout=30, context=context
        )
        with closing(connection):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            document = None if body is None else json.dumps(body)
            address = f"/_matrix/client/v3/{path}"
            connection.request(method, address, document, headers)
            return json.load(connection.getresponse())


class Member:
    """A user of the server."""

    def __init__(self, server: Synapse, name: str, token: str) -> None:
        self.name = name
        self._server, self._token = server, token

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask the client API as this user."""
        return self._server.ask(method, path, body, self._token)

    def room(self, alias: str, *, encrypted: bool = False) -> str:
        """Create a room that everybody may join, and return its id."""
        state = {
            "type": "m.room.encryption",
            "state_key": "",
            "content": {"algorithm": "m.megolm.v1.aes-sha2"},
        }
        asked = {
            "preset": "public_chat",
            "room_alias_name": alias,
            "initial_state": [state] if encrypted else [],
        }
        return str(self.ask("POST", "createRoom", asked)["room_id"])

    def rooms(self) -> list[str]:
        """Return the ids of the rooms that the user is in."""
        return list(self.ask("GET", "joined_rooms")["joined_rooms"])

    def events(self, room: str) -> list[dict[str, Any]]:
        """Return the room's events in the order in which they came."""
        found = self.ask("GET", f"rooms/{quote(room)}/messages?dir=f&limit=1000")[
            "chunk"
        ]
        return list(found)

    def messages(self, room: str) -> list[dict[str, Any]]:
        """Return the contents of the room's messages."""
        return [
            event["content"]
            for event in self.events(room)
            if event["type"] == "m.room.message"
        ]
