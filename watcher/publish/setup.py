"""From settings and a state folder to what is published of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import watcher
from watcher.publish.public import Public, Terms, published
from watcher.settings.install_tables import public_names
from watcher.settings.model import Settings
from watcher.state.store import StateFolder

if TYPE_CHECKING:
    from watcher.publish.folder import Written

NEEDED = ("watcher.publish.folder", "watcher.publish.publication")
"""What `publish` imports when it is first called."""


def terms_of(settings: Settings) -> Terms:
    """Return what the settings say of what is published."""
    shows_installs = settings.publish_installs
    return Terms(
        selection=settings.selection(),
        publishers=settings.publishers,
        minimum_age=settings.minimum_age,
        channels=settings.all_channels(),
        installs=public_names(settings.installs) if shows_installs else None,
    )


def publish(folder: StateFolder, terms: Terms, to: Path) -> tuple[Public, Written]:
    """Write the files of what is saved to a folder, and return both what they are made of and how many they are.

    Raises StateError if the state cannot be used, and what `watcher.publish.folder.write` does.
    """
    # Here, since a failure of what only the files need must not keep a poll from its alerts.
    from watcher.publish.folder import write
    from watcher.publish.publication import files

    state, history = folder.load(), folder.history()
    public = published(state, history.events, terms, watcher.__version__)
    return public, write(to, files(public))
