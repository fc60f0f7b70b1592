"""The plainest form of a message, for a service that refuses the usual one: short, and ASCII alone. Pure."""

from __future__ import annotations

from itertools import product

from watcher.alerts.digest import Digest, compose, left, shorter
from watcher.alerts.render import Rendered
from watcher.alerts.words.title import NAME, ascii_words, headline
from watcher.alerts.words.wording import count, counted, label
from watcher.model.event import Event
from watcher.text.plural import plural
from watcher.text.sanitize import Trusted

LIMIT = 160
"""The most bytes of title and body together, with a line end between them."""
_SIZES = ((40, 20), (20, 12))
"""The most characters of a name and a version; the second where the rest has no room."""


def plainest(events: tuple[Event, ...], part: int = 0, reference: str = "") -> Rendered:
    """Return what the worst event is and what to do about it, how many of what there are, and the reference.

    `part` and `reference` are as for `compose`. As in a text message, only what somebody runs is left to further ones.
    """
    digest = shorter(compose(events, part, reference), 1)
    follow = left(digest, brief=True)
    counts = counted(count(map(label, events)))
    numbers = [f"; all: {counts}", f"; {plural(len(events), 'event')}"]
    if follow:
        numbers = [f"{number}, {len(follow)} follow" for number in numbers]
    foot = (
        f"; part {part + 1}; ref {digest.reference}"
        if part
        else f"; ref {digest.reference}"
    )
    bodies = (
        f"{_said(digest, *sizes, runs=runs)}{number}{foot}"
        for sizes, runs, number in product(_SIZES, (True, False), (*numbers, ""))
    )
    shown = (
        body
        for body in (*bodies, foot.removeprefix("; "))
        if len(NAME) + 1 + len(body) <= LIMIT
    )
    return Rendered(title=NAME, body=next(shown), left=follow)


def _said(digest: Digest, of_node: int, of_version: int, *, runs: bool) -> str:
    worst = digest.worst
    node, version = (
        ascii_words(worst.node or "", of_node),
        ascii_words(worst.version or "", of_version),
    )
    text = headline(worst, node or "?", version or "?", runs=runs)
    for word in digest.groups[0].lines[0].advice_in_short:
        text += (
            f"; {word.replace(';', ',')}"
            if isinstance(word, Trusted)
            else f" {ascii_words(word, of_version)}"
        )
    return text
