"""From settings and a state folder to what may be published of it."""

from __future__ import annotations

import watcher
from watcher.publish.public import Public, Terms, published
from watcher.settings.install_tables import public_names
from watcher.settings.model import Settings
from watcher.state.store import StateFolder


def terms_of(settings: Settings) -> Terms:
    """Return what the settings say of what is published."""
    shows_installs = settings.publish_installs
    return Terms(
        selection=settings.selection(),
        publishers=settings.publishers,
        minimum_age=settings.minimum_age,
        channels=tuple(channel.name for channel in settings.all_channels()),
        installs=public_names(settings.installs) if shows_installs else None,
    )


def public_of(folder: StateFolder, terms: Terms) -> Public:
    """Return what may be published of what is saved; StateError if it cannot be used.

    A poll reads it again too, so that it leaves what `publish` would write.
    """
    return published(folder.load(), folder.history().events, terms, watcher.__version__)
