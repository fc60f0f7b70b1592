"""Loading settings from a folder of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from watcher.errors import ConfigError
from watcher.settings.loading import Loaded, load
from watcher.settings.places import SYSTEM

TOKEN = "S3cr3tT0k3n"


class Loads:
    """Loads settings in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cwd = folder / "cwd"
        self.file = self.cwd / "comfy-watch.toml"
        self.cwd.mkdir()

    def __call__(self, toml: str | None = None, **given: Any) -> Loaded:
        """Load with `toml` in the settings file; `config`, `overrides`, `secrets` and so on, or variables given."""
        if toml is not None:
            self.file.write_text(toml, "utf-8")
        return load(
            system=given.pop("system", SYSTEM),
            alerts=given.pop("alerts", True),
            config=given.pop("config", None),
            overrides=given.pop("overrides", {}),
            more_nodes=given.pop("more_nodes", ()),
            container_secrets=given.pop("secrets", self.folder / "none"),
            environ={"HOME": str(self.folder / "home"), "XDG_CONFIG_HOME": ""} | given,
            cwd=self.cwd,
        )

    def problems(self, toml: str | None = None, **given: Any) -> tuple[str, ...]:
        """Return the lines of the error that loading ends with; none shows the secret."""
        with pytest.raises(ConfigError) as caught:
            self(toml, **given)
        for line in caught.value.problems:
            assert line.isprintable()
            assert TOKEN not in line
            assert "input" not in line.lower()
        return caught.value.problems


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    """What loads settings in a folder of the test's own."""
    return Loads(tmp_path)
