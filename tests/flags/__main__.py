"""`python -m tests.flags`: months of five registries of a thousand packs.

On stderr is a line for each registry; last come the figures as one JSON line.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.chaos.figures import counting
from tests.flags.lives import Life
from tests.flags.packs import Packs

FEWER = 0.9
"""So many fewer flagged alerts a channel without `kinds` has to get."""
_POLLS = 14


def main() -> None:
    """Live through all, and print the figures."""
    result = counting("wrong", "flags that nobody needs")
    for seed in range(5):
        with (
            tempfile.TemporaryDirectory() as folder,
            Life(Packs(1000, seed), Path(folder)) as life,
        ):
            life.polls(_POLLS, weeks=1)
        for sentence in life.wrong:
            result.wrong("wrong", f"{seed}: {sentence}")
        result.add("registries")
        result.add("polls", _POLLS)
        result.add("flags", life.left_out.total() + life.passed.total())
        result.add("left out", life.left_out.total())
        print(
            f"{seed}: {life.fewer:.1%} of the flags left out",
            file=sys.stderr,
            flush=True,
        )
    # Over all of them: one registry's few hundred flags are a percent more or less by chance.
    fewer = result.counts["left out"] / result.counts["flags"]
    if fewer < FEWER:
        result.wrong("flags that nobody needs", f"only {fewer:.1%} fewer")
    result.show()


if __name__ == "__main__":
    main()
