"""Prosody, an XMPP server, whose reader is away: what comes for it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from tests.services.servers.authority import Authority
from tests.services.servers.server import Server, run

USER, READER, PASSWORD = "watcher", "reader", "s3cret-of-xmpp"
_BODIES = """
function item(stanza)
    for _, child in ipairs(stanza) do
        if child.name == "body" then
            print((table.concat(child):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)))
        end
    end
end
dofile(arg[1])
"""
"""What Prosody keeps is a program in Lua; this prints each body, in hexadecimal digits."""


class Prosody(Server):
    """`prosody -F` with two accounts; without TLS it lets nobody log in."""

    programs = ("prosody", "lua5.4")
    packages = "prosody"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority = Authority(folder / "tls")

    def prepare(self) -> None:
        """Write the settings and the accounts."""
        settings = f"""
            daemonize = false
            run_as_root = true
            pidfile = "{self.folder}/pid"
            data_path = "{self.folder}/data"
            certificates = "{self.folder}/tls"
            interfaces = {{ "127.0.0.1" }}
            c2s_ports = {{ {self.port} }}
            s2s_ports = {{}}
            modules_enabled = {{ "roster"; "saslauth"; "tls"; "disco"; "offline" }}
            modules_disabled = {{ "s2s" }}
            authentication = "internal_plain"
            c2s_require_encryption = true
            log = {{ info = "*console" }}
            VirtualHost "localhost"
            ssl = {{ key = "{self.authority.key}"; certificate = "{self.authority.certificate}" }}
        """
        (self.folder / "prosody.cfg.lua").write_text(settings, "utf-8")
        accounts = self.folder / "data" / "localhost" / "accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        for name in (USER, READER):
            (accounts / f"{name}.dat").write_text(
                f'return {{ ["password"] = "{PASSWORD}" }};', "utf-8"
            )

    def command(self) -> Sequence[str]:
        """Return the command that serves."""
        return "prosody", "-F", "--config", str(self.folder / "prosody.cfg.lua")

    def url(self, password: str = PASSWORD) -> str:
        """Return the apprise URL that writes to the reader; the plugin trusts no authority but the public ones."""
        return (
            f"xmpps://{USER}:{password}@localhost:{self.port}/{quote(READER)}?verify=no"
        )

    def messages(self) -> list[str]:
        """Return the bodies of the messages that the reader will be given."""
        kept = self.folder / "data" / "localhost" / "offline" / f"{READER}.list"
        if not kept.exists():
            return []
        script = self.folder / "bodies.lua"
        script.write_text(_BODIES, "utf-8")
        return [
            bytes.fromhex(line).decode()
            for line in run("lua5.4", str(script), str(kept)).decode().split()
        ]
