"""What a message can be about: what is pinned in the golden files, a flood of events, and hostile text."""

from __future__ import annotations

import itertools
import random

from tests.golden.samples import EVENTS, MESSAGES
from tests.hostile.corpus import TEXTS, made_up
from tests.support import factories
from watcher.model.event import Event, FieldChange, Kind

_FLOOD = 300
_GIANT = 50_000
"""Characters of a text that costs a service more than all others together."""
_GIANTS_IN = 8
"""One seed in so many has texts as long as that."""
_REASON = '[{"error_type": "malware", "message": "it fetches and runs https://198.51.100.7/x.py"}]'


def flood() -> tuple[Event, ...]:
    """Return as many events as a backlog has, of every kind, with changed fields and emoji."""
    kinds = itertools.cycle(Kind)
    return tuple(
        factories.event(
            f"flood-{number}",
            next(kinds),
            node=f"pack-{number % 40}",
            version=f"1.{number}.0",
            reason=f"{_REASON} {'🦊' * (number % 80)}",
            changes=(
                FieldChange(
                    field="dependencies",
                    before="🦊" * (number % 200),
                    after="numpy>=2\nrequests",
                ),
            ),
        )
        for number in range(_FLOOD)
    )


def hostile(seed: int = 0) -> tuple[Event, ...]:
    """Return a few events in which all that can be untrusted is hostile, other texts with another seed.

    Seed 0, and one in `_GIANTS_IN`, has texts of megabytes too.
    """
    dice = random.Random(seed)
    invented = made_up(dice)
    texts = (
        TEXTS if seed % _GIANTS_IN == 0 else [one for one in TEXTS if len(one) < _GIANT]
    )

    def text() -> str:
        return dice.choice(texts) if dice.random() < 0.7 else next(invented)

    return tuple(
        factories.event(
            f"hostile-{seed}-{number}",
            kind,
            node=text(),
            version=text(),
            before=text(),
            after=text(),
            reason=text(),
            changes=(FieldChange(field=text(), before=text(), after=text()),),
        )
        for number, kind in enumerate(dice.sample(list(Kind), 6))
    )


_PINNED = ("a day", "what is run among others", "a first poll")
SCENES = {name: MESSAGES[name] for name in _PINNED} | {
    "banned pack": (EVENTS["ban of a pack"],),
    "flood": flood(),
    "hostile": hostile(),
}
"""Some whose wording is pinned, and others."""
