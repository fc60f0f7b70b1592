"""The entry point of `comfy-watch` and `python -m watcher`: make Ctrl-C and the streams safe, then import the rest."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit.

    Until a command handles SIGINT itself, Ctrl-C ends the process at once and without a traceback: there is nothing
    to clean up yet.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    gc.disable()  # while modules are imported: collecting then takes a tenth of a short run and frees nothing
    _open_missing_streams()
    # After the handler: Ctrl-C during this import ends quietly.
    from watcher.cli.main import (
        main as run,
    )

    run()


def _open_missing_streams() -> None:
    """Open /dev/null for each standard stream that the process was started without.

    Otherwise the next opened file would get the stream's number, and a log line could end up in a state file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, so this one
            setattr(
                sys,
                name,
                open(number, "r" if number == 0 else "w", encoding="utf-8"),  # noqa: PTH123, SIM115 - a stream for the whole run
            )


if __name__ == "__main__":
    main()
