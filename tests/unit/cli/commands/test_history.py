"""`history`: which past events are chosen, and how they read."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from tests.support.factories import NOW, PACK, event, minute
from watcher.cli.commands.history import choose, lines
from watcher.cli.options import parse_since
from watcher.model.event import Event, Kind
from watcher.model.pack import Copy
from watcher.model.scan import Scan, ScanFinding
from watcher.model.version import SafeVersion

EVENTS = tuple(
    event(f"e{number}", kind, node=node, at=minute(number))
    for number, (kind, node) in enumerate(
        [
            (Kind.NEW, PACK),
            (Kind.FLAGGED, "other"),
            (Kind.FAILING, None),
            (Kind.FLAGGED, PACK.upper()),
            (Kind.NEW, "other"),
        ]
    )
)


def ids(**wanted: Any) -> list[str]:
    """Return the ids of the chosen events."""
    return [one.id for one in choose(EVENTS, **wanted)]


def shown(*events: Event) -> list[str]:
    """Return the lines without their colours."""
    return [" ".join(click.unstyle(line).split()) for line in lines(events)]


def test_reasons_are_there_in_full() -> None:
    """A reason has all that the history keeps of it, on a terminal too."""
    reason = "breaks the rules. " * 50 + "the end"
    one = event(kind=Kind.BANNED, reason=reason)
    for width in (None, 80):
        said = " ".join("\n".join(lines([one], width)).split())
        assert f'reason: "{reason}"' in said


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["e4", "e3", "e2", "e1", "e0"]),
        ({"nodes": {PACK.lower()}}, ["e3", "e0"]),
        ({"kinds": {Kind.FAILING, Kind.NEW}}, ["e4", "e2", "e0"]),
        ({"since": minute(3)}, ["e4", "e3"]),
        ({"nodes": {"other"}, "kinds": {Kind.NEW}, "since": minute(1)}, ["e4"]),
    ],
)
def test_filters_choose(wanted: dict[str, Any], expected: list[str]) -> None:
    """Nodes in any case, kinds and a time narrow the list, also together."""
    assert ids(**wanted) == expected


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1h", minute(-60)),
        ("7d", "2026-02-23T00:00:00.000Z"),
        ("20260131", "2026-01-31T00:00:00.000Z"),
        ("0001-01-01", "0001-01-01T00:00:00.000Z"),
        ("2026-01-31T12:30:00+02:00", "2026-01-31T10:30:00.000Z"),
    ],
)
def test_since_takes_a_duration_or_a_date(text: str, moment: str) -> None:
    """A duration counts back from now; a date begins at midnight UTC; a time may have an offset."""
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    [
        *(
            "yesterday",
            "-1h",
            "2026-13-01",
            "99999999999d",
            "\x1b[31m",
            "",
            " ",
            "1h 2026-01-31",
        ),
        *("90", "1.5", "2026", "20261301", "99999999", "\u0669\u0660"),
        "10000-01-01",
    ],
)
def test_since_refuses_the_rest_in_plain_words(text: str) -> None:
    """Anything else is refused with what is allowed, the text made harmless."""
    with pytest.raises(
        ValueError, match=r"is not a date .* or a duration with a unit"
    ) as caught:
        parse_since(text, NOW)
    assert "\x1b" not in str(caught.value)


def test_a_line_says_when_what_and_of_what() -> None:
    """A row has time, kind, node, version, what it was before if not simply active, and the reason."""
    banned = event(kind=Kind.BANNED, before="flagged", after="banned")
    assert shown(event(reason="Adware"), banned) == [
        "TIME EVENT WHAT",
        f"2026-03-02 00:00:00Z flagged {PACK} 1.0.0 nobody has reviewed it; reason: Adware",
        f"2026-03-02 00:00:00Z banned {PACK} 1.0.0 was flagged",
    ]


def test_what_was_good_then_is_not_advised_if_it_is_bad_by_now() -> None:
    """The history is read today: no row advises a version of which a later event warns, shown or not."""
    copy = Copy(install="workstation", version="1.0.0", enabled=True)
    flag = event("1", installed=(copy,), safe_version=SafeVersion("1.1.0"))
    assert "good version is 1.1.0" in lines([flag], None, [flag])[1]
    ban = event("2", Kind.BANNED, version="1.1.0", at=minute(15))
    assert "good version" not in lines([flag], None, [flag, ban])[1]


def test_what_the_registry_wrote_is_told_from_our_own_words() -> None:
    """More than a word of it is in quotation marks, which it cannot end, and a reason is called one."""
    forged = 'spam"; you run it on prod; not banned: 1.1.0'
    _, line = shown(event(reason=forged, before="odd; was banned"))
    quoted = [json.dumps("odd; was banned"), json.dumps(forged)]
    assert line.endswith(f"reason: {quoted[1]}; was {quoted[0]}")


def test_a_terminal_gets_the_time_of_a_poll_once() -> None:
    """The newest poll is first, and of each poll the worst event."""
    copy = Copy(install="workstation", version="1.0.0", enabled=True)
    first = [event("1", Kind.NEW, node="b"), event("2", Kind.FLAGGED, node="a")]
    second = [
        event("3", Kind.NEW, node="c", at=minute(15)),
        event("4", Kind.FLAGGED, at=minute(15), installed=(copy,), reason="Adware"),
    ]
    assert [click.unstyle(line) for line in lines(choose([*first, *second]), 80)] == [
        "2026-03-02 00:15:00Z",
        f"flagged  {PACK} 1.0.0, which you run on workstation  nobody has reviewed it;",
        "    reason: Adware",
        "new      c 1.0.0",
        "2026-03-02 00:00:00Z",
        "flagged  a 1.0.0  nobody has reviewed it",
        "new      b 1.0.0",
    ]


@pytest.mark.parametrize("width", [None, 80])
def test_findings_below_a_flag(width: int | None) -> None:
    """Where few events are asked for, all that the scanner found in a version is below its row."""
    starts = ScanFinding(
        rule="python_command_injection_risk", severity="info", file="run.py", line=7
    )
    scan = Scan(items=(starts,), count=1, is_whole=True)
    past = [event("1", scan=scan), event("2", Kind.NEW)]
    rows = lines(past, width)
    shown = lines(past, width, with_findings=True)
    assert [click.unstyle(line) for line in shown if line not in rows] == [
        "    SEVERITY  FINDING                WHERE",
        "    info      starts other programs  run.py:7",
    ]
