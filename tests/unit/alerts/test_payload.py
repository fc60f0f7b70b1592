"""The events of a message for a program: the objects of `check --json`, bounded in number and in bytes."""

from __future__ import annotations

import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from tests.support.strategies import events
from watcher.alerts.digest import compose
from watcher.alerts.payload import (
    MOST_BYTES,
    MOST_EVENTS,
    event_objects,
    plainest_objects,
    public_form,
)
from watcher.cli.terminal import to_json
from watcher.model.event import Event, FieldChange, Kind, bounded, rank
from watcher.model.pack import Copy
from watcher.model.scan import Scan, ScanFinding
from watcher.model.version import WATCHED_FIELDS, SafeVersion


def objects(*given: Event, **options: int) -> list[dict[str, Any]]:
    """Return the objects of these events."""
    return cast("list[dict[str, Any]]", event_objects(given, **options))


def test_an_object_is_the_one_of_check() -> None:
    """Also where the text is hostile: invisible characters are spelled out in both."""
    one = event(reason="a\u202eb\x1b[2J", safe_version=SafeVersion("1.0"))
    assert objects(one) == json.loads(to_json([public_form(one)]))


def test_the_worst_event_comes_first_and_the_mildest_are_left_out() -> None:
    """A burst is cut at its end, where the mildest events are."""
    many = [
        event(f"n{number}", Kind.NEW, version_id=None, url="") for number in range(300)
    ]
    shown = objects(*many, event("b", Kind.BANNED))
    assert (len(shown), shown[0]["id"], shown[-1]["id"]) == (
        MOST_EVENTS,
        "b",
        f"n{MOST_EVENTS - 2}",
    )


def test_an_event_that_is_too_large_is_shortened() -> None:
    """The largest event there can be still leaves room for another, and says how long its texts were."""
    text = "\U0001f4a5" * 5000
    names = ("status", *WATCHED_FIELDS.values())
    finding = ScanFinding(rule=text, severity=text, file=text, line=10**9)
    large = bounded(
        event(
            version=text,
            version_id=text,
            before=text,
            after=text,
            reason=text,
            published=text,
            scan=Scan(items=(finding,) * 100, count=10**6),
            changes=tuple(
                FieldChange(field=name, before=text, after=text + "!") for name in names
            ),
            installed=tuple(
                Copy(install=f"{number}{text}", version=text, enabled=True)
                for number in range(500)
            ),
        )
    )
    assert len(to_json(public_form(large))) > MOST_BYTES
    first, _ = objects(large, large)
    assert [one["field"] for one in first["changes"]] == list(names)
    assert "1000 characters, sha256" in first["reason"]


def test_the_severity_does_not_depend_on_how_much_fits() -> None:
    """A flag that is only informational is that in every form; the plainest has no text of its findings."""
    known = ScanFinding(rule="a", severity="info", file="a.py", line=1)
    scan = Scan(items=(known,) * 20, count=20, is_whole=True, is_known=True)
    one = event("a", scan=scan, reason="x" * 900)
    [short] = objects(one, most_bytes=1000)
    [plainest] = cast("list[dict[str, Any]]", plainest_objects([one]))
    assert (short["severity"], len(short["findings"])) == ("info", 3)
    assert short["finding_count"] == 20
    assert plainest["severity"] == "info"
    assert not {"findings", "finding_count"} & plainest.keys()


@given(st.lists(events(), max_size=30), st.integers(2, 4000))
def test_any_events_fit(given: list[Event], most: int) -> None:
    """Whatever the texts, the JSON is as small as it must be, and what is in it is the worst, in order."""
    shown = objects(*given, most_bytes=most)
    assert len(json.dumps(shown)) <= most
    worst = sorted(given, key=rank)
    assert [one["kind"] for one in shown] == [one.kind.value for one in worst][
        : len(shown)
    ]


@given(st.lists(events(), min_size=1, max_size=4))
def test_the_plainest_is_the_worst_alone(given: list[Event]) -> None:
    """It is the event that the title names, and has nothing that a person wrote about it."""
    worst = compose(tuple(given)).worst
    (shown,) = cast("list[dict[str, Any]]", plainest_objects(given))
    assert (shown["id"], shown["kind"], shown["reason"], shown["changes"]) == (
        worst.id,
        worst.kind.value,
        "",
        [],
    )
    assert len(json.dumps(shown)) < 8000
