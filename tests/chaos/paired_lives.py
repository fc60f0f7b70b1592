"""Lives with random pairs of features: whole registry, publishers, installs, acceptances, filters, files, crashes.

`PairedMachine` is `SweptMachine`, whose registry and model it has, with all that hangs on what is run, on the settings
and on the channels. Beside it stands a model of these (`tests.chaos.paired_model`), which shares no code with the
program: which events each poll has to make, and which alerts each channel has to get, exactly once but for what was in
flight in a crash. `python -m tests.chaos.paired_lives` lives many lives and prints its figures as one JSON line.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.chaos.lives import CrashAt, Fragile, figures, run
from tests.chaos.paired_model import (
    CRITICAL,
    INFO,
    LEVELS,
    SAYS,
    SEVERITY,
    WARNING,
    Copy,
    Due,
    Fact,
    How,
    Key,
    Runs,
    Wiring,
    accepts,
    passes,
)
from tests.chaos.receiver import Receiver
from tests.chaos.subscriber import Seen, Sweeps
from tests.chaos.swept_lives import FIRST, PACKS, WATCHED, SweptMachine
from tests.support.lived_in import LivedIn
from watcher.model.event import Event, Kind
from watcher.model.version import STATUSES
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.state.model import State
from watcher.state.store import StateFolder

FEATURES = (
    *("installs", "installs", "acceptances", "publishers", "statuses"),
    *("files", "channels", "restarts", "crashes"),
)
INSTALLS = ("studio", "laptop")
NEVER_LISTED = "9.9.9"
OWNERS = {"ann": {"alpha", "delta"}, "bob": {"beta", "epsilon", "c001"}}
"""The packs of publishers; the others are `example`'s."""

installs, packs = st.sampled_from(INSTALLS), st.sampled_from(FIRST)
installed_versions = st.sampled_from(("0.0.1", "1.0.0", "1.1.0", NEVER_LISTED))
wirings = st.builds(
    Wiring,
    name=st.just(""),
    kinds=st.none()
    | st.sampled_from(
        [frozenset(map(str, Kind)), frozenset({"exposed", "cleared", "banned"})]
    ),
    nodes=st.sampled_from([(), (), ("alpha", "d*"), ("[bc]*",)]),
    scope=st.sampled_from(["all", "all", "installed"]),
    least=st.sampled_from([INFO, INFO, WARNING, CRITICAL]),
    grouping=st.sampled_from(["poll", "event"]),
)


_Rule = TypeVar("_Rule", bound=Callable[..., object])


def having(*features: str) -> Callable[[_Rule], _Rule]:
    """Return a precondition: the life has one of these features."""
    return precondition(lambda self: bool(self.features & {*features}))


class PairedMachine(SweptMachine):
    """A registry, two ComfyUIs, some channels, and one watcher of a few features."""

    a_few = 12

    def __init__(self) -> None:
        super().__init__()
        self.features: frozenset[str] = frozenset()
        self.receiver = self.ends.enter_context(Receiver())
        self.comfyuis = {
            name: LivedIn(self.root / name / "ComfyUI") for name in INSTALLS
        }
        self.there: dict[str, dict[str, Copy]] = {name: {} for name in INSTALLS}
        self.unmounted: set[str] = set()
        self.spoilt: dict[str, set[str]] = {name: set() for name in INSTALLS}
        self.configured: list[str] = []
        self.runs = Runs()
        self.accepted: dict[str, str] = {}
        """What the settings accept, by what it says of what: until when, "" for ever."""
        self.statuses: tuple[str, ...] = STATUSES
        self.publishers: tuple[str, ...] = ()
        self.listed: set[str] = set()
        """The packs that are known to be a watched publisher's."""
        self.later: set[str] = set()
        """Those that a list had which was not the first of their publisher."""
        self.read_lists_of: set[str] = set()
        self.lists = Sweeps(threshold=1)
        self.channels: list[Wiring] = []
        self.known: dict[str, Event] = {}
        self.owed: dict[str, dict[str, Event]] = {}
        self.taken: dict[str, Counter[str]] = {}
        self.in_flight: dict[str, Counter[str]] = {}
        self.report: Report | None = None
        self.crashed = False
        for owner, theirs in OWNERS.items():
            for pack in theirs & {*FIRST}:
                self.registry.catalog.give(pack, owner)

    @initialize(
        threshold=st.integers(1, 3),
        watch=st.sampled_from(WATCHED),
        features=st.sets(st.sampled_from(FEATURES), min_size=2, max_size=3),
        channels=st.lists(wirings, min_size=1, max_size=3),
        statuses=st.sets(st.sampled_from(STATUSES), min_size=1, max_size=4),
        publishers=st.sets(st.sampled_from([*OWNERS]), min_size=1),
    )
    def begin(
        self,
        threshold: int,
        watch: tuple[tuple[str, ...], tuple[str, ...]],
        features: set[str],
        channels: list[Wiring],
        statuses: set[str],
        publishers: set[str],
    ) -> None:
        """The features of the life are chosen, and the settings that hang on them."""
        SweptMachine.begin(self, threshold, watch, False)
        self.features = frozenset(features)
        self.lists = Sweeps(threshold=threshold)
        if "acceptances" in features:
            self.features |= {"installs"}
        if "statuses" in features:
            self.statuses = tuple(sorted(statuses))
        if "publishers" in features:
            self.publishers = tuple(sorted(publishers))
        if "installs" in self.features:
            self.configured = [*INSTALLS]
        plain = Wiring(
            name="all",
            kinds=frozenset(map(str, Kind)),
            nodes=(),
            scope="all",
            least=INFO,
            grouping="poll",
        )
        self.channels = [plain]
        if "channels" in features:
            self.channels += [
                replace(one, name=f"c{number}") for number, one in enumerate(channels)
            ]

    def _publish(self, pack: str, *args: Any) -> None:
        super()._publish(pack, *args)
        for owner, theirs in OWNERS.items():
            if pack in theirs:
                self.registry.catalog.give(pack, owner)

    # The registry

    @rule(
        pack=st.sampled_from(PACKS),
        version=st.sampled_from(("1.0.0", "1.1.0", "0.0.1")),
    )
    def replace_archive(self, pack: str, version: str) -> None:
        """What a version is downloaded from is another file from now on."""
        if self.subscriber.has(pack, version) and pack not in self.vanished:
            archive = f"https://cdn.example/{self.now:%s}"
            self.registry.catalog.edit(pack, version, downloadUrl=archive)
            self.subscriber.replace(pack, version, archive)

    # What is run

    @having("installs")
    @rule(
        install=installs,
        pack=packs,
        version=installed_versions,
        how=st.sampled_from(How),
    )
    def put(self, install: str, pack: str, version: str, how: How) -> None:
        """A version of a pack is installed in place of what is there, or its repository is cloned."""
        comfyui, there = self.comfyuis[install], self.there[install]
        if not self._may_change(install, pack) or f"{pack}.disabled" in there:
            return
        if pack in there:
            comfyui.remove(pack)
        if how is How.GIT:
            comfyui.put_clone(pack, version)
        else:
            comfyui.put(pack, version, mark=how is How.REGISTRY)
        there[pack] = Copy(pack, version, how)

    @having("installs")
    @rule(install=installs, pack=packs)
    def remove(self, install: str, pack: str) -> None:
        """A pack is uninstalled."""
        if self._may_change(install, pack) and pack in self.there[install]:
            del self.there[install][pack]
            self.comfyuis[install].remove(pack)

    @having("installs")
    @rule(install=installs, pack=packs)
    def switch(self, install: str, pack: str) -> None:
        """A pack is disabled, or enabled again."""
        if not self._may_change(install, pack):
            return
        there = self.there[install]
        if found := there.pop(pack, None):
            self.comfyuis[install].switch_off(pack)
            there[f"{pack}.disabled"] = found._replace(enabled=False)
        elif found := there.pop(f"{pack}.disabled", None):
            self.comfyuis[install].switch_on(pack)
            there[pack] = found._replace(enabled=True)

    @having("installs")
    @rule(install=installs, polls=st.integers(0, 2))
    def mount_or_not(self, install: str, polls: int) -> None:
        """The volume of an install goes, or is back."""
        self.unmounted ^= {install}
        self.comfyuis[install].mount(there=install not in self.unmounted)
        for _ in range(polls):
            self.poll(0)

    @having("installs")
    @rule(install=installs, pack=packs)
    def spoil_or_mend(self, install: str, pack: str) -> None:
        """A pack that was seen cannot be read, or can be again."""
        if install in self.unmounted or pack not in self.there[install]:
            return
        is_known = pack in self.runs.believed.get(install, {})
        if pack in self.spoilt[install]:
            self.comfyuis[install].mend(pack)
            self.spoilt[install].remove(pack)
        elif (
            is_known
            and self.runs.believed[install][pack] == self.there[install][pack]
            and self.there[install][pack].how is not How.GIT
        ):
            self.comfyuis[install].spoil(pack)
            self.spoilt[install].add(pack)

    def _may_change(self, install: str, pack: str) -> bool:
        return install not in self.unmounted and pack not in self.spoilt[install]

    # The settings

    @having("installs", "restarts")
    @rule(install=installs)
    def configure_or_not(self, install: str) -> None:
        """An install goes from the settings, or is back, first in the list."""
        if "installs" not in self.features:
            return
        if install in self.configured:
            self.configured.remove(install)
        else:
            self.configured.insert(0, install)

    @having("acceptances")
    @rule(
        pack=packs,
        version=st.one_of(st.none(), installed_versions),
        verdict=st.sampled_from(("", "=banned")),
        days=st.sampled_from((None, 0, 1)),
    )
    def accept_or_not(
        self, pack: str, version: str | None, verdict: str, days: int | None
    ) -> None:
        """The settings accept what is wrong with a version, or with clones, for some days, or do not any more."""
        name = pack if version is None else f"{pack}@{version}"
        until = "" if days is None else f"{self.now + timedelta(days=days):%Y-%m-%d}"
        had = [one for one in self.accepted if one.partition("=")[0] == name]
        for one in had:
            del self.accepted[one]
        if f"{name}{verdict}" not in had:
            self.accepted[f"{name}{verdict}"] = until

    @having("restarts")
    @rule(statuses=st.sets(st.sampled_from(STATUSES), min_size=1))
    def tell_other_statuses(self, statuses: set[str]) -> None:
        """Changes of other statuses are told from now on."""
        self.statuses = tuple(sorted(statuses))

    @having("restarts")
    @rule(publishers=st.sets(st.sampled_from([*OWNERS])))
    def follow_others(self, publishers: set[str]) -> None:
        """Other publishers are watched from now on."""
        self.publishers = tuple(sorted(publishers))

    @having("restarts")
    @rule(channels=st.lists(wirings, max_size=2))
    def wire(self, channels: list[Wiring]) -> None:
        """The filters of the channels are other ones."""
        for number, one in enumerate(channels, 1):
            if number < len(self.channels):
                name = self.channels[number].name
                self.channels[number] = replace(one, name=name)

    # Polls

    @having("crashes")
    @rule(at=st.integers(1, 20), after=st.booleans())
    def die(self, at: int, after: bool) -> None:
        """A poll dies at any step, that of an acknowledgement too."""
        self._poll(Fragile(self.path, crash=CrashAt(at, after)), 0)

    def _settings(self) -> dict[str, Any]:
        nodes, globs = self.watch
        given: dict[str, Any] = {
            "nodes": (*(nodes if globs else nodes + self.others), *globs),
            "publishers": self.publishers,
            "statuses": self.statuses,
            "installs": [
                {"name": name, "path": str(self.comfyuis[name].root)}
                for name in self.configured
            ],
            "accept": [
                {"finding": finding, "until": until} if until else finding
                for finding, until in self.accepted.items()
            ],
            "alert_expiry": "90d",
            "channels": [self._table(wiring) for wiring in self.channels],
        }
        if "files" in self.features:
            given |= {"publish_dir": self.root / "public", "publish_installs": True}
        return super()._settings() | given

    def _table(self, wiring: Wiring) -> dict[str, Any]:
        kinds = {} if wiring.kinds is None else {"kinds": sorted(wiring.kinds)}
        return kinds | {
            "name": wiring.name,
            "url": self.receiver.apprise_url(f"/{wiring.name}"),
            "nodes": list(wiring.nodes),
            "scope": wiring.scope,
            "min_severity": LEVELS[wiring.least],
            "grouping": wiring.grouping,
        }

    def _poll(self, folder: StateFolder, hours: int) -> None:
        self.now += timedelta(hours=hours, minutes=1)
        before = folder.load() if self.path.exists() else State()
        self.witness, self.report = type(self.witness)(), None
        self.pages.served.clear()
        taken = len(self.receiver.taken)

        async def poll(poller: Poller) -> None:
            self.report = await poller.poll()

        is_whole = self.works(folder, poll, **self._settings())
        if not is_whole:
            self.receiver.settle()
        self._see(before)
        self._hear(taken, is_whole=is_whole)

    # The judgement

    @property
    def _nodes(self) -> tuple[str, ...]:
        named = super()._nodes
        have = {node.lower() for node in named}
        more = (self.listed_now | self.runs.packs) - have
        return (*named, *sorted(more))

    @property
    def listed_now(self) -> set[str]:
        """The packs of the publishers that the settings have, as far as is known, less what globs leave out."""
        theirs = set().union(*(OWNERS[owner] for owner in self.publishers))
        out = [glob[1:] for glob in self.watch[1] if glob.startswith("!")]
        return {
            pack
            for pack in self.listed & theirs
            if not any(fnmatchcase(pack, glob) for glob in out)
        }

    def joins(self, pack: str) -> bool:
        """Return whether a pack is part of the baseline of all: what a publisher's list had not is news in any case."""
        return pack not in self.later and super().joins(pack)

    def is_news(self, pack: str) -> bool:
        """Return whether a pack came after the baseline of all, or after its publisher's first list.

        Where no page is answered only a list shows a pack that was not seen before.
        """
        is_swept = not self.witness.is_refused and super().is_news(pack)
        return is_swept or pack in self.later

    def _take_list(self) -> None:
        """Take in whose packs are, as far as this poll was answered that."""
        shown = (self.witness.listed or set()) | self.witness.records.keys()
        for owner in self.publishers:
            found = (OWNERS[owner] & shown) - self.listed
            if owner in self.read_lists_of:
                self.later |= found
            if owner in self.read_lists_of or self.witness.listed:
                self.listed |= found
        if self.witness.listed:
            self.read_lists_of |= {*self.publishers}

    def _of_lists(self, *, noted: bool) -> list[Due]:
        """Return what has to be said of the list of publishers' packs."""
        if not self.publishers:
            self.lists.end(noted=noted)
            return []
        if self.witness.listed is None:
            return []
        facts = self.lists.poll(
            lacks=not self.witness.listed, is_down=self.trouble.is_down, noted=noted
        )
        return [Due(fact=(*fact, ""), level=WARNING) for fact in facts]

    def _see(self, before: State) -> None:
        folder = StateFolder(self.path)
        after = folder.load()
        recorded = (*folder.history().events, *after.outbox.events.values())
        new = {one.id: one for one in recorded if one.id not in self.known}
        noted = after.checks.polled_at != before.checks.polled_at
        due: list[Due] = []
        if noted or after.snapshot.revision != before.snapshot.revision:
            due = self._due(noted=noted)
        self.known |= new
        found = Counter(map(_fact_of, new.values()))
        wanted = Counter(one.fact for one in due)
        sure = Counter(one.fact for one in due if one.is_sure)
        late, invented = sure - found, found - wanted
        assert not late + invented, f"late or lost {late}, invented {invented}"
        self._owe(new.values(), due)
        for kind, _, _, _ in found.elements():
            figures.add(kind)

    def _due(self, *, noted: bool) -> list[Due]:
        seen = {
            name: None if name in self.unmounted else dict(self.there[name])
            for name in self.configured
        }
        unread = {
            name: self.spoilt[name] if seen[name] is not None else set()
            for name in seen
        }
        due = self.runs.scan(
            seen, unread, threshold=self.trouble.threshold, noted=noted
        )
        self._take_list()
        before = {
            pack: copy.deepcopy(self.subscriber.pack(pack))
            for pack in (*PACKS, *self.others)
        }
        facts = self._look(noted=noted)
        due += self._of_lists(noted=noted)
        of_registry = [self._described(fact, before) for fact in facts]
        said = {
            (SAYS[one.fact[0]], one.fact[1], one.fact[2]): one
            for one in of_registry
            if one.fact[0] in SAYS
        }
        due += self.runs.judge(
            self._verdict,
            self._is_accepted,
            said,
            {*self.configured},
        )
        return [one for one in due + of_registry if self._passes(one, before)]

    def _described(
        self, fact: tuple[str, str, str | None], before: Mapping[str, Any]
    ) -> Due:
        kind, pack, version = fact
        is_run = bool(pack) and self.runs.runs(pack)
        level = SEVERITY.get(kind, INFO)
        if kind == "changed" and version and self.runs.runs(pack, version):
            level = CRITICAL
        if kind == "reinstated" and version is None:
            level = WARNING if before[pack].emptied else CRITICAL
        elif kind == "reinstated":
            worst = [
                SEVERITY.get(one.status, WARNING)
                for _, one in self._rows(before, pack, version)
            ]
            level = max(worst, default=WARNING)
        return Due(fact=(kind, pack, version, ""), level=level, is_run=is_run)

    def _rows(
        self, packs: Mapping[str, Any], pack: str, version: str | None
    ) -> list[tuple[int, Seen]]:
        names = self.subscriber._names
        return [
            (number, one)
            for number, one in packs[pack].seen.items()
            if names[number] == version
        ]

    def _passes(self, due: Due, before: Mapping[str, Any]) -> bool:
        _, pack, version, _ = due.fact
        if not pack or version is None:
            return True
        was = dict(self._rows(before, pack, version))
        now = dict(self._rows({pack: self.subscriber.pack(pack)}, pack, version))
        verdicts = {
            passes(
                due,
                self.statuses,
                was[number].status if number in was else "",
                now[number].status,
                is_run=self.runs.runs(pack, version),
            )
            for number in now
            if was.get(number) != now[number]
        }
        due.is_sure = due.is_sure and verdicts != {True, False}
        return True in verdicts or not verdicts

    def _verdict(self, one: Copy) -> str:
        """Return what is wrong with a copy by what is known; "" for nothing, "unknown" where that is not known."""
        pack = self.subscriber.pack(one.pack)
        if self._is_banned(one.pack):
            return "banned"
        rows = {
            self.subscriber._names[number]: _wrong_with(row)
            for number, row in pack.seen.items()
            if not row.gone
        }
        if one.version in rows:
            return rows[one.version]
        if not pack.based or one.how is How.CLAIMED:
            return "unknown"
        if one.how is How.REGISTRY:
            return "delisted"
        mildest = [*rows.values()]
        return (
            max(
                mildest,
                key=["banned", "flagged", "deleted", "deprecated", ""].index,
                default="",
            )
            or "unknown"
        )

    def _is_banned(self, pack: str) -> bool:
        return self.subscriber.pack(pack).banned or pack in self.hidden | self.recorded

    def _is_accepted(self, key: Key, why: str) -> bool:
        today = f"{self.now:%Y-%m-%d}"
        entries = {
            one for one, until in self.accepted.items() if not until or today <= until
        }
        return accepts(entries, key, why, is_of_pack=self._is_banned(key[0]))

    # The channels

    def _owe(self, new: Iterable[Event], due: list[Due]) -> None:
        by_fact = {one.fact: one for one in due}
        named = {node.lower() for node in self._nodes}
        for event in new:
            one = by_fact[_fact_of(event)]
            is_named = not self.watch[1] or (event.node or "").lower() in named
            for wiring in self.channels:
                if wiring.wants(one, is_named=is_named):
                    self.owed.setdefault(wiring.name, {})[event.id] = event
                    figures.add("alerts due")

    def _hear(self, taken: int, *, is_whole: bool) -> None:
        """Take in what came to the channels: nothing that is not owed, and nothing twice but what was in flight."""
        last: dict[str, tuple[str, ...]] = {}
        for message in self.receiver.taken[taken:]:
            name = message.path.removeprefix("/")
            last[name] = message.events
            for event in message.events:
                assert event in self.owed.get(name, {}), (
                    f"{name} does not want {self.known.get(event, event)}"
                )
                count = self.taken.setdefault(name, Counter())
                count[event] += 1
                may = 1 + self.in_flight.get(name, Counter())[event]
                assert count[event] <= may, f"{name}: repeated {self.known[event]}"
                figures.add("repeated in flight", count[event] > 1)
        if not is_whole:
            self.crashed = True
            for name, events in last.items():
                self.in_flight.setdefault(name, Counter()).update(events)
        elif not self.crashed:
            self._see_that_nothing_is_owed()

    def _see_that_nothing_is_owed(self) -> None:
        for name, events in self.owed.items():
            lost = [
                _fact_of(one)
                for one in events.values()
                if not self.taken.get(name, Counter())[one.id]
            ]
            assert not lost, f"{name}: lost {lost}"

    def close_books(self) -> None:
        """Let everything recover, and poll until all is said and has arrived."""
        super().close_books()
        for _ in range(2):
            self.poll(25)
        self._see_that_nothing_is_owed()


def _wrong_with(row: Seen) -> str:
    if row.status in {"active", "pending"}:
        return "deprecated" if row.deprecated and row.status == "active" else ""
    return row.status


def _fact_of(event: Event) -> Fact:
    return (
        event.kind.value,
        (event.node or "").lower(),
        event.version,
        event.install or "",
    )


if __name__ == "__main__":
    run(PairedMachine, 200, 60)
