"""The sweep of hostile texts and of secrets, end to end: every text in every field, every failure with a secret near.

`python -m tests.chaos.hostile` does all of it and prints its figures as one JSON line; what should be zero and is not
is told on stderr.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

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
        """Live through it, and give the account of it."""
        account = Account()
        World(account, groupings=self.groupings).chapter(self.texts, self.nodes, turn=self.turn)
        return account


def chapters() -> Iterator[Chapter]:
    """Give chapters in which every text of the corpus has been in every field, and then some with made-up texts.

    Each channel has each grouping in turn.
    """
    needed = -(-len(TEXTS) // FIELDS)
    groupings = ("event", "node", "poll")
    turned = [groupings[turn:] + groupings[:turn] for turn in range(3)]
    for turn in range(FIELDS):
        yield Chapter(texts=TEXTS, nodes=_nodes(turn, needed + APART), turn=turn, groupings=turned[turn % 3])
    dice = random.Random(3)
    for number in range(_MADE_UP):
        nodes = _nodes(number, 2 * needed)
        texts = tuple(islice(made_up(dice), len(nodes) * FIELDS))
        yield Chapter(texts=texts, nodes=nodes, turn=number, groupings=turned[number % 3])


def _nodes(turn: int, count: int) -> tuple[str, ...]:
    return tuple(NODE_IDS[(turn * count + number) % len(NODE_IDS)] for number in range(count))


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
    for figure, where, evidence in together.findings:
        print(f"{figure} in {where}: {evidence!r}", file=sys.stderr)
    for place, text in sorted(together.lost):
        print(f"reached nothing: {place}: {text[:80]!r}", file=sys.stderr)
    for where in sorted(together.silent):
        print(f"without a stranger's word: {where}", file=sys.stderr)
    for leak in search.leaks:
        print(f"leak in {leak!r}", file=sys.stderr)
    figures = {
        "part": "hostile",
        "hostile_inputs": len({text for _, text in together.shown}),
        "placements": len(together.shown),
        "placements_in_the_least_told_channel": min(len(together.reached[channel]) for channel in CHANNELS),
        "reached_nothing": len(together.lost),
        "silent_outputs": len(together.silent),
        "outputs": together.outputs,
        "messages": together.messages,
        "undelivered": together.undelivered,
        **together.figures,
        "places_searched": search.places,
        "leaked_secrets": len(search.leaks),
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
