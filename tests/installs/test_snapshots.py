"""`comfy-watch installed SNAPSHOT` beside the snapshots that the Manager writes, by itself and for comfy-cli."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.installs.ours import Ours
from tests.installs.tools import Tools

pytestmark = pytest.mark.installs


def _save(built: Tools, path: Path) -> dict[str, Any]:
    """Save a snapshot, as JSON through comfy-cli, as YAML with the Manager's own program; return what is in it."""
    if path.suffix == ".json":
        built.comfy("node", "save-snapshot", "--output", str(path))
        return dict(json.loads(path.read_text("utf-8")))
    built.cm_cli("save-snapshot", "--output", str(path))
    return dict(yaml.safe_load(path.read_text("utf-8"))["custom_nodes"])


def _commit(written: str) -> str | None:
    """Return a commit as it is: the Manager keeps the end of the line after that of a clone on no branch."""
    return None if written == "unknown" else written.strip()


@pytest.mark.parametrize("name", ["mine.json", "mine.yaml"])
def test_snapshot(built: Tools, installed: Ours, tmp_path: Path, name: str) -> None:
    """A snapshot is read for all that is in it, but the file that every ComfyUI has."""
    said = _save(built, tmp_path / name)
    rows = installed(tmp_path / name)
    registry = {
        (row.id, row.version, row.enabled) for row in rows if row.kind == "registry"
    }
    clones = {
        (row.repository, row.commit, row.enabled) for row in rows if row.kind == "git"
    }
    files = {(row.folder, row.enabled) for row in rows if row.kind == "file"}
    assert len(rows) == len(registry) + len(clones) + len(files)
    assert registry == {
        (id_, version, True) for id_, version in said["cnr_custom_nodes"].items()
    }
    assert clones == {
        (url, _commit(clone["hash"]), not clone["disabled"])
        for url, clone in said["git_custom_nodes"].items()
    }
    assert files == {
        (file["filename"], not file["disabled"])
        for file in said["file_custom_nodes"]
        if file["filename"] != "websocket_image_save.py"
    }
