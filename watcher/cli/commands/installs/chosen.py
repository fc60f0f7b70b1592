"""The installs that a command looks at: its TARGETs, else the settings' ones, else the ComfyUI that is found here."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from watcher.cli.loading import working_folder
from watcher.errors import UsageError
from watcher.installs import places
from watcher.model.pack import Source, SourceKind
from watcher.settings import install_tables
from watcher.settings.loading import Loaded
from watcher.settings.model import Settings
from watcher.settings.sources import absolute
from watcher.text import mask
from watcher.text.sanitize import escape_invisible


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Installs, and where they are from."""

    sources: tuple[Source, ...]
    timeout: float
    """Seconds that a scan may take."""
    by_target: bool = False
    """Whether the command line names them."""
    said: str = ""
    """Which they are and who says so, where nobody named them; for a person."""


def chosen(targets: Sequence[str], settings: Callable[[], Loaded]) -> Chosen:
    """Return the installs to look at; the `settings` are loaded only without TARGETs.

    UsageError for a TARGET that can be none, and if there is no install at all; ConfigError as the settings.
    """
    if targets:
        named = install_tables.targets(targets, _placed)
        return Chosen(sources=named, timeout=Settings().timeout, by_target=True)
    loaded = settings().settings
    if installs := loaded.all_installs():
        return Chosen(sources=installs, timeout=loaded.timeout)

    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path's raises where the home folder is not known
    found = places.here(os.environ, working_folder() or home, home)
    if not found:
        looked = dict.fromkeys(
            escape_invisible(str(place.path))
            for place in places.known(os.environ, home)
        )
        raise UsageError(
            f"no ComfyUI found; looked in the working folder and {', '.join(looked)}",
            hint="name one: its folder, its address (http://127.0.0.1:8188) or a snapshot file",
        )
    return Chosen(
        sources=install_tables.of_folders(place.path for place in found),
        timeout=loaded.timeout,
        said="; ".join(
            f"found {escape_invisible(str(place.path))} ({place.by})" for place in found
        ),
    )


def _placed(path: Path) -> Path:
    """Return a path of the command line as it starts in the working folder; ValueError if that has been deleted."""
    folder = working_folder()
    if folder is None and not path.expanduser().is_absolute():
        raise ValueError(
            "the working folder has been deleted, and the path is relative to it; give an absolute one"
        )
    return absolute(folder or Path(), path)


def shown(source: Source) -> str:
    """Return where an install is read from, without what is secret."""
    return (
        f"{mask.scheme(source.where)}://***"
        if source.kind is SourceKind.URL
        else source.where
    )
