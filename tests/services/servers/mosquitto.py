"""Mosquitto, an MQTT broker, and its own client as the reader."""

from __future__ import annotations

from collections.abc import Sequence

from tests.services.servers.server import Server, run

USER, PASSWORD, TOPIC = "watcher", "s3cret-of-mqtt", "comfy/alerts"


class Mosquitto(Server):
    """`mosquitto -c`, for plain MQTT.

    Its reader has a session that lasts: what comes while nobody reads is kept for it. The user may write to one topic.
    """

    programs = ("mosquitto", "mosquitto_passwd", "mosquitto_sub")
    packages = "mosquitto mosquitto-clients"

    def prepare(self) -> None:
        """Write the settings, the one user, and what it may do."""
        rights = self.folder / "rights"
        rights.write_text(f"user {USER}\ntopic readwrite {TOPIC}\n", "utf-8")
        rights.chmod(0o600)
        passwords = self.folder / "passwords"
        run("mosquitto_passwd", "-b", "-c", str(passwords), USER, PASSWORD)
        settings = f"""
            user root
            allow_anonymous false
            password_file {passwords}
            acl_file {rights}
            persistence true
            persistence_location {self.folder}/
            queue_qos0_messages true
            log_dest stderr
            listener {self.port} 127.0.0.1
        """
        lines = "\n".join(line.strip() for line in settings.splitlines())
        (self.folder / "mosquitto.conf").write_text(lines, "utf-8")

    def command(self) -> Sequence[str]:
        """Return the command that serves."""
        return "mosquitto", "-c", str(self.folder / "mosquitto.conf")

    def start(self) -> None:
        """Start it, and have the reader ask for what comes."""
        super().start()
        self._read("-E")

    def url(self, password: str = PASSWORD) -> str:
        """Return the apprise URL of the topic."""
        return f"mqtt://{USER}:{password}@localhost:{self.port}/{TOPIC}"

    def payloads(self) -> list[str]:
        """Return the messages that have come since this was last asked."""
        return [
            bytes.fromhex(line).decode()
            for line in self._read("-W", "1", "-F", "%x").decode().split()
        ]

    def _read(self, *how: str) -> bytes:
        who = f"-h 127.0.0.1 -p {self.port} -u {USER} -P {PASSWORD} -c -i reader"
        return run("mosquitto_sub", *who.split(), "-q", "1", "-t", TOPIC, *how)
