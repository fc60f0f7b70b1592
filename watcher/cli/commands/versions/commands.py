"""`versions` with its options; `watcher.cli.main` adds it to the other commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from watcher.cli import completion
from watcher.cli.options import single, with_settings
from watcher.model.version import STATUSES
from watcher.settings import parsing

if TYPE_CHECKING:
    from watcher.settings.loading import Loaded

LIMIT = 50
"""Versions that are shown without `--limit`."""
_LONGEST_REASON = 1000

EPILOG = f"""\
STATUS is one of {", ".join(STATUSES)}, or its long name, such as NodeVersionStatusActive.

\b
Exit codes:
  0  everything that was asked for was read
  1  something could not be read, or the registry does not know an ID
  2  usage or configuration error
"""


def _statuses(
    ctx: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the statuses of an option that may be repeated: they add up."""
    try:
        return (
            parsing.statuses(
                [one for text in given for one in parsing.split_list(text) or [""]]
            )
            if given
            else ()
        )
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from None


def _reason(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> str:
    """Return the text to search for; "" without the option."""
    if len(set(given)) > 1:
        raise click.BadParameter(
            "it is given more than once, with different values", ctx, option
        )
    if given and not (
        given[0].strip() and given[0].isprintable() and len(given[0]) <= _LONGEST_REASON
    ):
        raise click.BadParameter(
            f"give a text of 1 to {_LONGEST_REASON} visible characters", ctx, option
        )
    return given[0] if given else ""


@click.command(epilog=EPILOG)
@click.argument(
    "nodes", nargs=-1, metavar="[ID]...", shell_complete=completion.node_ids
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    callback=_statuses,
    metavar="STATUS",
    help="Only versions with this status (repeatable).",
    shell_complete=completion.statuses,
)
@click.option(
    "--reason",
    multiple=True,
    callback=_reason,
    metavar="TEXT",
    help="Only versions whose reason has this text, in any case: the registry's own search.",
)
@click.option("--deprecated", is_flag=True, help="Only deprecated versions.")
@single(
    "--since",
    metavar="WHEN",
    help="Only versions published since a date, or within a duration (7d, 12h).",
)
@single(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"At most N versions.  [default: {LIMIT}]",
)
@click.option(
    "--reasons", "with_reasons", is_flag=True, help="Show the registry's reasons too."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_settings("state_dir", "log_format")
def versions(
    *,
    settings: Callable[..., Loaded],
    nodes: tuple[str, ...],
    statuses: tuple[str, ...],
    reason: str,
    deprecated: bool,
    since: str | None,
    limit: int | None,
    with_reasons: bool,
    as_json: bool,
) -> int:
    """Show the versions that the registry has, newest first.

    ID is a node pack's; without one all packs are searched, which takes about 300 requests. No settings are needed, and
    nothing is written.
    """
    from watcher.cli.commands.versions.show import filters, show

    wanted = filters(nodes, statuses, reason, since, deprecated=deprecated)
    return show(
        settings(), wanted, limit or LIMIT, with_reasons=with_reasons, as_json=as_json
    )
