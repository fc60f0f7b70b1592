"""The first lines of `comfy-watch` and `python -m watcher`: all else is imported once Ctrl-C and streams are safe."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit.

    Ctrl-C ends the process at once, without a traceback, until a command takes the signal over: nothing is under way
    that could be cut short.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    _occupy_streams()
    from watcher.cli.main import main as run

    run()


def _occupy_streams() -> None:
    """Lead each standard stream that the process began without to nowhere.

    Left free, its number would go to the next file that is opened: a log line could end up in a state file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - a stream for the whole run


if __name__ == "__main__":
    main()
