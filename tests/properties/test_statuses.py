"""Random lives seen by a watcher of all statuses and by watchers of some: they know the same, and ask the same.

Which events the setting `statuses` lets pass: `tests/unit/changes/test_passing.py`.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.support.comfyui import ComfyUI
from tests.support.factories import minute
from tests.support.fake_registry.server import FakeRegistry
from tests.support.parameters import one_of
from tests.support.polls import Watcher
from watcher.model.pack import Source, SourceKind
from watcher.model.snapshot import Snapshot

STATUSES = ("active", "pending", "flagged", "banned", "deleted")
SOME = [some for count in range(1, 5) for some in combinations(STATUSES, count)]
PACKS = ("alpha", "Beta", "gamma")
OLD = "2020-01-01T00:00:00Z"


class Life:
    """A registry of a few packs, one ComfyUI that runs some of them, and the watchers."""

    def __init__(
        self, registry: FakeRegistry, folder: Path, chance: random.Random
    ) -> None:
        self.registry, self.chance = registry, chance
        for pack in PACKS:
            registry.catalog.publish(pack, "1.0.0", created_at=OLD)
            registry.catalog.publish(pack, "1.1.0", created_at=OLD)
        comfyui = ComfyUI(folder / "ComfyUI")
        comfyui.registry("alpha", "1.0.0")
        comfyui.registry("Beta", "1.1.0")
        studio = Source(name="studio", kind=SourceKind.PATH, where=str(comfyui.root))
        settings: dict[str, Any] = chance.choice(
            [{}, {"globs": ("*",), "installs": ()}, {"failure_threshold": 3}]
        )
        self.watchers = {
            statuses: Watcher(
                registry,
                folder / "-".join(statuses),
                *(() if "globs" in settings else PACKS),
                **{"installs": (studio,), "statuses": statuses} | settings,
            )
            for statuses in (STATUSES, *chance.sample(SOME, 2))
        }

        self.left_out = set[str | None]()
        """What the events that do not pass were `after`."""

    def change(self) -> None:
        """Let something happen to a version, or to its pack."""
        chance, catalog = self.chance, self.registry.catalog
        rows: Any = catalog.answer({"pageSize": ["100"]})[1]["versions"]
        there = [(row["node_id"], row["version"]) for row in rows]
        pack, version = chance.choice(there)
        match chance.randrange(9):
            case 0:
                catalog.remove(pack, version)
            case 1:
                catalog.deprecate(pack, version, chance.random() < 0.5)
            case 2:
                at = f"https://cdn.example/{chance.random()}"
                catalog.edit(pack, version, downloadUrl=at)
            case 3:
                number = f"{chance.randrange(2, 9)}.0.0"
                pack = chance.choice(PACKS)
                if (pack, number) not in there:
                    catalog.publish(pack, number, status=chance.choice(STATUSES))
            case 4:
                catalog.edit_pack(pack, status=chance.choice(["active", "banned"]))
            case 5:
                catalog.set_status(pack, version, "NodeVersionStatusLimbo")
            case _:
                catalog.set_status(pack, version, chance.choice(STATUSES))

    def poll(self, at: str) -> None:
        """Poll with each watcher, and hold those of some statuses against that of all."""
        whole = self.watchers[STATUSES]
        for one in self.watchers.values():
            one.clock = lambda: at
        wide = whole.poll().events
        asked = [(one.path, one.query) for one in self.registry.requests]
        snapshot = _without_salt(whole.folder.load().snapshot)
        for statuses, other in self.watchers.items():
            if other is whole:
                continue
            events = other.poll().events
            assert list(events) == [one for one in wide if one in events]
            left_out = {one.after for one in wide if one not in events}
            assert left_out.isdisjoint(statuses)
            self.left_out |= left_out
            assert _without_salt(other.folder.load().snapshot) == snapshot
            requests = [(one.path, one.query) for one in self.registry.requests]
            assert sorted(requests, key=str) == sorted(asked, key=str)


def _without_salt(snapshot: Snapshot) -> Snapshot:
    """Leave out what is random: two states never have the same key for digests of addresses."""
    return replace(snapshot, installed=replace(snapshot.installed, salt=""))


@pytest.mark.parametrize("seed", one_of(*range(16)))
def test_a_watcher_of_some_statuses_tells_less_and_knows_the_same(
    registry: FakeRegistry, tmp_path: Path, seed: int
) -> None:
    """Its snapshot and its requests are those of a watcher of all, and its events some of that one's."""
    chance = random.Random(seed)
    life = Life(registry, tmp_path, chance)
    for number in range(10):
        for _ in range(chance.randrange(4) if number else 0):
            life.change()
        life.poll(minute(15 * number))
    assert life.left_out
