"""A ComfyUI that somebody lives with: its packs come, change, go and cannot be read, and so does all of it."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

from tests.support.comfyui import ComfyUI, pyproject


class LivedIn(ComfyUI):
    """A ComfyUI's folder; each change is one that a person or the Manager makes."""

    def put(self, pack: str, version: str, *, mark: bool = True) -> None:
        """Install a version of a pack in place of what is there, as the Manager does or without its `mark`."""
        folder = self.nodes / pack
        if not folder.exists():
            self.claimed(pack, version)
        (folder / "pyproject.toml").write_text(pyproject(pack, version), "utf-8")
        (folder / ".tracking").unlink(missing_ok=True)
        if mark:
            (folder / ".tracking").write_text("__init__.py\npyproject.toml")

    def put_clone(self, pack: str, version: str) -> None:
        """Clone the registry's repository of a pack in place of what is there; its file names a version."""
        if (self.nodes / pack).exists():
            self.remove(pack)
        self.clone(
            pack, f"https://github.com/example/{pack}", pack=pack, version=version
        )

    def remove(self, pack: str) -> None:
        """Uninstall a pack."""
        path = self.nodes / pack
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def switch_off(self, pack: str) -> None:
        """Disable a pack as older Managers do."""
        (self.nodes / pack).rename(self.nodes / f"{pack}.disabled")

    def switch_on(self, pack: str) -> None:
        """Enable such a pack again."""
        (self.nodes / f"{pack}.disabled").rename(self.nodes / pack)

    def unmount(self) -> None:
        """Let the folder be gone, as a volume that is not mounted is."""
        self.mount(there=False)

    def mount(self, *, there: bool = True) -> None:
        """Let the folder be `there`, or gone."""
        if self.root.exists() != there:
            self.root.rename(self._elsewhere) if not there else self._elsewhere.rename(
                self.root
            )

    @property
    def _elsewhere(self) -> Path:
        return self.root.with_name(f"{self.root.name} (elsewhere)")

    def beside(self, nodes: Path) -> LivedIn:
        """Return the same ComfyUI with its packs in another folder, which is made."""
        other = copy.copy(self)
        other.nodes = nodes
        nodes.mkdir(parents=True)
        return other

    def name_more(self, folder: str, *, is_garbled: bool = False) -> None:
        """Let `extra_model_paths.yaml` name a folder of packs, "" for none, or be no YAML."""
        path = self.root / "extra_model_paths.yaml"
        said = f"more: {{custom_nodes: {json.dumps(folder)}}}" if folder else ""
        path.write_text("[" if is_garbled else said)

    def empty(self, *, is_empty: bool = True) -> None:
        """Let the folder of packs be an empty one, as a volume that is not mounted leaves, or be itself again."""
        kept = self.nodes.with_name(f"{self.nodes.name} (elsewhere)")
        if is_empty:
            self.nodes.rename(kept)
            self.nodes.mkdir()
        else:
            self.nodes.rmdir()
            kept.rename(self.nodes)

    def spoil(self, pack: str) -> None:
        """Let a pack's pyproject be one that nobody can read: a link to itself."""
        path = self.nodes / pack / "pyproject.toml"
        path.rename(path.with_suffix(".kept"))
        path.symlink_to(path)

    def mend(self, pack: str) -> None:
        """Let it be readable again."""
        path = self.nodes / pack / "pyproject.toml"
        path.unlink()
        path.with_suffix(".kept").rename(path)
