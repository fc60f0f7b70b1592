"""The wording of events, pinned once for each renderer. `python -m tests.golden` rewrites it."""

from __future__ import annotations

import pytest

from tests.golden.renderers import FOLDER, RENDERERS, path_of, text_of
from tests.golden.samples import EVENTS
from watcher.model.event import Kind


@pytest.mark.parametrize("name", RENDERERS)
def test_the_wording(name: str) -> None:
    """Every renderer writes what its golden file has."""
    golden = path_of(name).read_text("utf-8")
    assert text_of(name) == golden, (
        "run python -m tests.golden, and read the difference"
    )


def test_every_kind_has_a_sample() -> None:
    """No kind is without its wording, and no golden file without a renderer."""
    assert {one.kind for one in EVENTS.values()} == set(Kind)
    assert {path.stem for path in FOLDER.glob("*.txt")} == RENDERERS.keys()
