"""`feed.xml`, `osv/*.json` and `metrics.prom`. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from urllib.parse import quote
from xml.etree import ElementTree as ET

from watcher import timestamps
from watcher.alerts.digest import compose
from watcher.alerts.phrasing import PRODUCT
from watcher.alerts.render import Format, is_page, render
from watcher.changes.transitions import node_url
from watcher.model.event import LONGEST_TEXT, Event, Kind, digest
from watcher.model.snapshot import Ban, Node
from watcher.model.version import STATUSES
from watcher.publish.public import Public
from watcher.state.overview import by_state
from watcher.text.sanitize import escape_values, sanitize_line
from watcher.timestamps import MomentOrEmpty

ENTRIES = 100
"""The most events of the feed. Of the whole registry that is some days, and each is rendered with every poll."""
_ROOM = 1_000_000
"""More bytes than the alert of one event has."""
_BEFORE_ALL = "1970-01-01T00:00:00.000Z"
"""When a feed was updated that has no entry, of a state without a baseline."""


def atom(public: Public) -> str:
    """Return `feed.xml`: the latest events of warning or worse, newest first."""
    events = list(islice(public.latest(warns=True), ENTRIES))
    # Hardly two watchers began in the same millisecond, and nothing else tells them apart that is public and stays.
    began = _moment(public.began or _BEFORE_ALL)
    feed = ET.Element(
        "feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"}
    )
    _add(feed, "id", f"urn:comfy-watch:feed:{digest(began, 20)}")
    _add(feed, "title", PRODUCT)
    # Not the time of the poll: a quiet one has to leave the file as it was.
    _add(feed, "updated", _moment(events[0].at) if events else began)
    _add(ET.SubElement(feed, "author"), "name", PRODUCT)
    for event in events:
        _add_entry(feed, event)
    # One element a line, so that a difference of two feeds shows what is new.
    ET.indent(feed, "")
    text = ET.tostring(feed, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _add_entry(feed: ET.Element, event: Event) -> None:
    # The address and the time are for those who get a message.
    alone = replace(compose((replace(event, url=""),)), when="")
    said = render(alone, Format.TEXT, _ROOM, _ROOM)
    entry = ET.SubElement(feed, "entry")
    # By the id of the event, which is the same after a crash: a reader shows no entry twice.
    _add(entry, "id", f"urn:comfy-watch:event:{quote(event.id, safe='')}")
    _add(entry, "title", said.title)
    _add(entry, "updated", _moment(event.at))
    # A state may have been written by anybody: only a page of the registry becomes a link.
    if event.node is not None and is_page(event.url):
        _add(entry, "link", rel="alternate", href=event.url)
    _add(entry, "category", term=event.kind.value)
    _add(entry, "content", said.body.strip(), type="text")


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text


def _moment(at: str) -> str:
    """Return a time in the form that feeds ask for, whatever other form of it the state has."""
    return timestamps.show(timestamps.read(at))


_SCHEMA_VERSION = "1.7.5"
_LONGEST_NAME = 76
"""Characters of a pack and its version in a summary, which should have at most 120."""
_EVERY_VERSION = {"type": "SEMVER", "events": [{"introduced": "0"}]}


def documents(public: Public) -> Mapping[str, str]:
    """Return the documents of all bans that were seen, by the names of their files."""
    found: dict[str, str] = {}
    for node in public.nodes.values():
        latest: dict[str, str] = {}
        # Of several versions with one text the last one counts: what is still banned, then what changed last.
        for text, key, ban in sorted(_bans(node), key=_standing):
            # Never back, or who fetches what was modified keeps the one of a ban that has ended.
            latest[text] = max(latest.get(text, ""), ban.changed)
            document = _document(node, text, key, ban, latest[text])
            found[document_of(node, text)] = document
    return dict(sorted(found.items()))


def document_of(node: Node, text: str) -> str:
    """Return the name of the file of the document of a ban: of a version's text, "" for the node as a whole."""
    return f"osv/{_name(node, text)}.json"


def _name(node: Node, text: str) -> str:
    return "x_COMFY-" + digest(f"{node.node.lower()}\0{text}", 16)


def _bans(node: Node) -> Iterator[tuple[str, str, Ban]]:
    """Yield the bans of a node, each with the version's text and key; both "" for the node as a whole."""
    if node.ban:
        yield "", "", node.ban
    for one in node.versions:
        # Nobody can look up a version without a text, which is not the node as a whole.
        if one.ban and one.row.version:
            yield one.row.version, one.key, one.ban


def _standing(found: tuple[str, str, Ban]) -> tuple[bool, str, str]:
    _, key, ban = found
    return not ban.until, ban.changed, key


def _document(node: Node, text: str, key: str, ban: Ban, modified: str) -> str:
    """Return one document. It changes only with the bans of its text."""
    affected: dict[str, object] = {
        "database_specific": {
            "node": node.node,
            "version": text or None,
            "version_id": None if key.startswith("=") else key or None,
            "reason": ban.reason,
        }
    }
    # By its text alone: a range needs semantic versions, and not every pack has such.
    affected |= {"versions": [text]} if text else {"ranges": [_EVERY_VERSION]}
    document = {
        "schema_version": _SCHEMA_VERSION,
        "id": _name(node, text),
        "modified": modified,
        "published": ban.since,
        **({"withdrawn": ban.until} if ban.until else {}),
        "summary": _summary(node, text, ban),
        "details": _details(text, ban),
        "affected": [escape_values(affected)],
        "references": [{"type": "WEB", "url": node_url(node.node)}],
    }
    # ASCII alone, so that no tool of the reader can take it for another encoding.
    return json.dumps(document, indent=2) + "\n"


def _summary(node: Node, text: str, ban: Ban) -> str:
    what = f"{node.node} {text or 'as a whole'}"
    stands = "is no longer banned" if ban.until else "is banned"
    return f"{sanitize_line(what, _LONGEST_NAME)} {stands} from the Comfy Registry"


def _details(version: str, ban: Ban) -> str:
    """Return what is known of a ban as Markdown. The reason is a block of code there: text as it is."""
    what = "version of a node pack" if version else "node pack"
    text = f"The Comfy Registry banned this {what}."
    reason = sanitize_line(ban.reason, LONGEST_TEXT)
    return f"{text} Its reason:\n\n    {reason}" if reason else text


PREFIX = "comfy_watch_"
"""What every name begins with."""

_OTHER = "unknown"
"""A status that this program does not know. The registry's word for it may be anything."""

_Family = tuple[str, str, str, Mapping[str, float | None]]
"""The name and the meaning of a metric, its label ("" if it has none), and its figures by what the label says. None is
no figure.
"""


def metrics(public: Public) -> str:
    """Return the figures of what may be published."""
    lines: list[str] = []
    for name, about, label, figures in _families(public):
        lines += f"# HELP {PREFIX}{name} {about}", f"# TYPE {PREFIX}{name} gauge"
        for value, figure in figures.items():
            labels = f'{{{label}="{value}"}}' if label else ""
            if figure is not None:
                lines.append(f"{PREFIX}{name}{labels} {figure}")
    return "\n".join([*lines, "# EOF\n"])


def _families(public: Public) -> Iterator[_Family]:
    yield (
        "build_info",
        "The version of comfy-watch as a label; always 1.",
        "version",
        {public.version: 1},
    )
    yield (
        "packs",
        "Watched packs, by how they stand.",
        "state",
        {str(state): packs for state, packs in by_state(public.rows).items()},
    )
    # Every status is there, also with 0: a series that only sometimes is cannot be compared with before.
    statuses = Counter(
        one.status if one.status in STATUSES else _OTHER
        for node in public.nodes.values()
        for one in node.listed
    )
    yield (
        "versions",
        "Listed versions of these packs, by status.",
        "status",
        {one: statuses[one] for one in (*STATUSES, _OTHER)},
    )
    yield (
        "events",
        "Events since the state began, by kind.",
        "kind",
        {kind: public.counts.get(kind, 0) for kind in Kind},
    )
    # By number, as the name of a channel may say where it leads.
    channels = {str(place): one for place, one in enumerate(public.channels, start=1)}
    yield (
        "undelivered_alerts",
        "Alerts that a channel has not taken, by its number in the settings.",
        "channel",
        {place: one.alerts for place, one in channels.items()},
    )
    yield (
        "undelivered_oldest_timestamp_seconds",
        "When the oldest of these was seen; nothing where there is none.",
        "channel",
        {place: _seconds(one.oldest) for place, one in channels.items()},
    )
    last_poll = {
        "timestamp_seconds": (
            "When the last poll began that ran to its end.",
            _seconds(public.at),
        ),
        "duration_seconds": ("How long that took to read and compare.", public.seconds),
    }
    # 0 is no moment: what never was is left out, or a rule would see a poll of 1970.
    for name, (about, figure) in last_poll.items():
        yield f"last_poll_{name}", about, "", {"": figure or None}


def _seconds(moment: MomentOrEmpty) -> float | None:
    return timestamps.read(moment).timestamp() if moment else None
