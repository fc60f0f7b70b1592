"""`audit` and the watch of installs say the same of the same copy, whatever the registry and a ComfyUI have."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
from watcher.changes.verdict import identities
from watcher.installs.scan import scan
from watcher.model.event import Grade, grade_rank, worst_grade
from watcher.model.finding import Finding
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
STATUSES = (*["flagged"] * 9, "active", "pending", "deleted", "banned")


@dataclass(kw_only=True)
class World:
    """A registry and a ComfyUI, which live at random."""

    random: Random
    catalog: Catalog
    comfyui: LivedIn
    switched_off: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Publish every pack and install most of them, in all the ways that there are."""
        for number in range(PACKS):
            name = f"pack-{number:02}"
            self._publish(name)
            self._install(name)

    def live(self) -> None:
        """Let some statuses change, and some copies be replaced; no version is flagged anew."""
        for number in self.random.sample(range(PACKS), 15):
            name = f"pack-{number:02}"
            change = self.random.choice(("version", "pack", "pack", "install"))
            if change == "version":
                status = self.random.choice(("active", "deleted", "banned"))
                self.catalog.set_status(name, INSTALLED, status)
            elif change == "pack":
                self._set_pack(name)
            elif name not in self.switched_off and (self.comfyui.nodes / name).exists():
                self.comfyui.put(name, self.random.choice((EARLIER, INSTALLED)))

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

    def _install(self, name: str) -> None:
        another = f"pack-{self.random.randrange(PACKS):02}"
        match self.random.randrange(8):
            case 0:
                self.comfyui.put_clone(name, self.random.choice((INSTALLED, "7.7.7")))
            case 1:
                self.comfyui.put(name, INSTALLED, mark=False)
            case 2:
                self.comfyui.put(name, INSTALLED)
                self.comfyui.switch_off(name)
                self.switched_off.add(name)
            case 3:
                # A lie about its id: its folder is named after another pack.
                self.comfyui.registry(another, "v1.1", folder=name)
            case 4:
                self.comfyui.put(name, EARLIER)
            case _:
                self.comfyui.put(name, INSTALLED)


@pytest.fixture(params=one_of(*range(4)))
def world(
    request: pytest.FixtureRequest, registry: FakeRegistry, tmp_path: Path
) -> World:
    """A world at its beginning."""
    comfyui = LivedIn(tmp_path / "ComfyUI")
    made = World(
        random=Random(request.param), catalog=registry.catalog, comfyui=comfyui
    )
    made.begin()
    return made


def _source(world: World) -> Source:
    return Source(name="studio", kind=SourceKind.PATH, where=str(world.comfyui.root))


def _audited(world: World, registry: FakeRegistry) -> tuple[Finding, ...]:
    """Return what `audit` says of the copies that are run."""

    async def look() -> tuple[Finding, ...]:
        limits = RequestLimits(timeout=30, retries=0, concurrency=16)
        done = await audit(
            Registry(registry.url, limits),
            await scan(_source(world), timeout=30),
            minimum_age=0,
            accept=(),
            progress=silent,
        )
        return done.findings

    return tuple(one for one in asyncio.run(look()) if one.pack.enabled)


def _watcher(world: World, registry: FakeRegistry, folder: Path) -> Watcher:
    return Watcher(
        registry,
        folder,
        installs=(_source(world),),
        baseline="silent",
        nodes=(),
        limits=RequestLimits(timeout=30, retries=0, concurrency=16),
    )


def _days_later(days: int) -> str:
    return timestamps.later(clock(), days * 90_000)


def _exposed(polls: Watcher) -> dict[str, Grade]:
    """Return what the state says is run and bad."""
    exposures = polls.folder.load().snapshot.installed.exposures
    return {
        _key(node, copy.version): copy.grade
        for node, one in exposures.items()
        for copy in one.copies
    }


def _key(node: str, version: str | None) -> str:
    return f"{node.lower()}@{version or ''}"


def _bad(findings: Iterable[Finding]) -> dict[str, Grade]:
    """Return what is bad about copies that are run, by what was judged."""
    found: dict[str, list[Grade]] = defaultdict(list)
    for one in findings:
        if one.id is not None:
            found[_key(one.id, one.pack.version)].append(one.grade)
    worst = {key: worst_grade(grades) for key, grades in found.items()}
    return {key: one for key, one in worst.items() if one.is_bad}


def _keys(finding: Finding) -> Iterable[str]:
    """Return what a copy may be."""
    pack = finding.pack
    return (_key(one.id, pack.version) for one in identities(pack))


def _disagreements(
    findings: Iterable[Finding], exposed: Mapping[str, Grade]
) -> list[str]:
    """Return of what the two do not say the same."""
    bad = _bad(findings)
    wrong = [
        f"{key}: audit says {grade}, the watch {exposed.get(key)}"
        for key, grade in bad.items()
        if exposed.get(key) is not grade
    ]
    # `audit` says the worst of all that a copy may be, the watch something of each. What is unknown stays as it was.
    copies = {key: one.grade for one in findings for key in _keys(one)}
    return wrong + [
        f"{key}: audit says {copies[key]}, only the watch {grade}"
        for key, grade in exposed.items()
        if key not in bad
        and copies[key] is not Grade.UNKNOWN
        and grade_rank(grade) < grade_rank(copies[key])
    ]


def test_audit_and_watch_agree(
    world: World, registry: FakeRegistry, state: Path
) -> None:
    """A watch that goes on says the same as `audit`, which sees everything for the first time, or worse of a flag."""
    polls = _watcher(world, registry, state)
    for day in range(4):
        if day:
            world.live()
        # Once a day a poll asks how packs stand as a whole.
        polls.clock = partial(_days_later, day)
        polls.poll()
        exposed = _exposed(polls)
        findings = _audited(world, registry)
        for key, grade in _bad(findings).items():
            # A flag that a ban of the whole pack hid is no news when that ends, so that its reason was not read.
            is_milder = grade is Grade.FLAGGED_INFO and exposed[key] is Grade.FLAGGED
            if day and is_milder:
                exposed[key] = grade
        assert _disagreements(findings, exposed) == []
        assert day or {Grade.FLAGGED, Grade.FLAGGED_INFO} <= {*exposed.values()}
