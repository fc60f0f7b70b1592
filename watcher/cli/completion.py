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


def of(words: Iterable[str]) -> Completer:
    """Return a completer that offers these words, also after a comma."""

    def complete(
        _ctx: click.Context, _parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        given, comma, last = begun.rpartition(",")
        return [
            CompletionItem(given + comma + item.value)
            for item in _beginning(last, words)
        ]

    return complete


kinds, statuses, verdicts = of(Kind), of(STATUSES), of(Verdict)


def node_ids(
    ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer the node ids of the settings and of the state."""
    from watcher.state.store import StateFolder

    settings = _settings(ctx)
    if settings is None:
        return []
    found = {node.lower(): node for node in settings.selection().names}
    with contextlib.suppress(WatchError, OSError):
        state = StateFolder(settings.state_dir).load()
        for node in (*state.checks.watched, *state.snapshot.nodes):
            found.setdefault(node.lower(), node)
    return _beginning(begun, (node for _, node in sorted(found.items())))


def channels(
    ctx: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Offer the names of the settings' channels."""
    settings = _settings(ctx)
    names = [channel.name for channel in settings.all_channels()] if settings else []
    return _beginning(begun, names)


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
