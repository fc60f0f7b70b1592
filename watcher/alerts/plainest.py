"""The plainest form of a message, for a service that refuses the usual one: short, and ASCII alone. Pure."""

from __future__ import annotations

import re

from watcher.alerts.digest import compose
from watcher.alerts.render import Rendered
from watcher.alerts.words.title import NAME, headline
from watcher.alerts.words.wording import count, counted, label
from watcher.model.event import Event
from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

LIMIT = 160
"""The most bytes of title and body together, with a line end between them."""
_NODE, _VERSION = 40, 20
"""The most characters of a name and a version."""
_DOTS = re.compile(r"\.(?![0-9])")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._+-]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def plainest(events: tuple[Event, ...]) -> Rendered:
    """Return what the worst event is, how many of what there are, and the reference."""
    digest = compose(events)
    worst = digest.worst
    said = headline(worst, _ascii(worst.node or "", _NODE) or "?", _ascii(worst.version or "", _VERSION) or "?")
    counts = counted(count(map(label, events)))
    reference = f"ref {digest.reference}"
    bodies = [f"{said}; all: {counts}; {reference}", f"{said}; {plural(len(events), 'event')}; {reference}"]
    return Rendered(title=NAME, body=next(body for body in (*bodies, reference) if len(NAME) + 1 + len(body) <= LIMIT))


def _ascii(text: str, limit: int) -> str:
    """Return a name with a question mark for whatever is not plain, or could make it an address."""
    return _NOT_PLAIN.sub("?", _DOTS.sub("?", sanitize_line(text, limit))).strip()
