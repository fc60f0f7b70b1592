"""What Comfy Watch says of the folder, of snapshots of it, and of the Manager that runs in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.program import Completed


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One pack of `installed --json`; where it was found and by what is left out."""

    folder: str
    kind: str
    id: str | None = None
    version: str | None = None
    commit: str | None = None
    enabled: bool = True
    repository: str | None = None

    @property
    def three(self) -> str | None:
        """Its version as the Manager writes it: of three numbers at least."""
        if self.version is None or not self.version.replace(".", "").isdigit():
            return self.version
        return ".".join(
            [*self.version.split("."), "0", "0"][: max(3, self.version.count(".") + 1)]
        )


class Ours:
    """The command `installed`."""

    def __init__(self, run: Callable[..., Completed]) -> None:
        self._run = run

    def __call__(self, target: str | Path) -> list[Row]:
        """Return what it says of a TARGET."""
        return self.found(target)[0]

    def found(
        self, *targets: str | Path, env: Mapping[str, str] | None = None
    ) -> tuple[list[Row], str]:
        """Return what it says of the one install that is named, or else found; and what it says beside that."""
        done = self._run("installed", "--json", *map(str, targets), env=env)
        assert done.code == 0, done.err
        (install,) = json.loads(done.out)["installs"]
        assert install["error"] is None
        return [
            Row(**{name: pack[name] for name in Row.__dataclass_fields__})
            for pack in install["packs"]
        ], done.err
