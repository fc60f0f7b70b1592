"""What to do about the bad versions of a node: the version to move to, or that there is none. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.alerts.words.differences import Words
from watcher.alerts.words.wording import is_a_warning
from watcher.model.event import Event
from watcher.text.sanitize import Trusted


def advice_on(events: Iterable[Event]) -> Words:
    """Return what to do about one node, as the newest of its events knows it; () if that is not known.

    A message may carry the events of several polls. A version that any of them warns of is not advised.
    """
    of_node = tuple(events)
    known = [event for event in of_node if event.safe_version != ""]
    if not known:
        return ()
    safe = max(known, key=lambda event: event.at).safe_version
    if safe is None:
        return (Trusted("no safe version"),)
    if any(event.version == safe and is_a_warning(event) for event in of_node):
        return ()
    return Trusted("newest safe version:"), safe
