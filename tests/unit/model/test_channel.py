"""Which channel wants which event, and how many events one message carries."""

from __future__ import annotations

import pytest

from tests.support.factories import PACK, channel, event
from watcher.model.channel import Grouping, grouped, wants
from watcher.model.event import DEFAULT_KINDS, Kind

EVENTS = (
    event("e1", node="Alpha"),
    event("e2", Kind.PENDING, node="Alpha"),
    event("e3", node="beta"),
    event("e4", node="ALPHA"),
    event("e5", Kind.FAILING, node=None),
)


@pytest.mark.parametrize("kind", Kind)
def test_a_channel_gets_every_kind_but_pending_by_default(kind: Kind) -> None:
    """A channel that names no kinds gets every kind but `pending`."""
    assert wants(channel(), event(kind=kind)) is (kind is not Kind.PENDING)
    assert (kind in DEFAULT_KINDS) is (kind is not Kind.PENDING)


def test_a_channel_that_names_kinds_gets_those() -> None:
    """Kinds that are named are all a channel gets, `pending` included."""
    picky = channel(kinds=frozenset({Kind.PENDING}))
    assert [kind for kind in Kind if wants(picky, event(kind=kind))] == [Kind.PENDING]


@pytest.mark.parametrize(
    ("globs", "wanted"),
    [((), True), (("some-*",), True), (("SOME-PACK",), True), (("other", "*pack"), True), (("some",), False)],
)
def test_globs_choose_nodes_whatever_the_case(globs: tuple[str, ...], wanted: bool) -> None:
    """A channel's globs are matched against the whole node id, in any case; no glob means every node."""
    assert wants(channel(nodes=globs), event(node=PACK)) is wanted


def test_an_event_about_the_registry_passes_every_glob() -> None:
    """A channel for one node gets the events of the registry as a whole."""
    assert wants(channel(nodes=("nothing",)), event(kind=Kind.FAILING, node=None))


@pytest.mark.parametrize(
    ("grouping", "messages"),
    [
        (Grouping.POLL, [["e1", "e3", "e4", "e5"]]),
        (Grouping.NODE, [["e1", "e4"], ["e3"], ["e5"]]),
        (Grouping.EVENT, [["e1"], ["e3"], ["e4"], ["e5"]]),
    ],
)
def test_a_channel_chooses_how_events_are_grouped(grouping: Grouping, messages: list[list[str]]) -> None:
    """One message a poll, a node (in any case) or an event, with what the channel wants, in order."""
    assert [[one.id for one in group] for group in grouped(channel(grouping=grouping), EVENTS)] == messages


@pytest.mark.parametrize("grouping", Grouping)
def test_nothing_wanted_is_no_message(grouping: Grouping) -> None:
    """A poll without an event for the channel gives no message, not an empty one."""
    assert grouped(channel(grouping=grouping), (event(kind=Kind.PENDING),)) == []


def test_a_channels_url_is_in_no_repr() -> None:
    """What a log or a traceback shows of a channel holds no part of its URL."""
    assert "127.0.0.1" not in repr(channel(url="json://127.0.0.1/token"))


def test_the_worst_kinds_come_first() -> None:
    """Banned is worse than flagged, and both are worse than the rest."""
    assert list(Kind)[:2] == [Kind.BANNED, Kind.FLAGGED]
