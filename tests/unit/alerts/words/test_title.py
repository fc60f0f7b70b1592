"""A title says what the worst event is, in words that no service takes for markup."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.dialects import Dialect
from tests.hostile.parsers import in_shown
from tests.support.factories import event
from tests.support.parameters import examples
from watcher.alerts.digest import compose
from watcher.model.event import Event, Kind
from watcher.model.pack import Copy


def _event(
    kind: Kind, node: str | None = "pack", version: str | None = "1.0.0", **fields: Any
) -> Event:
    given: dict[str, Any] = {
        "node": node,
        "version": version,
        "before": None,
        "after": None,
    }
    return event(f"{kind}{node}{version}", kind, **given | fields)


_RUN = (Copy(install="workstation", version="1.0.0"),)


@pytest.mark.parametrize(
    ("one", "title"),
    [
        (_event(Kind.BANNED), "BANNED pack 1.0.0"),
        (_event(Kind.FLAGGED), "Flagged pack 1.0.0"),
        (_event(Kind.NEW), "New pack 1.0.0"),
        (_event(Kind.BANNED, version=None), "BANNED pack, the whole pack"),
        (
            _event(Kind.REINSTATED, version=None, before="banned"),
            "pack is no longer banned",
        ),
        (
            _event(Kind.REINSTATED, version=None, before="removed"),
            "pack is listed again",
        ),
        (_event(Kind.REMOVED, version=None), "pack is not listed any more"),
        (_event(Kind.FAILING, version=None), "pack cannot be read"),
        (_event(Kind.FAILING, version=None, after="empty"), "pack has no versions"),
        (_event(Kind.RECOVERED, version=None), "pack can be read again"),
        (_event(Kind.RECOVERED, version=None, before="empty"), "pack has versions now"),
        (_event(Kind.BASELINE, version=None), "Now watched pack"),
        (
            _event(Kind.BASELINE, version=None, after="banned"),
            "BANNED versions in pack",
        ),
        (
            _event(Kind.BASELINE, version=None, after="flagged"),
            "Flagged versions in pack",
        ),
        (_event(Kind.FAILING, None, None), "The registry cannot be read"),
        (_event(Kind.RECOVERED, None, None), "The registry can be read again"),
        (
            _event(Kind.FAILING, None, None, after="incomplete"),
            "The registry cannot be read in full",
        ),
        (
            _event(Kind.RECOVERED, None, None, before="incomplete"),
            "The registry can be read in full again",
        ),
        (
            _event(Kind.FAILING, None, None, channel="ops"),
            "Channel ops takes no alerts",
        ),
        (
            _event(Kind.RECOVERED, None, None, channel="ops"),
            "Channel ops takes alerts again",
        ),
        (
            _event(Kind.FAILING, None, None, channel="the @ops"),
            "A channel takes no alerts",
        ),
        (
            _event(Kind.FAILING, None, None, install="laptop"),
            "Install laptop cannot be scanned",
        ),
        (
            _event(Kind.RECOVERED, None, None, install="laptop"),
            "Install laptop can be scanned again",
        ),
        (
            _event(Kind.FAILING, None, None, install="the @laptop"),
            "An install cannot be scanned",
        ),
        (_event(Kind.BANNED, installed=_RUN), "BANNED pack 1.0.0, which you run"),
        (
            _event(Kind.BANNED, version=None, installed=_RUN),
            "BANNED pack, the whole pack, which you run",
        ),
        (_event(Kind.BANNED, version="2.0.0", installed=_RUN), "BANNED pack 2.0.0"),
        (
            _event(Kind.REMOVED, version=None, installed=_RUN),
            "pack is not listed any more",
        ),
        (_event(Kind.NEW, installed=_RUN), "New pack 1.0.0"),
        (_event(Kind.EXPOSED, after="banned"), "You run BANNED pack 1.0.0"),
        (_event(Kind.EXPOSED, after="delisted"), "You run delisted pack 1.0.0"),
        (
            _event(Kind.EXPOSED, version=None, after="banned"),
            "You run BANNED pack, a copy of unknown version",
        ),
        (_event(Kind.CLEARED, before="banned"), "Cleared pack 1.0.0"),
        (
            _event(Kind.CLEARED, version=None, before="banned"),
            "You do not run pack any more",
        ),
        (
            _event(Kind.CLEARED, version=None, before="banned", installed=_RUN),
            "pack is no longer a problem",
        ),
        (
            _event(Kind.UPDATE, version="2.0.0", installed=_RUN),
            "Update available: pack 2.0.0",
        ),
    ],
)
def test_what_the_worst_event_is(one: Event, title: str) -> None:
    """Each kind has words of its own, with the names that are plain."""
    assert compose((one,)).titles[0] == title


def test_the_others_are_counted() -> None:
    """Where there is room for it the title says how many more there are, and else how many of what."""
    assert compose(
        (_event(Kind.NEW, "b"), _event(Kind.BANNED), _event(Kind.NEW, "c"))
    ).titles == (
        "BANNED pack 1.0.0 and 2 more",
        "BANNED pack 1.0.0",
        "Comfy Watch: 1 banned, 2 new",
        "Comfy Watch: 3 events",
        "Comfy Watch",
    )
    assert compose((_event(Kind.BANNED, installed=_RUN), _event(Kind.NEW, "c"))).titles[
        :4
    ] == (
        "BANNED pack 1.0.0, which you run, and 1 more",
        "BANNED pack 1.0.0, which you run",
        "BANNED pack 1.0.0 and 1 more",
        "BANNED pack 1.0.0",
    )
    watched = tuple(_event(Kind.BASELINE, f"n{i}", None) for i in range(3))
    assert compose(watched).titles[0] == "Now watched: 3 node packs"


def test_a_name_gets_into_the_title_only_where_it_is_harmless() -> None:
    """A title has no escaping: what is no id of a pack, or no version, is left out of it."""
    for node in (
        "ComfyUI_x_y",
        "rgthree-comfy",
        "a--b",
        "x1",
        "x",
        "Qwen2.5",
        "x" * 100,
    ):
        assert compose((_event(Kind.NEW, node),)).titles[0] == f"New {node} 1.0.0"
    for node in ("_x_", "@here", "a b", "-x", "évil", "*x*", "x" * 101, "x\n", ""):
        assert compose((_event(Kind.NEW, node),)).titles[0] == "Comfy Watch: 1 new"
    for version in (
        "1",
        "1.2",
        "v1.2.3",
        "1.2.3-rc1",
        "1.2.3-beta.2",
        "2.0b1",
        "20260131",
        "1.2.0+build.5",
    ):
        assert (
            compose((_event(Kind.NEW, version=version),)).titles[0]
            == f"New pack {version}"
        )
    for version in ("1..2", "1.2.", "@1", "1 2", "1_2_", "*1*", "evil", "", "1\n"):
        assert (
            compose((_event(Kind.NEW, version=version),)).titles[0]
            == "New a version of pack"
        )


@pytest.mark.parametrize(
    ("node", "version", "shown"),
    [
        ("my.pack", "1.0.0", "my?pack 1.0.0"),
        ("www.evil.com", "1.0-x.evil", "www?evil?com 1.0-x?evil"),
        ("ComfyUI__X", "1.2.0.1", "ComfyUI??X 1.2.0?1"),
        ("_a_-_b_.py"[1:], "1.2.3.4.5.6.7", "a?-?b??py 1.2.3?4.5.6?7"),
        (
            "1.2.3.4",
            "1.0.0-alpha.beta+exp.sha.5114f85",
            "1.2.3?4 1.0.0-alpha?beta+exp?sha.5114f85",
        ),
        ("a", f"1.0.0-{'x' * 99}", f"a 1.0.0-{'x' * 53}?"),
    ],
)
def test_what_may_be_a_link_or_markup_is_replaced(
    node: str, version: str, shown: str
) -> None:
    """A dot before a letter or a fourth number, and an underscore without a letter beside it, are question marks."""
    assert compose((_event(Kind.BANNED, node, version),)).titles[0] == f"BANNED {shown}"


_WORDS = st.sampled_from(["evil", "com", "a", "0"])
_JOINTS = st.sampled_from([".", "_", "-", "evil", "com", "0"])
_IDS = st.builds(
    lambda first, others: first + "".join(others),
    _WORDS,
    st.lists(_JOINTS, max_size=24),
)
_PARTS = st.lists(_WORDS | st.sampled_from(["-", "0-evil"]), max_size=4).map(".".join)
_NUMBERS = st.lists(st.integers(0, 999).map(str), min_size=3, max_size=3).map(".".join)


@examples(50)
@given(_IDS, _NUMBERS, _PARTS, _PARTS)
def test_any_pack_and_version_is_in_the_title(
    node: str, numbers: str, pre: str, build: str
) -> None:
    """Of each legal id and each semantic version, letter for letter or with a mark in the place of a joint."""
    version = numbers + (f"-{pre}" if pre else "") + (f"+{build}" if build else "")
    title, *shorter = compose((_event(Kind.BANNED, node, version),)).titles
    assert not list(in_shown(Dialect.TITLE, title))
    _, shown_node, shown_version = title.split(" ")
    assert re.fullmatch(
        re.sub(r"[._]", ".", re.escape(node).replace(r"\.", ".")), shown_node
    )
    assert len(shown_version) == min(len(version), 60)
    assert shorter[-3:] == [
        "Comfy Watch: 1 banned",
        "Comfy Watch: 1 event",
        "Comfy Watch",
    ]
    assert len(title) <= 68 or len(shorter[0]) <= len("BANNED ") + 40 + len(" ") + 20
