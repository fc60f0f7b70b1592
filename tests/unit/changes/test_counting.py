"""Counting the events of a poll in the snapshot that commits them."""

from __future__ import annotations

import pytest

from tests.support.factories import PACK, event, known
from watcher.changes.counting import with_counts
from watcher.model.event import Event, Kind
from watcher.model.snapshot import Snapshot

KEY = PACK.lower()
KNOWN = Snapshot(nodes={KEY: known(counts={"flagged": 1}), "other": known()})
APPEARED = event(kind=Kind.APPEARED, install="home")


@pytest.mark.parametrize(
    ("given", "of_node", "of_installs", "of_all"),
    [
        ([event()], {"flagged": 2}, {}, {}),
        ([event(node=PACK.upper())], {"flagged": 2}, {}, {}),
        (
            [event(kind=Kind.BANNED), event(), event()],
            {"banned": 1, "flagged": 3},
            {},
            {},
        ),
        ([APPEARED], {"appeared": 1, "flagged": 1}, {}, {}),
        (
            [event(kind=Kind.APPEARED, node=None, install="home")],
            {"flagged": 1},
            {"appeared": 1},
            {},
        ),
        (
            [event(kind=Kind.EXPOSED, node="elsewhere")],
            {"flagged": 1},
            {"exposed": 1},
            {},
        ),
        (
            [event(kind=Kind.FAILING, node=None, install="home")],
            {"flagged": 1},
            {"failing": 1},
            {},
        ),
        (
            [event(kind=Kind.BASELINE, node=None)],
            {"flagged": 1},
            {},
            {"baseline": 1},
        ),
        (
            [event(kind=Kind.FAILING, node=None, channel="ops"), event()],
            {"flagged": 2},
            {},
            {},
        ),
    ],
    ids=[
        "of a version",
        "of a node in another case",
        "several",
        "of a known pack in an install",
        "of a pack without an id",
        "of a pack that is not known",
        "of an install",
        "of the registry",
        "of a channel",
    ],
)
def test_an_event_is_counted_where_it_belongs(
    given: list[Event],
    of_node: dict[str, int],
    of_installs: dict[str, int],
    of_all: dict[str, int],
) -> None:
    """An event counts at its node, else at the installs or at the registry; one of a channel counts nowhere."""
    after = with_counts(KNOWN, given)
    assert after.nodes[KEY].counts == of_node
    assert after.installed.counts == of_installs
    assert after.counts == of_all
    assert after.nodes["other"] is KNOWN.nodes["other"]


@pytest.mark.parametrize(
    "events", [[], [event(node=None, channel="ops")]], ids=["none", "of a channel"]
)
def test_without_an_event_that_counts_the_snapshot_is_the_same_object(
    events: list[Event],
) -> None:
    """So a quiet poll writes no snapshot."""
    assert with_counts(KNOWN, events) is KNOWN


def test_counts_add_up_over_polls() -> None:
    """What an earlier poll counted stays, at the installs and at the registry too."""
    of_all = event(kind=Kind.FAILING, node=None)
    of_install = event(kind=Kind.FAILING, node=None, install="home")
    after = with_counts(with_counts(KNOWN, [of_all, of_install]), [of_install])
    assert (after.counts, after.installed.counts) == ({"failing": 1}, {"failing": 2})
