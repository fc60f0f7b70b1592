"""What may be published: nothing that depends on what is run unless that is shown; no channel, address or path ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import (
    CHECKED,
    HARMLESS,
    NOW,
    PACK,
    accepted,
    channel,
    event,
    known,
    minute,
    version,
)
from watcher.alerts.queues.outbox import Outbox, enqueue
from watcher.changes.health import FailureStreak, Health
from watcher.model.channel import Scope
from watcher.model.event import Event, Kind, Severity
from watcher.model.exposure import Exposure, Installed, KnownInstall
from watcher.model.pack import Copy, Pack, PackKind
from watcher.model.selection import Selection
from watcher.model.snapshot import Ban, Node, Snapshot, SweepBaseline
from watcher.model.version import SafeVersion
from watcher.publish.public import Terms, published
from watcher.state.model import Checks, State

KEY = PACK.lower()
HOST = "10.0.0.7:8188"
"""The name of an install that has none in the settings."""
NAMED = Terms(
    selection=Selection(names=(PACK,)),
    minimum_age=0.0,
    channels=(channel("ops"), channel("mine", scope=Scope.INSTALLED)),
)
ALL = replace(NAMED, selection=Selection(globs=("*",)))
OPEN = replace(NAMED, installs={HOST: "install 1"})
RUN = Pack(folder=KEY, kind=PackKind.REGISTRY, id=PACK, version="1.0.0")
COPY = Copy(install=HOST, version="1.0.0", enabled=True, folder=KEY)
SWEPT = SweepBaseline(globs=("*",), baseline_at=NOW)


def state_of(*nodes: Node, **fields: Any) -> State:
    """Return a state of these nodes after a poll."""
    of_snapshot = {
        name: fields.pop(name)
        for name in ("sweep_baseline", "counts")
        if name in fields
    }
    snapshot = Snapshot(
        nodes={node.node.lower(): node for node in nodes or (known(version()),)},
        **of_snapshot,
    )
    return State(snapshot=snapshot, **{"checks": Checks(polled_at=NOW)} | fields)


def running(state: State) -> State:
    """Return the state of a watcher that also has an install, in which the pack is."""
    installed = Installed(
        known={HOST: KnownInstall()},
        exposures={f"{KEY}@1.0.0": Exposure(verdict="flagged", installs=(HOST,))},
        failing=(HOST,),
        counts={"failing": 2},
    )
    return replace(
        state,
        snapshot=replace(state.snapshot, installed=installed, revision=7),
        checks=replace(
            state.checks,
            watched=(PACK, "Private"),
            unknown=(KEY,),
            way="sweep",
            requests=9,
            seconds=2.5,
            health=replace(
                state.checks.health,
                installs={HOST: FailureStreak(count=1, since=NOW, error=HOST)},
            ),
        ),
        installs={HOST: (RUN,)},
    )


def test_what_is_unread_of_private_packs_shows_in_nothing() -> None:
    """A pack that only an install names is in no part of what may be published, its failures included."""
    failing = FailureStreak(count=1, since=NOW, error="")
    health = Health(nodes={KEY: failing, "private": failing})
    state = state_of(checks=Checks(polled_at=NOW, health=health))
    found = published(running(state), (), NAMED, "1").state.checks.health
    assert found.nodes == {KEY: failing}


def test_a_hidden_install_shows_in_nothing() -> None:
    """A watcher with an install publishes what one without it does: its own state and events are not there."""
    state = state_of()
    of_run = replace(
        known(version()),
        scans={"id-1.0.0": HARMLESS},
        ends={"id-1.0.0": Severity.WARNING},
        counts={"exposed": 1},
    )
    with_install = running(state_of(of_run, known(node="Private")))
    history = [
        event("e1", Kind.EXPOSED, installed=(COPY,)),
        event("e2", Kind.APPEARED, install=HOST),
        event("e3", Kind.FAILING, node=None, install=HOST),
        event("e4", node="Private"),
    ]
    assert published(with_install, history, NAMED, "1") == published(
        state, (), NAMED, "1"
    )


def test_an_event_is_the_same_whoever_runs_its_pack() -> None:
    """It has no copies."""
    banned = event("e1", Kind.BANNED, ends=None, safe_version=SafeVersion("0.9"))
    state = state_of()
    run = replace(banned, installed=(COPY,))
    assert published(running(state), [run], NAMED, "1") == published(
        state, [banned], NAMED, "1"
    )


def test_the_order_of_a_poll_says_nothing() -> None:
    """What is run is asked and recorded first; what is published of a poll is in an order that does not follow it."""
    nodes = [known(node=name, baseline_at=NOW) for name in ("a", PACK, "z")]
    state = state_of(*nodes, sweep_baseline=SWEPT)
    of_poll = [event(name, node=name, at=minute(1)) for name in ("a", "z")]
    of_run = event("run", at=minute(1))
    later = event("later", node="a", at=minute(2))
    assert published(running(state), [of_run, *of_poll, later], ALL, "1") == published(
        state, [*of_poll, of_run, later], ALL, "1"
    )


def test_a_pack_that_patterns_choose_is_known_since_their_baseline() -> None:
    """What was seen of it before, since it was run already, is not there; nor is what is known of it before then."""
    old = Ban(version="1.0.0", since=CHECKED, changed=CHECKED, reason="bad")
    over = replace(old, version="0.9", until=CHECKED)
    since = replace(old, since=NOW, changed=NOW, reason="")
    bans = {"": since, "id-1.0.0": replace(since, version="1.0.0")}
    run = known(bans=bans | {"id-1.0.0": old, "id-0.9": over})
    state = state_of(known(bans=bans, baseline_at=NOW), sweep_baseline=SWEPT)
    before = [event("e1", Kind.BASELINE, at=CHECKED), event("e2", at=CHECKED)]
    after = event("e3", at=minute(1))
    assert published(
        running(state_of(run, sweep_baseline=SWEPT)), [*before, after], ALL, "1"
    ) == published(state, [after], ALL, "1")
    assert published(running(state_of(run)), before, ALL, "1") == published(
        State(checks=Checks(polled_at=NOW)), (), ALL, "1"
    )


def test_a_pack_is_known_since_the_first_of_its_patterns() -> None:
    """Of a pack that a pattern has chosen for longer, what was seen since then is there; of others it is not."""
    swept = replace(SWEPT, since={f"{PACK.lower()}*": CHECKED})
    ban = Ban(since=CHECKED, changed=CHECKED, reason="bad")
    other = known(node="Other", bans={"": ban})
    state = state_of(known(bans={"": ban}), other, sweep_baseline=swept)
    before = event("e1", at=CHECKED)
    public = published(running(state), [before, replace(before, node="Other")], ALL, "")
    assert public.events == (before,)
    assert public.state.snapshot.nodes[KEY].bans == {"": ban}
    assert public.state.snapshot.nodes["other"].bans[""].since == NOW


def test_a_pack_that_is_named_is_known_as_ever() -> None:
    """Of a pack that the settings name, or whose publisher they do, nothing is left out because it is run."""
    ban = Ban(since=CHECKED, changed=CHECKED, reason="bad")
    state = state_of(known(bans={"": ban}), sweep_baseline=SWEPT)
    terms = replace(ALL, selection=Selection(names=(PACK,), globs=("*",)))
    before = event("e1", at=CHECKED)
    public = published(running(state), [before], terms, "1")
    assert public.events == (before,)
    assert public.state.snapshot.nodes[KEY].bans == {"": ban}


@pytest.mark.parametrize(
    ("kind", "terms"),
    [(Kind.FLAGGED, NAMED), (Kind.CHANGED, ALL), (Kind.EXPOSED, NAMED)],
)
def test_undelivered_alerts_do_not_depend_on_what_is_run(
    kind: Kind, terms: Terms
) -> None:
    """An alert that a channel gets only because the pack is run is not counted, and does not set the oldest moment."""
    state = state_of(sweep_baseline=SWEPT)
    owed = event("e1", kind, at=minute(1), installed=(COPY,))
    shared = event("e2", Kind.BANNED, at=minute(2))
    mine, ops = NAMED.channels[1], NAMED.channels[0]
    queued = enqueue(Outbox(), (mine, ops), (owed, shared), 1, minute(1))
    hidden = published(running(replace(state, outbox=queued)), (), terms, "1").channels
    is_of_all = kind is Kind.FLAGGED
    assert [one.alerts for one in hidden] == [2 if is_of_all else 1, 0]
    assert hidden[0].oldest == minute(1 if is_of_all else 2)
    shown = published(
        running(replace(state, outbox=queued)), (), replace(terms, installs={}), "1"
    )
    assert [one.alerts for one in shown.channels] == [2, 1]


@pytest.mark.parametrize(("before", "alerts"), [("banned", 1), ("flagged", 0)])
def test_an_undelivered_alert_of_an_end(before: str, alerts: int) -> None:
    """A channel for what is critical gets the end of a ban; how bad it was for who runs it is not counted."""
    ops = replace(NAMED.channels[0], min_severity=Severity.CRITICAL)
    ended = event(
        kind=Kind.REINSTATED, before=before, after="active", ends=Severity.CRITICAL
    )
    queued = enqueue(Outbox(), (ops,), (ended,), 1, NOW)
    terms = replace(NAMED, channels=(ops,))
    (undelivered,) = published(state_of(outbox=queued), (), terms, "1").channels
    assert undelivered.alerts == alerts


@pytest.mark.parametrize("terms", [NAMED, OPEN])
def test_an_event_about_a_channel_is_neither_shown_nor_counted(terms: Terms) -> None:
    """Another channel that has not heard of it yet has one alert less."""
    failing = event("e1", Kind.FAILING, node=None, version=None, channel="chat")
    queued = enqueue(Outbox(), (channel("ops"),), (failing, event("e2")), 1, NOW)
    public = published(state_of(outbox=queued), [failing], terms, "1")
    assert public.events == ()
    assert public.channels[0].alerts == 1


def test_what_is_run_is_shown_without_addresses() -> None:
    """Installs have public names, and nothing says where they or their packs are, or why something is accepted."""
    acceptance = accepted(reason="see http://10.0.0.9/ticket")
    acceptance = replace(acceptance, others=(acceptance.by,))
    history = [
        event("e1", Kind.EXPOSED, installed=(COPY,), acceptance=acceptance),
        event(
            "e2",
            Kind.APPEARED,
            install=HOST,
            folder=KEY,
            reason="10.0.0.9",
        ),
        event("e3", Kind.FAILING, node=None, install=HOST, reason="10.0.0.9"),
        event("e4", Kind.FAILING, reason="cannot reach 10.0.0.9"),
    ]
    state = running(state_of())
    exposure = Exposure(verdict="flagged", installs=(HOST,), acceptance=acceptance)
    installed = replace(state.snapshot.installed, exposures={f"{KEY}@1.0.0": exposure})
    state = replace(
        state,
        snapshot=replace(state.snapshot, installed=installed),
        checks=replace(
            state.checks,
            health=Health(
                nodes={KEY: FailureStreak(count=1, since=NOW, error="10.0.0.9")},
                installs={HOST: FailureStreak(count=1, since=NOW, error="10.0.0.9")},
            ),
        ),
        installs={
            HOST: (
                replace(
                    RUN,
                    place="10.0.0.9",
                    repository="ssh://10.0.0.9/x",
                    evidence="10.0.0.9",
                    own_file="/10.0.0.9",
                ),
            )
        },
    )
    public = published(state, history, OPEN, "1")
    assert "10.0.0." not in repr(public)
    assert "install 1" in repr(public)
    assert len(public.events) == len(history)


def test_an_install_that_left_the_settings_has_no_name() -> None:
    """Its name may be a host, and the settings do not say any more what it is called in public."""
    former = replace(OPEN, installs={})
    past = [event("e1", installed=(COPY,))]
    found = published(running(state_of()), past, former, "1")
    assert HOST not in repr(found)


def test_the_id_of_an_event_about_an_install_is_made_of_what_is_public() -> None:
    """The event's own is a digest of the install's host or folder, which somebody could find by trying."""

    def ids(*events: Event) -> list[str]:
        state = running(state_of())
        return [one.id for one in published(state, events, OPEN, "1").events]

    failing = event("e1", Kind.FAILING, node=None, install=HOST)
    again = replace(failing, id="e2", at=minute(1))
    assert ids(failing) == ids(replace(failing, id="e3"))
    assert len({*ids(failing, again), "e1", "e2"}) == 4
    assert ids(event("e4")) == ["e4"]


def test_a_pack_that_only_an_install_names_is_there_if_that_is_shown() -> None:
    """Its row, its state and its events are there, and without that none of them."""
    state = running(state_of(known(version()), known(node="Private")))
    history = [event("e1", node="Private")]
    shown = published(state, history, OPEN, "1")
    hidden = published(state, history, NAMED, "1")
    assert [row.node for row in shown.rows] == [PACK, "Private"]
    assert [row.node for row in hidden.rows] == [PACK]
    assert [len(shown.events), len(hidden.events)] == [1, 0]
    assert [*hidden.state.snapshot.nodes] == [KEY]
