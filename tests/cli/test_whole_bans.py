"""A ban of a whole pack, by the real program."""

from __future__ import annotations

from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher


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
