"""How a pack stands, by the real program: a copy of which nothing is known is never ok."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import figures
from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

pytestmark = pytest.mark.measured


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, comfyui: LivedIn) -> Watcher:
    """A watcher of a ComfyUI in which one pack is old, one unknown, and one banned and accepted."""
    for pack in ("alpha", "bravo", "charlie"):
        registry.catalog.publish(pack, "0.9.0", created_at="2026-01-01T00:00:00Z")
        registry.catalog.edit_pack(
            pack, repository=f"https://github.com/example/{pack}"
        )
    registry.catalog.publish("alpha", "1.1.0", created_at="2026-02-01T00:00:00Z")
    registry.catalog.set_status("charlie", "0.9.0", "flagged", "[]")
    comfyui.put("alpha", "0.9.0")
    comfyui.put_clone("bravo", "7.7.7")
    comfyui.put("charlie", "0.9.0")
    return watch.but(
        nodes=[],
        installs=[str(comfyui.root)],
        accept=["charlie@0.9.0"],
        publish_installs=True,
    )


def stands(watch: Watcher) -> dict[str, str]:
    """Return how each pack stands, which is the same in `status`, the figures and the page."""
    rows = watch.document("status")["nodes"]
    found = {row["node"]: str(row["state"]) for row in rows}
    packs = {
        label: count
        for (name, label), count in figures.read(watch.run("metrics").out).items()
        if name == "packs" and count
    }
    states = watch.document("status")["summary"]["states"]
    assert packs == {state: count for state, count in states.items() if count}
    assert watch.run("publish", "page").code == 0
    page = (watch.folder / "page" / "index.html").read_text("utf-8")
    assert all(
        f">{int(count)} {state}</span>" in page for state, count in packs.items()
    )
    return found


def test_what_is_run_stands_as_it_was_judged(
    watch: Watcher, registry: FakeRegistry, comfyui: LivedIn, tmp_path: Path
) -> None:
    """As `audit` has it; an install that cannot be read leaves that as it was, and what is accepted is no worse."""
    watch.check()
    judged = {"alpha": "outdated", "bravo": "unknown", "charlie": "ok"}
    assert stands(watch) == judged
    rows = watch.document("audit", str(comfyui.root), "--fail-on", "banned")["packs"]
    assert {row["id"]: row["verdict"] for row in rows} == judged | {
        "charlie": "flagged"
    }
    comfyui.unmount()
    watch.check(code=1)
    assert stands(watch) == judged
    comfyui.mount()
    comfyui.remove("bravo")
    watch.check()
    registry.catalog.ban_node("charlie")
    watch.check()
    assert stands(watch)["charlie"] == "banned"
