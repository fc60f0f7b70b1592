"""The feed: which events it has, in which words, as readers of XML find them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.support.factories import NOW, PACK, URL, event, known, minute, version
from watcher.alerts.digest import compose
from watcher.alerts.render import Format, render
from watcher.model.event import Event, Kind, Severity
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot, SweepBaseline
from watcher.publish.documents import ENTRIES, atom
from watcher.publish.public import Public, Terms, published
from watcher.state.model import Checks, State

_TERMS = Terms(selection=Selection(names=(PACK,)), minimum_age=0.0)
_ATOM = "{http://www.w3.org/2005/Atom}"


def _public(*events: Event, snapshot: Snapshot | None = None) -> Public:
    """Make what may be published of one pack with these events, oldest first."""
    nodes = {PACK.lower(): known(version())}
    state = State(
        snapshot=snapshot or Snapshot(nodes=nodes), checks=Checks(polled_at=NOW)
    )
    return published(state, events, _TERMS, "1.2.3")


def _entries(public: Public) -> list[dict[str, Any]]:
    """Return the entries of the feed."""
    return [
        {
            "id": entry.findtext(f"{_ATOM}id"),
            **({"url": link.attrib["href"]} if link is not None else {}),
            "title": entry.findtext(f"{_ATOM}title"),
            "content": entry.findtext(f"{_ATOM}content"),
            "updated": entry.findtext(f"{_ATOM}updated"),
            "tags": [one.attrib["term"] for one in entry.findall(f"{_ATOM}category")],
        }
        for entry in ET.fromstring(atom(public)).findall(f"{_ATOM}entry")
        for link in [entry.find(f"{_ATOM}link")]
    ]


def _of_feed(public: Public, name: str) -> str | None:
    return ET.fromstring(atom(public)).findtext(f"{_ATOM}{name}")


def test_an_entry_is_an_alert_without_what_only_a_message_needs() -> None:
    """It has the title and the text of the event's alert, but not when it was seen and how to look it up."""
    flagged = event(reason="it opens a shell")
    [entry] = _entries(_public(flagged))
    assert entry == {
        "id": "urn:comfy-watch:event:e1",
        "url": URL,
        "title": "Flagged Some-Pack 1.0.0",
        "content": "🚩 Flagged `Some-Pack` `1.0.0`\nNobody has reviewed it; reason: `it opens a shell`.",
        "updated": NOW,
        "tags": ["flagged"],
    }
    alert = render(compose((flagged,)), Format.TEXT, 10_000, 100)
    assert entry["title"] == alert.title
    assert alert.body.startswith(entry["content"])


def test_the_feed_has_its_own_words() -> None:
    """It names its title and its author."""
    assert _of_feed(_public(), "title") == "Comfy Watch"
    assert _of_feed(_public(), f"author/{_ATOM}name") == "Comfy Watch"


def test_the_latest_warnings() -> None:
    """The last 100 events of warning or worse are there, newest first; how many milder ones are between, is nothing."""
    kinds = [Kind.FLAGGED, Kind.NEW, Kind.BANNED, Kind.REINSTATED]
    history = [
        event(f"e{number}", kinds[number % len(kinds)], at=minute(number))
        for number in range(3 * ENTRIES)
    ]
    bad = [one for one in history if one.severity is not Severity.INFO]
    expected = [f"urn:comfy-watch:event:{one.id}" for one in reversed(bad)][:ENTRIES]
    assert [one["id"] for one in _entries(_public(*history))] == expected
    assert len(expected) == ENTRIES


def test_when_a_feed_was_updated() -> None:
    """It is when its newest entry was; without one when the first baseline came, and before that ever the same."""
    public = _public(event("e1", at=minute(1)), event("e2", at=minute(2)))
    assert _of_feed(public, "updated") == minute(2)
    nodes = {
        PACK.lower(): known(baseline_at=minute(3)),
        "other": known(node="other", baseline_at=""),
    }
    swept = Snapshot(nodes=nodes, sweep_baseline=SweepBaseline(baseline_at=minute(2)))
    assert _of_feed(_public(snapshot=Snapshot(nodes=nodes)), "updated") == minute(3)
    assert _of_feed(_public(snapshot=swept), "updated") == minute(2)
    never = _of_feed(_public(snapshot=Snapshot()), "updated")
    assert never == "1970-01-01T00:00:00.000Z"


def test_the_id_of_a_feed() -> None:
    """It stays when there is news, and the feed of a watcher that began at another time has another."""
    first = _of_feed(_public(), "id")
    assert first is not None
    assert first.startswith("urn:comfy-watch:feed:")
    assert _of_feed(_public(event()), "id") == first
    later = Snapshot(nodes={PACK.lower(): known(baseline_at=minute(1))})
    assert _of_feed(_public(snapshot=later), "id") != first


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": Kind.FAILING, "node": None, "version": None},
        {"node": ".."},
        {"url": "javascript:alert(1)"},
        {"url": "https://evil.example/"},
    ],
)
def test_a_link_leads_to_a_page_of_the_registry(fields: dict[str, Any]) -> None:
    """What has no page there has no link, and is an entry all the same."""
    url = {"url": f"https://registry.comfy.org/nodes/{fields.get('node')}"}
    public = replace(_public(), events=(event(**url | fields),))
    [entry] = _entries(public)
    assert "url" not in entry
    assert entry["content"]
