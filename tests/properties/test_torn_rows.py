"""Random lives of a whole registry whose rows break and mend: nothing is invented, and nothing is lost for good.

docs/behaviour.md, Sweeps, says what must be reported of a pack that was left out of the baseline of all, and when. Here
only this is held against it: an event has a change behind it, and a change an event, or a later baseline of its pack.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry, encoded
from tests.support.fakes.fault import asked
from tests.support.parameters import one_of
from tests.support.polls import Watcher
from watcher.model.event import Event

PACKS = tuple(f"Pack-{number:02}" for number in range(10))
STATUSES = ("active", "flagged", "banned", "pending", "deleted")
KINDS = frozenset(
    ("new", "flagged", "banned", "pending", "deleted", "reinstated", "changed")
)
BROKEN: tuple[dict[str, object], ...] = (
    {"status": 7},
    {"dependencies": 7},
    {"status": 7, "version": None},
)
GLOBS = (("*",), ("*", "!pack-09"), ("pack-0*",), ("*", "!zzz"))
OLD, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


class Life:
    """A registry of a few packs, what was changed in it since it was first polled, and what was reported."""

    def __init__(
        self, registry: FakeRegistry, folder: Path, chance: random.Random
    ) -> None:
        self.registry, self.chance = registry, chance
        self.watcher = Watcher(
            registry, folder, *chance.choice([(), ("pack-00",)]), failure_threshold=99
        )
        self.globs: tuple[str, ...] = ("*",)
        self.torn: dict[str, dict[str, object]] = {}
        """By the id of a version: the fields of its row that come with values that do not fit."""
        self.changes: dict[tuple[str, str], set[str]] = {}
        """By pack and version: the statuses that it went to since the first poll."""
        self.known: dict[tuple[str, str], str] = {}
        """The statuses that were reported last, or that a baseline had."""
        self.based: set[str] = set()
        """The packs that had a baseline."""
        self.invented: list[Event] = []
        for pack in PACKS[:8]:
            registry.catalog.publish(
                pack, "1.0.0", status=chance.choice(STATUSES[:3]), created_at=OLD
            )
            registry.catalog.publish(pack, "1.1.0", created_at=OLD)
        registry.respond = self._respond

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse | None:
        if not request.path.endswith("versions"):
            return None
        status, document = self.registry.catalog.answer(asked(request))
        rows: Any = document["versions"]
        for row in rows:
            row.update(self.torn.get(row["id"], {}))
        return web.Response(
            status=status, body=encoded(document), content_type="application/json"
        )

    def _rows(self) -> list[dict[str, Any]]:
        rows: Any = self.registry.catalog.answer({"pageSize": ["100"]})[1]["versions"]
        return list(rows)

    def change(self) -> None:
        """Let something happen to a version, or to its row."""
        chance, catalog = self.chance, self.registry.catalog
        row = chance.choice(self._rows())
        pack, version = row["node_id"].lower(), row["version"]
        match chance.randrange(5):
            case 0:
                pack, version = (
                    chance.choice(PACKS).lower(),
                    f"{chance.randrange(2, 9)}.0.0",
                )
                if (pack, version) not in self.now():
                    status = chance.choice(STATUSES[:4])
                    catalog.publish(
                        pack.capitalize(), version, status=status, created_at=FUTURE
                    )
                    self.changes[pack, version] = {status}
            case 1:
                status = chance.choice(STATUSES)
                catalog.set_status(pack, version, status)
                self.changes.setdefault((pack, version), set()).add(status)
            case 2 | 3:
                self.torn[row["id"]] = chance.choice(BROKEN)
            case _:
                self.torn = {
                    key: how for key, how in self.torn.items() if chance.random() < 0.5
                }

    def poll(self) -> None:
        """Poll, and hold what is reported against what was changed."""
        for event in self.watcher.poll(globs=self.globs).events:
            if event.kind == "baseline":
                self.take_baseline(event.node)
            elif event.version is not None and event.kind in KINDS:
                key = ((event.node or "").lower(), event.version)
                if event.after not in self.changes.get(key, ()):
                    self.invented.append(event)
                self.known[key] = event.after or ""

    def take_baseline(self, pack: str | None) -> None:
        """A baseline has the versions of its pack as they are; that of all those of packs that can be read whole."""
        torn = {
            row["node_id"].lower() for row in self._rows() if row["id"] in self.torn
        }
        chosen = {key[0] for key in self.now() if f"!{key[0]}" not in self.globs}
        packs = {pack.lower()} if pack else chosen - torn - self.based
        self.based |= packs
        self.known |= {
            key: status for key, status in self.now().items() if key[0] in packs
        }

    def now(self) -> dict[tuple[str, str], str]:
        """Return the status of every version."""
        return {
            (row["node_id"].lower(), row["version"]): _short(row["status"])
            for row in self._rows()
        }

    def lost(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Return what is not as it was last reported, both ways. What was deleted before it was seen is no news."""
        pairs = {
            key: (status, self.known.get(key, "deleted"))
            for key, status in self.now().items()
        }
        return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _short(status: str) -> str:
    return status.removeprefix("NodeVersionStatus").lower()


@pytest.mark.parametrize("seed", one_of(*range(20)))
def test_rows_that_break_and_mend(
    registry: FakeRegistry, state: Path, seed: int
) -> None:
    """No event is without a change, and once every row can be read again no change is without its event."""
    chance = random.Random(seed)
    life = Life(registry, state, chance)
    for _ in range(chance.randrange(3)):  # some rows are broken from the start
        life.torn[chance.choice(life._rows())["id"]] = chance.choice(BROKEN)
    life.poll()
    for _ in range(25):
        for _ in range(chance.randrange(4)):
            life.change()
        if chance.random() < 0.2:
            life.globs = chance.choice(GLOBS)
        life.poll()
    life.torn, life.globs = {}, ("*",)
    for _ in range(3):
        life.poll()
    assert (life.invented, life.lost()) == ([], {})
