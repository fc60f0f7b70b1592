"""What pins the tools names no place."""

from __future__ import annotations

import json

import pytest

from tests.support import program

pytestmark = pytest.mark.deployment


def test_the_lock_of_npm_names_no_host() -> None:
    """Each package has its hash, and none an address: it comes from the registry that npm is set up for."""
    lock = json.loads(
        (program.ROOT / "requirements" / "npm" / "package-lock.json").read_text("utf-8")
    )
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in entry and "resolved" not in entry for entry in packages)
