"""Counting: what each part of the chaos hands over, by name."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

MUST_BE_ZERO = (
    "lost",
    "invented",
    "repeated needlessly",
    "unreadable",
    "stuck",
    "history wrong",
    "leftovers",
    "wrong",
)
"""Figures of which each one counted is a broken promise."""


@dataclass(slots=True)
class Figures:
    """Counts by name; those of `MUST_BE_ZERO` are there even if nothing was counted."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MUST_BE_ZERO, 0))

    def add(self, name: str, count: int = 1) -> None:
        """Count so many more."""
        self.counts[name] = self.counts.get(name, 0) + count

    def merge(self, other: Figures) -> None:
        """Count what another counted."""
        for name, count in other.counts.items():
            self.add(name, count)

    @property
    def broken(self) -> dict[str, int]:
        """What should be zero and is not."""
        return {name: self.counts[name] for name in MUST_BE_ZERO if self.counts[name]}

    def show(self, part: str, said: Iterable[str] = ()) -> None:
        """Print the figures as one line of JSON, and before them, on stderr, what was said of what should not be."""
        for line in said:
            print(line, file=sys.stderr)
        print(json.dumps({"part": part, **self.counts}), flush=True)
