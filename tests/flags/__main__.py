"""`python -m tests.flags`: months of a registry of thousands of packs, and of smaller ones with other habits.

On stderr is a line for each registry, which says how much the share of flags that are left out depends on its habits;
last come the figures as one JSON line.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.chaos.figures import Result, counting
from tests.flags.lives import Account, Life
from tests.flags.packs import Packs, Shares

FEWER = 0.9
"""So many fewer flagged alerts a channel without `kinds` has to get."""
_POLLS = 13
_LARGE, _SMALL = 2000, 1000
_OTHERS = {
    "15 of 100 releases are a pack's first": Shares(newcomers=0.15),
    "10 of 100 releases have a finding in a new place": Shares(grown=0.1),
    "10 of 100 packs bundle a file named by its content": Shares(hashed=0.1),
    "90 of 100 flags from before were lifted by hand": Shares(earlier_pardoned=0.9),
    "all flags from before were lifted by hand": Shares(earlier_pardoned=1.0),
}


def main() -> None:
    """Live through all, and print the figures."""
    result = counting("wrong", "flags that nobody needs")
    account = _lived("as it is", _LARGE, Shares(), result)
    if account.fewer < FEWER:
        result.wrong("flags that nobody needs", f"only {account.fewer:.1%} fewer")
    for name, shares in _OTHERS.items():
        _lived(name, _SMALL, shares, result)
    result.show()


def _lived(name: str, packs: int, shares: Shares, result: Result) -> Account:
    with (
        tempfile.TemporaryDirectory() as folder,
        Life(Packs(packs, 1, shares), Path(folder)) as life,
    ):
        account = life.polls(_POLLS, weeks=1)
    for sentence in account.wrong:
        result.wrong("wrong", f"{name}: {sentence}")
    result.counts["registries"] += 1
    result.counts["polls"] += _POLLS
    result.counts["flags"] += account.flags.total()
    result.counts["left out"] += account.flags["left out"]
    passed = ", ".join(f"{why} {count}" for why, count in account.passed.most_common())
    print(
        f"{name}: {account.flags.total()} flags, {account.fewer:.1%} left out; those that passed: {passed}",
        file=sys.stderr,
        flush=True,
    )
    return account


if __name__ == "__main__":
    main()
