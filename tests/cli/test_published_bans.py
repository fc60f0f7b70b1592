"""The public record of bans as `publish` leaves it, while a registry bans, pardons and bans again."""

from __future__ import annotations

import json
from typing import Any

from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher


def record(watch: Watcher) -> list[dict[str, Any]]:
    """Publish, and return the documents of bans."""
    public = watch.folder / "public"
    done = watch.run("publish", str(public))
    assert done.code == 0, done
    return [json.loads(one.read_bytes()) for one in public.glob("osv/*.json")]


def test_banned_pardoned_and_banned_again(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A document appears with a ban, is withdrawn with its end, and holds again; other patterns change nothing."""
    watch = watch.but(nodes="*")
    watch.check()
    assert record(watch) == []
    registry.catalog.set_status("alpha", "1.0.0", "banned", "It stole tokens")
    begun = watch.check()["started"]
    (ban,) = record(watch)
    assert (ban["published"], ban["modified"]) == (begun, begun)
    assert ban["affected"][0]["database_specific"]["reason"] == "It stole tokens"
    assert "withdrawn" not in ban
    registry.catalog.set_status("alpha", "1.0.0", "deleted")
    watch = watch.but(nodes="* !charlie")
    watch.check()
    assert record(watch) == [ban]
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    over = watch.check()["started"]
    (ended,) = record(watch)
    assert (ended["published"], ended["withdrawn"]) == (begun, over)
    assert ended["id"] == ban["id"]
    feed = (watch.folder / "public" / "feed.xml").read_bytes()
    watch = watch.but(nodes="* !charlie !delta")
    watch.check()
    assert record(watch) == [ended]
    assert (watch.folder / "public" / "feed.xml").read_bytes() == feed
    registry.catalog.set_status("alpha", "1.0.0", "banned", "It stole wallets")
    again = watch.check()["started"]
    (second,) = record(watch)
    assert (second["published"], second["modified"]) == (begun, again)
    assert "withdrawn" not in second
    assert second["affected"][0]["database_specific"]["reason"] == "It stole wallets"
