"""A title says what the worst event is, in words that no service takes for markup."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.factories import event
from watcher.alerts.digest import compose
from watcher.model.event import Event, Kind


def _event(kind: Kind, node: str | None = "pack", version: str | None = "1.0.0", **fields: Any) -> Event:
    given: dict[str, Any] = {"node": node, "version": version, "before": None, "after": None}
    return event(f"{kind}{node}{version}", kind, **given | fields)


@pytest.mark.parametrize(
    ("one", "title"),
    [
        (_event(Kind.BANNED), "BANNED pack 1.0.0"),
        (_event(Kind.FLAGGED), "Flagged pack 1.0.0"),
        (_event(Kind.NEW), "New pack 1.0.0"),
        (_event(Kind.BANNED, version=None), "BANNED pack, the whole pack"),
        (_event(Kind.REINSTATED, version=None, before="banned"), "pack is no longer banned"),
        (_event(Kind.REINSTATED, version=None, before="removed"), "pack is listed again"),
        (_event(Kind.REMOVED, version=None), "pack is not listed any more"),
        (_event(Kind.FAILING, version=None), "pack cannot be read"),
        (_event(Kind.FAILING, version=None, after="empty"), "pack has no versions"),
        (_event(Kind.RECOVERED, version=None), "pack can be read again"),
        (_event(Kind.RECOVERED, version=None, before="empty"), "pack has versions now"),
        (_event(Kind.BASELINE, version=None), "Now watched pack"),
        (_event(Kind.BASELINE, version=None, after="banned"), "BANNED versions in pack"),
        (_event(Kind.BASELINE, version=None, after="flagged"), "Flagged versions in pack"),
        (_event(Kind.FAILING, None, None), "The registry cannot be read"),
        (_event(Kind.RECOVERED, None, None), "The registry can be read again"),
        (_event(Kind.FAILING, None, None, channel="ops"), "Channel ops takes no alerts"),
        (_event(Kind.RECOVERED, None, None, channel="ops"), "Channel ops takes alerts again"),
        (_event(Kind.FAILING, None, None, channel="the @ops"), "A channel takes no alerts"),
    ],
)
def test_what_the_worst_event_is(one: Event, title: str) -> None:
    """Each kind has words of its own, with the names that are plain."""
    assert compose((one,)).titles[0] == title


def test_the_others_are_counted() -> None:
    """Where there is room for it the title says how many more there are, and else how many of what."""
    assert compose((_event(Kind.NEW, "b"), _event(Kind.BANNED), _event(Kind.NEW, "c"))).titles == (
        "BANNED pack 1.0.0 and 2 more",
        "BANNED pack 1.0.0",
        "Comfy Watch: 1 banned, 2 new",
        "Comfy Watch: 3 events",
        "Comfy Watch",
    )
    watched = tuple(_event(Kind.BASELINE, f"n{i}", None) for i in range(3))
    assert compose(watched).titles[0] == "Now watched: 3 node packs"


def test_a_name_gets_into_the_title_only_where_it_is_harmless() -> None:
    """A title has no escaping: only plain letters, digits and single joints get into it, and numbers with dots."""
    for node in ("ComfyUI_x_y", "rgthree-comfy", "a--b", "x1", "x" * 60):
        assert compose((_event(Kind.NEW, node),)).titles[0] == f"New {node} 1.0.0"
    for node in ("evil.com", "_x_", "a__b__c", "x-_evil_-y", "a_-b", "a-_b", "a_", "@here", "a b", "-x", "x" * 61, ""):
        assert compose((_event(Kind.NEW, node),)).titles[0] == "Comfy Watch: 1 new"
    for version in ("1", "1.2", "v1.2.3", "1.2.3-rc1", "1.2.3-beta.2", "2.0b1", "20260131"):
        assert compose((_event(Kind.NEW, version=version),)).titles[0] == f"New pack {version}"
    for version in ("1.com", "1.2.3.4", "1..2", "1.2.", "@1", "1 2", "1_2_", "*1*", "1.0-x.evil", "9" * 9, "", "1\n"):
        assert compose((_event(Kind.NEW, version=version),)).titles[0] == "New a version of pack"
