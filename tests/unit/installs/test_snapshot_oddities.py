"""What snapshots have in them that is no pack, or no snapshot."""

from __future__ import annotations

import pytest

from watcher.installs.recognise import snapshots

_SHIPPED = "websocket_image_save.py"


def test_shipped_file_of_manager() -> None:
    """A Manager's snapshot has the file of every ComfyUI beside those that somebody put there; only these are packs."""
    files = [{"filename": name, "disabled": False} for name in (_SHIPPED, "mine.py")]
    assert [pack.folder for pack in snapshots.read({"file_custom_nodes": files})] == [
        "mine.py"
    ]


def test_shipped_file_of_desktop() -> None:
    """So does one of Desktop."""
    nodes = [
        {"id": name, "type": "file", "dirName": name, "enabled": True}
        for name in (_SHIPPED, "mine.py")
    ]
    assert [
        pack.folder for pack in snapshots.read({"version": 1, "customNodes": nodes})
    ] == ["mine.py"]


@pytest.mark.parametrize("version", [[], {}, None, 3])
def test_unknown_form(version: object) -> None:
    """A version of Desktop's form that is not known is refused, whatever it is."""
    with pytest.raises(ValueError, match="written by a newer one"):
        snapshots.read({"version": version, "customNodes": []})
