"""`python -m tests.hostile.diverted …`: the program, its posts to the services' own hosts diverted to loopback.

The process that delivers is `tests.hostile.diverted_worker`: one of its own for `run`, of which everything is looked
at, and a fork of one for the other commands. An interval may be as short as the settings say.
"""

from __future__ import annotations

import sys

from tests.support import eager
from tests.support.nursery import Nursery
from watcher.cli.main import main
from watcher.delivery import process

if __name__ == "__main__":
    process.MODULE = "tests.hostile.diverted_worker"
    if "run" not in sys.argv:
        process.spawn = Nursery(process.MODULE).spawn  # type: ignore[assignment]  # what is used of one
    eager.allow_any_interval()
    main()
