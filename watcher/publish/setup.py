"""From settings and a state folder to what is published of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import watcher
from watcher.errors import UsageError
from watcher.publish.public import Terms, knows_installs, published
from watcher.settings.loading import HOW_TO_PUBLISH
from watcher.settings.model import Settings
from watcher.state.model import State
from watcher.state.store import StateFolder

if TYPE_CHECKING:
    from watcher.publish.folder import Written


def terms_of(settings: Settings) -> Terms:
    """Return what the settings say of what is published."""
    return Terms(
        selection=settings.selection(),
        publishers=settings.publishers,
        minimum_age=settings.minimum_age,
        channels=settings.all_channels(),
        installs=settings.all_installs(),
        shows_installs=settings.publish_installs,
    )


def publish(state: State, folder: StateFolder, terms: Terms, to: Path) -> Written:
    """Write the files of a state and of its folder's history.

    Raises UsageError if they would show what is run and may not, StateError if the history cannot be read, and what
    `watcher.publish.folder.write` does.
    """
    # Here, since a failure of what only the files need must not keep a poll from its alerts.
    from watcher.publish.folder import files_of, write

    events = folder.history().events
    # Before anything is made: a page that says which machine runs what is bad is a list of targets.
    if not terms.shows_installs:
        if terms.installs:
            raise UsageError("the settings name an install", hint=HOW_TO_PUBLISH)
        if knows_installs(state, events):
            raise UsageError("the state knows what is run", hint=HOW_TO_PUBLISH)
    return write(to, files_of(published(state, events, terms, watcher.__version__)))
