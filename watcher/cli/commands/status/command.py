"""`status`: the state of every watched node and channel, read from the state folder alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from watcher.changes.exposure import copies_of
from watcher.cli.commands.health import usual_age
from watcher.cli.commands.status.rows import watched
from watcher.cli.commands.status.tables import lines
from watcher.cli.commands.status.view import View, document
from watcher.cli.loading import existing_state
from watcher.cli.terminal import echo, to_json
from watcher.delivery.confirming import protocol_without_answers
from watcher.errors import UsageError
from watcher.polling.clock import clock
from watcher.settings import node_ids
from watcher.settings.loading import Loaded
from watcher.streams import width


def show(
    loaded: Loaded, only: Sequence[str], *, only_problems: bool, as_json: bool
) -> None:
    """Print how the watched nodes and the channels stand; `only` are the ids to show, none: all."""
    settings = loaded.settings
    state = existing_state(loaded).load()
    chosen, installs = settings.selection(), copies_of(state.installs)
    nodes = watched(chosen.names, state)
    named = frozenset(map(str.lower, chosen.names)) | installs.keys()
    view = View(
        state=state,
        nodes=nodes,
        globs=chosen.globs,
        named=named if named or chosen.globs else None,
        channels=[channel.name for channel in settings.all_channels()],
        unconfirmed=frozenset(
            one.name
            for one in settings.all_channels()
            if protocol_without_answers(one.url)
        ),
        installs=[source.name for source in settings.all_installs()],
        now=clock(),
        max_age=usual_age(state, settings.interval),
        chosen=_chosen(only, nodes) if only else None,
        only_problems=only_problems,
    )
    if as_json:
        echo(to_json(document(view)))
    elif not view.nodes and not view.globs:
        echo(
            "Nothing is watched yet. Add node packs to the settings, or try `comfy-watch check --node ID`."
        )
    else:
        for line in lines(view, width(sys.stdout)):
            echo(line)


def _chosen(nodes: Sequence[str], known: Sequence[str]) -> frozenset[str]:
    """Return the ids of `--node`; UsageError for one that is not watched."""
    try:
        chosen = node_ids.read(list(nodes))
    except ValueError as error:
        raise UsageError(f"--node: {error}") from None
    watched_ids = {node.lower() for node in known}
    if missing := [node for node in chosen if node.lower() not in watched_ids]:
        raise UsageError(
            f"not watched: {', '.join(missing)}",
            hint="comfy-watch status --json has all that are",
        )
    return frozenset(node.lower() for node in chosen)
