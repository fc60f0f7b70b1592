"""The process that delivers: it loads apprise, and judges URLs or sends messages, one task after the other.

Its standard input brings pickles, and each is answered on its standard output with JSON, one object a line. It ends
with its input, whatever it does then. SIGINT and SIGTERM are ignored: the program handles them.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from queue import SimpleQueue
from typing import BinaryIO

from watcher.delivery.process import Job, Task

if sys.platform == "win32":

    def _leave_signals_to_the_work() -> None:
        """Do nothing: Windows has none that come from outside."""

    def _end() -> None:
        os._exit(0)

else:

    def _leave_signals_to_the_work() -> None:
        """Have the timer's signal interrupt what the first thread waits for, and never this one."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})

    def _end() -> None:
        """End this process and what it has started, which is in its group."""
        os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Serve the program at the other end of the standard streams."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    # What a plugin reads or writes there is nothing of the program's.
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    serve(asked, answers)


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Load apprise, and do the tasks that come until the program is gone."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    tasks = SimpleQueue[Task]()
    threading.Thread(target=_listen, args=(asked, tasks), daemon=True).start()
    # Each line is flushed, so that the program knows it when this process is killed.
    tell = partial(_tell, answers)
    try:
        files = load()
    except Exception as error:  # noqa: BLE001 - an import can raise anything
        tell("error", f"{type(error).__name__}: {error}")
        return
    while True:
        task = tasks.get()
        if not isinstance(task, bool):  # one that came too late
            tell("result", files if task is None else _result(task, tell, tasks))


def load() -> list[str]:
    """Load all that a message may need, and return files of what was loaded."""
    import netrc  # noqa: F401 - requests has it wait for the first request

    import apprise
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    from watcher.delivery import sender, urls  # noqa: F401 - what the tasks need

    urls.load()
    # A message then collects its own garbage only, a quarter of the time.
    gc.collect()
    gc.freeze()
    return [str(apprise.__file__), str(DEFAULT_CA_BUNDLE_PATH)]


def _listen(asked: BinaryIO, tasks: SimpleQueue[Task]) -> None:
    """Pass on the tasks, and end this process when no more can come."""
    _leave_signals_to_the_work()
    try:
        while True:
            tasks.put(pickle.load(asked))  # noqa: S301 - it comes from the program itself
    finally:
        _end()


def _result(
    task: Job | str, tell: Callable[[str, object], None], tasks: SimpleQueue[Task]
) -> object:
    from watcher.delivery import sender, urls

    if not isinstance(task, Job):
        return urls.refusal(task)
    tell("allow", task.timeout)

    def tell_of_it(name: str, value: object) -> None:
        tell(name, value)
        if (name, value) == ("out", True):
            tasks.get()  # leave to send

    return asdict(sender.send(task, tell_of_it))


def _tell(answers: BinaryIO, name: str, value: object) -> None:
    """Tell the program one thing."""
    answers.write(json.dumps({name: value}, default=list).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
