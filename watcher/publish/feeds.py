"""`feed.xml`: the latest warnings as an Atom feed (RFC 4287). Pure.

An entry says what an alert of its event alone says, without what only a message needs. The feed does not link to
itself: only its host knows where it is.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from urllib.parse import quote
from xml.etree import ElementTree as ET

from watcher import timestamps
from watcher.alerts.digest import compose
from watcher.alerts.phrasing import PRODUCT
from watcher.alerts.render import Format, is_page, render
from watcher.model.event import Event, Severity, digest, severity_of
from watcher.publish.public import Public

ENTRIES = 200
"""The most events of the feed."""
_ROOM = 1_000_000
"""More bytes than the alert of one event has."""
_BEFORE_ALL = "1970-01-01T00:00:00.000Z"
"""When a feed was updated that has no entry, of a state without a baseline."""


def atom(public: Public) -> str:
    """Return `feed.xml`: the latest events of warning or worse, newest first."""
    bad = (
        event
        for event in reversed(public.events)
        if severity_of(event).reaches(Severity.WARNING)
    )
    events = list(islice(bad, ENTRIES))
    # Hardly two watchers began in the same millisecond, and nothing else tells them apart that is public and stays.
    began = _moment(public.began or _BEFORE_ALL)
    feed = ET.Element(
        "feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"}
    )
    _add(feed, "id", f"urn:comfy-watch:feed:{digest(began, 20)}")
    _add(feed, "title", PRODUCT)
    _add(feed, "updated", _moment(events[0].at) if events else began)
    _add(ET.SubElement(feed, "author"), "name", PRODUCT)
    for event in events:
        _add_entry(feed, event)
    ET.indent(feed, "")
    text = ET.tostring(feed, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _add_entry(feed: ET.Element, event: Event) -> None:
    # The address and the time are for those who get a message.
    alone = replace(compose((replace(event, url=""),)), when="")
    said = render(alone, Format.TEXT, _ROOM, _ROOM)
    entry = ET.SubElement(feed, "entry")
    _add(entry, "id", f"urn:comfy-watch:event:{quote(event.id, safe='')}")
    _add(entry, "title", said.title)
    _add(entry, "updated", _moment(event.at))
    if event.node is not None and is_page(event.url):
        _add(entry, "link", rel="alternate", href=event.url)
    _add(entry, "category", term=event.kind.value)
    _add(entry, "content", said.body.strip(), type="text")


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text


def _moment(at: str) -> str:
    """Return a time in the form that feeds ask for, whatever other form of it the state has."""
    return timestamps.show(timestamps.read(at))
