"""What a shell offers for an argument: node ids, channels, kinds and the like, when the tab key asks for them.

An answer takes no network and no secret, and an error is no answer: the person is in the middle of a line.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from watcher.errors import WatchError
from watcher.model.event import Kind
from watcher.model.pack import Verdict
from watcher.model.version import STATUSES

if TYPE_CHECKING:
    from watcher.settings.model import Settings
    from watcher.state.model import State

VARIABLE = "_COMFY_WATCH_COMPLETE"
"""The environment variable with which a shell asks, as click names it."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What no shell reads anything into: an id from a state that somebody changed may be otherwise."""

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def answer(command: click.Command) -> int:
    """Answer the shell and exit; return 1, and say nothing, if that fails."""
    with contextlib.suppress(
        Exception
    ):  # whatever went wrong would be written into the line that is being typed
        command.main(prog_name="comfy-watch", standalone_mode=False)
    return 1


def of(*words: str) -> Completer:
    """Return a completer that offers these words."""
    return lambda _ctx, _parameter, begun: _beginning(begun, words)


def kinds(
    _ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer event kinds, also after a comma, but for those that are there already."""
    return _of_list(begun, Kind)


def statuses(
    _ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer statuses of versions, as `kinds` does event kinds."""
    return _of_list(begun, STATUSES)


def verdicts(
    _ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer verdicts, as `kinds` does event kinds."""
    return _of_list(begun, Verdict)


def _of_list(begun: str, words: Iterable[str]) -> list[CompletionItem]:
    given, comma, last = begun.rpartition(",")
    left = [word for word in words if word not in given.split(",")]
    return [
        CompletionItem(given + comma + item.value) for item in _beginning(last, left)
    ]


def folders(
    _ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Have the shell offer folders."""
    return [CompletionItem(begun, type="dir")]


def files(
    _ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Have the shell offer files and folders."""
    return [CompletionItem(begun, type="file")]


def node_ids(
    ctx: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer the node ids of the settings and of the state, but for those that this option has already."""
    settings = _settings(ctx)
    if settings is None:
        return []
    found = {node.lower(): node for node in settings.selection().names}
    if state := _state(settings):
        for node in (*state.checks.watched, *state.snapshot.nodes):
            found.setdefault(node.lower(), node)
    given = {str(node).lower() for node in ctx.params.get(parameter.name or "") or ()}
    return _beginning(
        begun, (node for key, node in sorted(found.items()) if key not in given)
    )


def channels(
    ctx: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer the names of the settings' channels, but for those that are there already."""
    settings = _settings(ctx)
    given = ctx.params.get(parameter.name or "") or ()
    names = [channel.name for channel in settings.all_channels()] if settings else []
    return _beginning(begun, (name for name in names if name not in given))


def schemas(
    _ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer the names of the schemas."""
    from watcher.cli.commands.schema import NAMES

    return _beginning(begun, NAMES)


def _beginning(begun: str, words: Iterable[str]) -> list[CompletionItem]:
    """Return the words that go on from what was typed, whatever its case."""
    return [
        CompletionItem(word)
        for word in words
        if word.lower().startswith(begun.lower()) and _PLAIN.fullmatch(word)
    ]


def _settings(ctx: click.Context) -> Settings | None:
    """Return the settings that the line so far would have; None if they are wrong or cannot be read."""
    from watcher.cli.options import chosen_settings
    from watcher.settings.loading import load

    with contextlib.suppress(WatchError, OSError):
        return load(
            config=ctx.params.get("config"),
            overrides=chosen_settings(ctx.params),
            environ=os.environ,
            cwd=Path.cwd(),
        ).settings
    return None


def _state(settings: Settings) -> State | None:
    """Return the state; None if it cannot be used."""
    from watcher.state.store import StateFolder

    with contextlib.suppress(WatchError, OSError):
        return StateFolder(settings.state_dir).load()
    return None
