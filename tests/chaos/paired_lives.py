"""Lives with random pairs of features: whole registry, publishers, installs, acceptances, filters, crashes.

`PairedMachine` is `SweptMachine`, whose registry and model it has, with all that hangs on what is run, on the settings
and on the channels. Beside it stands a model of these (`tests.chaos.paired_model`), which shares no code with the
program: which events each poll has to make, and which alerts each channel has to get, exactly once but for what was in
flight in a crash. `python -m tests.chaos.paired_lives` lives many lives and prints its figures as one JSON line.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.chaos.lives import CrashAt, Fragile, figures, run
from tests.chaos.paired_model import (
    CRITICAL,
    FROM_BAD_TO_FINE,
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
from tests.chaos.subscriber import Reading, Seen, Sweeps
from tests.chaos.swept_lives import FIRST, PACKS, ROCK, VERSIONS, WATCHED, SweptMachine
from tests.support.lived_in import LivedIn
from watcher.cli import report
from watcher.model.event import Event, Kind
from watcher.model.version import STATUSES
from watcher.polling.model import Report
from watcher.polling.poll import Poller
from watcher.state.model import State
from watcher.state.store import StateFolder

FEATURES = (
    *("installs", "installs", "acceptances", "publishers", "statuses"),
    *("channels", "restarts", "crashes"),
)
INSTALLS = ("studio", "laptop", "attic")
"""The folders in which ComfyUIs are, which are all called ComfyUI."""
NEVER_LISTED = "9.9.9"
_CHANNEL = "channel"
"""How the channels' names begin."""
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
    """A registry, three ComfyUIs, some channels, and one watcher of a few features."""

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
        self.emptied: set[str] = set()
        """Where nothing but the empty place of a volume is."""
        self.unscanned: set[str] = set()
        """The installs of which the last poll could not read all."""
        self.spoilt: dict[str, set[str]] = {name: set() for name in INSTALLS}
        self.configured: list[str] = []
        self.names = dict.fromkeys(INSTALLS, "")
        """What the settings call an install; "" leaves that to the program."""
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
        self.owed: dict[str, dict[str, Event]] = {}
        self.taken: dict[str, Counter[str]] = {}
        self.in_flight: dict[str, Counter[str]] = {}
        self.report: Report | None = None
        self.unsure: set[str] = set()
        """The channels that may be waiting for another attempt."""
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
            name=_CHANNEL,
            kinds=frozenset(map(str, Kind)),
            nodes=(),
            scope="all",
            least=INFO,
            grouping="poll",
        )
        self.channels = [plain]
        if "channels" in features:
            self.channels += [
                replace(one, name=f"{_CHANNEL}{number}")
                for number, one in enumerate(channels)
            ]

    def _publish(self, pack: str, version: str, status: str, created: datetime) -> None:
        super()._publish(pack, version, status, created)
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
        how=st.sampled_from([How.REGISTRY, How.CLAIMED, How.GIT]),
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
    @rule(
        install=installs,
        pack=packs,
        version=st.sampled_from((ROCK, *VERSIONS[:2])),
        how=st.sampled_from([How.REGISTRY, How.GIT]),
        status=st.sampled_from(("active", "flagged", "banned", "deleted")),
        on=st.booleans(),
    )
    def run_a_risk(
        self, install: str, pack: str, version: str, how: How, status: str, on: bool
    ) -> None:
        """What is run of a pack, its first version too, turns bad, or milder, or well."""
        if pack not in self.there[install]:
            self.put(install, pack, version, how)
        self.publish_or_move(pack, version, status)
        self.deprecate(pack, version, on)
        self.poll(0)

    @having("installs")
    @rule(pack=packs)
    def pardon(self, pack: str) -> None:
        """Every version of a pack is well again."""
        for version in (ROCK, *VERSIONS):
            if self.subscriber.has(pack, version):
                self.publish_or_move(pack, version, "active")
                self.deprecate(pack, version, False)
        self.poll(0)

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
        self._poll_on(polls)

    @having("installs")
    @rule(install=installs, polls=st.integers(0, 2))
    def empty_or_not(self, install: str, polls: int) -> None:
        """The volume of a folder of packs goes and leaves what a file system has, or is back."""
        if install in self.unmounted:
            return
        self.emptied ^= {install}
        comfyui, is_empty = self.comfyuis[install], install in self.emptied
        place = comfyui.nodes / "lost+found"
        if not is_empty:
            place.rmdir()
        comfyui.empty(is_empty=is_empty)
        if is_empty:
            place.mkdir()
        self._poll_on(polls)

    @having("installs")
    @rule(install=installs, pack=packs, polls=st.integers(0, 2))
    def spoil_or_mend(self, install: str, pack: str, polls: int) -> None:
        """A pack cannot be read, whether or not it was seen before, or it can be read again."""
        there = self.there[install].get(pack)
        # After a crash it may not be known what the last good scan was.
        if self._is_hidden(install) or there is None or self.report is None:
            return
        if pack in self.spoilt[install]:
            self.comfyuis[install].mend(pack)
            self.spoilt[install].remove(pack)
        elif there.how is not How.GIT:
            self.comfyuis[install].spoil(pack)
            self.spoilt[install].add(pack)
        self._poll_on(polls)

    def _poll_on(self, polls: int) -> None:
        for _ in range(polls):
            self.poll(0)

    def _may_change(self, install: str, pack: str) -> bool:
        return not self._is_hidden(install) and pack not in self.spoilt[install]

    def _is_hidden(self, install: str) -> bool:
        return install in self.unmounted | self.emptied

    # The settings

    @having("installs")
    @rule(install=installs)
    def configure_or_not(self, install: str) -> None:
        """An install goes from the settings, or is back, first in the list."""
        if install in self.configured:
            self.configured.remove(install)
        else:
            self.configured.insert(0, install)

    @having("installs")
    @rule(order=st.permutations(INSTALLS))
    def reorder(self, order: list[str]) -> None:
        """The settings name the same installs in another order."""
        self.configured = [one for one in order if one in self.configured]

    @having("installs")
    @rule(install=installs, name=st.sampled_from(("", "my own", "yours")))
    def call(self, install: str, name: str) -> None:
        """An install gets another name in the settings, which may have been another's, or none."""
        others = {one: "" for one, had in self.names.items() if had == name}
        self.names |= others | {install: name}

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
        """Changes of other statuses are reported from now on."""
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
                {"path": str(self.comfyuis[one].root)}
                | ({"name": self.names[one]} if self.names[one] else {})
                for one in self.configured
            ],
            "accept": [
                {"finding": finding, "until": until} if until else finding
                for finding, until in self.accepted.items()
            ],
            "alert_expiry": "90d",
            "channels": [self._table(wiring) for wiring in self.channels],
        }
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
        self._forget()
        taken = len(self.receiver.taken)

        async def poll(poller: Poller) -> None:
            self.report = await poller.poll()

        is_whole = self.works(folder, poll, **self._settings())
        if not is_whole:
            self.receiver.settle()
        self._see(before)
        self._hear(taken, is_whole=is_whole)
        if self.report is not None:
            self._see_what_it_says()

    def _forget(self) -> None:
        """Forget the last poll."""
        self.witness, self.report = type(self.witness)(), None
        self.pages.served.clear()

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
                self.later |= {one for one in found if not self._was_seen(one)}
            if owner in self.read_lists_of or self.witness.listed:
                self.listed |= found
        if self.witness.listed:
            self.read_lists_of |= {*self.publishers}

    def _was_seen(self, pack: str) -> bool:
        return bool(self.subscriber.pack(pack).seen)

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

    def _see(self, before: State) -> list[Event]:
        new, noted = self._recorded(before)
        due = self._due(noted=noted) if self.has_seen else []
        found = Counter(_fact_of(one) for one in new if not one.channel)
        wanted = Counter(one.fact for one in due)
        sure = Counter(one.fact for one in due if one.is_sure)
        late, invented = sure - found, found - wanted
        assert not late + invented, f"late or lost {late}, invented {invented}"
        self._owe(new, due)
        self._see_where(new)
        for kind, _, _, _ in found.elements():
            figures.add(kind)
        return new

    def _see_where(self, new: Iterable[Event]) -> None:
        """See that each event says where its pack is installed."""
        for event in new:
            said = {(one.install, one.version, one.enabled) for one in event.installed}
            copies = {
                (self.names[install] or install, version, enabled)
                for install, version, enabled in self.runs.copies(
                    (event.node or "").lower()
                )
            }
            assert not event.node or said == copies, f"{event}: {copies}"

    def _due(self, *, noted: bool) -> list[Due]:
        seen = {name: self._seen(name) for name in self.configured}
        unread = {
            name: set() if self._is_hidden(name) else self.spoilt[name] for name in seen
        }
        self.unscanned = {name for name in seen if seen[name] is None or unread[name]}
        due = self.runs.scan(
            seen, unread, threshold=self.trouble.threshold, noted=noted
        )
        for one in due:
            one.fact = (*one.fact[:3], self.names[one.fact[3]] or one.fact[3])
        self._take_list()
        before = {
            pack: copy.deepcopy(self.subscriber.pack(pack))
            for pack in (*PACKS, *self.others)
        }
        banned = {pack for pack in before if self._is_banned(pack)}
        facts = self._look(noted=noted)
        due += self._of_lists(noted=noted)
        of_registry = [self._described(fact, before, banned) for fact in facts]
        said = {
            (SAYS[one.fact[0]], one.fact[1], one.fact[2]): one
            for one in of_registry
            if one.fact[0] in SAYS
        }
        due += self.runs.judge(
            self._verdict,
            self._may_be,
            self._is_accepted,
            said,
            {*self.configured},
            self._is_unread,
            {pack for kind, pack, version in facts if (kind, version) == _BACK},
        )
        return [one for one in due + of_registry if self._passes(one, before)]

    def _seen(self, install: str) -> dict[str, Copy] | None:
        """Return what a poll sees of an install; None if it sees that it cannot be all."""
        if install in self.unmounted:
            return None
        if install in self.emptied:
            return None if self.runs.believed.get(install) else {}
        return dict(self.there[install])

    def _described(
        self,
        fact: tuple[str, str, str | None],
        before: Mapping[str, Any],
        banned: Collection[str],
    ) -> Due:
        kind, pack, version = fact
        is_run = bool(pack) and self.runs.runs(pack)
        level = SEVERITY.get(kind, INFO)
        if kind == "changed" and version and self.runs.runs(pack, version):
            level = CRITICAL
        if kind == "reinstated" and version is None:
            # A pack may have turned empty before it was banned: the ban is what ends.
            is_only_empty = before[pack].emptied and pack not in banned
            level = WARNING if is_only_empty else CRITICAL
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
        rows = [
            (self.subscriber._names[number], _wrong_with(row))
            for number, row in pack.seen.items()
            if not row.gone
        ]
        # One text may be that of several rows.
        if own := [wrong for version, wrong in rows if version == one.version]:
            return min(own, key=FROM_BAD_TO_FINE.index)
        if not pack.based or one.how is How.CLAIMED:
            return "unknown"
        if one.how is How.REGISTRY:
            return "delisted"
        mildest = max(
            (wrong for _, wrong in rows), key=FROM_BAD_TO_FINE.index, default=""
        )
        return mildest or "unknown"

    def _is_unread(self, key: Key) -> bool:
        """Return whether nothing answers for a copy now: neither its pack nor, in pages, every row of its version."""
        name, version = key
        pack, names = self.subscriber.pack(name), self.subscriber._names
        rows = {number for number in pack.seen if names[number] == version}
        is_shown = rows and rows <= self.witness.shown.get(name, {}).keys()
        return self.readings.get(name) is not Reading.READ and not is_shown

    def _may_be(self, name: str) -> str | None:
        """Return the worst of all versions of a pack, those that are gone too; None where not all are known."""
        pack = self.subscriber.pack(name)
        each = [_wrong_with(row) for row in pack.seen.values()]
        worst = min(each, key=FROM_BAD_TO_FINE.index, default="")
        return worst if pack.based else None

    def _is_banned(self, pack: str) -> bool:
        return self.subscriber.pack(pack).banned or pack in self.hidden | self.recorded

    def _is_accepted(self, key: Key, why: str) -> bool:
        today = f"{self.now:%Y-%m-%d}"
        entries = {
            one for one, until in self.accepted.items() if not until or today <= until
        }
        return accepts(entries, key, why, is_of_pack=self._is_banned(key[0]))

    def _see_what_it_says(self) -> None:
        """See that a whole poll names what it could not read, and that its exit code says so."""
        assert self.report is not None
        code = report.code_of(self.report, frozenset())
        unread = {self.names[one] or one for one in self.unscanned}
        unscanned = {one.install for one in self.report.unscanned}
        assert unscanned == unread, f"unscanned: {unscanned}, unread are {unread}"
        failed = {
            pack
            for pack, reading in self.readings.items()
            if reading is not Reading.READ
        }
        # Without a node it is of the registry as a whole.
        named = {(one.node or "*").lower() for one in self.report.unread}
        assert failed <= named or self.report.failure_of_registry, (
            f"{failed - named} could not be read, and it does not say so"
        )
        is_swept = not self.watch[1] or self.witness.is_complete
        lists = self.witness.listed is None or self.witness.listed
        is_well = is_swept and (lists or not self.publishers)
        if failed or unread or not is_well:
            assert code == 1, f"exit {code} with {failed}, {unread}"
        elif not self.unsure:
            assert code == 0, f"exit {code}: {self.report}"

    # The channels

    @having("channels")
    @rule(
        which=st.integers(0, 3), hours=st.lists(st.sampled_from([0, 2, 25]), max_size=3)
    )
    def break_channel(self, which: int, hours: list[int]) -> None:
        """A channel refuses everything for some polls."""
        name = self.channels[which % len(self.channels)].name
        self.unsure.add(name)
        self.receiver.down.add(f"/{name}")
        for pause in hours:
            self.poll(pause)
        self.receiver.down.clear()

    def _owe(self, new: Iterable[Event], due: list[Due]) -> None:
        by_fact = {one.fact: one for one in due}
        named = {node.lower() for node in self._nodes}
        for event in new:
            # When a channel fails is for other lives: here what is said of it has to arrive.
            of_channel = Due(fact=_fact_of(event), level=WARNING)
            one = of_channel if event.channel else by_fact[_fact_of(event)]
            is_named = not self.watch[1] or (event.node or "").lower() in named
            for wiring in self.channels:
                is_itself = event.channel == wiring.name
                if not is_itself and wiring.wants(one, is_named=is_named):
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
            self.unsure |= {wiring.name for wiring in self.channels}
            for name, events in last.items():
                self.in_flight.setdefault(name, Counter()).update(events)
        else:
            self._see_that_nothing_is_owed()

    def _see_that_nothing_is_owed(self) -> None:
        for name, events in self.owed.items():
            if name in self.unsure:
                continue
            lost = [
                _fact_of(one)
                for one in events.values()
                if not self.taken.get(name, Counter())[one.id]
            ]
            assert not lost, f"{name}: lost {lost}"

    def close_books(self) -> None:
        """Let everything recover, and poll until all is said and has arrived."""
        super().close_books()
        for _ in range(3):
            self.poll(25)
        self.unsure.clear()
        self._see_that_nothing_is_owed()


_BACK = ("reinstated", None)
"""Kind and version of the end of the ban of a whole pack."""


def _wrong_with(row: Seen) -> str:
    if row.status in {"active", "pending"}:
        return "deprecated" if row.deprecated else ""
    return row.status


def _fact_of(event: Event) -> Fact:
    return (
        event.kind.value,
        (event.node or "").lower(),
        event.version,
        event.install or "",
    )


if __name__ == "__main__":
    run(PairedMachine, 250, 60)
