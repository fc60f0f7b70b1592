"""Somebody who watches one pack: the real program, a registry on loopback, and a channel to a real server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher

PACK = "comfyui-night-lights"
REASON = "sends the user's keys to an unknown host"
_PATIENCE = 240.0
"""Seconds that a command may take on a machine that does much else."""
_DEFAULTS: dict[str, object] = {"nodes": PACK, "baseline": "silent", "timeout": "30s"}


def counts(**alerts: int) -> dict[str, int]:
    """Return what `check --json` says of the alerts of a poll, all others being 0."""
    return dict.fromkeys(("delivered", "unconfirmed", "pending", "expired"), 0) | alerts


class Operator(Watcher):
    """A watcher that knows its pack from an earlier poll, with variables of its own in the environment."""

    def __init__(
        self,
        folder: Path,
        registry: FakeRegistry,
        *urls: str,
        surrounding: Mapping[str, str] | None = None,
        **settings: object,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(
            folder,
            registry,
            fork_server=None,
            **{**_DEFAULTS, "alert_urls": list(urls), **settings},
        )
        self._surrounding = dict(surrounding or {})
        self._run = partial(program.run, timeout=_PATIENCE)

    def but(self, **settings: object) -> Operator:
        """Return the same operator with some settings changed."""
        return Operator(
            self.folder,
            self.registry,
            surrounding=self._surrounding,
            **{**self.settings, **settings},
        )

    def environment(self) -> dict[str, str]:
        """Write the settings as environment variables, beside those that surround the program."""
        return super().environment() | self._surrounding

    def knows(self, *versions: str) -> Operator:
        """Publish versions and poll once, which alerts nobody."""
        for version in versions or ("1.0.0", "1.1.0", "1.2.0"):
            self.registry.catalog.publish(PACK, version)
        self.check()
        return self

    def ban(self, version: str = "1.2.0", reason: str = REASON) -> None:
        """Have the registry ban a version."""
        self.registry.catalog.set_status(PACK, version, "banned", reason)

    def said(self, *args: str, code: int = 1) -> str:
        """Run a command and return its output, stdout and stderr together."""
        done: program.Completed = self.run(*args)
        assert done.code == code, done
        return done.out + done.err
