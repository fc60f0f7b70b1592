"""Histories of installs at random: what people and attackers do to packs, while scans fail and the watcher dies.

`AppearancesMachine` is a Hypothesis state machine around the real poll and real folders. Beside it stands a model of
what must be told, which shares no code with the program: each pack that is added, by the next poll that can see it,
once, and nothing else. `python -m tests.chaos.appearing_lives` lives 500 histories and prints its figures as one JSON
line.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, assert_never, get_args

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.chaos.lives import CrashAt, Fragile, Life, figures, run
from tests.support.lived_in import LivedIn
from watcher.model.event import Event, Kind
from watcher.model.pack import Pack
from watcher.state.store import StateFolder

INSTALLS = ("studio", "laptop")
OWN, MORE = "", "extra_model_paths.yaml: ../more"
"""The two folders of packs of an install, as `Pack.place` has them."""
WITH_ID, WITHOUT_ID, FILE = ("alpha", "beta"), ("shadow", "moth"), "scribble.py"
RENAMED = "alpha-main"
"""What the folder of `alpha` may be called; what is inside says which pack it is."""
VERSIONS = ("1.0.0", "1.1.0")
Trouble = Literal[
    "an install", "a folder of packs", "the file that names more", "a pack"
]
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
"""What a scan may not be able to read."""

Told = tuple[str, str | None, str]
"""What an event says at its shortest: install, id, and what its folder is named after if it has none."""


class Copy(NamedTuple):
    """A pack in an install."""

    folder: str
    """Below the folder of packs, as `Pack.folder` has it."""
    pack: str | None
    """Its id, if what is in it says that."""
    kind: str
    version: str | None = None

    @property
    def name(self) -> str:
        """What its folder is named after."""
        return (
            self.folder.removeprefix(".disabled/")
            .removesuffix(".disabled")
            .partition("@")[0]
        )

    @property
    def is_enabled(self) -> bool:
        """Whether ComfyUI loads it."""
        return ".disabled" not in self.folder


Copies = dict[str, Copy]
"""The copies in a folder of packs, by their own folders."""


class Seen(NamedTuple):
    """What a poll sees of a folder of packs."""

    copies: Copies
    is_all: bool
    """False if it cannot be read, or has nothing of what it had, as the place of another volume."""
    kept: tuple[Copy, ...] = ()
    """What a poll saved as seen before it died and reported it, where this poll sees nothing."""


NOTHING = Seen({}, False)


@dataclass(slots=True)
class Known:
    """What is known of one install."""

    packs: set[tuple[str, str | None]] = field(default_factory=set)
    """What the folder of each pack is named after, and its id, as the last good scan saw them and what came since."""
    places: set[str] = field(default_factory=set)
    """The folders of packs that were read."""
    was_whole: bool = False
    """Whether a scan has read everything once."""

    def is_news(self, place: str, copy: Copy) -> bool:
        """Return whether a copy is of a pack that was not there."""
        # In a folder that nobody could read until now a pack may have been for long.
        if not self.was_whole and place not in self.places:
            return False
        if copy.pack is None:
            return all(name != copy.name for name, _ in self.packs)
        # A folder whose id could not be read is the same pack.
        return all(
            pack != copy.pack and not (pack is None and name == copy.name)
            for name, pack in self.packs
        )


@dataclass(slots=True)
class Model:
    """What somebody would say who looks at the folders, poll by poll."""

    known: dict[str, Known] = field(default_factory=dict)
    """By install, of those that were scanned."""
    due: Counter[Told] = field(default_factory=Counter)
    """All that was to be told until now."""

    def poll(self, seen: Mapping[str, Mapping[str, Seen]]) -> None:
        """Take in what a poll saw of the folders of packs of each configured install."""
        for install in self.known.keys() - seen.keys():
            del self.known[install]
        for install, places in seen.items():
            is_kept = install in self.known and any(one.kept for one in places.values())
            if is_kept or any(one.is_all or one.copies for one in places.values()):
                self._scanned(install, places)

    def _scanned(self, install: str, places: Mapping[str, Seen]) -> None:
        known = self.known.setdefault(install, Known())
        is_whole = all(one.is_all for one in places.values())
        there = [
            (place, copy)
            for place, of in places.items()
            for copy in (*of.copies.values(), *of.kept)
        ]
        news = {
            (install, copy.pack, "" if copy.pack else copy.name)
            for place, copy in there
            if known.is_news(place, copy)
        }
        self.due.update(news)
        if is_whole:
            known.packs.clear()
        known.packs |= {(copy.name, copy.pack) for _, copy in there}
        known.places |= {place for place, of in places.items() if of.is_all}
        known.was_whole |= is_whole


@contextlib.contextmanager
def living(*some: str) -> Iterator[AppearancesMachine]:
    """Return one life to play, with both folders of packs and some packs in one, and close its books in the end."""
    life = AppearancesMachine()
    life.begin([*some], named=True)
    yield life
    life.teardown()


installs, places = st.sampled_from(INSTALLS), st.sampled_from((OWN, OWN, MORE))
packs, names = st.sampled_from(WITH_ID), st.sampled_from(("beta", *WITHOUT_ID, FILE))
versions = st.sampled_from(VERSIONS)
picks, polls = st.integers(0, 20), st.sampled_from((0, 1, 1, 2))


class AppearancesMachine(Life):
    """Two ComfyUIs, each with two folders of packs, one state folder, and what may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.comfyuis: dict[str, dict[str, LivedIn]] = {}
        for name in INSTALLS:
            own = LivedIn(self.root / name / "ComfyUI")
            self.comfyuis[name] = {OWN: own, MORE: own.beside(own.root.parent / "more")}
        self.there: dict[str, dict[str, Copies]] = {
            name: {OWN: {}, MORE: {}} for name in INSTALLS
        }
        self.spoilt: set[tuple[str, str, str]] = set()
        """Install, place and folder of what nobody can read."""
        self.named: set[str] = set()
        """The installs whose settings name the second folder."""
        self.hidden: set[tuple[str, str]] = set()
        """Install and place of what is not there for the moment."""
        self.garbled: set[str] = set()
        """The installs whose file of more folders is none."""
        self.configured = list(INSTALLS)
        self.model = Model()
        self.glimpsed: set[tuple[str, str, str, str | None]] = set()
        """Install, place, folder and id of what polls that died saw, since the last that came to its end."""
        for pack in WITH_ID:
            for version in VERSIONS:
                self.registry.catalog.publish(pack, version)

    @initialize(some=st.lists(names, max_size=4), named=st.booleans())
    def begin(self, some: list[str], named: bool) -> None:
        """Some packs are there before the first scan, which tells nothing, or the watcher is older than all of them."""
        if named:
            self.named = set(INSTALLS)
            for folders in self.comfyuis.values():
                folders[OWN].name_more("../more")
        for name in some:
            self._put("studio", OWN, name, "registry", "1.0.0")
        self.poll()

    # What people and attackers do

    @rule(
        install=installs,
        place=places,
        pack=packs,
        how=st.sampled_from(("registry", "claimed", "git")),
        version=versions,
        polls=polls,
    )
    def add(
        self, install: str, place: str, pack: str, how: str, version: str, polls: int
    ) -> None:
        """A pack is installed, or what is there replaced by it."""
        self._put(install, place, pack, how, version)
        self._poll_on(polls)

    @rule(
        install=installs, place=places, name=names, is_clone=st.booleans(), polls=polls
    )
    def plant(
        self, install: str, place: str, name: str, is_clone: bool, polls: int
    ) -> None:
        """Somebody puts there what does not say which pack it is, maybe where another one was."""
        self._put(install, place, name, "git" if is_clone else "unknown", VERSIONS[0])
        self._poll_on(polls)

    @rule(pick=picks, polls=polls)
    def remove(self, pick: int, polls: int) -> None:
        """A pack is uninstalled."""
        if found := self._picked(pick):
            install, place, copy = found
            del self.there[install][place][copy.folder]
            self.comfyuis[install][place].remove(copy.folder)
        self._poll_on(polls)

    @rule(pick=picks, how=st.integers(0, 2), polls=polls)
    def switch(self, pick: int, how: int, polls: int) -> None:
        """A pack is disabled in one of three ways, or enabled again."""
        if found := self._picked(pick):
            install, place, copy = found
            # The Manager names no version of a single file.
            version = (copy.version or "nightly").replace(".", "_")
            suffix = "" if copy.kind == "file" else f"@{version}"
            off = (
                f"{copy.name}.disabled",
                f".disabled/{copy.name}",
                f".disabled/{copy.name}{suffix}",
            )
            folder = off[how] if copy.is_enabled else copy.name
            self._rename(install, place, copy, folder)
        self._poll_on(polls)

    @rule(pick=picks, polls=polls)
    def move(self, pick: int, polls: int) -> None:
        """A pack is moved into the other folder of packs, which the settings may not name yet."""
        if found := self._picked(pick):
            install, place, copy = found
            other = MORE if place == OWN else OWN
            names = {one.name for one in self.there[install][other].values()}
            if copy.name not in names and self._may_change(install, other, copy.name):
                paths = self.comfyuis[install]
                to = paths[other].nodes / copy.folder
                to.parent.mkdir(exist_ok=True)
                (paths[place].nodes / copy.folder).rename(to)
                del self.there[install][place][copy.folder]
                self.there[install][other][copy.folder] = copy
        self._poll_on(polls)

    @rule(pick=picks, polls=polls)
    def rename(self, pick: int, polls: int) -> None:
        """Somebody gives the folder of a pack another name."""
        if found := self._picked(pick, "alpha", RENAMED):
            install, place, copy = found
            if copy.is_enabled and copy.pack:
                folder = "alpha" if copy.name == RENAMED else RENAMED
                self._rename(install, place, copy, folder)
        self._poll_on(polls)

    # What happens to them

    @rule(install=installs, place=places, pack=packs, what=st.sampled_from(TROUBLES))
    def fail_or_mend(self, install: str, place: str, pack: str, what: Trouble) -> None:
        """Something cannot be read, or can be again; or the settings choose otherwise what is read."""
        match what:
            case "an install":
                self._mount_or_not(install)
            case "a folder of packs":
                self._hide_or_not(install, place)
            case "the file that names more":
                self._garble_or_not(install)
            case "a pack":
                self._spoil_or_mend(install, place, pack)
            case _:
                assert_never(what)

    @rule(install=installs, what=st.sampled_from(("the watcher", "ComfyUI", "ComfyUI")))
    def configure_or_not(self, install: str, what: str) -> None:
        """The settings name an install, or a second folder of packs, or do not any more.

        An install that is back is as if it was never seen.
        """
        if what == "the watcher" and install in self.configured:
            self.configured.remove(install)
        elif what == "the watcher":
            self.configured.append(install)
        elif install not in self.garbled and (install, "all") not in self.hidden:
            self.named ^= {install}
            folder = "../more" if install in self.named else ""
            self.comfyuis[install][OWN].name_more(folder)

    def _mount_or_not(self, install: str) -> None:
        self.hidden ^= {(install, "all")}
        self.comfyuis[install][OWN].mount(there=(install, "all") not in self.hidden)

    def _hide_or_not(self, install: str, place: str) -> None:
        """Let the volume of one folder of packs go, which leaves an empty one, or be back."""
        if (install, "all") not in self.hidden:
            self.hidden ^= {(install, place)}
            is_empty = (install, place) in self.hidden
            self.comfyuis[install][place].empty(is_empty=is_empty)

    def _garble_or_not(self, install: str) -> None:
        if install in self.named and (install, "all") not in self.hidden:
            self.garbled ^= {install}
            is_garbled = install in self.garbled
            self.comfyuis[install][OWN].name_more("../more", is_garbled=is_garbled)

    def _spoil_or_mend(self, install: str, place: str, pack: str) -> None:
        comfyui, key = self.comfyuis[install][place], (install, place, pack)
        copy = self.there[install][place].get(pack)
        if self._is_hidden(install, place):
            return
        if key in self.spoilt:
            self.spoilt.remove(key)
            comfyui.mend(pack)
        elif copy is not None and copy.version is not None:
            self.spoilt.add(key)
            comfyui.spoil(pack)

    # The watcher

    @rule()
    def poll(self) -> None:
        """Whatever is to be told is, once, with where it comes from; nothing else is."""
        seen = self._seen()
        assert self._polls(StateFolder(self.path))
        self.model.poll(seen)
        self.glimpsed.clear()
        events = self.told
        got = Counter(map(_what, events))
        assert got == self.model.due, (got - self.model.due, self.model.due - got)
        assert len({one.id for one in events}) == len(events)

    @rule(at=st.integers(1, 8), after=st.booleans())
    def crash(self, at: int, after: bool) -> None:
        """The program dies at a step of the state folder; what it had committed it need not do again."""
        seen, revision = self._seen(), self._revision
        if (
            self._polls(Fragile(self.path, crash=CrashAt(at, after)))
            or self._revision != revision
        ):
            self.model.poll(seen)
        self.glimpsed |= {
            (install, place, one.folder, one.pack)
            for install, places in seen.items()
            for place, of in places.items()
            for one in (*of.copies.values(), *of.kept)
        }

    @precondition(lambda self: bool(self.spoilt or self.hidden or self.garbled))
    @rule()
    def mend_all(self) -> None:
        """Everything can be read again, and is."""
        self._mend()
        self.poll()

    def _mend(self) -> None:
        for install in INSTALLS:
            if (install, "all") in self.hidden:
                self._mount_or_not(install)
            for place in (OWN, MORE):
                if (install, place) in self.hidden:
                    self._hide_or_not(install, place)
            if install in self.garbled:
                self._garble_or_not(install)
        for install, place, name in sorted(self.spoilt):
            self._spoil_or_mend(install, place, name)

    # What the model is given

    def _seen(self) -> dict[str, dict[str, Seen]]:
        listed = StateFolder(self.path).load().installs if self.path.exists() else {}
        return {
            install: self._seen_in(install, listed.get(self._root(install), ()))
            for install in self.configured
        }

    def _seen_in(self, install: str, had: Sequence[Pack]) -> dict[str, Seen]:
        """Return what a scan sees; `had` is the list of the last one."""
        seen: dict[str, Seen] = {}
        for place in (OWN, MORE) if install in self.named else (OWN,):
            is_named = place == OWN or install not in self.garbled
            if (install, "all") in self.hidden or not is_named:
                seen[place] = NOTHING
                continue
            is_hidden = (install, place) in self.hidden
            copies = {
                folder: self._as_seen(install, place, copy, had)
                for folder, copy in self.there[install][place].items()
                if not is_hidden
            }
            before = [one for one in had if one.place == place and not one.is_stray]
            was = {Copy(one.folder, None, "").name for one in before}
            was |= {one.id for one in before if one.id}
            now = {one.name for one in copies.values()}
            now |= {one.pack for one in copies.values() if one.pack}
            is_left = bool(was & now) or not was or (place == OWN and not is_hidden)
            seen[place] = Seen(copies, is_left)
        for one in had:
            here = seen.get(one.place, NOTHING)
            copy = Copy(one.folder, one.id, one.kind, one.version)
            is_hidden = not here.is_all and one.folder not in here.copies
            if is_hidden and (install, one.place, one.folder, one.id) in self.glimpsed:
                seen[one.place] = here._replace(kept=(*here.kept, copy))
        return seen

    def _as_seen(
        self, install: str, place: str, copy: Copy, had: Sequence[Pack]
    ) -> Copy:
        """Return a copy, of which nothing but the folder is known if it was never readable."""
        if (install, place, copy.folder) not in self.spoilt:
            return copy
        for one in had:
            if (one.place, one.folder) == (place, copy.folder):
                return Copy(copy.folder, one.id, one.kind, one.version)
        return Copy(copy.folder, None, "unknown")

    def _is_hidden(self, install: str, place: str) -> bool:
        return bool({(install, "all"), (install, place)} & self.hidden)

    def _may_change(self, install: str, place: str, name: str) -> bool:
        return (
            not self._is_hidden(install, place)
            and (install, place, name) not in self.spoilt
        )

    def _put(self, install: str, place: str, name: str, how: str, version: str) -> None:
        """Put a pack where it is, enabled, or where none of its name is."""
        there, comfyui = self.there[install][place], self.comfyuis[install][place]
        folders = {copy.folder for copy in there.values() if copy.name == name}
        if folders <= {name} and self._may_change(install, place, name):
            if name in there:
                comfyui.remove(name)
            there[name] = _add(comfyui, name, how, version)

    def _picked(self, pick: int, *names: str) -> tuple[str, str, Copy] | None:
        """Return one of the copies that can be changed, where it is, or None if there is none."""
        found = [
            (install, place, copy)
            for install, folders in self.there.items()
            for place, copies in folders.items()
            for copy in copies.values()
            if self._may_change(install, place, copy.name)
            and (not names or copy.name in names)
        ]
        return found[pick % len(found)] if found else None

    def _poll_on(self, polls: int) -> None:
        for _ in range(polls):
            self.poll()

    def _rename(self, install: str, place: str, copy: Copy, folder: str) -> None:
        nodes, there = self.comfyuis[install][place].nodes, self.there[install][place]
        if (nodes / folder).exists():
            return
        (nodes / folder).parent.mkdir(exist_ok=True)
        (nodes / copy.folder).rename(nodes / folder)
        del there[copy.folder]
        there[folder] = copy._replace(folder=folder)

    def _root(self, install: str) -> str:
        return str(self.comfyuis[install][OWN].root)

    @property
    def _revision(self) -> int:
        return (
            StateFolder(self.path).load().snapshot.revision if self.path.exists() else 0
        )

    @property
    def told(self) -> list[Event]:
        """What was told until now."""
        events = StateFolder(self.path).history().events
        return [one for one in events if one.kind is Kind.APPEARED]

    def _polls(self, folder: StateFolder) -> bool:
        """Poll once; False if the program died."""
        installs = [
            {"name": name, "path": self._root(name)} for name in self.configured
        ]
        return self.works(folder, nodes=WITH_ID, installs=installs)

    def close_books(self) -> None:
        """Let everything be read again, and poll once more."""
        self._mend()
        self.poll()
        figures.add("appeared", self.model.due.total())


def _add(comfyui: LivedIn, name: str, how: str, version: str) -> Copy:
    """Put a pack into a folder of packs. Some names stand for what never says which pack it is."""
    has_id = name in WITH_ID
    if name == FILE:
        comfyui.single(name)
        return Copy(name, None, "file")
    if how == "git":
        address, pack = f"https://github.com/example/{name}", name if has_id else None
        comfyui.clone(name, address, pack=pack, version=version)
        return Copy(name, pack, "git")
    if how == "unknown" or not has_id:
        comfyui.plain(name)
        return Copy(name, None, "unknown")
    comfyui.put(name, version, mark=how == "registry")
    return Copy(name, name, how, version)


def _what(event: Event) -> Told:
    name = "" if event.node else Copy(event.folder or "", None, "").name
    return event.install or "", event.node, name


if __name__ == "__main__":
    run(AppearancesMachine, 500, 30)
