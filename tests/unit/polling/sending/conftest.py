"""What the tests of deliveries begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.state.store import StateFolder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    """An empty state folder."""
    return StateFolder(tmp_path)
