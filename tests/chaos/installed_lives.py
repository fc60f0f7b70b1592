"""Lives of ComfyUIs at random: packs that are installed, disabled and removed, volumes that come and go, crashes.

`InstallsMachine` is a Hypothesis state machine around the real poll, real folders and a real registry. Beside it stands
a simple model of what must be reported, which shares no code with the program. `python -m tests.chaos.installed_lives`
lives many lives and prints its figures as one JSON line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.chaos.lives import CrashAt, Fragile, Life, figures, run
from tests.support.lived_in import LivedIn
from watcher.model.event import Event
from watcher.state.store import StateFolder

PACKS = ("alpha", "beta", "gamma")
VERSIONS = ("1.0.0", "1.1.0")
NEVER_LISTED = "9.9.9"
INSTALLS = ("studio", "laptop", "attic")
"""The folders in which ComfyUIs are, which are all called ComfyUI: so each is called after its folder."""
NAMES = ("", "box", "den")
"""What the settings may call one."""
STATUSES = ("active", "flagged", "banned")

Key = tuple[str, str | None]
"""A pack and a version; None for a copy that does not have one."""
Fact = tuple[str, str | None, str | None, str | None]
"""What an event says at its shortest: kind, pack, version, install."""


class Copy(NamedTuple):
    """What an install has in a folder."""

    pack: str
    version: str | None
    """What its file says; None if it was never read."""
    enabled: bool = True
    is_clone: bool = False

    @property
    def key(self) -> Key:
        """What it is known to be: a clone may be of any commit."""
        return self.pack, None if self.is_clone else self.version


Copies = dict[str, Copy]
"""What an install has, by the name of the folder."""
_NOT_MODELLED = {"baseline", "appeared"}
"""The kinds of events that are not counted here."""
FROM_BAD_TO_FINE = ("banned", "flagged", "delisted", "deprecated", "unknown", "")


@dataclass(slots=True)
class Model:
    """What somebody would say who looks at the registry and the folders, poll by poll."""

    status: dict[tuple[str, str], tuple[str, bool]]
    """The registry's status of each version, and whether it is deprecated."""
    known: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)
    """The same, at the last poll."""
    believed: dict[str, Copies] = field(default_factory=dict)
    """By install, as it was last seen."""
    bad: dict[tuple[str, Key], str] = field(default_factory=dict)
    """What was run and bad at the last poll, by install: why. "" for what is accepted."""
    accepted: tuple[str, ...] = ()
    """What the settings accept."""
    owed: set[str] = field(default_factory=set)
    """Packs of which something that was reported has ended, while something that is accepted stayed."""
    failing: set[str] = field(default_factory=set)
    due: Counter[Fact] = field(default_factory=Counter)
    """All that was to be reported until now."""

    def poll(
        self,
        seen: Mapping[str, Copies | None],
        unread: Mapping[str, set[str]],
        names: Mapping[str, str],
    ) -> None:
        """Take in what a poll saw: each configured install, None for one that is not there; folders nobody can read.

        `names` are what the settings call the installs.
        """
        said = self._of_registry()
        for install in sorted(self.believed.keys() - seen.keys()):
            del self.believed[install]
        self.failing &= seen.keys()
        for install, copies in seen.items():
            fails = copies is None or bool(unread[install])
            if fails != (install in self.failing):
                kind, name = "failing" if fails else "recovered", names[install]
                self.due[kind, None, None, name] += 1
                self.failing ^= {install}
            if copies is not None:
                before = self.believed.get(install, {})
                kept = {
                    folder: before.get(folder, Copy(folder, None))
                    for folder in unread[install]
                }
                self.believed[install] = {
                    name: of
                    for name, of in copies.items()
                    if name not in unread[install]
                } | kept
        self._of_runs(
            said, hidden=seen.keys() - self.believed.keys(), configured=set(seen)
        )

    def _of_registry(self) -> set[tuple[str, Key]]:
        """Return what the registry's own events say, by version, and count them."""
        said: set[tuple[str, Key]] = set()
        for key, (status, deprecated) in self.status.items():
            if key in self.known:
                old, was = self.known[key]
                if old != status:
                    said.add(("reinstated" if status == "active" else status, key))
                if was != deprecated:
                    said.add(("deprecated" if deprecated else "undeprecated", key))
        self.known = dict(self.status)
        self.due.update((kind, pack, version, None) for kind, (pack, version) in said)
        return said

    def _of_runs(
        self, said: set[tuple[str, Key]], *, hidden: set[str], configured: set[str]
    ) -> None:
        """Count what is bad and was not, or is worse, once for each version; and packs of which nothing is bad now."""
        now: dict[tuple[str, Key], str] = {}
        for install, copies in self.believed.items():
            reasons: dict[Key, set[str]] = {}
            for copy in copies.values():
                if copy.enabled:
                    reasons.setdefault(copy.key, set()).add(self._why(copy))
            for key, found in reasons.items():
                worst = min(found, key=FROM_BAD_TO_FINE.index)
                if worst not in {"", "unknown"}:
                    now[install, key] = "" if self._is_accepted(key, worst) else worst
                elif (
                    "unknown" in found
                    and (install, key) in self.bad
                    and (may_be := self._worst_of(key[0]))
                ):
                    was = self.bad[install, key]
                    # It may still be that, or as bad as any version is now.
                    milder = max(was, may_be, key=FROM_BAD_TO_FINE.index)
                    now[install, key] = milder if was else was
        now |= {
            (install, key): why
            for (install, key), why in self.bad.items()
            if install in hidden
        }
        news = {
            (key, why)
            for (install, key), why in now.items()
            if why and self._is_worse(why, self.bad.get((install, key), ""))
        }
        self.due.update(
            ("exposed", *key, None) for key, why in news if (why, key) not in said
        )
        for pack in {key[0] for _, key in self.bad}:
            self._of_ends(pack, now, configured)
        self.bad = now

    def _of_ends(
        self, pack: str, now: Mapping[tuple[str, Key], str], configured: set[str]
    ) -> None:
        """Count the end of all that was reported of a pack, once nothing of it is bad; what is accepted is."""
        reported = {
            (install, key)
            for (install, key), why in self.bad.items()
            if why and key[0] == pack
        }
        over = {one for one in reported - now.keys() if one[0] in configured}
        is_owed = bool(over) if reported else pack in self.owed
        self.owed.discard(pack)
        left = {why for (_, key), why in now.items() if key[0] == pack}
        if is_owed and left == {""}:
            self.owed.add(pack)
        elif is_owed and not left:
            versions = {key[1] for _, key in reported}
            version = versions.pop() if len(versions) == 1 else None
            self.due["cleared", pack, version, None] += 1

    def _is_worse(self, now: str, before: str) -> bool:
        return FROM_BAD_TO_FINE.index(now) < FROM_BAD_TO_FINE.index(before)

    def _is_accepted(self, key: Key, why: str) -> bool:
        """Return whether the settings accept a copy: a ban only where that is said."""
        pack, version = key
        name = pack if version is None else f"{pack}@{version}"
        return f"{name}=banned" in self.accepted or (
            name in self.accepted and why != "banned"
        )

    def _why(self, copy: Copy) -> str:
        """Return what is wrong with a copy; "" for nothing, "unknown" where that is not known."""
        of_pack = {
            version: self._of((pack, version))
            for pack, version in self.status
            if pack == copy.pack
        }
        if copy.version in of_pack:
            return of_pack[copy.version]
        if copy.version is not None and not copy.is_clone:
            return "delisted"
        mildest = max(of_pack.values(), key=FROM_BAD_TO_FINE.index)
        return mildest or "unknown"

    def _worst_of(self, pack: str) -> str:
        """Return the worst of all versions of a pack."""
        each = [self._of(key) for key in self.status if key[0] == pack]
        return min(each, key=FROM_BAD_TO_FINE.index)

    def _of(self, key: tuple[str, str]) -> str:
        status, deprecated = self.status[key]
        return status if status != "active" else "deprecated" if deprecated else ""

    def copies(self, pack: str) -> set[tuple[str, str | None, bool]]:
        """Return where a pack is installed, in which version, and whether it is enabled."""
        return {
            (install, copy.key[1], copy.enabled)
            for install, copies in self.believed.items()
            for copy in copies.values()
            if copy.pack == pack
        }


packs, versions = st.sampled_from(PACKS), st.sampled_from(VERSIONS)
installs = st.sampled_from(INSTALLS)


class InstallsMachine(Life):
    """Three ComfyUIs, one state folder, and what may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.comfyuis = {
            name: LivedIn(self.root / name / "ComfyUI") for name in INSTALLS
        }
        self.there: dict[str, Copies] = {name: {} for name in INSTALLS}
        self.unmounted: set[str] = set()
        self.emptied: set[str] = set()
        """Where nothing but the empty place of a volume is."""
        self.named: dict[str, str] = {}
        """What the settings call installs."""
        self.spoilt: dict[str, set[str]] = {name: set() for name in INSTALLS}
        self.configured = list(INSTALLS)
        self.nodes: tuple[str, ...] = PACKS
        self.model = Model(
            status={
                (pack, version): ("active", False)
                for pack in PACKS
                for version in VERSIONS
            }
        )
        for pack, version in self.model.status:
            self.registry.catalog.publish(
                pack,
                version,
                created_at=f"2025-01-0{1 + VERSIONS.index(version)}T00:00:00Z",
            )

    @initialize(
        before=st.booleans(),
        nodes=st.sampled_from([PACKS, ("*",), ("alpha", "[bg]*")]),
        status=st.sampled_from(STATUSES),
        there=st.lists(st.tuples(installs, versions, st.booleans()), max_size=3),
    )
    def begin(
        self,
        before: bool,
        nodes: tuple[str, ...],
        status: str,
        there: list[tuple[str, str, bool]],
    ) -> None:
        """The watcher may have been there before the first pack. It may sweep the registry, or ask for each pack."""
        self.nodes = nodes
        if before:
            self.poll()
        self.move("alpha", VERSIONS[0], status)
        for install, version, is_clone in there:
            self.put(install, "alpha", version, is_clone)
        self.poll()

    @rule(
        install=installs,
        pack=packs,
        version=st.sampled_from((*VERSIONS, NEVER_LISTED)),
        is_clone=st.booleans(),
    )
    def put(self, install: str, pack: str, version: str, is_clone: bool) -> None:
        """A version of a pack is installed in place of what is there, or its repository is cloned."""
        if (
            not self._may_change(install, pack)
            or f"{pack}.disabled" in self.there[install]
        ):
            return
        comfyui, there = self.comfyuis[install], self.there[install]
        if is_clone:
            comfyui.put_clone(pack, version)
        else:
            if pack in there and there[pack].is_clone:
                comfyui.remove(pack)
            comfyui.put(pack, version)
        there[pack] = Copy(pack, version, is_clone=is_clone)

    @rule(install=installs, pack=packs)
    def remove(self, install: str, pack: str) -> None:
        """A pack is uninstalled."""
        if self._may_change(install, pack) and pack in self.there[install]:
            del self.there[install][pack]
            self.comfyuis[install].remove(pack)

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

    @rule(install=installs)
    def mount_or_not(self, install: str) -> None:
        """The volume of an install goes, or is back."""
        self.unmounted ^= {install}
        self.comfyuis[install].mount(there=install not in self.unmounted)

    @rule(install=installs)
    def empty_or_not(self, install: str) -> None:
        """The volume of a folder of packs goes and leaves what a file system has, or is back."""
        if install in self.unmounted:
            return
        self.emptied ^= {install}
        place = self.comfyuis[install].nodes / "lost+found"
        if install not in self.emptied:
            place.rmdir()
        self.comfyuis[install].empty(is_empty=install in self.emptied)
        if install in self.emptied:
            place.mkdir()

    @rule(install=installs, pack=packs)
    def spoil_or_mend(self, install: str, pack: str) -> None:
        """A pack cannot be read, or can be again."""
        copy = self.there[install].get(pack)
        if self._is_hidden(install) or copy is None or copy.is_clone:
            return
        comfyui = self.comfyuis[install]
        (comfyui.mend if pack in self.spoilt[install] else comfyui.spoil)(pack)
        self.spoilt[install] ^= {pack}

    def _may_change(self, install: str, pack: str) -> bool:
        return not self._is_hidden(install) and pack not in self.spoilt[install]

    def _is_hidden(self, install: str) -> bool:
        return install in self.unmounted | self.emptied

    @rule(install=installs)
    def configure_or_not(self, install: str) -> None:
        """An install goes from the settings, or is back."""
        if install in self.configured:
            self.configured.remove(install)
        else:
            self.configured.insert(0, install)

    @rule(order=st.permutations(INSTALLS))
    def reorder(self, order: list[str]) -> None:
        """The settings name the same installs in another order."""
        self.configured = [one for one in order if one in self.configured]

    @rule(install=installs, name=st.sampled_from(NAMES))
    def rename(self, install: str, name: str) -> None:
        """The settings give an install a name, which may have been another's, or take it away."""
        self.named = {
            one: called for one, called in self.named.items() if called != name
        }
        self.named[install] = name

    @rule(
        pack=packs,
        version=st.sampled_from((*VERSIONS, NEVER_LISTED, None)),
        verdict=st.sampled_from(("", "=banned")),
    )
    def accept_or_not(self, pack: str, version: str | None, verdict: str) -> None:
        """The settings accept what is wrong with a version, or with clones, or do not any more."""
        name = pack if version is None else f"{pack}@{version}"
        known = {one for one in self.model.accepted if one.partition("=")[0] != name}
        entry = f"{name}{verdict}"
        if entry not in self.model.accepted:
            known.add(entry)
        self.model.accepted = tuple(sorted(known))

    @rule(pack=packs, version=versions, status=st.sampled_from(STATUSES))
    def move(self, pack: str, version: str, status: str) -> None:
        """The registry gives a version another status."""
        self.registry.catalog.set_status(pack, version, status)
        self.model.status[pack, version] = status, self.model.status[pack, version][1]

    @rule(pack=packs)
    def pardon(self, pack: str) -> None:
        """Every version of a pack is well again, between two polls."""
        self.poll()
        for version in VERSIONS:
            self.move(pack, version, "active")
            self.deprecate(pack, version, on=False)
        self.poll()

    @rule(pack=packs, version=versions, on=st.booleans())
    def deprecate(self, pack: str, version: str, on: bool) -> None:
        """A publisher deprecates a version, or takes that back."""
        self.registry.catalog.deprecate(pack, version, on)
        self.model.status[pack, version] = self.model.status[pack, version][0], on

    @rule()
    def poll(self) -> None:
        """Whatever is to be reported is, once, with where it is run; nothing else is."""
        assert self._polls(StateFolder(self.path))
        seen = {name: self._seen(name) for name in self.configured}
        unread = {
            name: set() if self._is_hidden(name) else self.spoilt[name] for name in seen
        }
        names = {name: self._called(name) for name in seen}
        self.model.poll(seen, unread, names)
        events = self._history()
        got = Counter(
            (one.kind.value, one.node, one.version, one.install) for one in events
        )
        for fact in [fact for fact in got if fact[0] in _NOT_MODELLED]:
            del got[fact]
        assert got == self.model.due, (
            got - self.model.due,
            self.model.due - got,
        )
        assert len({one.id for one in events}) == len(events)

    @rule(at=st.integers(1, 8), after=st.booleans())
    def crash_and_poll(self, at: int, after: bool) -> None:
        """The program dies at a step of the state folder, and the next poll makes up for it."""
        self._polls(Fragile(self.path, crash=CrashAt(at, after)))
        self.poll()

    @rule(pack=packs, version=versions, status=st.sampled_from(STATUSES))
    def tell_where(self, pack: str, version: str, status: str) -> None:
        """An event on an installed pack says where it is installed, as far as is known."""
        self.poll()
        before = len(self._history())
        self.move(pack, version, status)
        self.poll()
        for event in self._history()[before:]:
            if event.node == pack:
                copies = {
                    (one.install, one.version, one.enabled) for one in event.installed
                }
                assert copies == {
                    (self._called(install), version, enabled)
                    for install, version, enabled in self.model.copies(pack)
                }, event

    def _seen(self, install: str) -> Copies | None:
        """Return what a poll sees of an install; None if it sees that it cannot be all."""
        if install in self.unmounted:
            return None
        if install in self.emptied:
            return None if self.model.believed.get(install) else {}
        return dict(self.there[install])

    def _called(self, install: str) -> str:
        return self.named.get(install) or install

    def _history(self) -> tuple[Event, ...]:
        return StateFolder(self.path).history().events

    def _polls(self, folder: StateFolder) -> bool:
        """Poll once; False if the program died."""
        return self.works(
            folder,
            nodes=self.nodes,
            failure_threshold=1,
            installs=[self._entry(name) for name in self.configured],
            accept=list(self.model.accepted),
        )

    def _entry(self, install: str) -> str | dict[str, str]:
        path, name = str(self.comfyuis[install].root), self.named.get(install)
        return {"name": name, "path": path} if name else path

    def close_books(self) -> None:
        """Poll once more."""
        self.poll()
        for kind in ("exposed", "cleared", "failing", "recovered"):
            figures.add(
                kind,
                sum(count for fact, count in self.model.due.items() if fact[0] == kind),
            )


if __name__ == "__main__":
    run(InstallsMachine, 600, 30)  # an exposure comes in about one of three
