"""The public record of bans as `publish` leaves it, while a registry bans, pardons and bans again."""

from __future__ import annotations

import json
from typing import Any

from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher


def record(watch: Watcher) -> list[dict[str, Any]]:
    """Publish, and return the documents of bans, those of versions first."""
    public = watch.folder / "public"
    done = watch.run("publish", str(public))
    assert done.code == 0, done
    found = [json.loads(one.read_bytes()) for one in public.glob("osv/*.json")]
    return sorted(found, key=lambda one: str(one["affected"][0].get("versions", "~")))


def test_banned_pardoned_and_banned_again(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A document appears with a ban, is withdrawn with its end, and holds again with the next ban."""
    watch.check()
    assert record(watch) == []
    registry.catalog.set_status("alpha", "1.0.0", "banned", "It stole tokens")
    begun = watch.check()["started"]
    (ban,) = record(watch)
    assert (ban["published"], ban["modified"]) == (begun, begun)
    assert ban["affected"][0]["database_specific"]["reason"] == "It stole tokens"
    assert "withdrawn" not in ban
    for status in ("deleted", "NodeVersionStatusQuarantined"):
        registry.catalog.set_status("alpha", "1.0.0", status)
        watch.check()
        assert record(watch) == [ban]
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    over = watch.check()["started"]
    (ended,) = record(watch)
    assert (ended["published"], ended["withdrawn"]) == (begun, over)
    assert ended["id"] == ban["id"]
    registry.catalog.set_status("alpha", "1.0.0", "banned", "It stole wallets")
    again = watch.check()["started"]
    (second,) = record(watch)
    assert (second["published"], second["modified"]) == (begun, again)
    assert "withdrawn" not in second
    assert second["affected"][0]["database_specific"]["reason"] == "It stole wallets"


def test_other_patterns(watch: Watcher, registry: FakeRegistry) -> None:
    """Documents and feed stay when the settings have another pattern."""
    registry.catalog.publish("bravo", "1.0.0")
    watch = watch.but(nodes="*")
    watch.check()
    for version in ("1.1.0", "1.2.0"):
        registry.catalog.publish("bravo", version, status="banned", reason="It stole")
    watch.check()
    registry.catalog.set_status("bravo", "1.1.0", "active")
    watch.check()
    before = record(watch)
    assert ["withdrawn" in one for one in before] == [True, False]
    feed = (watch.folder / "public" / "feed.xml").read_bytes()
    for nodes in ("* !charlie", "* !charlie !delta"):
        watch = watch.but(nodes=nodes)
        watch.check()
        assert record(watch) == before
        assert (watch.folder / "public" / "feed.xml").read_bytes() == feed
