"""Lives of a whole registry at random: pages that shift, repeat, lack rows and fail, packs that come and go, crashes.

`SweptMachine` is a Hypothesis state machine around the real poll and a real registry. It is held against the models of
`tests.chaos.subscriber`, which know nothing of sweeps: what the pages show of a pack, or the pack's own answer, is what
they look at. `python -m tests.chaos.swept_lives` lives many lives and prints its figures as one JSON line.
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.chaos.lives import CrashAt, Fragile, Life, figures, run
from tests.chaos.subscriber import (
    Fact,
    Glitch,
    Pack,
    Reading,
    Subscriber,
    Sweeps,
    Trouble,
    Truth,
    reading_of,
)
from tests.support.fake_registry.catalog import Catalog
from tests.support.fakes.fault import as_json, asked
from tests.support.fakes.faults import FAULTS, QUICK, Means
from tests.support.fakes.pages import UnsteadyPages
from watcher.model.event import Event
from watcher.model.version import STATUSES
from watcher.registry.client import PAGE_SIZE
from watcher.state.model import State
from watcher.state.store import StateFolder

VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
ROCK = "0.0.1"
"""A version that nothing ever happens to: only a pack that is empty as a whole lacks it."""

FAULTY = {
    f.name: reading_of(f.means)
    for f in QUICK
    if f.means in (Means.UNREADABLE, Means.REGISTRY)
}
"""Answers that are no listing, and how a reading ends that meets one."""

FIRST = ("alpha", "beta", "gamma")
"""Packs that are there from the start, with a version that nothing ever happens to."""
WRITTEN = {"beta": "Beta", "delta": "Delta"}
"""How the registry writes ids, where it is otherwise."""
LATER = ("delta", "epsilon")
PACKS = FIRST + LATER
A_FEW, MANY = 25, 230
"""How many other packs there are: more than a poll may ask by themselves, in some lives."""
MOST_QUESTIONS = 200
START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)

PAGE_FAULTS = (
    "status_500_json",
    "html_502",
    "closed_unanswered",
    "truncated_body",
    "html_200",
    "empty_body",
    "invalid_utf8",
    "rate_limited_missing",
)
WATCHED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ("*",)),
    (("Alpha",), ("*",)),
    (("Alpha",), ("*", "!al*")),
    ((), ("*", "!beta")),
    ((), ("[a-d]*", "Z?")),
    (FIRST, ()),
)
"""Ids and globs of the setting `nodes`; the last has the many other packs too, and is read by sweep where that pays."""

_WORST_LAST = ("active", "pending", "deleted", "flagged", "banned")
_REGISTRY = "*"
_KEPT = ("deprecated", "status", "id", "downloadUrl")
"""What a row that is back has as before."""


class Onlooker(Subscriber):
    """The model of what must be reported, which can look at what pages show in place of what there is."""

    def number(self, pack: str, version: str) -> int:
        """Return the number of a version."""
        return self._named[pack, version]

    def pack(self, name: str) -> Pack:
        """Return what was seen of a pack."""
        return self._packs.setdefault(name, Pack())

    def truth(self, name: str) -> dict[int, Truth]:
        """Return the versions of a pack as they are."""
        return self._truth.get(name, {})

    @contextlib.contextmanager
    def shown(self, name: str, rows: dict[int, Truth]) -> Iterator[None]:
        """Have a pack look like these rows meanwhile."""
        kept = self._truth
        self._truth = {**kept, name: rows}
        try:
            yield
        finally:
            self._truth = kept

    @contextlib.contextmanager
    def forgetting(self, name: str) -> Iterator[None]:
        """Have nothing that is seen of a pack meanwhile be taken in."""
        kept = copy.deepcopy(self.pack(name))
        yield
        self._packs[name] = kept

    def differs(self, name: str, rows: Mapping[int, Truth]) -> bool:
        """Return whether rows are not what was last seen of a pack: one is new, other than it was, or lacking."""
        pack = self.pack(name)
        listed = {
            number: (one.status, one.deprecated, one.archive)
            for number, one in pack.seen.items()
            if not one.gone
        }
        return listed != {
            number: (one.status, one.deprecated, one.archive)
            for number, one in rows.items()
        }


@dataclass(slots=True)
class Served:
    """One page that was answered."""

    size: int
    total: int
    ids: list[str]


@dataclass(slots=True)
class Witness:
    """What one poll asked, and what it was answered."""

    pages: list[Served] = field(default_factory=list)
    shown: dict[str, dict[int, Truth]] = field(default_factory=dict)
    """What pages showed, by pack; of two forms of a version the worse."""
    failed: int = 0
    """How many pages could not be read."""
    is_refused: bool = False
    asked: set[str] = field(default_factory=set)
    """The packs that were asked by themselves."""
    named: set[str] = field(default_factory=set)
    """Lower-case ids of the packs that `GET /nodes` was asked about, also of those that it does not have."""
    records: dict[str, str] = field(default_factory=dict)
    """What `GET /nodes` said of packs."""
    listed: set[str] | None = None
    """What it has, if it was asked about all packs; empty where it says nothing."""

    def show(self, pack: str, number: int, truth: Truth) -> None:
        """Take in a row."""
        rows = self.shown.setdefault(pack, {})
        if number not in rows or _badness(truth) > _badness(rows[number]):
            rows[number] = truth

    @property
    def has_swept(self) -> bool:
        """Whether there was a first page, and so a sweep."""
        return bool(self.pages)

    @property
    def is_complete(self) -> bool:
        """Whether every page came, those with rows said the same total, and as many versions came as that."""
        came: set[str] = set()
        for size in dict.fromkeys(page.size for page in self.pages):
            reading = [page for page in self.pages if page.size == size]
            came.update(one for page in reading for one in page.ids)
            if (
                came
                and not self.failed
                and {page.total for page in reading if page.ids} == {len(came)}
            ):
                return True
        return False


def _badness(truth: Truth) -> tuple[int, bool]:
    return _WORST_LAST.index(truth.status), truth.deprecated


packs, versions = st.sampled_from(PACKS), st.sampled_from(VERSIONS)
statuses = st.sampled_from(STATUSES)
numbers = st.sets(st.integers(1, 12), max_size=2)


class SweptMachine(Life):
    """A registry, the watcher of all of it, and what may happen to both."""

    a_few = A_FEW

    def __init__(self) -> None:
        super().__init__()
        self.pages = UnsteadyPages(self.registry)
        self.answer_page = self.registry.respond
        self.registry.respond = self._answer
        self.subscriber = Onlooker()
        self.trouble, self.sweeps = Trouble(threshold=1), Sweeps(threshold=1)
        self.witness = Witness()
        self.written: Mapping[str, str] = WRITTEN
        self.versions: dict[str, tuple[str, int]] = {}
        """By the id of a row: its pack, and the version's number."""
        self.others: tuple[str, ...] = ()
        self.watch = WATCHED[0]
        self.broken: dict[str, str] = {}
        self.glitches: dict[str, Glitch] = {}
        self.vanished: dict[str, list[dict[str, Any]]] = {}
        self.banned: dict[str, str] = {}
        """How the registry says that a pack is banned: in a `record` of `GET /nodes` only, or in each `answer` too."""
        self.recorded: set[str] = set()
        """Packs of which it is known that a record says it."""
        self.hidden: set[str] = set()
        """Packs whose last own answer was that they are banned: what pages show of them waits for another."""
        self.met: set[str] = set()
        """The packs that were watched before."""
        self.whole: tuple[str, ...] | None = None
        """The globs of the baseline of all."""
        self.was_down = False
        self.turned: dict[str, datetime] = {}
        """When each watched pack was last asked about by itself, or began to be watched."""
        self.swept_at = START
        self.known: dict[str, Event] = {}
        """The events that were recorded, by id."""
        self.has_seen = False
        """The last poll came so far as to make durable what it saw."""
        self.readings: dict[str, Reading] = {}
        """How the last poll's reading of each pack ended."""

    @initialize(
        threshold=st.integers(1, 3),
        watch=st.sampled_from(WATCHED),
        many=st.sampled_from([False] * 9 + [True]),
    )
    def begin(
        self, threshold: int, watch: tuple[tuple[str, ...], tuple[str, ...]], many: bool
    ) -> None:
        """Some packs are there from the start."""
        self.trouble, self.sweeps = (
            Trouble(threshold=threshold),
            Sweeps(threshold=threshold),
        )
        self.watch = watch
        self.others = tuple(
            f"c{number:03}" for number in range(MANY if many else self.a_few)
        )
        self.pages.smaller = 2 if many else 20
        for pack in FIRST:
            self._publish(pack, ROCK, "active", START - 60 * DAY)
        for pack in self.others:
            self._publish(pack, VERSIONS[0], "active", START - 50 * DAY)

    def _publish(self, pack: str, version: str, status: str, created: datetime) -> None:
        node = self.written.get(pack, pack)
        archive = f"https://cdn.example/{node}/{version}/node.zip"
        made = self.registry.catalog.publish(
            node, version, status=status, created_at=created, downloadUrl=archive
        )
        self.subscriber.publish(pack, version, status, created=created, archive=archive)
        self.versions[made] = pack, self.subscriber.number(pack, version)

    # The registry

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer as the registry, by this life's clock, and note it."""
        query = asked(request)
        if request.path_qs.startswith("/nodes"):
            if "node_id" not in query:
                self.witness.listed = self.witness.listed or set()
            return self._answer_packs(query) if self.registry.serves_nodes else None
        if "nodeId" in query:
            return await self._answer_pack(request, query)
        assert self.answer_page is not None
        number = int(query.get("page", ["1"])[0])
        response = await self.answer_page(request)
        if self.pages.refused is not None:
            self.witness.is_refused = True
        elif number in self.pages.faults or not isinstance(response, web.Response):
            self.witness.failed += 1
        else:
            assert isinstance(response.body, bytes)
            self._note(json.loads(response.body))
            response.headers["Date"] = format_datetime(self.now, usegmt=True)
        return response

    def _note(self, page: dict[str, Any]) -> None:
        rows = page["versions"]
        self.witness.pages.append(
            Served(page["pageSize"], page["total"], [row["id"] for row in rows])
        )
        for row in rows:
            pack, number = self.versions[row["id"]]
            status = row["status"].removeprefix("NodeVersionStatus").lower()
            created = (
                self.subscriber.truth(pack).get(number, Truth("", self.now)).created
            )
            shown = Truth(status, created, row["deprecated"], row["downloadUrl"])
            self.witness.show(pack, number, shown)

    async def _answer_pack(
        self, request: web.BaseRequest, query: dict[str, list[str]]
    ) -> web.StreamResponse:
        pack = query["nodeId"][0].lower()
        if "include_status_reason" not in query and query["pageSize"] == [
            str(PAGE_SIZE)
        ]:
            # Else a reason was asked for, which is no listing.
            self.witness.asked.add(pack)
        if pack in self.broken and self.banned.get(pack) != "answer":
            answer = await FAULTS[self.broken[pack]].play(
                request, self.registry.catalog
            )
            assert answer is not None
            return answer
        status, document = self.registry.catalog.answer(query)
        if status == 200 and "include_status_reason" not in query:
            document = spoilt(document, self.glitch(pack))
        response = as_json(document)
        response.set_status(status)
        response.headers["Date"] = format_datetime(self.now, usegmt=True)
        return response

    def glitch(self, pack: str) -> Glitch:
        """Return what is wrong with the next answer about a pack."""
        return self.glitches.get(pack, Glitch())

    def _answer_packs(self, query: dict[str, list[str]]) -> web.StreamResponse:
        self.witness.named.update(map(str.lower, query.get("node_id", ())))
        status, document = self.registry.catalog.packs(query)
        nodes: Any = document["nodes"]
        for node in nodes:
            self.witness.records[node["id"].lower()] = (
                node["status"].removeprefix("NodeStatus").lower()
            )
            if "node_id" not in query and self.witness.listed is not None:
                self.witness.listed.add(node["id"].lower())
        response = as_json(document)
        response.set_status(status)
        return response

    @rule(
        pack=packs,
        version=versions,
        status=statuses,
        days=st.sampled_from([0, 0, 1, 400]),
    )
    def publish_or_move(
        self, pack: str, version: str, status: str, days: int = 0
    ) -> None:
        """A version appears, dated so many days back, perhaps with its pack, or goes to another status."""
        self.now += timedelta(minutes=7)
        self._change(self.registry.catalog, pack, version, status, days)

    def _change(
        self, catalog: Catalog, pack: str, version: str, status: str, days: int = 0
    ) -> None:
        """Publish a version, move it, or take it away for the status ""."""
        self.now += timedelta(seconds=1)
        if pack in self.vanished:
            return
        if not self.subscriber.has(pack, version):
            if status:
                self._publish(pack, version, status, self.now - days * DAY)
        elif status:
            catalog.set_status(pack, version, status)
            self.subscriber.move(pack, version, status)
        elif self.subscriber.pack(pack).based or len(self.subscriber.truth(pack)) > 1:
            catalog.remove(pack, version)
            self.subscriber.take_away(pack, version)

    @rule(pack=packs, version=versions, on=st.booleans())
    def deprecate(self, pack: str, version: str, on: bool) -> None:
        """A version's deprecation is set."""
        if self.subscriber.has(pack, version) and pack not in self.vanished:
            self.registry.catalog.deprecate(pack, version, on)
            self.subscriber.deprecate(pack, version, on)

    @rule(pack=packs, version=versions, again=st.sampled_from(["", "", *STATUSES]))
    def take_away(self, pack: str, version: str, again: str) -> None:
        """A version is gone for good; its name may be used again, under another id."""
        self._change(self.registry.catalog, pack, version, "")
        if again:
            self._change(self.registry.catalog, pack, version, again)

    @rule(pack=packs, polls=st.integers(0, 2))
    def vanish_or_return(self, pack: str, polls: int = 0) -> None:
        """A pack that was seen is gone with all its versions, or is back with them, and some polls see it."""
        catalog = self.registry.catalog
        if pack in self.vanished:
            for row in self.vanished.pop(pack):
                fields = {name: row[name] for name in _KEPT}
                catalog.publish(
                    row["node_id"],
                    row["version"],
                    created_at=row["createdAt"],
                    **fields,
                )
        elif self.subscriber.has_seen(pack):
            self.vanished[pack] = [
                row for row in self._all_rows() if row["node_id"].lower() == pack
            ]
            for row in self.vanished[pack]:
                catalog.remove(pack, row["version"])
        for _ in range(polls):
            self.poll(0)

    def _all_rows(self) -> list[dict[str, Any]]:
        rows: Any = self.registry.catalog.answer({"pageSize": ["0"]})[1]["versions"]
        return list(rows)

    @rule(status=statuses)
    def move_others(self, status: str) -> None:
        """Every other pack changes at once."""
        for pack in self.others:
            self._change(self.registry.catalog, pack, VERSIONS[0], status)

    @rule(
        these=st.sets(packs, min_size=1),
        how=st.sampled_from(["record", "answer", ""]),
        hours=st.sampled_from([0, 25]),
    )
    def ban(self, these: set[str], how: str, hours: int) -> None:
        """Packs are banned as a whole, where only their records or their answers too say so, or they are pardoned."""
        for pack in sorted(these):
            self._ban(pack, how)
        self.poll(hours)

    def _ban(self, pack: str, how: str) -> None:
        if not self.subscriber.truth(pack):
            return
        catalog = self.registry.catalog
        if self.banned.pop(pack, "") == "answer":
            catalog.pardon_node(pack)
        catalog.edit_pack(pack, status="banned" if how == "record" else "active")
        if how == "answer":
            catalog.ban_node(pack)
        if how:
            self.banned[pack] = how

    @rule(broken=st.dictionaries(packs, st.sampled_from(sorted(FAULTY)), max_size=3))
    def break_packs(self, broken: dict[str, str]) -> None:
        """The own answers of some packs cannot be read, or those of all can again."""
        self.broken = broken

    @rule()
    def serve_records_or_not(self) -> None:
        """There is no `GET /nodes` any more, or there is one again."""
        self.registry.serves_nodes = not self.registry.serves_nodes

    # Its pages

    @rule(
        tied=st.booleans(),
        repeating=numbers,
        missing=numbers,
        moving=st.sampled_from(["", "", "between pages", "more"]),
    )
    def unsettle(
        self, tied: bool, repeating: set[int], missing: set[int], moving: str
    ) -> None:
        """Pages lack rows or repeat them, and their totals move, from now on."""
        self.pages.tied, self.pages.repeating, self.pages.missing = (
            tied,
            repeating - {1},
            missing,
        )
        if moving == "between pages":
            self.pages.total = lambda number, total: total + number % 2
        elif moving == "more":
            self.pages.total = lambda _, total: total + 1

    @rule()
    def settle(self) -> None:
        """All pages are well again."""
        self._settle()

    def _settle(self) -> None:
        self.pages.tied, self.pages.repeating, self.pages.missing = False, set(), set()
        self.pages.total = lambda _, total: total
        self.pages.faults, self.pages.refused = {}, None

    @rule(which=numbers, fault=st.sampled_from(PAGE_FAULTS))
    def break_pages(self, which: set[int], fault: str) -> None:
        """Some pages fail."""
        self.pages.faults = dict.fromkeys(which, fault)

    @rule(fault=st.sampled_from(PAGE_FAULTS), polls=st.integers(1, 4))
    def break_all(self, fault: str, polls: int) -> None:
        """No page can be read, for some polls."""
        kept, self.pages.faults = self.pages.faults, {1: fault}
        for _ in range(polls):
            self.poll(0)
        self.pages.faults = kept

    @rule(status=st.sampled_from([400, 403]), polls=st.integers(1, 3))
    def refuse(self, status: int, polls: int) -> None:
        """The registry wants the name of a pack in every request, for some polls."""
        self.pages.refused = status
        for _ in range(polls):
            self.poll(0)
        self.pages.refused = None

    @rule(
        changes=st.lists(
            st.tuples(
                st.integers(1, 12),
                packs,
                versions,
                st.sampled_from(["", "", *STATUSES]),
            ),
            min_size=1,
            max_size=3,
        )
    )
    def shift(self, changes: list[tuple[int, str, str, str]]) -> None:
        """The registry changes while its pages are read: rows that come or go shift the others."""
        for page, pack, version, status in changes:
            self.pages.changes[page] = _changing(self._change, pack, version, status)
        self.poll(0)
        self.pages.changes.clear()

    # The settings

    @rule(watch=st.sampled_from(WATCHED))
    def choose(self, watch: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        """Other packs are watched from now on."""
        self.watch = watch

    # Polls

    @rule(hours=st.sampled_from([0, 0, 1, 7, 25]))
    def poll(self, hours: int) -> None:
        """One poll comes to its end."""
        self._poll(StateFolder(self.path), hours)

    @rule(at=st.integers(1, 6), after=st.booleans(), hours=st.sampled_from([0, 25]))
    def crash_and_poll(self, at: int, after: bool, hours: int) -> None:
        """A poll dies at a step of the state folder, and the next one makes up for it."""
        self._poll(Fragile(self.path, crash=CrashAt(at, after)), hours)
        self.poll(0)

    def _poll(self, folder: StateFolder, hours: int) -> None:
        self.now += timedelta(hours=hours, minutes=1)
        before = folder.load() if self.path.exists() else State()
        self.witness = Witness()
        self.pages.served.clear()
        self.works(folder, **self._settings())
        self._see(before)

    def _settings(self) -> dict[str, Any]:
        return {
            "nodes": (*self._nodes, *self.watch[1]),
            "concurrency": 1,
            "failure_threshold": self.trouble.threshold,
        }

    @property
    def _nodes(self) -> tuple[str, ...]:
        nodes, globs = self.watch
        return nodes if globs else nodes + self.others

    def _matches(self, pack: str, globs: Iterable[str]) -> bool:
        globs = list(globs)
        return any(
            fnmatchcase(pack, one) for one in globs if not one.startswith("!")
        ) and not any(
            fnmatchcase(pack, one[1:]) for one in globs if one.startswith("!")
        )

    # The judgement

    def _see(self, before: State) -> list[Event]:
        """Take in what a poll saw, if it came so far as to make that durable, and return the events that are new.

        All that is new on the disk is owed.
        """
        new, noted = self._recorded(before)
        due = self._look(noted=noted) if self.has_seen else []
        # When a channel fails is for other models.
        found = Counter(_fact_of(one) for one in new if not one.channel)
        owed = Counter(due)
        assert found == owed, f"late or lost {owed - found}, invented {found - owed}"
        set_for = StateFolder(self.path).load().snapshot.sweep_baseline.globs
        assert set_for == (self.whole or ()), (
            f"baseline of all for {set_for}, not {self.whole}"
        )
        self._count(due)
        return new

    def _recorded(self, before: State) -> tuple[list[Event], bool]:
        """Return the events that are new, and whether the poll is noted; see whether it came so far as to count."""
        folder = StateFolder(self.path)
        after, history = folder.load(), folder.history().events
        assert len({one.id for one in history}) == len(history), "recorded twice"
        now = {one.id: one for one in (*history, *after.outbox.events.values())}
        new = [one for key, one in now.items() if key not in self.known]
        self.known |= now
        noted = after.checks.polled_at != before.checks.polled_at
        self.has_seen = noted or after.snapshot.revision != before.snapshot.revision
        return new, noted

    @property
    def facts(self) -> dict[str, Fact]:
        """What the events say, by id."""
        return {key: _fact_of(event) for key, event in self.known.items()}

    def _look(self, *, noted: bool) -> list[Fact]:
        """Return what a poll had to report."""
        witness, globs = self.witness, self.watch[1]
        if globs and not witness.has_swept and (witness.failed or not self.watched()):
            self.was_down = self.was_down or noted
            self.readings = {_REGISTRY: Reading.NO_WAY}
            if noted:  # the list of all packs may have been answered all the same
                listed = self.turned.keys() & self.witness.records.keys()
                self.turned |= dict.fromkeys(listed, self.now)
            return self.trouble.poll(self.readings, noted=noted)
        look = _Look(self, noted=noted)
        look.all()
        self.readings = look.readings
        if noted:
            self.was_down = (
                _REGISTRY in look.readings
                and look.readings[_REGISTRY] is Reading.NO_WAY
            )
        self._see_that_each_had_its_turn(look, noted=noted)
        return look.facts

    def watched(self) -> list[str]:
        """Return the packs that this poll watches."""
        named = [node.lower() for node in self._nodes]
        seen = [
            pack
            for pack in (*PACKS, *self.others)
            if pack in self.met or pack in self.witness.shown
        ]
        if self.witness.is_refused:
            seen = [
                pack
                for pack in seen
                if self.subscriber.pack(pack).based or self.subscriber.pack(pack).banned
            ]
        return [
            *named,
            *(
                pack
                for pack in seen
                if pack not in named and self._matches(pack, self.watch[1])
            ),
        ]

    def joins(self, pack: str) -> bool:
        """Return whether a pack that was not seen before is part of the baseline of all that is still to be set.

        Else it is news, unless only ids are watched.
        """
        globs = self.watch[1]
        if not self._matches(pack, globs):
            return False
        if self.whole is None:
            return True
        is_set = self.whole == _lower(globs)
        return not is_set and not self._matches(pack, self.whole)

    def is_news(self, pack: str) -> bool:
        """Return whether a pack that was never seen came after what had it would have been the baseline."""
        return self._matches(pack, self.watch[1]) and self.whole is not None

    def _see_that_each_had_its_turn(self, look: _Look, *, noted: bool) -> None:
        """See that each pack of a sweep was asked about within a day, in whatever way, if there is `GET /nodes`."""
        if not noted:
            return
        gap, self.swept_at = self.now - self.swept_at, self.now
        longest = DAY + gap
        if not self.registry.serves_nodes:  # then nobody says it
            self.turned.clear()
        watched = look.readings.keys() - {_REGISTRY}
        for pack in watched:
            if (
                pack
                in self.witness.asked | self.witness.named | self.witness.records.keys()
                or pack not in self.turned
            ):
                self.turned[pack] = self.now
        self.turned = {pack: at for pack, at in self.turned.items() if pack in watched}
        late = {
            pack: str(at) for pack, at in self.turned.items() if self.now - at > longest
        }
        assert not late, f"at {self.now} these were not asked about for a day: {late}"

    def _count(self, facts: Collection[Fact]) -> None:
        witness = self.witness
        kinds = Counter(kind for kind, _, _ in facts)
        figures.add("sweeps", witness.has_swept)
        figures.add("incomplete sweeps", witness.has_swept and not witness.is_complete)
        figures.add("second readings", len({page.size for page in witness.pages}) > 1)
        figures.add("questions", len(witness.asked))
        figures.add(
            "polls with too many questions", len(witness.asked) >= MOST_QUESTIONS
        )
        figures.add(
            "bans",
            sum(kind == "banned" and version is None for kind, _, version in facts),
        )
        figures.add(
            "baselines of all", sum(fact == ("baseline", "", None) for fact in facts)
        )
        figures.add("failing and recovered", kinds["failing"] + kinds["recovered"])
        figures.add(
            "packs emptied",
            sum(kind == "removed" and version is None for kind, _, version in facts),
        )
        figures.add("outages", sum(fact == ("failing", "", None) for fact in facts))

    def close_books(self) -> None:
        """Let everything recover, and poll until all is said."""
        self._settle()
        self.broken = {}
        self.registry.serves_nodes = True
        for hours in (0, 25, 0):
            self.poll(hours)


def spoilt(document: dict[str, Any], glitch: Glitch) -> dict[str, Any]:
    """Return a whole answer as it is with a glitch."""
    shown = [row for row in document["versions"] if row["version"] not in glitch.hidden]
    rows = [{**row, "id": None} for row in shown] if glitch.nameless else shown
    total = document["total"] if glitch.counted else len(rows)
    pages = 2 if glitch.torn else min(total, 1)
    if glitch == Glitch():
        return document
    return document | {"versions": rows, "total": total, "totalPages": pages}


def _fact_of(event: Event) -> Fact:
    about = event.channel or event.node or ""
    return event.kind.value, about.lower(), event.version


def _changing(
    change: Callable[[Catalog, str, str, str], None], *what: str
) -> Callable[[Catalog], None]:
    return lambda catalog: change(catalog, *what)


def _lower(globs: Iterable[str]) -> tuple[str, ...]:
    return tuple(glob.lower() for glob in globs)


class _Look:
    """One poll's look at all packs, in the way of the models."""

    def __init__(self, life: SweptMachine, *, noted: bool) -> None:
        self.life = life
        self.noted = noted
        self.witness = life.witness
        self.subscriber = life.subscriber
        self.readings: dict[str, Reading] = {}
        self.facts: list[Fact] = []
        self.joined: set[str] = set()

    def all(self) -> None:
        """Look at every watched pack, then at the records, the baseline of all, and who could not be read."""
        life, globs = self.life, self.life.watch[1]
        watched = life.watched()
        was_set = life.whole == _lower(globs)
        for pack in watched:
            self.facts += [
                fact
                for fact in self._at(pack)
                if not (fact == ("reinstated", pack, None) and pack in life.recorded)
                and not (
                    fact in (("baseline", pack, None), ("banned", pack, None))
                    and pack in self.joined
                )
            ]
            life.met.add(pack)
        if not globs:
            life.whole = None
        elif self.witness.is_complete and not was_set:
            self.facts += [("baseline", "", None)] if self.joined or not watched else []
            life.whole = _lower(globs)
        self._take_records()
        if (life.was_down or life.trouble.is_down) and self.witness.has_swept:
            self.readings[_REGISTRY] = Reading.READ
        elif self.noted:
            life.trouble.forget(_REGISTRY)
        self.facts += life.trouble.poll(self.readings, noted=self.noted)
        if not globs:
            life.sweeps.end(noted=self.noted)
        else:
            self.facts += life.sweeps.poll(
                lacks=not self.witness.is_complete,
                is_down=life.trouble.is_down,
                noted=self.noted,
            )

    def _at(self, name: str) -> list[Fact]:
        """Return what must be reported of a pack: by its own answer if it was asked, else by what pages show."""
        witness, pack = self.witness, self.subscriber.pack(name)
        rows = witness.shown.get(name, {})
        joins = not (pack.based or pack.banned) and self.life.joins(name)
        is_banned = pack.banned or name in self.life.recorded
        if not (joins or pack.based or is_banned):
            pack.based = self.life.is_news(name)
        if name in witness.asked:
            return self._answered(name, pack, rows, joins=joins)
        assert witness.has_swept, f"{name} was not asked"
        if pack.banned or name in self.life.hidden | self.life.recorded:
            # What pages show of it was answered by its ban before, and counts once that has ended.
            if not self.life.trouble.has_failed(name):
                self.readings[name] = Reading.READ
            return []
        is_failing = self.life.trouble.is_failing(name)
        needs = pack.based and (self.subscriber.differs(name, rows) or is_failing)
        assert not needs or len(witness.asked) >= MOST_QUESTIONS, (
            f"{name} was not asked"
        )
        # A glob chooses no pack that shows nothing.
        is_there = pack.based or bool(rows)
        torn = needs or not (is_there and witness.is_complete)
        facts, _ = self._seen(name, rows, Glitch(torn=torn))
        if pack.based and not needs:
            self.readings[name] = Reading.READ
        if joins and pack.based:
            self.joined.add(name)
        return facts

    def _answered(
        self, name: str, pack: Pack, rows: dict[int, Truth], *, joins: bool
    ) -> list[Fact]:
        """Return what must be reported of a pack that was asked by itself."""
        life = self.life
        is_banned = pack.banned or name in life.hidden | life.recorded
        if not (pack.based or is_banned) and rows and self.witness.is_complete:
            based, _ = self._seen(name, rows, Glitch())
            self.joined |= {name} if joins else set()
            return based + self._answered(name, pack, rows, joins=False)
        if name in life.broken and life.banned.get(name) != "answer":
            self.readings[name] = FAULTY[life.broken[name]]
            return [] if is_banned else self._seen(name, rows, Glitch(torn=True))[0]
        life.hidden.discard(name)
        if joins and pack.seen and not rows and self.witness.is_complete:
            # It was seen before: that no page shows it any more is its baseline.
            pack.based = True
            joins = False
        if life.banned.get(name) == "answer":
            self.readings[name] = Reading.READ
            if self.noted:
                life.hidden.add(name)
            is_news = not pack.banned and name not in life.recorded
            pack.banned = pack.banned or is_news
            return [("banned", name, None)] if is_news else []
        says = self.witness.records.get(name) if name in life.met else None
        if says == "banned" and pack.banned:
            pack.banned = False
            life.recorded.add(name)  # whoever said it first, a listing does not end it
        elif says == "active" and name in life.recorded:
            pack.banned = True
            life.recorded.remove(name)
        there = {} if name in life.vanished else self.subscriber.truth(name)
        if name in life.recorded:
            # Its rows say nothing while it lasts, but it counts whether all of them came.
            with self.subscriber.forgetting(name):
                _, self.readings[name] = self._seen(name, there, life.glitch(name))
            return []
        facts, self.readings[name] = self._seen(name, there, life.glitch(name))
        if joins and self.witness.is_complete:
            self.joined.add(name)
        return facts

    def _seen(
        self, name: str, rows: dict[int, Truth], glitch: Glitch
    ) -> tuple[list[Fact], Reading]:
        """Return what rows of a pack report, and how a reading ends that has a glitch."""
        with self.subscriber.shown(name, rows):
            return self.subscriber.look(name, glitch)

    @property
    def _waiting(self) -> set[str]:
        """The packs that only globs choose, and of which nothing is reported before the baseline of all."""
        life = self.life
        if not life.watch[1] or life.whole == _lower(life.watch[1]):
            return set()
        based = {name for name in life.met if self.subscriber.pack(name).based}
        return life.met - based - {node.lower() for node in life._nodes}

    def _take_records(self) -> None:
        """Take in what `GET /nodes` says: bans, and their ends."""
        life = self.life
        for name, status in self.witness.records.items():
            if name not in life.met or name not in life.watched():
                continue
            pack = self.subscriber.pack(name)
            if status == "banned":
                if not pack.banned and name not in life.recorded | self._waiting:
                    life.recorded.add(name)
                    self.facts += (
                        [] if name in self.joined else [("banned", name, None)]
                    )
            elif name in life.recorded:
                life.recorded.remove(name)
                pack.banned = True  # as an answer has it, which another one ends


if __name__ == "__main__":
    run(SweptMachine, 400, 30)
