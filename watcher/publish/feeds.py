"""The latest warnings as feeds: Atom (RFC 4287) and JSON Feed (version 1.1). Pure.

An entry says what an alert of its event alone says, without what only a message needs. Neither feed links to itself:
only its host knows where it is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree as ET

from watcher import timestamps
from watcher.alerts.digest import compose
from watcher.alerts.phrasing import PRODUCT
from watcher.alerts.render import Format, is_page, render
from watcher.model.event import Event, Severity, digest, severity_of
from watcher.publish.public import Public

ENTRIES = 200
"""The most events of a feed."""
_ROOM = 1_000_000
"""More bytes than the alert of one event has."""
_BEFORE_ALL = "1970-01-01T00:00:00.000Z"
"""When a feed was updated that has no entry, of a state without a baseline."""


class _Entry(NamedTuple):
    """What both feeds say of an event, by the names of JSON Feed; safe text."""

    id: str
    url: str
    """The registry's page of what it is about; "" if that has none."""
    title: str
    content_text: str
    date_published: str
    tags: tuple[str, str]
    """Its kind and severity."""


def atom(public: Public) -> str:
    """Return `feed.xml`: the latest events of warning or worse, newest first."""
    entries, began = _entries(public), _began(public)
    feed = ET.Element(
        "feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"}
    )
    _add(feed, "id", f"urn:comfy-watch:feed:{digest(began, 20)}")
    _add(feed, "title", PRODUCT)
    _add(feed, "updated", entries[0].date_published if entries else began)
    _add(ET.SubElement(feed, "author"), "name", PRODUCT)
    for one in entries:
        entry = ET.SubElement(feed, "entry")
        _add(entry, "id", one.id)
        _add(entry, "title", one.title)
        _add(entry, "updated", one.date_published)
        if one.url:
            _add(entry, "link", rel="alternate", href=one.url)
        _add(entry, "category", term=one.tags[0])
        _add(entry, "content", one.content_text, type="text")
    ET.indent(feed, "")
    text = ET.tostring(feed, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def json_feed(public: Public) -> str:
    """Return `feed.json`, with the same entries."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": PRODUCT,
        "language": "en",
        "authors": [{"name": PRODUCT}],
        "items": [
            {name: value for name, value in entry._asdict().items() if value}
            for entry in _entries(public)
        ],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1) + "\n"


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text


def _began(public: Public) -> str:
    """Return when the first baseline came. No later poll changes that.

    A feed's id is made of it too, since feeds of two watchers may not have the same: hardly two began in the same
    millisecond, and nothing else tells them apart that is public and never changes.
    """
    snapshot = public.state.snapshot
    baselines = [node.baseline_at for node in snapshot.nodes.values()]
    moments = filter(None, [*baselines, snapshot.sweep_baseline.baseline_at])
    return min(map(_moment, moments), default=_BEFORE_ALL)


def _entries(public: Public) -> list[_Entry]:
    """Return the entries, newest first. Of a long history only its end is read."""
    bad = (
        event
        for event in reversed(public.events)
        if severity_of(event).reaches(Severity.WARNING)
    )
    return [_entry(event) for event in islice(bad, ENTRIES)]


# With as many again, so that new entries push out none that is still to come.
@lru_cache(maxsize=2 * ENTRIES)
def _entry(event: Event) -> _Entry:
    """Return the entry of an event. It is kept: the other feed has the same, and mostly the next poll."""
    # The address, the time and the reference, which finds it in a history, are for those who get a message.
    alone = compose((replace(event, url=""),))
    message = replace(alone, when="", reference="")
    said = render(message, Format.TEXT, _ROOM, _ROOM)
    has_page = event.node is not None and is_page(event.url)
    return _Entry(
        id=f"urn:comfy-watch:event:{quote(event.id, safe='')}",
        url=event.url if has_page else "",
        title=said.title,
        content_text=said.body.strip(),
        date_published=_moment(event.at),
        tags=(event.kind.value, severity_of(event).value),
    )


def _moment(at: str) -> str:
    """Return a time in the form that both feeds ask for, whatever other form of it the state has."""
    return timestamps.show(timestamps.read(at))
