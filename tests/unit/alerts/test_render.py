"""Whatever the untrusted text, a message keeps its structure in every format and fits its limits."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.dialects import Dialect
from tests.hostile.parsers import in_message, in_shown
from tests.hostile.strategies import events
from tests.support.factories import event
from tests.support.parameters import examples
from tests.support.work import calls_of
from watcher.alerts.digest import compose
from watcher.alerts.render import Format, Rendered, plainest, render
from watcher.model.event import Event, Kind
from watcher.model.pack import Copy
from watcher.model.version import SafeVersion

_EVENTS = events().map(tuple)
_READ_AS = {
    Format.MARKDOWN: Dialect.MARKDOWN,
    Format.CODELESS: Dialect.CARD,
    Format.HTML: Dialect.HTML,
    Format.MAIL: Dialect.HTML,
    Format.TELEGRAM: Dialect.HTML,
    Format.TEXT: Dialect.TEXT,
}


@examples(200)
@given(
    _EVENTS,
    st.sampled_from(list(Format)),
    st.integers(1, 200) | st.integers(100, 4000),
    st.integers(0, 60) | st.just(200),
)
def test_no_structure_can_be_forged(
    events: tuple[Event, ...],
    form: Format,
    limit: int,
    title_limit: int,
) -> None:
    """Parsed by real parsers, a message has only our structure, whatever the text; even absurd limits are kept."""
    message = render(compose(events), form, limit, title_limit)
    assert 1 <= len(message.body.encode()) <= limit
    assert len(message.title) <= title_limit
    assert list(in_message(message.title + message.body)) == []
    if form in _READ_AS:
        assert list(in_shown(_READ_AS[form], message.body)) == []
    else:
        assert message.body.isascii()
        assert "`" not in message.body


def _event(kind: Kind = Kind.BANNED, node: str = "ComfyUI_x_y", **fields: Any) -> Event:
    given = {
        "version": "1.0.3",
        "before": "flagged",
        "reason": "Malware `x` in *run.py*",
    }
    url = f"https://registry.comfy.org/nodes/{node}"
    return event(f"{node}{kind}", kind, **{"node": node, "url": url} | given | fields)


_NODES = "https://registry.comfy.org/nodes/"


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://registry.comfy.org.evil.example/", False),
        *((_NODES + node, False) for node in ("a)b", "..", "a/..", quote("中" * 200))),
        *((_NODES + node, True) for node in ("..x", quote("中" * 50))),
    ],
)
def test_only_pages_of_the_registry_are_linked(url: str, *, linked: bool) -> None:
    """They are free of markup, lead to no other page, and may be as long as an id can make them."""
    body = render(compose((_event(url=url),)), Format.TEXT, 3000, 100).body
    said = "Reason: `Malware 'x' in *run.py*`. Was flagged."
    assert body.splitlines()[1] == (f"{said} {url}" if linked else said)


@given(_EVENTS, st.integers(1, 12), st.integers(20, 4000))
def test_so_many_lines_and_no_more(
    events: tuple[Event, ...], lines: int, limit: int
) -> None:
    """Where lines are few the message has no more, and no foreign markup."""
    body = render(compose(events), Format.TEXT, limit, 200, lines).body
    assert len(body.encode()) <= limit
    assert len(body.split("\n")) <= lines
    assert list(in_shown(Dialect.TEXT, body)) == []


@pytest.mark.parametrize("lines", range(1, 8))
def test_what_has_no_line_is_counted(lines: int) -> None:
    """So many events are shown, and the last line says how many are not."""
    events = tuple(_event(node=f"n{number}") for number in range(6))
    body = render(compose(events), Format.TEXT, 3000, 200, lines).body
    counted = sum(map(int, re.findall(r"\+ (\d+) banned", body)))
    assert body.count("BANNED") + counted == 6
    assert body.count("BANNED") >= min(lines - 1, 6)


def test_the_work_of_a_message_grows_with_its_events() -> None:
    """Four times the events, with all that can be shortened, take about four times the calls, and fit."""

    def calls(count: int) -> int:
        events = tuple(
            _event(
                Kind.FLAGGED if i % 3 else Kind.NEW,
                f"n{i % 800}",
                version=f"1.{i}",
                reason="x" * 300,
            )
            for i in range(count)
        )
        body = render(compose(events), Format.MARKDOWN, 1000, 100).body
        assert len(body.encode()) <= 1000
        return calls_of(lambda: render(compose(events), Format.MARKDOWN, 1000, 100))

    assert calls(2000) < 6 * calls(500)


def test_a_service_that_makes_messages_longer_gets_shorter_ones() -> None:
    """The limit counts what the service's dialect makes of the message, which is asked for a few times only."""
    asked = []

    def size(message: Rendered) -> int:
        asked.append(message)
        return 2 * len(message.body.encode())

    digest = compose(tuple(_event(node=f"n{i}") for i in range(20)))
    message = render(digest, Format.MARKDOWN, 1000, 100, size=size)
    assert 300 < len(message.body.encode()) <= 500
    assert len(asked) < 15


@pytest.mark.parametrize("form", [form for form in Format if form != Format.PLAINEST])
@pytest.mark.parametrize("node", ["x" * 99 + "y", "ab." * 33 + "y"])
def test_the_longest_id_is_shown_whole(node: str, form: Format) -> None:
    """A pack's id may have 100 characters; the sanitizer makes those with many dots longer still."""
    body = render(compose((_event(node=node, url=""),)), form, 3000, 100).body
    assert node in re.sub(r"\\?\[\.\\?\]", ".", body)


_RUN = (Copy(install="workstation", version="1.0.3", enabled=True),)


def test_what_goes_first_where_room_is_short() -> None:
    """Why and since when go, of the mildest first; then where it is run and the long advice; then lines are counted.

    The pack and version of the worst event, what to do about it, and the beginning of the reason of a ban of what is
    run stay to the end.
    """
    given: dict[str, Any] = {
        "published": "2026-01-31T12:34:56Z",
        "reason": "stealer " * 40,
    }
    worst = _event(
        node="bad", safe_version=SafeVersion("1.0.2"), installed=_RUN, **given
    )
    others = [_event(Kind.FLAGGED, f"n{i}", **given) for i in range(4)]
    digest = compose((*others, worst))
    pieces = {
        "why of the mildest": "`n3` `1.0.3`\nReason",
        "why of others": "`n0` `1.0.3`\nReason",
        "since": "Was flagged, public for",
        "where": "n `workstation`",
        "all lines": "`n3`",
        "lines": "🚩",
        "run": "which you run",
        "reason": "Reason: `stealer",
        "advice": "top ComfyUI",
    }
    last = dict.fromkeys(pieces, 10_000)
    for limit in range(2600, 150, -20):
        body = render(digest, Format.TEXT, limit, 100).body
        assert len(body.encode()) <= limit
        assert "`bad` `1.0.3`" in body
        counts = map(int, re.findall(r"\+ (\d+) flagged", body))
        assert body.count("🚩") + sum(counts) == 4
        last |= {name: limit for name, words in pieces.items() if words in body}
    assert list(last) == sorted(last, key=lambda name: -last[name])


def test_a_text_message_has_the_channel_and_what_to_do() -> None:
    """Of a channel that fails the name, and the command that tries it, fit into the shortest text message."""
    name = "my ops channel of the company"
    failing = replace(_event(Kind.FAILING, channel=name, version=None), node=None)
    body = render(compose((failing,)), Format.ASCII, 140, 0, 2).body
    assert f'"{name}": mend the cause' in body
    assert f"comfy-watch test-alerts \"'{name}'\"." in body


def test_without_room_for_a_line_the_title_is_left() -> None:
    """The smallest message still says what is worst, or how many of what, or at least who speaks."""
    events = (_event(), _event(Kind.NEW, node="b"))
    said = {
        limit: render(compose(events), Format.TEXT, limit, 0).body
        for limit in (90, 40, 28, 14, 3)
    }
    assert said[90] == (
        "⛔ BANNED `ComfyUI_x_y` `1.0.3`.\n\n+ 1 new · history --since 2026-03-02T00:00Z"
    )
    assert list(said.values())[1:] == [
        "⛔ BANNED `ComfyUI_x_y` `1.0.3`.",
        "BANNED ComfyUI_x_y 1.0.3",
        "Comfy Watch",
        "!",
    ]


# The plainest form


@given(_EVENTS)
def test_the_plainest_form_is_short_and_ascii(events: tuple[Event, ...]) -> None:
    """Whatever the text, it is ASCII without markup, and has 160 bytes at most."""
    message = plainest(compose(events))
    said = f"{message.title}\n{message.body}"
    assert said.isascii()
    assert len(said) <= 160
    harmless = r"\((blank|no name|\d+ follows?)\)|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])"
    bare = re.sub(harmless, "", said)
    # Other parentheses are our own too, around a list: plain_name replaces those from outside.
    bare = re.sub(r"(?<!\S)\(([^()]*)\)", r"\1", bare)
    assert not re.search(r"[`*~<>\[\]()|@\\#_]", bare)
    assert not re.search(r"://|[A-Za-z0-9]\.[A-Za-z]", said)


# Forged sentences


def _body(form: Format, **fields: Any) -> str:
    return render(compose((_event(**fields),)), form, 3000, 100).body


def test_no_quotation_ends_itself() -> None:
    """What follows a quotation mark, or a backslash, in the registry's text is still quoted."""
    for mark in "'", "`", '"', "\u201d", "\u2019":
        body = _body(Format.ASCII, reason=f"fine{mark}. Install 9.9.9. {mark}So")
        assert "\nReason: \"fine'. Install 9.9.9. 'So\"." in body
    assert "\\`" not in _body(Format.MARKDOWN, reason="evil \\", version="evil\\")


def test_a_word_in_a_text_message_ends_no_sentence() -> None:
    """A version that ends, or begins, with a dot is quoted."""
    for version in ("it.", ".it", "-", "1."):
        assert f' "{version}"' in _body(Format.ASCII, version=version)


def test_the_plainest_form_has_single_words_of_the_registry() -> None:
    """Where nothing is quoted, a version is one word, so that it makes no sentence."""
    one = _event(version="1.2.0 is fine. Remove nothing", reason="")
    assert plainest(compose((one,))).body.startswith(
        "BANNED ComfyUI_x_y 1.2.0?is?fine??Remove?nothing. "
    )


def test_the_plainest_form_names_one_event() -> None:
    """As the JSON beside it: the other banned versions of a pack follow in a further message."""
    bans = tuple(_event(id=version, version=version) for version in ("3", "2", "1"))
    message = plainest(compose(bans))
    assert message.body.startswith("BANNED ComfyUI_x_y 3. + 2 banned (2 follow), ")
    assert message.left == ("2", "1")
