"""The sweep of hostile texts and of secrets, end to end: every text in every field, every failure with a secret near.

`python -m tests.chaos.hostile` does all of it and prints its figures as one JSON line; what should be zero and is not
is on stderr.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tests.chaos.figures import counting
from tests.hostile.corpus import NODE_IDS, TEXTS, made_up
from tests.hostile.leaks import Search, everything
from tests.hostile.world import APART, CHANNELS, FIELDS, Account, World
from tests.support import program

_MADE_UP = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What one life of some nodes is made of; see `World.chapter`."""

    texts: tuple[str, ...]
    nodes: tuple[str, ...]
    turn: int
    groupings: tuple[str, ...]

    def live(self) -> Account:
        """Live through it, and return the account of it."""
        account = Account()
        World(account, groupings=self.groupings).chapter(
            self.texts, self.nodes, turn=self.turn
        )
        return account


def chapters() -> Iterator[Chapter]:
    """Return chapters in which every text of the corpus has been in every field, and then some with made-up texts.

    Each channel has each grouping in turn.
    """
    needed = -(-len(TEXTS) // FIELDS)
    groupings = ("event", "poll", "poll")
    turned = [groupings[turn:] + groupings[:turn] for turn in range(3)]
    for turn in range(FIELDS):
        yield Chapter(
            texts=TEXTS,
            nodes=_nodes(turn, needed + APART),
            turn=turn,
            groupings=turned[turn % 3],
        )
    dice = random.Random(3)
    for number in range(_MADE_UP):
        nodes = _nodes(number, 2 * needed)
        texts = tuple(islice(made_up(dice), len(nodes) * FIELDS))
        yield Chapter(
            texts=texts, nodes=nodes, turn=number, groupings=turned[number % 3]
        )


def _nodes(turn: int, count: int) -> tuple[str, ...]:
    return tuple(
        NODE_IDS[(turn * count + number) % len(NODE_IDS)] for number in range(count)
    )


def _leaks() -> Search:
    search = Search()
    everything(search)
    return search


def main() -> None:
    """Sweep everything and print the figures."""
    together = Account()
    with program.workers(len(os.sched_getaffinity(0))) as pool:
        searched = pool.submit(_leaks)
        for lived in [pool.submit(chapter.live) for chapter in chapters()]:
            together.merge(lived.result())
        search = searched.result()
    result = counting(
        *together.figures, "not shown", "silent outputs", "undelivered", "leaked"
    )
    for figure, where, evidence in together.findings:
        result.wrong(figure, f"{figure} in {where}: {evidence!r}")
    for place, text in sorted(together.lost):
        result.wrong("not shown", f"shown nowhere: {place}: {text[:80]!r}")
    for where in sorted(together.silent):
        result.wrong("silent outputs", f"without untrusted text: {where}")
    for leak in search.leaks:
        result.wrong("leaked", f"leak in {leak!r}")
    result.broken["undelivered"] += together.undelivered
    result.counts |= {
        "hostile inputs": len({text for _, text in together.shown}),
        "placements": len(together.shown),
        "placements in the channel with the fewest": min(
            len(together.reached[channel]) for channel in CHANNELS
        ),
        "outputs": together.outputs,
        "messages": together.messages,
        "places searched": search.places,
    }
    result.show()


if __name__ == "__main__":
    main()
