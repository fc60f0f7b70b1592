"""How bad an event is, and what is kept of it: no more than an alert shows, however long the registry's texts are."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from watcher.fake_registry.server import FakeRegistry
from watcher.model.event import LONGEST_TEXT, Change, Event, Kind, bounded, rank, severity_of

pytestmark = pytest.mark.measured

_LONG = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=5), st.integers(0, 2000))


@given(first=_LONG, second=_LONG)
def test_a_bounded_event_keeps_what_tells_it_apart(first: str, second: str) -> None:
    """No text is longer than the bound, two that differ stay different, the rest is as it was, and once is enough."""
    kept = [
        bounded(
            replace(
                event(version=text, before=text, reason=text),
                changes=(Change(field="tags", before=text, after="[]"),),
                published=text,
                safe_version=text,
                changelog=text,
            )
        )
        for text in (first, second)
    ]
    assert (kept[0] == kept[1]) == (first == second)
    for one, text in zip(kept, (first, second), strict=True):
        texts = [getattr(one, field.name) for field in fields(Event) if isinstance(getattr(one, field.name), str)]
        assert max(map(len, [*texts, one.changes[0].before])) <= LONGEST_TEXT
        assert len(text) > LONGEST_TEXT or (one.version, one.changes[0].before) == (text, text)
        assert (one.id, one.at, bounded(one)) == (event().id, event().at, one)


@pytest.mark.parametrize(
    ("severity", "kinds"),
    [
        ("critical", "banned"),
        ("warning", "flagged deleted removed failing deprecated changed"),
        ("info", "reinstated undeprecated recovered new pending baseline"),
    ],
)
def test_a_kind_has_a_severity(severity: str, kinds: str) -> None:
    """A ban is critical, a finding or a loss is a warning, the rest is information."""
    assert {severity_of(event(kind=Kind(kind), after=None)).value for kind in kinds.split()} == {severity}


@pytest.mark.parametrize(
    ("after", "severity"),
    [("banned", "critical"), ("flagged", "warning"), ("deprecated", "warning"), (None, "info")],
)
def test_a_baseline_is_as_bad_as_the_worst_in_it(after: str | None, severity: str) -> None:
    """A summary that tells of a ban is critical, though nothing has changed."""
    assert severity_of(event(kind=Kind.BASELINE, after=after)).value == severity


def test_the_worst_event_is_first() -> None:
    """Severity counts before kind, and a replaced archive ranks above all but a flag within its severity."""

    def changed(name: str, before: str) -> Event:
        return event(name, Kind.CHANGED, changes=(Change(field="downloadUrl", before=before, after="b"),))

    others = [event(kind.value, kind, after=None) for kind in Kind if kind is not Kind.BASELINE]
    summaries = [event(f"baseline {after}", Kind.BASELINE, after=after) for after in ("banned", "flagged", "")]
    given = [*reversed(others), *summaries, changed("archive named", ""), changed("archive replaced", "a")]
    assert [one.id for one in sorted(given, key=rank)] == [
        *("banned", "baseline banned", "flagged", "archive replaced", "deleted", "removed", "failing", "deprecated"),
        *("changed", "archive named", "baseline flagged"),
        *("reinstated", "undeprecated", "recovered", "new", "pending", "baseline "),
    ]


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
