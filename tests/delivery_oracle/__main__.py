"""`python -m tests.delivery_oracle [SERVICE …]`: fail each request of each service, or of those named, in every way.

It prints a line for each broken promise, and last the figures as JSON.
"""

from __future__ import annotations

import os
import sys

from tests.chaos.figures import counting
from tests.delivery_oracle import judging
from tests.delivery_oracle.faults import Fault
from tests.delivery_oracle.table import SERVICES
from tests.delivery_oracle.trials import cases, trials

_LANES = 3 * len(os.sched_getaffinity(0))
"""A delivery mostly waits."""


def main() -> None:
    """Try all, and print the figures."""
    names = sys.argv[1:] or [*SERVICES]
    result = counting(*judging.PROMISES)
    services = [SERVICES[name] for name in names]
    with trials(_LANES) as opened:
        whole = opened.healthy(services)
        counts = [whole[name].requests for name in names]
        broken = [(name, one) for name in names for one in whole[name].broken]
        broken += opened.noted(services)
        pairs = zip(services, counts, strict=True)
        work = [case for service, count in pairs for case in cases(service, count)]
        broken += opened.each(work)
    for case, finding in broken:
        result.broken[finding.promise] += 1
        print(f"{case}: {finding}")
    result.add("services", len(names))
    result.add("of several requests", sum(count > 1 for count in counts))
    result.add("requests", sum(counts))
    result.add("faults", len(Fault))
    result.add("cases", len(work))
    result.show()


if __name__ == "__main__":
    main()
