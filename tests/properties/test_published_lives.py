"""What is published of a life is the same whoever runs what, in whatever folders, as long as that is not published.

Two watchers poll one registry by one clock with the same settings, but one of them has installs.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_registry.server import FakeRegistry
from tests.support.lived_in import LivedIn
from tests.support.parameters import examples
from tests.support.polls import Watcher
from watcher import timestamps
from watcher.model.pack import Source, SourceKind
from watcher.model.selection import split
from watcher.publish.public import Public, Terms, published
from watcher.publish.publication import files

PACKS = ("alpha", "Beta", "gamma", "delta")
VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
STATUSES = ("active", "active", "pending", "flagged", "banned", "deleted")
INSTALLS = ("studio", "laptop")
REASONS = ("", "malware", "looks odd", '[{"issue_type":"eval","severity":"info"}]')
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
AGE = 86_400.0
"""How old a version has to be to be advised, in seconds."""

SELECTIONS: dict[str, dict[str, Any]] = {
    "names": {"nodes": ("alpha", "Beta", "gamma")},
    "everything": {"nodes": ("*",)},
    "a glob and a name": {"nodes": ("*a", "!gamma", "delta")},
    "a publisher": {"nodes": ("alpha",), "publishers": ("ann",)},
}
"""What is watched, by what chooses it."""


class Lives:
    """A registry, and the two who watch it: `without` installs, and `having` them."""

    def __init__(
        self, registry: FakeRegistry, folder: Path, selection: dict[str, Any]
    ) -> None:
        self.registry = registry
        self.folder = folder
        self.selection = selection
        self.hours = 0.0
        self.broken: set[str] = set()
        self.registry.respond = self._answer
        chosen = split(self.selection["nodes"])
        given = {
            "globs": chosen.globs,
            "publishers": self.selection.get("publishers", ()),
            "minimum_age": AGE,
        }
        self.homes = {name: LivedIn(self.folder / name) for name in INSTALLS}
        self.without = Watcher(
            self.registry, self.folder / "without", *chosen.names, **given
        )
        installs = tuple(
            Source(name=name, kind=SourceKind.PATH, where=str(home.root))
            for name, home in self.homes.items()
        )
        self.having = Watcher(
            self.registry,
            self.folder / "having",
            *chosen.names,
            **given,
            installs=installs,
        )
        # Watching nothing by name is no reason to watch what a test watches otherwise.
        self.without.nodes = self.having.nodes = chosen.names
        self.without.clock = self.having.clock = self.now
        self.terms = Terms(
            selection=chosen,
            publishers=self.selection.get("publishers", ()),
            minimum_age=AGE,
        )

    def now(self) -> str:
        """Return the time of both."""
        return timestamps.show(BEGIN + timedelta(hours=self.hours))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Break off the answers about packs that are broken."""
        _, _, query = request.path_qs.partition("?")
        asked = [part[7:].lower() for part in query.split("&") if part[:7] == "nodeId="]
        if asked and asked[0] in self.broken:
            return web.json_response({"versions": "none"})
        return None

    def poll(self, hours: float) -> None:
        """Let both poll, so many hours later, and see that they publish the same."""
        self.hours += hours
        self.without.poll()
        self.having.poll()
        one, other = (self.public(life) for life in (self.without, self.having))
        assert dict(differences("", alike(one), alike(other))) == {}
        assert shown(one) == shown(other)

    def public(self, life: Watcher) -> Public:
        """Return what one of them may publish."""
        return published(
            life.folder.load(), life.folder.history().events, self.terms, "1.0"
        )

    # What happens in the registry

    def release(self, pack: str, version: str, status: str, reason: str) -> None:
        """Publish a version, or give it another status."""
        catalog = self.registry.catalog
        with contextlib.suppress(ValueError):
            catalog.publish(
                pack,
                version,
                created_at=BEGIN + timedelta(hours=self.hours),
                status=status,
                reason=reason,
            )
            return
        catalog.set_status(pack, version, status, reason)

    def withdraw(self, pack: str, version: str) -> None:
        """Take a version out of the registry, if it is there."""
        with contextlib.suppress(KeyError):
            self.registry.catalog.remove(pack, version)

    def deprecate(self, pack: str, version: str, on: bool) -> None:
        """Deprecate a version that is there, or no longer."""
        with contextlib.suppress(KeyError):
            self.registry.catalog.deprecate(pack, version, on)

    def replace_archive(self, pack: str, version: str, name: str) -> None:
        """Put another archive in the place of a version's."""
        with contextlib.suppress(KeyError):
            url = f"https://cdn.example/{name}.zip"
            self.registry.catalog.edit(pack, version, downloadUrl=url)

    def ban(self, pack: str, reason: str) -> None:
        """Ban a pack as a whole."""
        self.registry.catalog.ban_node(pack, f"node banned {reason}")

    def pardon(self, pack: str) -> None:
        """Let a pack's ban end."""
        with contextlib.suppress(KeyError):
            self.registry.catalog.pardon_node(pack)

    def record(self, pack: str, status: str) -> None:
        """Let `GET /nodes` alone say how a pack stands."""
        with contextlib.suppress(KeyError):
            self.registry.catalog.edit_pack(pack, status=status, status_detail="evil")

    def give(self, pack: str, publisher: str) -> None:
        """Let a publisher have a pack."""
        self.registry.catalog.give(pack, publisher)

    def break_or_mend(self, pack: str) -> None:
        """Let no answer about a pack be readable, or each again; of one pack at a time.

        Of several it follows from how many are asked whether that is a failure of the registry (docs/publish.md).
        """
        if self.broken <= {pack.lower()}:
            self.broken ^= {pack.lower()}

    # What happens in the installs

    def put(self, install: str, pack: str, version: str, mark: bool) -> None:
        """Install a version of a pack, whatever case its id is written in."""
        if self._is_there(install):
            self.homes[install].put(pack, version, mark=mark)

    def put_clone(self, install: str, pack: str, version: str) -> None:
        """Clone a pack."""
        if self._is_there(install):
            self.homes[install].put_clone(pack, version)

    def remove(self, install: str, pack: str) -> None:
        """Uninstall a pack, if it is there."""
        if (self.homes[install].nodes / pack).exists():
            self.homes[install].remove(pack)

    def unmount_or_mount(self, install: str) -> None:
        """Let an install be gone, or back."""
        self.homes[install].mount(there=not self._is_there(install))

    def _is_there(self, install: str) -> bool:
        return self.homes[install].root.exists()


def alike(public: Public) -> Public:
    """Return what may be published without what follows from how much was read: the figures leave that out."""
    checks = replace(public.state.checks, requests=0, seconds=0.0)
    return replace(public, state=replace(public.state, checks=checks))


def shown(public: Public) -> dict[str, str]:
    """Return the files of what may be published, but for those figures."""
    return {
        name: re.sub("comfy_watch_last_poll_(duration|requests).*\n", "", text)
        for name, text in files(public)
    }


def differences(where: str, one: Any, other: Any) -> Iterator[tuple[str, Any]]:
    """Yield where two values differ, and how."""
    if type(one) is not type(other):
        yield where, (one, other)
    elif is_dataclass(one):
        for part in fields(one):
            yield from differences(
                f"{where}.{part.name}",
                getattr(one, part.name),
                getattr(other, part.name),
            )
    elif isinstance(one, dict):
        for key in one.keys() | other.keys():
            yield from differences(f"{where}[{key}]", one.get(key), other.get(key))
    elif isinstance(one, tuple) and len(one) == len(other):
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from differences(f"{where}[{number}]", a, b)
    elif one != other:
        yield where, (one, other)


@contextlib.contextmanager
def living(selection: dict[str, Any]) -> Iterator[Lives]:
    """Return a life to play, of a registry that has some packs."""
    with tempfile.TemporaryDirectory() as folder, FakeRegistry() as registry:
        for number, pack in enumerate(PACKS):
            registry.catalog.publish(
                pack, "0.9.0", created_at=BEGIN - timedelta(days=10 + number)
            )
            registry.catalog.give(pack, "ann" if number % 2 else "example")
        yield Lives(registry, Path(folder), selection)


packs = st.sampled_from((*PACKS, "stranger"))
versions = st.sampled_from((*VERSIONS, "0.9.0"))
installs = st.sampled_from(INSTALLS)
reasons = st.sampled_from(REASONS)
RELEASE = st.tuples(
    st.just("release"), packs, versions, st.sampled_from(STATUSES), reasons
)


def steps(*more: str) -> st.SearchStrategy[Any]:
    """Make up what happens; installs have packs of the registry, others that it never has, and `more`."""
    written = st.sampled_from((*PACKS, "ALPHA", "beta", "my-own", *more))
    put = st.tuples(st.just("put"), installs, written, versions, st.booleans())
    return st.one_of(
        RELEASE,
        RELEASE,
        st.tuples(st.just("withdraw"), packs, versions),
        st.tuples(st.just("deprecate"), packs, versions, st.booleans()),
        st.tuples(st.just("replace_archive"), packs, versions, st.sampled_from("xy")),
        st.tuples(st.just("ban"), packs, reasons),
        st.tuples(st.just("pardon"), packs),
        st.tuples(st.just("record"), packs, st.sampled_from(("active", "banned"))),
        st.tuples(st.just("give"), packs, st.sampled_from(("ann", "bob"))),
        st.tuples(st.just("break_or_mend"), st.sampled_from(PACKS)),
        put,
        put,
        st.tuples(st.just("put_clone"), installs, written, versions),
        st.tuples(st.just("remove"), installs, written),
        st.tuples(st.just("unmount_or_mount"), installs),
    )


def polls(step: st.SearchStrategy[Any], *hours: float) -> st.SearchStrategy[Any]:
    """Make up what happens before each of some polls, and the hours between these."""
    one = st.tuples(st.lists(step, max_size=5), st.sampled_from(hours))
    return st.lists(one, min_size=2, max_size=5)


def play(selection: str, polls: Any) -> None:
    """Live such a life."""
    with living(SELECTIONS[selection]) as lives:
        for steps, hours in polls:
            for name, *given in steps:
                getattr(lives, name)(*given)
            lives.poll(hours)


@pytest.mark.parametrize("selection", ["names", "a publisher"])
@examples(32)
@given(polls=polls(steps("stranger"), 0.5, 1, 13, 25, 60))
def test_nothing_shows_what_is_run(selection: str, polls: Any) -> None:
    """Whatever happens to packs, and whatever is installed meanwhile, both publish the same."""
    play(selection, polls)


# With globs the registry is asked once a day what it says of a pack as a whole, and at once of one that is installed;
# and a pack that was installed before the registry had it is no newcomer.
@pytest.mark.bounded
@pytest.mark.parametrize("selection", ["everything", "a glob and a name"])
@examples(32)
@given(polls=polls(steps(), 25, 60))
def test_nothing_shows_what_is_run_of_a_whole_registry(
    selection: str, polls: Any
) -> None:
    """The same holds where globs choose packs, which are swept unless they are run."""
    play(selection, polls)


@pytest.mark.parametrize(
    ("selection", "polls"),
    [
        pytest.param(
            "names",
            [([], 1), ([("put", "studio", "stranger", "1.0.0", True)], 1)],
            id="a change of what is only installed",
        ),
        pytest.param(
            "everything",
            [([("put_clone", "laptop", "ALPHA", "1.1.0")], 25)],
            id="the id as an install writes it",
        ),
        pytest.param(
            "everything",
            [
                ([("put", "studio", "gamma", "1.0.0", True)], 25),
                (
                    [
                        ("release", "gamma", "1.0.0", "flagged", ""),
                        ("release", "alpha", "1.0.0", "banned", "malware"),
                    ],
                    25,
                ),
            ],
            id="the order in which packs are asked",
        ),
        pytest.param(
            "names",
            [
                ([("release", "alpha", "1.0.0", "flagged", REASONS[-1])], 25),
                ([("put", "studio", "alpha", "1.0.0", True)], 25),
                ([("release", "alpha", "1.1.0", "flagged", REASONS[-1])], 25),
            ],
            id="findings that were read because it is run",
        ),
        pytest.param(
            "names",
            [
                ([("release", "alpha", "1.0.0", "active", "")], 25),
                ([("put", "studio", "alpha", "1.0.0", True)], 25),
                ([("replace_archive", "alpha", "1.0.0", "x")], 25),
                ([("release", "alpha", "1.0.0", "banned", "malware")], 25),
                ([("release", "alpha", "1.0.0", "active", "")], 25),
                ([("remove", "studio", "alpha")], 25),
                ([("unmount_or_mount", "laptop")], 25),
            ],
            id="how bad it is for who runs it",
        ),
    ],
)
def test_nothing_shows_of_this_life(selection: str, polls: Any) -> None:
    """What would show what is run, each once."""
    play(selection, polls)
