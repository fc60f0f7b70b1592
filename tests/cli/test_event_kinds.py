"""Every event kind of the contract, found by the real program in a registry that changes between its polls.

What installs bring is in test_installs and test_appearances.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.harness import Watcher


def test_what_happens_to_a_version(watch: Watcher, registry: FakeRegistry) -> None:
    """Each change of status, deprecation or a watched field is an event, once, with what was before and why."""
    catalog = registry.catalog
    becomes = partial(partial, catalog.set_status, "alpha", "1.1.0")
    odd = "NodeVersionStatusQuarantined"
    steps: list[tuple[Callable[[], object], list[tuple[str | None, ...]]]] = [
        (
            partial(catalog.publish, "alpha", "1.1.0", status="pending"),
            [("pending", None, "pending", "")],
        ),
        (becomes("active"), [("new", "pending", "active", "")]),
        (becomes("flagged", "Odd"), [("flagged", "active", "flagged", "Odd")]),
        (becomes("banned", "Evil"), [("banned", "flagged", "banned", "Evil")]),
        (becomes("active", ""), [("reinstated", "banned", "active", "")]),
        (becomes("deleted"), [("deleted", "active", "deleted", "")]),
        (becomes("active"), [("reinstated", "deleted", "active", "")]),
        (becomes(odd), [("changed", "active", odd, "")]),
        (becomes("active"), [("changed", odd, "active", "")]),
        (
            partial(catalog.edit, "alpha", "1.1.0", dependencies=["x"]),
            [("changed", "active", "active", "")],
        ),
        (
            partial(catalog.deprecate, "alpha", "1.1.0"),
            [("deprecated", None, "deprecated", "")],
        ),
        (
            partial(catalog.deprecate, "alpha", "1.1.0", on=False),
            [("undeprecated", "deprecated", None, "")],
        ),
        (partial(catalog.remove, "alpha", "1.1.0"), []),
        (lambda: None, [("removed", "active", "removed", "")]),
        (lambda: None, []),
    ]
    watch.check()
    for change, expected in steps:
        change()
        keys = ("kind", "before", "after", "reason")
        events = watch.check()["events"]
        assert [tuple(event[key] for key in keys) for event in events] == expected


def test_a_whole_node_is_banned(watch: Watcher, registry: FakeRegistry) -> None:
    """A ban by 403, and by `GET /nodes`, is one `banned` without a version; it ends once neither says it any more.

    While it lasts its rows make no event; what happened meanwhile is reported then.
    """
    catalog = registry.catalog
    watch.check()
    catalog.ban_node("alpha", "It stole passwords")
    catalog.edit_pack("alpha", status="banned")
    (event,) = watch.check()["events"]
    assert (event["kind"], event["version"]) == ("banned", None)
    assert event["reason"] == "It stole passwords"
    assert watch.reported() == []
    catalog.pardon_node("alpha")
    catalog.set_status("alpha", "1.0.0", "flagged")
    catalog.publish("alpha", "2.0.0")
    assert watch.reported() == []
    assert "banned" in watch.run("status").out
    catalog.edit_pack("alpha", status="active")
    assert sorted(watch.reported(), key=str) == [
        ("flagged", "alpha", "1.0.0"),
        ("new", "alpha", "2.0.0"),
        ("reinstated", "alpha", None),
    ]
    assert watch.reported() == []


@pytest.mark.parametrize(
    ("baseline", "expected"),
    [("summary", [("baseline", "alpha", None)]), ("silent", [])],
)
def test_baselines(
    watch: Watcher,
    registry: FakeRegistry,
    baseline: str,
    expected: list[tuple[str, str, None]],
) -> None:
    """The first listing is one summary of what is there, or nothing, as `baseline` says."""
    registry.catalog.publish("alpha", "1.1.0", status="flagged", deprecated=True)
    one = watch.but(baseline=baseline)
    assert one.reported() == expected
    registry.catalog.publish("alpha", "1.3.0")
    assert one.reported() == [("new", "alpha", "1.3.0")]


def test_one_node_fails_and_recovers(watch: Watcher, registry: FakeRegistry) -> None:
    """A node that cannot be read in `failure_threshold` polls is `failing` once, then `recovered` when it can."""
    registry.catalog.publish("bravo", "1.0.0")
    both = watch.but(nodes="alpha bravo", failure_threshold=2)
    both.check()
    inflict(registry, "status_404_json", nodes={"bravo"})
    assert both.reported(code=1) == []
    assert both.reported(code=1) == [("failing", "bravo", None)]
    assert both.reported(code=1) == []
    registry.respond = None
    assert both.reported() == [("recovered", "bravo", None)]
    assert both.reported() == []
