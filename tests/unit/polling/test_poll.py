"""One poll as a whole: what it reads of the state, and what it leaves there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.factories import NOW, PACK, watch
from watcher.fake_registry.server import FakeRegistry
from watcher.model.event import Kind
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.state.store import StateFolder


def poll(folder: StateFolder, registry: FakeRegistry, *nodes: str) -> Report:
    """Do one whole poll."""

    async def once() -> Report:
        config = watch(registry.url, *nodes)
        return await Poller(config=config, folder=folder, clock=lambda: NOW, stopping=asyncio.Event()).poll()

    return asyncio.run(once())


def test_a_poll_decodes_only_the_nodes_it_reads(tmp_path: Path, registry: FakeRegistry) -> None:
    """Another node's part of the snapshot is copied as it is, even if it cannot be decoded."""
    for node in (PACK, "other"):
        registry.catalog.publish(node, "1.0.0")
    poll(StateFolder(tmp_path), registry, PACK, "other")
    path = tmp_path / "snapshot.json"
    damaged = '"baseline_at": 17'
    path.write_text(path.read_text().replace(f'"baseline_at": "{NOW}"', damaged, 1))
    assert path.read_text().index(damaged) < path.read_text().index(f'"{PACK.lower()}": ')
    registry.catalog.set_status(PACK, "1.0.0", "flagged")
    assert [event.kind for event in poll(StateFolder(tmp_path), registry, PACK).events] == [Kind.FLAGGED]
    assert damaged in path.read_text()
    assert StateFolder(tmp_path).load_revision() == 2
