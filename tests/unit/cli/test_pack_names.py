"""What a pack's folder is called in a table."""

from __future__ import annotations

import pytest

from watcher.cli.report import shown_name
from watcher.model.pack import Pack, PackKind


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (".disabled/my-pack@1_2_0", "my-pack"),
        ("my-pack@nightly", "my-pack"),
        (".disabled/ComfyUI-Foo", "ComfyUI-Foo"),
        ("ComfyUI-Foo.disabled", "ComfyUI-Foo"),
        ("x.py.disabled", "x.py"),
        (".disabled/@1_2_0", "\uff201_2_0"),
    ],
)
def test_disabled(folder: str, name: str) -> None:
    """What the Manager adds to the name of a disabled pack is not shown: no dot of it is taken for one of a host."""
    assert shown_name(Pack(folder=folder, kind=PackKind.UNKNOWN, enabled=False)) == name


@pytest.mark.parametrize("folder", ["my-pack", "x.py"])
def test_enabled(folder: str) -> None:
    """That of an enabled one is shown as it is."""
    assert shown_name(Pack(folder=folder, kind=PackKind.UNKNOWN)) == folder


def test_hostile() -> None:
    """A name is made safe to print, also where it only looks like one of the Manager's."""
    assert (
        shown_name(Pack(folder="\x1b[31m@all", kind=PackKind.UNKNOWN))
        == "[31m\uff20all"
    )
