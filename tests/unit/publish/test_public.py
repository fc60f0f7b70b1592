"""What may be published: no channel, address or path, and whether a state shows what somebody runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    PACK,
    event,
    exposed_to,
    install,
    known,
    minute,
    running,
    version,
)
from watcher.changes.health import FailureStreak
from watcher.model.event import About, Event, Kind
from watcher.model.finding import Installed, KnownInstall
from watcher.model.pack import Copy, Pack, PackKind
from watcher.model.selection import Selection
from watcher.model.snapshot import Node, Publisher, Snapshot
from watcher.publish.public import Public, Terms, knows_installs, published
from watcher.state.model import Checks, State

KEY = PACK.lower()
HOST = "10.0.0.7:8188"
"""The name of an install that has none in the settings."""
TERMS = Terms(
    selection=Selection(names=(PACK,)),
    minimum_age=0.0,
    installs=(install(HOST, is_named=False), install("home")),
)
FAILED = FailureStreak(count=1, since=NOW, error=f"cannot reach {HOST}")
RUN = Pack(folder=KEY, kind=PackKind.REGISTRY, id=PACK, version="1.0.0")
COPY = Copy(install=HOST, version="1.0.0", enabled=True, folder=KEY)
AT_HOME = Copy(install="home", version="1.0.0", enabled=True)
POLLED = Checks(polled_at=NOW)


def state_of(*nodes: Node, **fields: Any) -> State:
    """Return a state of these nodes after a poll."""
    given = {node.node.lower(): node for node in nodes or (known(version()),)}
    usual: dict[str, Any] = {"checks": POLLED, "snapshot": Snapshot(nodes=given)}
    return State(**usual | fields)


def public(state: State, *events: Event) -> Public:
    """Return what may be published."""
    return published(state, events, TERMS, "1.2.3")


def test_no_host_is_anywhere() -> None:
    """Nothing says where an install or a pack is, or why something failed."""
    state = state_of(
        snapshot=Snapshot(
            failing={About.INSTALL: {HOST: "failing"}},
            nodes={KEY: known(version())},
            installed=Installed(
                known={HOST: KnownInstall()},
            ),
        ),
        checks=replace(
            POLLED, streaks={About.NODE: {KEY: FAILED}, About.INSTALL: {HOST: FAILED}}
        ),
        installs={HOST: (RUN,)},
    )
    state = running(state, **{KEY: exposed_to("flagged", "1.0.0", HOST)})
    history = [
        event("e1", Kind.EXPOSED, installed=(COPY,)),
        event(
            "e2",
            Kind.APPEARED,
            install=HOST,
            folder=KEY,
            reason=HOST,
        ),
        event("e3", Kind.FAILING, node=None, install=HOST, reason=HOST),
        event("e4", Kind.FAILING, reason=f"cannot reach {HOST}"),
    ]
    found = public(state, *history)
    assert HOST not in repr(found)
    assert len(found.events) == len(history)
    (row,) = found.rows
    assert (row.error, len(row.installed), len(row.run)) == ("", 1, 1)
    assert (*found.unread, *found.unscanned) == (KEY, "(unnamed)")


def test_an_install_has_its_name_or_none() -> None:
    """One that the settings give no name, or do not have any more, has none; a copy's folder is not there."""
    copies = (COPY, AT_HOME, replace(COPY, install="former"))
    (found,) = public(state_of(), event(installed=copies)).events
    assert [one.install for one in found.installed] == [
        "(unnamed)",
        "home",
        "(unnamed)",
    ]
    assert {one.folder for one in found.installed} == {None}
    failing = event("e2", Kind.FAILING, node=None, install="former")
    (found,) = public(state_of(), failing).events
    assert found.install == "(unnamed)"


def test_an_event_about_a_channel_is_not_shown() -> None:
    """Nor is one about a pack that is not watched any more."""
    failing = event("e1", Kind.FAILING, node=None, version=None, channel="chat")
    found = public(state_of(), failing, event("e2", node="Former"), event("e3"))
    assert [one.id for one in found.events] == ["e3"]


def test_the_id_of_an_event_about_an_install_is_made_of_what_is_public() -> None:
    """The event's own is a digest of the install's host or folder, which somebody could find by trying."""

    def ids(*events: Event) -> list[str]:
        return [one.id for one in public(state_of(), *events).events]

    failing = event("e1", Kind.FAILING, node=None, install=HOST)
    again = replace(failing, id="e2", at=minute(1))
    assert ids(failing) == ids(replace(failing, id="e3"))
    assert len({*ids(failing, again), "e1", "e2"}) == 4
    assert ids(event("e4")) == ["e4"]


def test_which_packs() -> None:
    """They are named, a publisher's and not left out, chosen by a glob, or watched by the last poll, each once."""
    nodes = [known(version(), node=name) for name in ("Beta", "gamma", "other")]
    state = state_of(*nodes, checks=replace(POLLED, watched=("GAMMA", "run")))
    ann = Publisher(publisher="ann", packs=("Beta", "left", "own"))
    state = replace(state, snapshot=replace(state.snapshot, publishers={"ann": ann}))
    chosen = Selection(names=("beta", PACK), globs=("g*", "!left"))
    terms = replace(TERMS, selection=chosen, publishers=("Ann",))
    found = published(state, (), terms, "1.2.3")
    assert [row.node for row in found.rows] == ["beta", PACK, "own", "gamma", "run"]
    assert {*found.nodes} == {"beta", "gamma"}
    assert found.node("run").node == "run"


@pytest.mark.parametrize(
    ("state", "history"),
    [
        (state_of(installs={"home": (RUN,)}), []),
        (
            state_of(
                snapshot=Snapshot(installed=Installed(known={"home": KnownInstall()}))
            ),
            [],
        ),
        (state_of(snapshot=Snapshot(counts={"exposed": 1})), []),
        (state_of(), [event(installed=(COPY,))]),
        (state_of(), [event(kind=Kind.APPEARED, install="home")]),
        (state_of(), [event(kind=Kind.CLEARED)]),
    ],
    ids=["packs", "an install", "a count", "a copy", "an event of one", "an end"],
)
def test_what_shows_what_is_run(state: State, history: list[Event]) -> None:
    """Whatever a state has of an install shows what somebody runs, or ran."""
    assert knows_installs(state, history)
    assert not knows_installs(state_of(), [event(), event(kind=Kind.FAILING)])
