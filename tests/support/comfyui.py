"""ComfyUIs on disk, as their installers and the Manager lay them out; what no scan looks at is empty."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from watcher.installs.scan import scan
from watcher.model.pack import Inventory, Pack, Source, SourceKind

COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""The commit of every clone."""
OF_COMFYUI = ("websocket_image_save.py", "example_node.py.example")
"""What every ComfyUI has in `custom_nodes`."""


class ComfyUI:
    """A ComfyUI in a folder; each method adds something to it and returns its path."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.nodes = root / "custom_nodes"
        self.nodes.mkdir(parents=True)
        for name in (
            "main.py",
            "nodes.py",
            *(f"custom_nodes/{name}" for name in OF_COMFYUI),
        ):
            (root / name).write_text("")
        for name in ("comfy", "comfy_extras", "comfy_api"):
            (root / name).mkdir()

    def registry(
        self,
        pack: str,
        version: str | None,
        *,
        folder: str | None = None,
        repository: str = "",
    ) -> Path:
        """Add what the Manager installs from the registry."""
        path = self.claimed(pack, version, folder=folder, repository=repository)
        (path / ".tracking").write_text("__init__.py\npyproject.toml")
        return path

    def claimed(
        self,
        pack: str,
        version: str | None,
        *,
        folder: str | None = None,
        repository: str = "",
    ) -> Path:
        """Add a pack that somebody unpacked: a pyproject without the Manager's mark; no version means a dynamic one."""
        path = self.plain(folder or pack)
        (path / "pyproject.toml").write_text(
            pyproject(pack, version, repository), "utf-8"
        )
        return path

    def clone(
        self,
        folder: str,
        remote: str | None,
        *,
        pack: str | None = None,
        version: str = "1.0.0",
        cnr_id: str | None = None,
    ) -> Path:
        """Add a clone of a repository; `pack` is what its pyproject claims, `cnr_id` what the Manager wrote down."""
        path = self.plain(folder)
        if pack is not None:
            (path / "pyproject.toml").write_text(pyproject(pack, version, ""), "utf-8")
        git = path / ".git"
        (git / "refs" / "heads").mkdir(parents=True)
        origin = (
            f'[remote "origin"]\n\turl = {remote}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
            if remote
            else ""
        )
        (git / "config").write_text(f"[core]\n\tbare = false\n{origin}", "utf-8")
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
        if cnr_id is not None:
            (git / ".cnr-id").write_text(cnr_id)
        return path

    def plain(self, folder: str) -> Path:
        """Add a folder with nothing but what ComfyUI loads."""
        path = self.nodes / folder
        path.mkdir(parents=True)
        (path / "__init__.py").write_text("raise SystemExit('this was run')")
        return path

    def single(self, name: str) -> Path:
        """Add a single file."""
        path = self.nodes / name
        path.write_text("raise SystemExit('this was run')")
        return path

    def disable(self, path: Path, version: str = "") -> Path:
        """Disable a pack as the Manager does: `.disabled/my-pack@1_2_0`, or without a version for what has none."""
        suffix = f"@{version.replace('.', '_')}" if version else ""
        to = self.nodes / ".disabled" / f"{path.name}{suffix}"
        to.parent.mkdir(exist_ok=True)
        return path.rename(to)

    def snapshot(self, name: str, document: object) -> Path:
        """Add a snapshot where the Manager keeps them."""
        path = self.root / "user" / "__manager" / "snapshots" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document), "utf-8")
        return path


def pyproject(pack: str, version: str | None, repository: str = "") -> str:
    """Return the pyproject of a pack."""
    said = (
        f"version = {json.dumps(version)}"
        if version is not None
        else 'dynamic = ["version"]'
    )
    urls = (
        f"[project.urls]\nRepository = {json.dumps(repository)}\n" if repository else ""
    )
    return f'[project]\nname = {json.dumps(pack)}\n{said}\n{urls}[tool.comfy]\nPublisherId = "ann"\n'


def scanned(
    where: Path | str,
    kind: SourceKind = SourceKind.PATH,
    *,
    timeout: float = 10,
    had: Collection[Pack] = (),
) -> Inventory:
    """Return what a scan finds."""
    source = Source(name="x", kind=kind, where=str(where))
    [found] = asyncio.run(scan(source, timeout=timeout, had=had))
    return found


def looked_at(
    where: Path | str, kind: SourceKind = SourceKind.PATH
) -> tuple[Inventory, ...]:
    """Return what `audit` finds in a TARGET, with paths as seen from the folder that it lies in."""
    source = Source(name="x", kind=kind, where=str(where))
    base = str(Path(where).parent)
    return asyncio.run(scan(source, timeout=10, base=base))


def refused(
    where: Path | str, kind: SourceKind = SourceKind.PATH, **options: Any
) -> str:
    """Return why nothing could be scanned."""
    found = scanned(where, kind, **options)
    assert found.failure is not None
    assert (found.packs, found.places) == ((), frozenset())
    return found.failure.error
