"""Which channel wants which event, and how many events one message carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import HARMLESS, PACK, channel, event
from watcher.model.channel import Grouping, Scope, grouped, knowing, wants
from watcher.model.event import Event, Kind, Severity
from watcher.model.pack import Copy

EVENTS = (
    event("e1", node="Alpha"),
    event("e2", Kind.PENDING, node="Alpha"),
    event("e3", node="beta"),
    event("e4", node="ALPHA"),
    event("e5", Kind.FAILING, node=None),
)


def test_a_channel_that_names_kinds_gets_those() -> None:
    """Kinds that are named are all a channel gets, `pending` included."""
    picky = channel(kinds=frozenset({Kind.PENDING}))
    assert [kind for kind in Kind if wants(picky, event(kind=kind))] == [Kind.PENDING]


@pytest.mark.parametrize(
    ("globs", "wanted"),
    [
        ((), True),
        (("some-*",), True),
        (("SOME-PACK",), True),
        (("other", "*pack"), True),
        (("some",), False),
    ],
)
def test_globs_choose_nodes_whatever_the_case(
    globs: tuple[str, ...], wanted: bool
) -> None:
    """A channel's globs are matched against the whole node id, in any case; no glob means every node."""
    assert wants(channel(nodes=globs), event(node=PACK)) is wanted


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (event(), False),
        (event(installed=(Copy(install="a", version="9", enabled=False),)), False),
        (event(installed=(Copy(install="a", version="9", enabled=True),)), True),
        (event(installed=(Copy(install="a", version=None, enabled=True),)), True),
        (event(kind=Kind.EXPOSED), True),
        (event(kind=Kind.CLEARED), True),
        (event(kind=Kind.FAILING), False),
        (event(kind=Kind.FAILING, node=None, install="a"), True),
        (event(kind=Kind.FAILING, node=None, channel="b"), True),
        (event(kind=Kind.FAILING, node=None), True),
    ],
)
def test_a_channel_may_be_for_what_is_run(one: Event, *, wanted: bool) -> None:
    """With `scope = "installed"` it gets what is about a pack with an enabled copy, and what is about no pack."""
    assert wants(channel(scope=Scope.INSTALLED), one) is wanted
    assert wants(channel(), one)


@pytest.mark.parametrize("kind", Kind)
def test_kinds_that_are_given_hold_for_every_node(kind: Kind) -> None:
    """A channel that names its kinds gets exactly these, also of a node that only a glob chooses."""
    given = frozenset({Kind.NEW, Kind.BANNED})
    [named] = knowing([channel(kinds=given, kinds_given=True)], [])
    assert wants(named, event(kind=kind, node="beta")) is (kind in given)


def test_what_is_run_is_never_less() -> None:
    """An event on a pack that somebody runs goes out with all default kinds, named in `nodes` or not."""
    [default] = knowing([channel()], [])
    assert wants(
        default,
        event(
            kind=Kind.DEPRECATED,
            installed=(Copy(install="a", version="9", enabled=True),),
        ),
    )
    assert not wants(default, event(kind=Kind.DEPRECATED))


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (event(kind=Kind.BANNED), Severity.CRITICAL),
        (event(kind=Kind.FLAGGED), Severity.WARNING),
        (event(kind=Kind.FLAGGED, scan=HARMLESS), Severity.INFO),
        (event(kind=Kind.NEW), Severity.INFO),
        (event(kind=Kind.REINSTATED, ends=Severity.CRITICAL), Severity.CRITICAL),
        (event(kind=Kind.REINSTATED, ends=Severity.INFO), Severity.INFO),
        (event(kind=Kind.FAILING, node=None, channel="b"), Severity.WARNING),
        (event(kind=Kind.BASELINE, after=None), Severity.CRITICAL),
    ],
)
def test_a_channel_may_be_for_what_is_bad(one: Event, counts: Severity) -> None:
    """An event passes up to its severity, what ends something up to that of what it ends, and a baseline always."""
    passed = [least for least in Severity if wants(channel(min_severity=least), one)]
    assert passed == list(Severity)[list(Severity).index(counts) :]


@pytest.mark.parametrize("least", Severity)
@pytest.mark.parametrize("kind", [Kind.FLAGGED, Kind.REINSTATED])
def test_an_informational_flag_of_what_only_a_glob_includes_is_left_out(
    least: Severity, kind: Kind
) -> None:
    """So is its end; of a pack that is named or run, and with kinds of its own, it passes as anywhere else."""
    calm, bad = event(kind=kind, scan=HARMLESS), event(kind=kind)
    if kind is Kind.REINSTATED:
        calm, bad = (
            replace(bad, ends=Severity.INFO),
            replace(bad, ends=Severity.WARNING),
        )
    run = replace(calm, installed=(Copy(install="a", version="9", enabled=True),))
    chosen = channel(min_severity=least, kinds=frozenset({kind}), kinds_given=True)
    default, given = knowing([channel(min_severity=least), chosen], [])
    [named] = knowing([default], [PACK])
    is_all, is_most = least is Severity.INFO, least is not Severity.CRITICAL
    assert (wants(default, calm), wants(default, bad)) == (False, is_most)
    assert {wants(named, calm), wants(default, run), wants(given, calm)} == {is_all}


def test_a_channel_for_what_is_run_gets_the_baseline_of_all() -> None:
    """It is about no single node, so that it passes `scope` as every such event does."""
    of_all = event(kind=Kind.BASELINE, node=None)
    assert wants(channel(scope=Scope.INSTALLED), of_all)


def test_what_appears_is_for_every_channel_of_installs_that_has_its_kind() -> None:
    """Disabled or not, it passes `scope`; and without an id every glob, as it may be any pack."""
    where: dict[str, Any] = {"install": "studio", "folder": "x"}
    one = event(kind=Kind.APPEARED, **where)
    nameless = replace(one, node=None)
    every, other = channel(scope=Scope.INSTALLED), channel(nodes=("nothing",))
    assert (wants(every, one), wants(every, nameless)) == (True, True)
    assert (wants(other, one), wants(other, nameless)) == (False, True)


def test_what_appears_is_never_only_swept() -> None:
    """A channel without kinds of its own gets it although only a glob includes the pack."""
    [default] = knowing([channel()], [])
    assert wants(default, event(kind=Kind.APPEARED, install="studio", folder="x"))


def test_an_event_about_the_registry_passes_every_glob() -> None:
    """A channel for one node gets the events of the registry as a whole."""
    assert wants(channel(nodes=("nothing",)), event(kind=Kind.FAILING, node=None))


@pytest.mark.parametrize(
    ("grouping", "messages"),
    [
        (Grouping.POLL, [["e1", "e3", "e4", "e5"]]),
        (Grouping.EVENT, [["e1"], ["e3"], ["e4"], ["e5"]]),
    ],
)
def test_a_channel_chooses_how_events_are_grouped(
    grouping: Grouping, messages: list[list[str]]
) -> None:
    """One message a poll or an event, with what the channel wants, in order."""
    assert [
        [one.id for one in group]
        for group in grouped(channel(grouping=grouping), EVENTS)
    ] == messages


@pytest.mark.parametrize("grouping", Grouping)
def test_nothing_wanted_is_no_message(grouping: Grouping) -> None:
    """A poll without an event for the channel gives no message, not an empty one."""
    assert grouped(channel(grouping=grouping), (event(kind=Kind.PENDING),)) == []


def test_what_stands_for_an_exposure_passes_its_kind() -> None:
    """A channel for `exposed` alone gets the event that says the same, whatever its kind; its other filters count."""
    ban = event(kind=Kind.BANNED, exposes=True)
    exposed = channel(kinds=frozenset({Kind.EXPOSED}))
    assert wants(exposed, ban)
    assert not wants(exposed, replace(ban, exposes=False))
    assert not wants(replace(exposed, nodes=("other",)), ban)
