"""What is critical is named, in further messages where one has no room; a text message always says what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import event
from watcher.alerts.digest import compose
from watcher.alerts.render import Format, Rendered, plainest, render
from watcher.model.event import Event, FieldChange, Kind, Severity
from watcher.model.pack import Copy
from watcher.model.version import SafeVersion

_NAMED = frozenset({"named"})


def _event(
    node: str, kind: Kind = Kind.BANNED, *, runs: bool = False, **fields: Any
) -> Event:
    version = fields.get("version", "1.0.0")
    copies = (Copy(install="studio", version=version, enabled=True),) if runs else ()
    given = {"node": node, "version": "1.0.0", "before": None, "after": None}
    return event(f"{kind}-{node}", kind, **given | {"installed": copies} | fields)


def _bans(run: int, others: int) -> tuple[Event, ...]:
    mine = (_event(f"mine-{number:03}", runs=True) for number in range(run))
    return (*(_event(f"bad-{number:03}") for number in range(others)), *mine)


def _messages(
    events: tuple[Event, ...], *, lines: int | None = None, limit: int = 3000
) -> list[Rendered]:
    """Return the message, and all further ones."""
    known, left = {one.id: one for one in events}, [one.id for one in events]
    found: list[Rendered] = []
    while left:
        digest = compose((known[key] for key in left), len(found), _NAMED)
        found.append(render(digest, Format.TEXT, limit, 100, lines))
        left = list(found[-1].left)
    return found


def test_what_a_title_does_not_name_follows() -> None:
    """Where there is room for the title alone, it names one of several versions, and the others follow it."""
    versions = [f"1.0.{number}" for number in range(4)]
    events = [_event("bad", runs=True, version=one, id=one) for one in versions]
    message = render(compose(events), Format.TEXT, 40, 0)
    assert message.body == "BANNED bad 1.0.0, which you run"
    assert sorted(message.left) == versions[1:]


@pytest.mark.parametrize(
    ("limit", "lines"), [(160, 1000), (900, 2), (900, None), (3000, None)]
)
def test_what_is_run_is_never_only_counted(limit: int, lines: int | None) -> None:
    """Every ban of it is named once, with what to do, in as many messages as that takes; other bans are counted."""
    bans = _bans(40, 40)
    messages = _messages(bans, lines=lines, limit=limit)
    said = "\n".join(message.body for message in messages)
    line = r"BANNED `(mine.*)` `1\.0\.0`, which you run.*(?:: |\n)[Ss]top ComfyUI"
    assert sorted(re.findall(line, said)) == [f"mine-{one:03}" for one in range(40)]


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
    """What is left gets less with every message, and is critical."""
    known, left, part = {one.id: one for one in events}, [one.id for one in events], 0
    while left:
        digest = compose((known[key] for key in left), part)
        message = render(digest, Format.TEXT, limit, 100, lines)
        assert set(message.left) < set(left)
        assert all(known[key].severity is Severity.CRITICAL for key in message.left)
        left, part = list(message.left), part + 1


# Text messages

_HOSTILE = "é中@everyone <b>[x](https://evil.example) " * 3
_NODES = ["my-pack", "a.b" * 33, _HOSTILE]
_VERSIONS = ["1.2.0", "9" * 80, _HOSTILE, None]
_GOOD = [None, SafeVersion("1.1.0"), SafeVersion(_HOSTILE)]
_SWAPPED = (FieldChange(field="downloadUrl", before="https://a", after="https://b"),)
_ADVICE = re.compile(
    r": (stop ComfyUI, remove it, read why|your copy may be either; do not install it again before it is explained)"
)


def test_a_text_message_tells_packs_apart() -> None:
    """The whole name is worth more than the reason, the command and the count of what follows."""
    names = [f"comfyui-a-rather-long-name-of-packs-{number:03}" for number in range(9)]
    bans = [_event(name, runs=True, reason="A stealer " * 30) for name in names]
    messages = _messages(tuple(bans), lines=1000, limit=160)
    assert [one.body.split("`")[1] for one in messages] == names


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
    for good, reason in zip(_GOOD, ("A stealer " * 30, "", "A miner"), strict=True):
        worst = _event(
            node,
            kind,
            version=version,
            after=None if is_swapped else "banned",
            changes=_SWAPPED if is_swapped else (),
            reason=reason,
            safe_version=good,
            published="2026-01-31T12:34:56Z",
            installed=tuple(places),
        )
        alone = render(compose((worst,)), Format.ASCII, 160, 0, 1000)
        first = render(compose((worst, *others), 12), Format.ASCII, 160, 0, 1000)
        plain = plainest(compose((worst, *others), 12))
        assert len(f"{plain.title}\n{plain.body}") <= 160
        for body in (alone.body, first.body, plain.body):
            assert len(body) <= 160
            line = body.splitlines()[0]
            assert re.match(r"(You run )?BANNED |ARCHIVE REPLACED ", line)
            assert _ADVICE.search(line), line
        if reason and not is_swapped:
            assert "Reason: " in alone.body
