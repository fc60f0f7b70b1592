"""Loading settings from a folder of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from watcher.errors import ConfigError
from watcher.settings.loading import Loaded, load

TOKEN = "S3cr3tT0k3n"


class Loads:
    """Loads settings; `toml` is the text of the folder's settings file, the keywords are environment variables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cwd = folder / "cwd"
        self.file = self.cwd / "comfy-watch.toml"
        self.cwd.mkdir()

    def __call__(
        self,
        toml: str | None = None,
        *,
        overrides: Mapping[str, object] | None = None,
        config: Path | None = None,
        secrets: Path | None = None,
        **environ: str,
    ) -> Loaded:
        if toml is not None:
            self.file.write_text(toml, "utf-8")
        environ = {"HOME": str(self.folder / "home"), "XDG_CONFIG_HOME": ""} | environ
        containers = secrets or self.folder / "none"
        return load(
            config=config, overrides=overrides or {}, environ=environ, cwd=self.cwd, container_secrets=containers
        )

    def problems(self, *args: str, **kwargs: object) -> tuple[str, ...]:
        """Return the lines of the error that loading ends with; none shows the secret or is more than a line."""
        with pytest.raises(ConfigError) as caught:
            self(*args, **kwargs)  # type: ignore[arg-type]  # as `__call__`
        for line in caught.value.problems:
            assert line.isprintable()
            assert TOKEN not in line
            assert "input" not in line.lower()
        return caught.value.problems


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    """What loads settings in a folder of the test's own."""
    return Loads(tmp_path)
