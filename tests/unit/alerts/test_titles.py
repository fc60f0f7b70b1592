"""A title says what the worst event is, in words that no service takes for markup."""

from __future__ import annotations

import pytest

from tests.support.factories import event
from watcher.alerts.digest import compose
from watcher.model.event import Event, Kind


def _event(kind: Kind, node: str, version: str = "1.0.0") -> Event:
    return event(
        f"{kind}{node}", kind, node=node, version=version, before=None, after=None
    )


def _title(node: str = "pack", version: str = "1.0.0") -> str:
    return compose((_event(Kind.NEW, node, version),)).titles[0]


def test_a_name_gets_into_the_title_only_where_it_is_harmless() -> None:
    """A title has no escaping: what is no id of a pack, or no version, is left out of it."""
    for node in ("ComfyUI_x_y", "rgthree-comfy", "a--b", "x", "Qwen2.5", "x" * 100):
        assert _title(node) == f"New {node} 1.0.0"
    for node in ("_x_", "@here", "a b", "-x", "évil", "*x*", "x" * 101, "x\n", ""):
        assert _title(node) == "Comfy Watch: 1 new"
    for version in ("1", "v1.2.3", "1.2.3-beta.2", "2.0b1", "1.2.0+build.5"):
        assert _title(version=version) == f"New pack {version}"
    for version in ("1..2", "1.2.", "@1", "1 2", "1_2_", "*1*", "evil", "", "1\n"):
        assert _title(version=version) == "New a version of pack"


@pytest.mark.parametrize(
    ("node", "version", "shown"),
    [
        ("my.pack", "1.0.0", "my?pack 1.0.0"),
        ("www.evil.com", "1.0-x.evil", "www?evil?com 1.0-x?evil"),
        ("ComfyUI__X", "1.2.0.1", "ComfyUI??X 1.2.0?1"),
        ("a_-_b_.py", "1.2.3.4.5.6.7", "a?-?b??py 1.2.3?4.5.6?7"),
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
    assert _title(node, version) == f"New {shown}"


def test_the_others_are_counted_by_kind() -> None:
    """The worst is named; then how many others of which bad kind, the worst kind first, and "other" for the rest."""
    events = [
        _event(Kind.BANNED, "a"),
        *(_event(Kind.FLAGGED, f"f{number}") for number in range(2)),
        *(_event(Kind.NEW, f"n{number}") for number in range(9)),
    ]
    titles = compose(tuple(events)).titles
    assert titles[:3] == (
        "BANNED a 1.0.0 (+ 2 flagged, 9 other)",
        "BANNED a 1.0.0 (+ 2 bad, 9 other)",
        "BANNED a 1.0.0",
    )
    assert compose(tuple(events[3:5])).titles[0] == "New n0 1.0.0 (+ 1 new)"
