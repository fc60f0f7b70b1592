"""Scans that somebody waits for: how long each takes, what goes wrong meanwhile, and how the wait has to end.

A plan follows from its number alone. It decides what happens when; the exit code follows from the plan, and not from
what was answered, so that a wait which reads the answers wrongly is seen.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import pairwise

from aiohttp import web

from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import encoded
from tests.support.fakes.fault import asked
from tests.support.fakes.faults import FAULTS, Fault, Means
from tests.support.virtual import VirtualRegistry, run
from watcher.polling.wait import Look, Waiter
from watcher.registry.client import RequestLimits

NODE = "Lamps"
VERSION = "1.5.0"
MINUTE = 60.0
TIMEOUT = 30.0
_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_LONGEST_PAUSE = 300.0
"""Seconds that a wait lets the registry ask for."""

STORMS = tuple(
    name
    for name, fault in FAULTS.items()
    # A ban is a verdict. What is heavy is tried with the real program.
    if fault.means is not Means.BANNED and not fault.heavy
)
"""Every fault that may come and go."""
HIDING = tuple(
    name
    for name in STORMS
    if FAULTS[name].means in {Means.UNREADABLE, Means.REGISTRY, Means.EMPTY}
)
"""Those that show no version at all."""

_ABSENT = "status_404_json"
"""A fault that is none of `GET /nodes`: then there is no such endpoint."""


class Verdict(StrEnum):
    """How a scan ends."""

    ACTIVE = "active"
    FLAGGED = "flagged"
    BANNED = "banned"
    DELETED = "deleted"
    REFUSED_PACK = "pending"
    """The version stays so, and the whole pack is banned."""
    UNKNOWN = "NodeVersionStatusQuarantined"


class Ending(StrEnum):
    """Where the verdict lies."""

    IN_TIME = "it comes in time"
    JUST = "it comes just before the end"
    LATE = "it comes too late"
    HIDDEN = "a fault hides it to the end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """A time in which a share of the answers is wrong. All times are in seconds from the begin of the wait."""

    begin: float
    end: float
    faults: tuple[str, ...]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One scan, and one wait for it."""

    seed: int
    appears: float
    """When the version is first listed."""
    judged: float
    """When the scan ends."""
    verdict: Verdict
    ending: Ending
    longest: float
    every: float
    storms: tuple[Storm, ...]
    age: float
    """How old an answer may be: some caches give what they have."""
    versions: int
    """How many older versions the pack has."""

    @property
    def code(self) -> int:
        """The exit code that is right."""
        is_late = self.ending in {Ending.LATE, Ending.HIDDEN}
        if is_late or self.verdict is Verdict.UNKNOWN:
            return 1
        return 0 if self.verdict is Verdict.ACTIVE else 3


def plan(seed: int) -> Plan:
    """Return the plan of a number."""
    rng = random.Random(seed)
    every = rng.choices([30.0, 60.0, 120.0, 300.0], weights=[1, 2, 6, 18])[0]
    appears = rng.choice([0.0, 0.0, 45.0, 200.0])
    judged = appears + rng.uniform(1, 120) * MINUTE
    ending = rng.choices([*Ending], weights=[5, 1, 3, 1])[0]
    age = 0.0 if ending is Ending.JUST else rng.choice([0.0, 0.0, 60.0, 600.0])
    longest, storms = _time(rng, ending, appears, judged, every + age)
    return Plan(
        seed=seed,
        appears=appears,
        judged=judged,
        verdict=rng.choices([*Verdict], weights=[4, 2, 1, 1, 1, 1])[0],
        ending=ending,
        longest=longest,
        every=every,
        storms=storms,
        age=age,
        versions=rng.choices([0, 4, 130], weights=[3, 6, 1])[0],
    )


def _time(
    rng: random.Random, ending: Ending, appears: float, judged: float, late: float
) -> tuple[float, tuple[Storm, ...]]:
    """Return how long is waited, and what goes wrong meanwhile.

    A good answer may show the verdict `late` seconds late.
    """
    if ending is Ending.LATE:
        longest = judged * rng.uniform(0.05, 0.99) - 1
        return longest, tuple(_storms(rng, longest))
    if ending is Ending.HIDDEN:
        longest = judged + rng.uniform(0, 3600)
        hidden = Storm(
            begin=min(appears + 0.5, judged - 1),
            end=longest + TIMEOUT + 1,
            faults=tuple(rng.sample(HIDING, rng.choice([1, 3]))),
            share=1.0,
        )
        return longest, (hidden,)
    # After the last storm a wait needs one good answer.
    margin = _LONGEST_PAUSE + late + 1
    longest = judged + margin + rng.choice([0.0, 60.0, 3600.0])
    if ending is Ending.JUST:
        longest = judged + 0.5
    return longest, tuple(_storms(rng, longest - margin))


def _storms(rng: random.Random, end: float) -> Iterator[Storm]:
    """Yield storms that are over at the end."""
    for _ in range(rng.choice([0, 1, 2, 4])):
        begin, over = sorted(rng.uniform(1, max(end, 1)) for _ in range(2))
        yield Storm(
            begin=begin,
            end=over,
            faults=tuple(rng.sample(STORMS, rng.choice([1, 2, 8]))),
            share=rng.choice([0.2, 0.6, 1.0]),
        )


@dataclass(slots=True)
class World:
    """The registry of one plan, which answers by the loop's clock."""

    plan: Plan
    rng: random.Random = field(init=False)
    phases: list[tuple[float, Catalog]] = field(init=False)
    looks: list[float] = field(default_factory=list)
    """When each look began."""
    kept: dict[tuple[int, str], tuple[int, bytes]] = field(default_factory=dict)
    """Ordinary answers, by their catalog and query."""

    def __post_init__(self) -> None:
        plan = self.plan
        self.rng = random.Random(f"answers of {plan.seed}")
        self.phases = [
            (-1e9, self._catalog("")),
            (plan.appears, self._catalog("pending")),
            (plan.judged, self._catalog(plan.verdict)),
        ]
        if plan.verdict is Verdict.REFUSED_PACK:
            self.phases[-1][1].ban_node(NODE)

    def _catalog(self, status: str) -> Catalog:
        catalog = Catalog()
        for number in range(self.plan.versions):
            catalog.publish(
                NODE,
                f"1.4.{number}",
                created_at=_NOON - timedelta(days=200 - number),
                status="flagged" if number == 2 else "active",
                id=f"old-{number}",
            )
        catalog.publish("another", VERSION, status="flagged", id="of-another")
        if status:
            catalog.publish(NODE, VERSION, status=status, created_at=_NOON, id="wanted")
        return catalog

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as it is now, as a cache has it, or with a fault."""
        now = asyncio.get_running_loop().time()
        is_of_versions = request.path == "/versions"
        query = asked(request)
        if is_of_versions and query.get("page") == ["1"] and "statuses" not in query:
            self.looks.append(now)
        catalog, headers = self._kept(now)
        fault = self._fault(now)
        if fault is not None and (is_of_versions or fault.name != _ABSENT):
            found = await fault.play(request, catalog)
            if found is not None:
                return found
        key = id(catalog), request.path_qs
        if key not in self.kept:
            answering = catalog.answer if is_of_versions else catalog.packs
            status, document = answering(query)
            self.kept[key] = status, encoded(document)
        status, body = self.kept[key]
        return web.Response(
            status=status, body=body, headers=headers, content_type="application/json"
        )

    def _kept(self, now: float) -> tuple[Catalog, dict[str, str]]:
        """Return what a cache may have kept, and how old it says that this is."""
        age = self.rng.uniform(0, self.plan.age)
        found = [catalog for begin, catalog in self.phases if begin <= now - age][-1]
        return found, {"Age": f"{age:.0f}"} if self.rng.random() < 0.5 else {}

    def _fault(self, now: float) -> Fault | None:
        for storm in self.plan.storms:
            if storm.begin <= now < storm.end and self.rng.random() < storm.share:
                return FAULTS[self.rng.choice(storm.faults)]
        return None


def wrong(plan: Plan) -> list[str]:
    """Wait for a scan, in no time, and return what is wrong with how it ended."""
    world = World(plan)

    async def wait() -> tuple[Look, float]:
        loop = asyncio.get_running_loop()
        limits = RequestLimits(timeout=TIMEOUT, retries=0)
        waiter = Waiter(
            seen=Look(node=NODE.lower(), text=VERSION),
            connect=partial(VirtualRegistry, world.answer, limits),
            timeout=TIMEOUT,
            every=plan.every,
            longest=plan.longest,
            report=lambda _: None,
        )
        return await waiter.run(), loop.time()

    look, seconds = run(wait())
    found: list[str] = []
    refused = 0 if look.status == "active" else 3
    code = refused if look.is_judged else 1
    if code != plan.code:
        found.append(f"exit {code} instead of {plan.code}: {look}")
    if seconds > plan.longest + TIMEOUT + 0.001:
        found.append(f"it took {seconds} s")
    if look.is_judged and seconds < plan.judged:
        found.append(f"it was judged {plan.judged - seconds} s too early")
    if plan.code == 1 and (seconds < plan.longest or not look.why):
        found.append(f"it gave up after {seconds} s: {look.why!r}")
    # The last look is at the end of the time.
    starts = world.looks[:-1]
    pauses = [after - before for before, after in pairwise(starts)]
    if any(pause < plan.every - 0.001 for pause in pauses):
        found.append(f"it asked again after {min(pauses)} s")
    return found
