"""Counting: what each part of the chaos did, and which promises it found broken."""

from __future__ import annotations

import json
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field

PROMISES = ("lost", "invented", "repeated")
"""What a part counts that knows which alerts are due to whom."""


@dataclass(slots=True)
class Result:
    """What came of one part of the chaos, or of several together."""

    counts: Counter[str] = field(default_factory=Counter)
    """What was done and measured, by name."""
    broken: Counter[str] = field(default_factory=Counter)
    """Broken promises, by name; one that is counted and kept stands here with 0."""
    said: list[str] = field(default_factory=list)
    """A sentence on each broken promise."""

    def add(self, name: str, count: int = 1) -> None:
        """Count so many more."""
        self.counts[name] += count

    def wrong(self, promise: str, sentence: str, count: int = 1) -> None:
        """Count a broken promise and say what happened."""
        self.broken[promise] += count
        self.said.append(sentence)

    def failed(self, error: Exception) -> None:
        """Count a failure as a broken promise, and say where it was and, of a random life, what led to it."""
        self.wrong("wrong", "".join(traceback.format_exception(error)))

    def merge(self, other: Result) -> None:
        """Add another's."""
        for name, count in other.counts.items():
            self.counts[name] += count
        for name, count in other.broken.items():
            self.broken[name] += count
        self.said += other.said

    def show(self) -> None:
        """Print the figures as one line of JSON, and before them, on stderr, what was said."""
        for line in self.said:
            print(line, file=sys.stderr)
        print(json.dumps({"counts": self.counts, "broken": self.broken}), flush=True)


def counting(*promises: str) -> Result:
    """Return an empty result that counts these promises, so that one which is kept is known from one not looked at."""
    return Result(broken=Counter(dict.fromkeys(promises, 0)))
