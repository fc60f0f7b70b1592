"""`publish`: what the state knows, as files for a web server; `metrics`: one of them on standard output."""

from __future__ import annotations

from watcher import __version__
from watcher.cli.loading import existing_state, working_folder
from watcher.cli.terminal import Document, echo, show_result, warn
from watcher.errors import UsageError
from watcher.publish import documents
from watcher.publish.public import published
from watcher.publish.setup import publish as write
from watcher.publish.setup import terms_of
from watcher.settings.loading import Loaded, private_in
from watcher.text.sanitize import escape_invisible, plural


def publish(*, loaded: Loaded, folder: str) -> int:
    """Write the files into a folder, and print how many it were; UsageError, WatchError or StateError if it cannot."""
    if not folder:
        raise UsageError("DIR: '' is not a folder; give a path, e.g. 'public'")
    state = existing_state(loaded)
    place = working_folder() / folder
    shown = escape_invisible(folder)
    # The page shows nothing of it, but a web server serves all that lies beside the page.
    if inside := private_in(place, state.path, loaded.config_file):
        raise UsageError(
            f"{inside} is in {shown}, and everybody may read what is there",
            hint="name a folder of its own",
        )
    known = state.load()
    written = write(known, state, terms_of(loaded.settings), place)
    if not known.checks.polled_at:
        where = escape_invisible(str(state.path))
        # Written all the same: the web server finds its files from the beginning.
        warn(f"no poll has been completed yet in {where}")
    files = plural(written.files, "file")
    show_result([f"wrote {files} to {shown}; {written.changed:,} changed"])
    return 0


def metrics(*, loaded: Loaded) -> int:
    """Print the figures; StateError if the state cannot be used. The history is not read: events are counted."""
    state = existing_state(loaded).load()
    public = published(state, (), terms_of(loaded.settings), __version__)
    echo(Document(documents.metrics(public).removesuffix("\n")))
    return 0
