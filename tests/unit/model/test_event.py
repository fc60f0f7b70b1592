"""How bad an event is, and what is kept of it: no more than an alert shows, however long the registry's texts are."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from watcher.model.event import (
    LONGEST_TEXT,
    MOST_COPIES,
    Event,
    FieldChange,
    Kind,
    bounded,
    rank,
)
from watcher.model.pack import Copy

pytestmark = pytest.mark.measured

_LONG = st.builds(
    lambda text, times: text * times,
    st.text(min_size=1, max_size=5),
    st.integers(0, 2000),
)


@given(first=_LONG, second=_LONG)
def test_a_bounded_event_keeps_what_tells_it_apart(first: str, second: str) -> None:
    """No text is longer than the bound, two that differ stay different, the rest is as it was, and once is enough."""
    kept = [
        bounded(
            replace(
                event(version=text, before=text, reason=text),
                changes=(FieldChange(field="dependencies", before=text, after=""),),
                published=text,
                install=text,
                installed=(Copy(install=text, version=text, enabled=True),),
            )
        )
        for text in (first, second)
    ]
    assert (kept[0] == kept[1]) == (first == second)
    for one, text in zip(kept, (first, second), strict=True):
        texts = [
            getattr(one, field.name)
            for field in fields(Event)
            if isinstance(getattr(one, field.name), str)
        ]
        texts += [
            one.installed[0].install,
            one.installed[0].version or "",
            one.changes[0].before,
        ]
        assert max(map(len, texts)) <= LONGEST_TEXT
        assert len(text) > LONGEST_TEXT or (one.version, one.changes[0].before) == (
            text,
            text,
        )
        assert (one.id, one.at, bounded(one)) == (event().id, event().at, one)


@pytest.mark.parametrize(
    ("after", "severity"),
    [
        ("banned", "critical"),
        ("flagged", "warning"),
        ("deprecated", "warning"),
        (None, "info"),
    ],
)
def test_a_baseline_is_as_bad_as_the_worst_in_it(
    after: str | None, severity: str
) -> None:
    """A summary that tells of a ban is critical, though nothing has changed."""
    assert event(kind=Kind.BASELINE, after=after).severity.value == severity
    # Nobody is woken for what the whole registry has.
    of_all = event(kind=Kind.BASELINE, node=None, after=after).severity.value
    assert of_all == ("warning" if severity == "critical" else severity)


def _copy(version: str | None, *, enabled: bool = True) -> Copy:
    return Copy(install="workstation", version=version, enabled=enabled)


@pytest.mark.parametrize(
    ("copies", "severity"),
    [
        ((), "warning"),
        ((_copy("1.0.0"),), "critical"),
        ((_copy("v1.0"),), "critical"),
        ((_copy("1.0.0", enabled=False),), "warning"),
        ((_copy("1.0.1"),), "warning"),
        ((_copy(None),), "warning"),
    ],
)
def test_a_replaced_archive_of_what_is_run_is_critical(
    copies: tuple[Copy, ...], severity: str
) -> None:
    """An enabled copy of that very version is run; a disabled one, another version or a clone is not."""
    swapped = (FieldChange(field="downloadUrl", before="a", after="b"),)
    assert (
        event(kind=Kind.CHANGED, changes=swapped, installed=copies).severity.value
        == severity
    )


def test_what_is_run_comes_first_within_its_severity() -> None:
    """The version that is run, then another one of a pack that is run, then the rest; severity counts before that."""
    run, other = (_copy("1.0.0"),), (_copy("2.0.0"), _copy("1.0.0", enabled=False))
    given = [
        event("new of yours", Kind.NEW, installed=run),
        event("flagged"),
        event("disabled", installed=(_copy("1.0.0", enabled=False),)),
        event("another version flagged", installed=other),
        event("deprecated of yours", Kind.DEPRECATED, installed=run),
        event("exposed to a flag", Kind.EXPOSED, after="flagged"),
        event("ban", Kind.BANNED),
        event("ban of yours", Kind.BANNED, version=None, installed=(_copy(None),)),
        event("exposed to a ban", Kind.EXPOSED, after="banned"),
    ]
    assert [one.id for one in sorted(given, key=rank)] == [
        *("ban of yours", "exposed to a ban", "ban", "exposed to a flag"),
        *("deprecated of yours", "another version flagged", "flagged", "disabled"),
        "new of yours",
    ]


def test_many_copies_are_bounded() -> None:
    """Of a thousand copies those that are run are kept first, of these the ones of the version."""
    copies = (
        [_copy("9", enabled=False) for _ in range(500)]
        + [_copy("2.0.0") for _ in range(500)]
        + [_copy("1.0")]
    )
    kept = bounded(event(installed=tuple(copies))).installed
    assert len(kept) == MOST_COPIES
    assert (kept[0].version, {one.enabled for one in kept}) == ("1.0", {True})


def test_the_worst_event_is_first() -> None:
    """Severity counts before kind, and a replaced archive ranks above all but a flag within its severity."""
    moved = FieldChange(field="downloadUrl", before="a", after="b")
    named = replace(moved, before="")
    given = [
        event(kind.value, kind, after=None)
        for kind in reversed(Kind)
        if kind not in (Kind.BASELINE, Kind.EXPOSED)
    ]
    given += [
        event("all fine", Kind.BASELINE, after=""),
        event("all flagged", Kind.BASELINE, after="flagged"),
        event("all banned", Kind.BASELINE, after="banned"),
        event("archive named", Kind.CHANGED, changes=(named,)),
        event("archive replaced", Kind.CHANGED, changes=(moved,)),
    ]
    assert [one.id for one in sorted(given, key=rank)] == [
        *("banned", "all banned", "flagged", "archive replaced", "deleted"),
        *("removed", "failing", "deprecated", "changed", "archive named"),
        *("all flagged", "appeared", "reinstated", "cleared", "undeprecated"),
        *("recovered", "new", "pending", "all fine"),
    ]
