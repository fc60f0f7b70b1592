"""Where settings and state are kept, by system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from watcher.settings.places import Folders, user_folders

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="these are Linux's folders"
)


@pytest.mark.parametrize(
    ("environ", "settings", "state"),
    [
        ({"HOME": "/h"}, "/h/.config/comfy-watch", "/h/.local/state/comfy-watch"),
        (
            {"HOME": "/h", "XDG_STATE_HOME": "states"},
            "/h/.config/comfy-watch",
            "/h/.local/state/comfy-watch",
        ),
        (
            {"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"},
            "/c/comfy-watch",
            "/s/comfy-watch",
        ),
        (
            {"HOME": "/h", "XDG_CONFIG_HOME": "/one", "XDG_STATE_HOME": "/one"},
            "/one/comfy-watch",
            "/one/comfy-watch/state",
        ),
        ({"XDG_CONFIG_HOME": "/c"}, "/c/comfy-watch", "/c/comfy-watch/state"),
    ],
)
def test_the_users_folders(environ: dict[str, str], settings: str, state: str) -> None:
    """Settings and state have their XDG folders, never one for both; without a home the state lies by the settings."""
    assert user_folders(environ) == Folders(settings=Path(settings), state=Path(state))


def test_nobodys_folders() -> None:
    """A user without a home folder has none."""
    assert user_folders({"HOME": ""}) is None
