"""What a pack's folder is called in a table."""

from __future__ import annotations

import pytest

from watcher.cli.report import shown_name
from watcher.model.pack import Pack, PackKind


@pytest.mark.parametrize(
    ("folder", "enabled", "name"),
    [
        (".disabled/my-pack@1_2_0", False, "my-pack"),
        (".disabled/ComfyUI-Foo", False, "ComfyUI-Foo"),
        ("x.py.disabled", False, "x.py"),
        (".disabled/@1_2_0", False, "\uff201_2_0"),
        ("x.py", True, "x.py"),
        ("\x1b[31m@all", True, "[31m\uff20all"),
    ],
)
def test_shown(folder: str, name: str, *, enabled: bool) -> None:
    """What the Manager adds to the name of a disabled pack is not shown; a name is made safe to print."""
    pack = Pack(folder=folder, kind=PackKind.UNKNOWN, enabled=enabled)
    assert shown_name(pack) == name
