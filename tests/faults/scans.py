"""Scans that somebody waits for: how long each takes, what goes wrong meanwhile, and how the wait has to end.

A plan follows from its number alone. It decides what happens when; the exit code follows from the plan, and not from
what was answered, so that a wait which reads the answers wrongly is seen.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial

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
FINDINGS = 3
REASON = json.dumps(
    [
        {"issue_type": f"rule_{number}", "severity": "info", "file_path": "nodes.py"}
        for number in range(FINDINGS)
    ]
)

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


Answering = Callable[[Mapping[str, Sequence[str]]], tuple[int, dict[str, object]]]

_ABSENT = {"status_404_json"}


class Verdict(StrEnum):
    """How a scan ends."""

    ACTIVE = "active"
    DEPRECATED = "active, and deprecated"
    FLAGGED = "flagged"
    BANNED = "banned"
    DELETED = "deleted"
    REFUSED_PACK = "403 for the whole pack"
    BANNED_PACK = "GET /nodes says that the pack is banned"
    BANNED_PUBLISHER = "GET /nodes says that the publisher is banned"
    UNKNOWN = "a status that nobody knows"


_OF_PACK = {Verdict.BANNED_PACK, Verdict.BANNED_PUBLISHER}
"""What only GET /nodes says."""

_STATUSES = {
    Verdict.ACTIVE: "active",
    Verdict.DEPRECATED: "active",
    Verdict.FLAGGED: "flagged",
    Verdict.BANNED: "banned",
    Verdict.DELETED: "deleted",
    Verdict.REFUSED_PACK: "pending",
    Verdict.BANNED_PACK: "pending",
    Verdict.BANNED_PUBLISHER: "pending",
    Verdict.UNKNOWN: "NodeVersionStatusQuarantined",
}
"""Of the version's row."""


class Records(StrEnum):
    """What GET /nodes answers."""

    USUAL = "the pack"
    ABSENT = "404: there is no such endpoint"
    WALLED = "403 for everybody"
    MISSING = "other packs"
    STRANGE = "a status that nobody knows"


class Form(StrEnum):
    """How the version is named."""

    EXACT = "as it is published"
    NEWEST = "not at all: the newest that is pending"


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
    form: Form
    appears: float
    """When the version is first listed."""
    judged: float
    """When the scan ends."""
    verdict: Verdict
    records: Records
    ending: Ending
    longest: float
    every: float
    storms: tuple[Storm, ...]
    age: float
    """How old an answer may be: some caches give what they have."""
    versions: int
    """How many older versions the pack has."""
    is_again: bool
    """An older version has the same text, and was deleted."""

    @property
    def code(self) -> int:
        """The exit code that is right."""
        if (
            self.ending in {Ending.LATE, Ending.HIDDEN}
            or self.verdict is Verdict.UNKNOWN
        ):
            return 1
        if self.verdict not in {Verdict.ACTIVE, Verdict.DEPRECATED}:
            return 3
        return 0 if self.records in {Records.USUAL, Records.ABSENT} else 1


def plan(seed: int) -> Plan:
    """Return the plan of a number."""
    rng = random.Random(seed)
    form = rng.choice([*Form])
    every = rng.choices([30.0, 60.0, 120.0, 300.0], weights=[1, 2, 6, 18])[0]
    age = rng.choice([0.0, 0.0, 60.0, 600.0])
    appears = 0.0 if form is Form.NEWEST else rng.choice([0.0, 0.0, 45.0, 200.0])
    judged = appears + rng.uniform(1, 120) * MINUTE
    ending = rng.choices([*Ending], weights=[5, 1, 3, 1])[0]
    age = 0.0 if ending is Ending.JUST else age
    longest, storms = _time(rng, ending, appears, judged, every + age)
    verdict = rng.choices([*Verdict], weights=[4, 1, 2, 1, 1, 1, 1, 1, 1])[0]
    records = Records.USUAL
    if verdict not in _OF_PACK and rng.random() < 0.3:
        records = rng.choice([*Records])
    return Plan(
        seed=seed,
        form=form,
        appears=appears,
        judged=judged,
        verdict=verdict,
        records=records,
        ending=ending,
        longest=longest,
        every=every,
        storms=storms,
        age=age,
        versions=rng.choices([0, 4, 130], weights=[3, 6, 1])[0],
        is_again=rng.random() < 0.2,
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
    """Yield storms that are over at the end; none is in the first second, in which the newest version is chosen."""
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
    met: set[str] = field(default_factory=set)
    """The faults that were answered with."""
    kept: dict[tuple[int, str], tuple[int, bytes]] = field(default_factory=dict)
    """Ordinary answers, by their catalog and query."""

    def __post_init__(self) -> None:
        plan = self.plan
        self.rng = random.Random(f"answers of {plan.seed}")
        self.phases = [
            (-1e9, self._catalog("")),
            (plan.appears, self._catalog("pending")),
            (plan.judged, self._catalog(_STATUSES[plan.verdict])),
        ]
        judged = self.phases[-1][1]
        match plan.verdict:
            case Verdict.DEPRECATED:
                judged.deprecate(NODE, VERSION)
            case Verdict.REFUSED_PACK:
                judged.ban_node(NODE)
            case Verdict.BANNED_PACK:
                judged.edit_pack(NODE, status="banned", status_detail="Malware")
            case Verdict.BANNED_PUBLISHER:
                publisher = {"id": "me", "status": "PublisherStatusBanned"}
                judged.edit_pack(NODE, publisher=publisher)
            case _:
                pass
        if plan.records is Records.STRANGE:
            for _, catalog in self.phases[1:]:
                catalog.edit_pack(NODE, status="NodeStatusFrozen")

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
        if self.plan.is_again and status:  # alone it would be the one that is meant
            _publish_again(catalog)
        if status:
            catalog.publish(
                NODE,
                VERSION,
                status=status,
                reason=REASON if status == "flagged" else "",
                created_at=_NOON,
                id="wanted",
            )
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
        # A 404 for GET /nodes is no fault: then there is no such endpoint.
        if fault is not None and (is_of_versions or fault.name not in _ABSENT):
            self.met.add(fault.name)
            found = await fault.play(request, catalog)
            if found is not None:
                return found
        key = id(catalog), request.path_qs
        if key not in self.kept:
            answering = catalog.answer if is_of_versions else self._packs(catalog)
            status, document = answering(query)
            self.kept[key] = status, encoded(document)
        status, body = self.kept[key]
        return web.Response(
            status=status, body=body, headers=headers, content_type="application/json"
        )

    def _kept(self, now: float) -> tuple[Catalog, dict[str, str]]:
        """Return what a cache may have kept, and how old it says that this is."""
        age = self.rng.uniform(0, self.plan.age)
        # Where no version was named, this look chooses it.
        is_first = now < 1
        age = 0.0 if is_first else age
        found = [catalog for begin, catalog in self.phases if begin <= now - age][-1]
        return found, {"Age": f"{age:.0f}"} if self.rng.random() < 0.5 else {}

    def _fault(self, now: float) -> Fault | None:
        for storm in self.plan.storms:
            if storm.begin <= now < storm.end and self.rng.random() < storm.share:
                return FAULTS[self.rng.choice(storm.faults)]
        return None

    def _packs(self, catalog: Catalog) -> Answering:
        """Return what answers GET /nodes."""
        match self.plan.records:
            case Records.ABSENT:
                return lambda _: (404, {"message": "Not Found"})
            case Records.WALLED:
                return lambda _: (403, {"message": "Forbidden"})
            case Records.MISSING:
                return lambda query: catalog.packs({**query, "node_id": ["another"]})
            case Records.USUAL | Records.STRANGE:
                return catalog.packs


def _publish_again(catalog: Catalog) -> None:
    """Add an older version with the same text, which was deleted."""
    before = _NOON - timedelta(days=1)
    catalog.publish(NODE, "old", status="deleted", created_at=before, id="again")
    catalog.edit(NODE, "old", version=VERSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a wait ended."""

    look: Look
    world: World
    seconds: float

    @property
    def code(self) -> int:
        """The exit code."""
        if not self.look.is_judged:
            return 1
        return 0 if self.look.status == "active" else 3

    def wrong(self) -> list[str]:
        """Return what is wrong with it."""
        plan, found = self.world.plan, []
        if self.code != plan.code:
            found.append(f"exit {self.code} instead of {plan.code}: {self.look}")
        if self.seconds > plan.longest + TIMEOUT + 0.001:
            found.append(f"it took {self.seconds} s")
        if self.look.is_judged and self.seconds < plan.judged:
            found.append(f"it was judged {plan.judged - self.seconds} s too early")
        if plan.code == 1 and self.seconds < plan.longest:
            found.append(f"it gave up after {self.seconds} s")
        if plan.code == 1 and not self.look.why:
            found.append("it does not say why")
        pauses = [
            after - before
            for before, after in zip(
                self.world.looks, self.world.looks[1:], strict=False
            )
        ]
        # The last look is at the end of the time.
        if any(pause < plan.every - 0.001 for pause in pauses[:-1]):
            found.append(f"it asked again after {min(pauses[:-1])} s")
        is_calm = not any(storm.end > plan.judged for storm in plan.storms)
        if plan.code and self.look.status == "flagged" and is_calm and not plan.age:
            scan = self.look.reason.scan if self.look.reason else None
            if scan is None or scan.count != FINDINGS:
                found.append(f"the findings are {scan}")
        return found


_TEXTS = {Form.EXACT: VERSION, Form.NEWEST: ""}


def live(plan: Plan) -> Outcome:
    """Wait for a scan, in no time."""
    world = World(plan)

    async def wait() -> tuple[Look, float]:
        loop = asyncio.get_running_loop()
        limits = RequestLimits(timeout=TIMEOUT, retries=0)
        waiter = Waiter(
            seen=Look(node=NODE.lower(), text=_TEXTS[plan.form]),
            connect=partial(VirtualRegistry, world.answer, limits),
            timeout=TIMEOUT,
            every=plan.every,
            longest=plan.longest,
            report=lambda _: None,
        )
        return await waiter.run(), loop.time()

    look, seconds = run(wait())
    return Outcome(look=look, world=world, seconds=seconds)
