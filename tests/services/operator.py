"""Somebody who watches one pack: the real program, a registry on loopback, and a channel to a real server."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher

PACK = "comfyui-night-lights"
REASON = "sends the user's keys to an unknown host"
_PATIENCE = 240.0
"""Seconds that a command may take on a machine that does much else."""
_DEFAULTS: dict[str, object] = {"nodes": PACK, "baseline": "silent", "timeout": "30s"}


class Operator(Watcher):
    """A watcher that knows its pack from an earlier poll, with variables of its own in the environment."""

    def __init__(
        self,
        folder: Path,
        registry: FakeRegistry,
        *urls: str,
        surrounding: Mapping[str, str] = MappingProxyType({}),
        **settings: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(
            folder,
            registry,
            fork_server=None,
            **{**_DEFAULTS, "alert_urls": list(urls), **settings},
        )
        self._surrounding = dict(surrounding)
        self._run = partial(program.run, timeout=_PATIENCE)

    def but(self, **settings: Any) -> Operator:
        """Return the same operator with some settings changed."""
        return Operator(
            self.folder,
            self.registry,
            **{"surrounding": self._surrounding, **self.settings, **settings},
        )

    def environment(self) -> dict[str, str]:
        """Write the settings as environment variables, beside those that surround the program."""
        return super().environment() | self._surrounding

    def knows(self) -> Operator:
        """Publish versions and poll once, which alerts nobody."""
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            self.registry.catalog.publish(PACK, version)
        self.check()
        return self

    def ban(self, version: str = "1.2.0") -> None:
        """Have the registry ban a version."""
        self.registry.catalog.set_status(PACK, version, "banned", REASON)

    def said(self) -> str:
        """Poll where something fails, and return the output, stdout and stderr together."""
        done = self.run("check")
        assert done.code == 1, done
        return done.out + done.err
