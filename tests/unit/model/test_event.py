"""What an alert keeps is bounded by what an alert shows, however long the registry's texts are."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from watcher.fake_registry.server import FakeRegistry
from watcher.model.event import LONGEST_TEXT, Change, Event, Kind, bounded

_LONG = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=5), st.integers(0, 2000))


@given(first=_LONG, second=_LONG)
def test_a_bounded_event_keeps_what_tells_it_apart(first: str, second: str) -> None:
    """No text is longer than the bound, two that differ stay different, the rest is as it was, and once is enough."""
    kept = [
        bounded(event(version=text, before=text, reason=text, changes=(Change(field="tags", before=text, after="[]"),)))
        for text in (first, second)
    ]
    assert (kept[0] == kept[1]) == (first == second)
    for one, text in zip(kept, (first, second), strict=True):
        texts = [getattr(one, field.name) for field in fields(Event) if isinstance(getattr(one, field.name), str)]
        assert max(map(len, [*texts, one.changes[0].before])) <= LONGEST_TEXT
        assert len(text) > LONGEST_TEXT or (one.version, one.changes[0].before) == (text, text)
        assert (one.id, one.at, bounded(one)) == (event().id, event().at, one)


def test_a_pack_that_grows_at_each_poll_does_not_grow_the_outbox(
    tmp_path: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> None:
    """Beside a dead channel, a megabyte of dependencies that differs each time costs a few kilobytes a poll."""
    registry.catalog.publish("alpha", "1.0.0")
    webhook.answer["/ops"] = 500
    ops = {"name": "ops", "url": webhook.apprise_url("/ops")}
    watch = Watcher(tmp_path, registry, fork_server=fork_server, baseline="silent", channels=[ops])
    watch.check()
    sizes, seen = [], []
    for number in range(3):
        registry.catalog.edit("alpha", "1.0.0", dependencies=["x" * 1_000_000, f"numpy=={number}"])
        (found,) = watch.check(code=1)["events"]
        assert found["kind"] == Kind.CHANGED
        seen.append((found["id"], found["changes"][0]["after"]))
        sizes.append((watch.state / "outbox.json").stat().st_size)
    assert sizes[0] < 10_000
    assert sizes[2] - sizes[1] < 10_000
    assert len({key for key, _ in seen}) == len({after for _, after in seen}) == 3
    assert all(len(after) <= LONGEST_TEXT for _, after in seen)
    assert (watch.state / "history.jsonl").stat().st_size < 30_000
