"""`audit` and the watch of installs say the same of the same copy, whatever the registry and a ComfyUI have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import FakeRegistry
from tests.support.lived_in import LivedIn
from tests.support.parameters import one_of
from tests.support.polls import Watcher
from watcher import timestamps
from watcher.installs.scan import scan
from watcher.model.event import Grade, grade_rank
from watcher.model.pack import Source, SourceKind
from watcher.polling.audit import audit
from watcher.polling.clock import clock
from watcher.registry.client import Registry, RequestLimits
from watcher.streams import silent

PACKS = 40
EARLIER, INSTALLED = "1.0.0", "1.1.0"


def _reason(*findings: tuple[str, str, str]) -> str:
    """Return a reason with findings, each with rule, severity and file."""
    return json.dumps(
        [
            {"issue_type": rule, "severity": severity, "file_path": file}
            for rule, severity, file in findings
        ]
    )


NET, SHELL = ("net", "info", "nodes.py"), ("shell", "info", "run.py")
REASONS = (
    *[_reason(NET)] * 5,
    *[_reason(NET, SHELL)] * 5,
    _reason(NET, ("shell", "high", "run.py")),
    _reason(("net", "", "nodes.py")),
    _reason(NET)[:-1],
    "Flagged by hand",
    "[]",
    "",
)
Copy = tuple[str | None, str | None]
"""The id and the version of a copy."""
STATUSES = (*["flagged"] * 9, "active", "pending", "deleted", "banned")


class World:
    """A registry and a ComfyUI, which live at random."""

    def __init__(self, seed: int, catalog: Catalog, comfyui: LivedIn) -> None:
        """Publish every pack and install it, in one of the ways that there are."""
        self.random, self.catalog, self.comfyui = Random(seed), catalog, comfyui
        for number in range(PACKS):
            name = f"pack-{number:02}"
            self._publish(name)
            match self.random.randrange(6):
                case 0:
                    version = self.random.choice((INSTALLED, "7.7.7"))
                    comfyui.put_clone(name, version)
                case 1:
                    comfyui.put(name, INSTALLED, mark=False)
                case 2:
                    comfyui.put(name, EARLIER)
                case _:
                    comfyui.put(name, INSTALLED)

    def live(self) -> None:
        """Let some statuses change, and some copies be replaced; no version is flagged anew."""
        for number in self.random.sample(range(PACKS), 15):
            name = f"pack-{number:02}"
            match self.random.randrange(4):
                case 0:
                    status = self.random.choice(("active", "deleted", "banned"))
                    self.catalog.set_status(name, INSTALLED, status)
                case 1:
                    version = self.random.choice((EARLIER, INSTALLED))
                    self.comfyui.put(name, version)
                case _:
                    self._set_pack(name)

    def _publish(self, name: str) -> None:
        for version in ("0.9.0", EARLIER, INSTALLED):
            status = self.random.choice(STATUSES)
            if version == "0.9.0":
                status = self.random.choice(("active", "deleted"))
            reason = self.random.choice(REASONS)
            self.catalog.publish(name, version, status=status, reason=reason)
            if self.random.random() < 0.2:
                self.catalog.deprecate(name, version)
        if self.random.random() < 0.2:
            # Another way to write the version that is installed. A poll reads the reason of one of them.
            self.catalog.publish(name, "1.1", status=self.random.choice(STATUSES))
        self.catalog.edit_pack(name, repository=f"https://github.com/example/{name}")
        self._set_pack(name)

    def _set_pack(self, name: str) -> None:
        status = self.random.choice((*["active"] * 6, "deleted", "banned"))
        self.catalog.edit_pack(name, status=status)


@pytest.mark.parametrize("seed", one_of(*range(4)))
def test_audit_and_watch_agree(
    seed: int, registry: FakeRegistry, state: Path, tmp_path: Path
) -> None:
    """A watch that goes on says the same as `audit`, which sees everything for the first time, or worse of a flag."""
    world = World(seed, registry.catalog, LivedIn(tmp_path / "ComfyUI"))
    where = str(world.comfyui.root)
    source = Source(name="studio", kind=SourceKind.PATH, where=where)
    limits = RequestLimits(timeout=30, retries=0, concurrency=16)
    polls = Watcher(
        registry,
        state,
        installs=(source,),
        baseline="silent",
        nodes=(),
        limits=limits,
    )

    async def audited() -> Mapping[Copy, Grade]:
        done = await audit(
            Registry(registry.url, limits),
            await scan(source, timeout=30),
            minimum_age=0,
            accept=(),
            progress=silent,
        )
        return {(one.id, one.pack.version): one.grade for one in done.findings}

    for day in range(4):
        if day:
            world.live()
        # Once a day a poll asks how packs stand as a whole.
        polls.clock = partial(timestamps.later, clock(), day * 90_000)
        polls.poll()
        exposed: dict[Copy, Grade] = {
            (node, copy.version): copy.grade
            for node, one in polls.folder.load().snapshot.installed.exposures.items()
            for copy in one.copies
        }
        found = asyncio.run(audited())
        assert exposed.keys() <= found.keys()
        for copy, grade in found.items():
            watched = exposed.get(copy, Grade.OK)
            # A flag that a ban of the whole pack hid is no news when that ends, so that its reason was not read.
            if day and (grade, watched) == (Grade.FLAGGED_INFO, Grade.FLAGGED):
                continue
            # What is unknown stays as it was.
            if grade.is_bad:
                assert watched is grade, (day, copy)
            elif grade is not Grade.UNKNOWN:
                assert grade_rank(watched) >= grade_rank(grade), (day, copy)
        assert day or {Grade.FLAGGED, Grade.FLAGGED_INFO} <= {*exposed.values()}
