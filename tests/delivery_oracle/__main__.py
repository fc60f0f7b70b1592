"""`python -m tests.delivery_oracle [SERVICE …]`: fail each request of each service, or of those named, in every way.

It prints a line for each case that is broken, and last a JSON object with the figures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Collection

from tests.delivery_oracle.service import Service
from tests.delivery_oracle.table import SERVICES
from tests.delivery_oracle.trials import Case, Verdict, cases, done, lanes

_LANES = 6


def main(names: Collection[str]) -> int:
    """Return the exit code: 0 if nothing is broken."""
    began = time.monotonic()
    services = [service for name, service in SERVICES.items() if not names or name in names]
    with lanes(_LANES) as opened:
        whole = asyncio.run(done(opened, services, _say))
        counts = {one.name: len(verdict.lines) for one, verdict in whole if isinstance(one, Service)}
        work = [case for service in services for case in cases(service, counts[service.name])]
        tried = asyncio.run(done(opened, work, _say))
    broken = sum(bool(verdict.broken) for _, verdict in [*whole, *tried])
    figures = {
        "services": len(services),
        "several_requests": sum(count > 1 for count in counts.values()),
        "requests": sum(counts.values()),
        "faults": len({case.fault for case in work}),
        "cases": len(work),
        "seconds": round(time.monotonic() - began),
        "broken": broken,
    }
    print(json.dumps(figures))
    return int(bool(broken))


def _say(one: Service | Case, verdict: Verdict) -> None:
    name = str(one) if isinstance(one, Case) else one.name
    for wrong in verdict.broken:
        print(f"{name}: {wrong}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
