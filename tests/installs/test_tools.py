"""The programs have built the folder that the other tests compare: each kind of pack is there, by their own account."""

from __future__ import annotations

import pytest

from tests.installs.observer import Observer
from tests.installs.tools import Tools

pytestmark = pytest.mark.installs


def test_folders(built: Tools) -> None:
    """On disk there is more: a pack without the Manager's mark, copies that it set aside, and clones of any kind."""
    nodes = built.root / "custom_nodes"
    assert (nodes / "alpha" / ".tracking").is_file()
    assert not (nodes / "golf" / ".tracking").exists()
    assert {path.name for path in (nodes / ".disabled").iterdir()} == {
        "ComfyUI-Juliet",
        "charlie@1_0_0",
        "papa@1_0_0",
    }
    assert {path.parent.name for path in nodes.glob("*/.git")} >= {
        "ComfyUI-Alpha-Fork",
        "ComfyUI-India",
        "hotel",
        "papa",
    }


@pytest.mark.usefixtures("built")
def test_meanwhile(observer: Observer) -> None:
    """A scan while the programs install, switch, disable and clone never fails, and no pack looks uninstalled in it."""
    assert observer.failures == []
    assert observer.lost() == set()
    versions = {
        pack.version for packs in observer.scans for pack in packs if pack.id == "alpha"
    }
    assert {"1.0.0", "1.2.0"} <= versions <= {"1.0.0", "1.2.0", None}, (
        "the switch was not seen"
    )
