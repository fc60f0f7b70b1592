"""The plainest form of a message, for a service that refuses the usual one: short, and ASCII alone. Pure."""

from __future__ import annotations

from watcher.alerts.digest import compose
from watcher.alerts.render import Rendered
from watcher.alerts.words.title import NAME, ascii_words, headline
from watcher.alerts.words.wording import count, counted, label
from watcher.model.event import Event
from watcher.text.plural import plural

LIMIT = 160
"""The most bytes of title and body together, with a line end between them."""
_NODE, _VERSION = 40, 20
"""The most characters of a name and a version."""


def plainest(events: tuple[Event, ...]) -> Rendered:
    """Return what the worst event is, how many of what there are, and the reference."""
    digest = compose(events)
    worst = digest.worst
    node, version = ascii_words(worst.node or "", _NODE), ascii_words(worst.version or "", _VERSION)
    said = headline(worst, node or "?", version or "?")
    counts = counted(count(map(label, events)))
    reference = f"ref {digest.reference}"
    bodies = [f"{said}; all: {counts}; {reference}", f"{said}; {plural(len(events), 'event')}; {reference}"]
    return Rendered(title=NAME, body=next(body for body in (*bodies, reference) if len(NAME) + 1 + len(body) <= LIMIT))
