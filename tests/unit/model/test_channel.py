"""Which channel wants which event, and how many events one message carries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import HARMLESS, PACK, channel, event
from watcher.model.channel import Grouping, Scope, grouped, knowing, wants
from watcher.model.event import Event, Kind, Severity
from watcher.model.pack import Copy

RUN = (Copy(install="a", version="9", enabled=True),)
OFF = (replace(RUN[0], enabled=False),)
REGISTRY = event(kind=Kind.FAILING, node=None)


@pytest.mark.parametrize(
    ("globs", "wanted"),
    [
        (("some-*",), True),
        (("other", "SOME-PACK"), True),
        (("some",), False),
    ],
)
def test_globs_choose_nodes_whatever_the_case(
    globs: tuple[str, ...], wanted: bool
) -> None:
    """A channel's globs are matched against the whole node id, in any case; what is about no node passes them."""
    assert wants(channel(nodes=globs), event(node=PACK)) is wanted
    assert wants(channel(nodes=globs), REGISTRY)


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (event(), False),
        (event(installed=OFF), False),
        (event(installed=RUN), True),
        (event(kind=Kind.EXPOSED), True),
        (event(kind=Kind.CLEARED), True),
        (event(kind=Kind.APPEARED, install="a", installed=OFF), True),
        (event(kind=Kind.FAILING), False),
        (replace(REGISTRY, install="a"), True),
        (REGISTRY, True),
        (event(kind=Kind.BASELINE, node=None), True),
    ],
)
def test_a_channel_may_be_for_what_is_run(one: Event, *, wanted: bool) -> None:
    """With `scope = "installed"` it gets what is about a pack with an enabled copy, and what is about no pack."""
    assert wants(channel(scope=Scope.INSTALLED), one) is wanted
    assert wants(channel(), one)


def test_a_channel_is_told_nothing_of_itself() -> None:
    """That it fails is told on the others."""
    failing = replace(REGISTRY, channel="ops")
    assert not wants(channel("ops"), failing)
    assert wants(channel("chat"), failing)


def test_kinds_that_are_given_hold_for_every_node() -> None:
    """A channel that names its kinds gets exactly these, also of a node that only a glob chooses."""
    given = frozenset({Kind.NEW, Kind.PENDING, Kind.BANNED})
    [named] = knowing([channel(kinds=given, kinds_given=True)], [])
    assert {one for one in Kind if wants(named, event(kind=one))} == given


def test_what_is_run_is_never_less() -> None:
    """An event on a pack that somebody runs, or that appears, goes out with all default kinds, named or not."""
    [default] = knowing([channel()], [])
    assert wants(default, event(kind=Kind.DEPRECATED, installed=RUN))
    assert wants(default, event(kind=Kind.APPEARED, install="studio", folder="x"))
    assert not wants(default, event(kind=Kind.DEPRECATED))


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (event(kind=Kind.BANNED), Severity.CRITICAL),
        (event(kind=Kind.FLAGGED), Severity.WARNING),
        (event(kind=Kind.FLAGGED, scan=HARMLESS), Severity.INFO),
        (event(kind=Kind.REINSTATED, ends=Severity.CRITICAL), Severity.CRITICAL),
        (event(kind=Kind.REINSTATED, ends=Severity.INFO), Severity.INFO),
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
    run = replace(calm, installed=RUN)
    chosen = channel(min_severity=least, kinds=frozenset({kind}), kinds_given=True)
    default, given = knowing([channel(min_severity=least), chosen], [])
    [named] = knowing([default], [PACK])
    is_all, is_most = least is Severity.INFO, least is not Severity.CRITICAL
    assert (wants(default, calm), wants(default, bad)) == (False, is_most)
    assert {wants(named, calm), wants(default, run), wants(given, calm)} == {is_all}


@pytest.mark.parametrize(
    ("grouping", "messages"),
    [(Grouping.POLL, [["e1", "e3"]]), (Grouping.EVENT, [["e1"], ["e3"]])],
)
def test_a_channel_chooses_how_events_are_grouped(
    grouping: Grouping, messages: list[list[str]]
) -> None:
    """One message a poll or an event, with what the channel wants, in order; for nothing wanted there is none."""
    made = channel(grouping=grouping)
    pending = event("e2", Kind.PENDING)
    groups = grouped(made, (event("e1"), pending, event("e3", node="beta")))
    assert [[one.id for one in group] for group in groups] == messages
    assert grouped(made, (pending,)) == []


def test_what_stands_for_an_exposure_passes_its_kind() -> None:
    """A channel for `exposed` alone gets the event that says the same, whatever its kind; its other filters count."""
    ban = event(kind=Kind.BANNED, exposes=True)
    exposed = channel(kinds=frozenset({Kind.EXPOSED}))
    assert wants(exposed, ban)
    assert not wants(exposed, replace(ban, exposes=False))
    assert not wants(replace(exposed, nodes=("other",)), ban)
