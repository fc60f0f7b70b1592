"""`python -m tests.hostile.diverted …`: the program, its posts to the services' own hosts diverted to loopback.

The process that delivers is `tests.hostile.diverted_worker`. An interval may be as short as the settings say.
"""

from __future__ import annotations

from tests.support import eager
from watcher.cli.main import main
from watcher.delivery import process

if __name__ == "__main__":
    process.MODULE = "tests.hostile.diverted_worker"
    eager.allow_any_interval()
    main()
