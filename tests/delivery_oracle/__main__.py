"""`python -m tests.delivery_oracle [SERVICE …]`: fail each request of each service, or of those named, in every way.

It prints a line for each broken promise, and last the figures as JSON.
"""

from __future__ import annotations

import os
import sys

from tests.chaos.figures import Result, counting
from tests.delivery_oracle import judging
from tests.delivery_oracle.faults import Fault
from tests.delivery_oracle.table import SERVICES
from tests.delivery_oracle.trials import Verdict, cases, trials

_LANES = 3 * len(os.sched_getaffinity(0))
"""A delivery mostly waits."""


def main() -> None:
    """Try all, and print the figures."""
    names = sys.argv[1:] or [*SERVICES]
    result = counting(*judging.PROMISES)
    with trials(_LANES) as opened:
        whole = opened.healthy(
            map(SERVICES.__getitem__, names), lambda *said: _take(result, *said)
        )
        counts = {name: len(verdict.lines) for name, verdict in whole.items()}
        work = [case for name in names for case in cases(SERVICES[name], counts[name])]
        opened.noted(
            map(SERVICES.__getitem__, names), lambda *said: _take(result, *said)
        )
        opened.each(work, lambda *said: _take(result, *said))
    result.add("services", len(names))
    result.add("of several requests", sum(count > 1 for count in counts.values()))
    result.add("requests", sum(counts.values()))
    result.add("faults", len(Fault))
    result.add("cases", len(work))
    result.show()


def _take(result: Result, name: str, verdict: Verdict) -> None:
    for finding in verdict.broken:
        result.broken[finding.promise] += 1
        print(f"{name}: {finding}", flush=True)


if __name__ == "__main__":
    main()
