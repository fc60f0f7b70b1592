"""What is critical is named, in further messages where one has no room; a text message always says what to do."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from watcher.alerts.digest import MOST_PARTS, compose
from watcher.alerts.reference import reference_of
from watcher.alerts.render import Format, Rendered, plainest, render
from watcher.model.event import Event, FieldChange, Kind, Severity, runs_it, severity_of
from watcher.model.pack import Copy
from watcher.model.version import SafeVersion


def _event(
    node: str, kind: Kind = Kind.BANNED, *, runs: bool = False, **fields: Any
) -> Event:
    copies = (
        (Copy(install="studio", version=fields.get("version", "1.0.0"), enabled=True),)
        if runs
        else ()
    )
    given = {
        "node": node,
        "version": "1.0.0",
        "before": None,
        "after": None,
        "installed": copies,
    }
    return event(f"{kind}-{node}", kind, **given | fields)


def _bans(run: int, others: int) -> tuple[Event, ...]:
    mine = (_event(f"mine-{number:03}", runs=True) for number in range(run))
    return (*(_event(f"bad-{number:03}") for number in range(others)), *mine)


def _messages(
    events: tuple[Event, ...], *, lines: int | None = None, limit: int = 3000
) -> list[Rendered]:
    """Return the message, and all further ones."""
    known, reference = {one.id: one for one in events}, reference_of(events)
    found = [render(compose(events), Format.TEXT, limit, 100, lines)]
    while found[-1].left:
        rest = tuple(known[key] for key in found[-1].left)
        found.append(
            render(compose(rest, len(found), reference), Format.TEXT, limit, 100, lines)
        )
    return found


def _named(messages: list[Rendered]) -> list[str]:
    return [
        node
        for message in messages
        for node in re.findall(r"BANNED `([^`]*)` `1\.0\.0`", message.body)
    ]


def test_what_is_run_is_never_only_counted() -> None:
    """Every ban of it is named once, in as many messages as that takes."""
    messages = _messages(_bans(300, 0))
    assert sorted(_named(messages)) == [f"mine-{number:03}" for number in range(300)]


def test_other_bans_are_named_in_at_most_four_further_messages() -> None:
    """What comes after them is counted in the last one, beside the command that shows it."""
    messages = _messages(_bans(0, 300))
    assert len(messages) == 1 + MOST_PARTS
    assert len(set(_named(messages))) == len(_named(messages)) == 125
    assert "175 of" not in messages[-1].body
    assert "… and 175 more banned" in messages[-1].body
    assert (
        f"comfy-watch history --ref {reference_of(_bans(0, 300))}" in messages[-1].body
    )
    assert "follow" not in messages[-1].body


def test_the_messages_say_that_they_belong_together() -> None:
    """Each says how many follow, a further one which it is, and all show the reference of the first."""
    flags = tuple(_event(f"flag-{number}", Kind.FLAGGED) for number in range(104))
    first, second = _messages((*_bans(10, 30), *flags))
    assert (
        first.title == "BANNED mine-000 1.0.0, which you run (+ 39 banned, 104 flagged)"
    )
    assert "… and 119 more: 15 banned, 104 flagged (15 follow) · seen" in first.body
    assert second.title == "Part 2: BANNED bad-015 1.0.0 (+ 14 banned)"
    assert "flag" not in second.body
    assert "part 2 · seen" in second.body
    assert first.body.split("--ref ")[1] == second.body.split("--ref ")[1]


def test_where_lines_are_few_only_what_is_run_gets_further_messages() -> None:
    """A text message names what is run one after the other, and counts the other bans."""
    messages = _messages(_bans(3, 30), lines=2)
    assert _named(messages) == ["mine-000", "mine-001", "mine-002"]
    assert "… and 32 more" in messages[0].body
    assert "(2 follow)" in messages[0].body
    assert messages[1].body.splitlines()[-1].startswith("… and 1 more")
    assert "part 2, ref" in messages[1].body


@pytest.mark.parametrize("limit", [160, 640, 900])
@pytest.mark.parametrize("lines", [None, 1000])
def test_what_is_run_is_named_with_what_to_do(limit: int, lines: int | None) -> None:
    """A ban of what is run without room for that it is run, and for the advice, goes into a further message."""
    bans = tuple(
        _event(
            f"mine-{number}",
            runs=True,
            reason="a keylogger",
            safe_version=SafeVersion("0.9"),
        )
        for number in range(9)
    )
    said = "\n".join(
        message.body for message in _messages(bans, lines=lines, limit=limit)
    )
    # The advice is in the same line, or alone in the next one.
    about = re.findall(r"BANNED `.*(?:: |\n)[Ss]top ComfyUI", said)
    assert len(about) == said.count("BANNED") == 9


def test_nothing_else_gets_a_further_message() -> None:
    """Flags of what is run, and the baseline of the whole registry, are counted where there is no room for them."""
    flags = tuple(
        _event(f"flag-{number}", Kind.FLAGGED, runs=True) for number in range(60)
    )
    everything = event("all", Kind.BASELINE, node=None, version=None, after="banned")
    assert render(compose(flags), Format.TEXT, 3000, 100).left == ()
    (message,) = _messages((*_bans(1, 24), *flags, everything))
    assert len(_named([message])) == 25


def test_a_baseline_counts_as_what_nobody_runs() -> None:
    """That a pack which is run has a banned version is no ban of the version that is run."""
    baselines = tuple(
        _event(f"n{number}", Kind.BASELINE, runs=True, version=None, after="banned")
        for number in range(200)
    )
    messages = _messages(baselines)
    assert len(messages) == 1 + MOST_PARTS
    assert render(compose(baselines), Format.TEXT, 160, 0, 1000).left == ()


_ANY = st.lists(
    st.builds(
        lambda kind, number, runs: _event(
            f"n{number}-{kind}", kind, runs=runs, after="banned"
        ),
        st.sampled_from(list(Kind)),
        st.integers(0, 80),
        st.booleans(),
    ),
    min_size=1,
    max_size=90,
    unique_by=lambda one: one.id,
).map(tuple)


@given(_ANY, st.integers(1, 4000), st.none() | st.integers(1, 30))
def test_whatever_the_room_messages_end(
    events: tuple[Event, ...], limit: int, lines: int | None
) -> None:
    """What is left gets less with every message, is critical, and all of it that is run has its turn."""
    known, left, part = {one.id: one for one in events}, [one.id for one in events], 0
    reached = set(left[:0])
    while left:
        digest = compose(tuple(known[key] for key in left), part)
        message = render(digest, Format.TEXT, limit, 100, lines)
        assert set(message.left) < set(left)
        assert all(severity_of(known[key]) is Severity.CRITICAL for key in message.left)
        reached |= set(left) - set(message.left)
        left, part = list(message.left), part + 1
    assert reached == set(known)
    owed = sum(severity_of(one) is Severity.CRITICAL and runs_it(one) for one in events)
    assert part <= max(owed, 1) + MOST_PARTS


# Text messages

_HOSTILE = "é中@everyone <b>[x](https://evil.example) " * 3
_NODES = ["my-pack", "x" * 100, "a.b" * 33, _HOSTILE]
_VERSIONS = ["1.2.0", "9" * 80, _HOSTILE, None]
_SWAPPED = (FieldChange(field="downloadUrl", before="https://a", after="https://b"),)
_ADVICE = re.compile(r": (stop ComfyUI, remove it|your copy may be either one)")


@pytest.mark.parametrize("kind", [Kind.BANNED, Kind.EXPOSED, Kind.CHANGED])
@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("node", _NODES)
def test_a_text_message_says_what_to_do(
    node: str, version: str | None, kind: Kind
) -> None:
    """Its first line has the pack, the version and the advice, whatever they are and however much is counted."""
    others = _bans(9, 30)
    is_swapped = kind is Kind.CHANGED
    places = [
        Copy(install=f"{n} {_HOSTILE}", version=version, enabled=True) for n in range(9)
    ]
    for safe, reason in product(("", None, "1.1.0", _HOSTILE), ("A stealer " * 30, "")):
        worst = _event(
            node,
            kind,
            version=version,
            after=None if is_swapped else "banned",
            changes=_SWAPPED if is_swapped else (),
            reason=reason,
            safe_version=None if safe == "" else SafeVersion(safe),
            published="2026-01-31T12:34:56Z",
            installed=tuple(places),
        )
        alone = render(compose((worst,)), Format.ASCII, 160, 0, 1000)
        first = render(compose((worst, *others), 12), Format.ASCII, 160, 0, 1000)
        plain = plainest((worst, *others), 12)
        assert len(f"{plain.title}\n{plain.body}") <= 160
        for body in (alone.body, first.body, plain.body):
            assert len(body) <= 160
            line = body.splitlines()[0]
            assert re.match(r"(You run )?BANNED |ARCHIVE REPLACED ", line)
            assert _ADVICE.search(line), line
            assert re.search(r"\bref [0-9a-f]{8}$", body)
            assert ("more" in body) == (body != alone.body)
