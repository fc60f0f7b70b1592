"""The commands about what is installed, with their options; `watcher.cli.main` adds them to the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from watcher.cli import completion
from watcher.cli.options import targets_argument, with_settings
from watcher.model.pack import Verdict
from watcher.settings.parsing import choices, split_list

if TYPE_CHECKING:
    from watcher.settings.loading import Loaded

FATAL = frozenset({Verdict.BANNED, Verdict.FLAGGED, Verdict.DELETED, Verdict.DELISTED})
"""The verdicts for which `audit` exits with 3 unless it is asked otherwise."""

NO_VERDICT = "none"

AUDIT_EPILOG = f"""\
VERDICTS are verdicts separated by commas: {", ".join(Verdict)}; or {NO_VERDICT}.

\b
Exit codes:
  0  no pack has a verdict of --fail-on
  1  something could not be read, or was not answered
  2  usage or configuration error, or a TARGET that cannot be read
  3  a pack that is not disabled or accepted has a verdict of --fail-on
"""


def _verdicts(
    ctx: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> frozenset[Verdict]:
    """Return the verdicts of an option that may be repeated: they add up. Without it they are `FATAL`."""
    if not given:
        return FATAL
    if {text.strip().lower() for text in given} == {NO_VERDICT}:
        return frozenset()
    try:
        words = [
            name
            for text in given
            for name in choices(split_list(text), [*Verdict], "a verdict")
        ]
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from None
    return frozenset(map(Verdict, words))


def _findings(
    ctx: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the accepted findings of an option that may be repeated."""
    from watcher.settings import node_ids

    try:
        return node_ids.read_accepted(
            [one for text in given for one in split_list(text)]
        )
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from None


@click.command(epilog=AUDIT_EPILOG)
@targets_argument
@click.option(
    "--fail-on",
    multiple=True,
    callback=_verdicts,
    metavar="VERDICTS",
    help="Exit 3 if a pack has one of these.  [default: banned,flagged,deleted,delisted]",
    shell_complete=completion.verdicts,
)
@click.option(
    "--accept",
    multiple=True,
    callback=_findings,
    metavar="PACK@VERSION",
    help="A finding that is known and accepted (repeatable).",
)
@click.option(
    "--problems", "only_problems", is_flag=True, help="Show only packs that are not ok."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_settings("state_dir", "log_format")
def audit(
    settings: Callable[..., Loaded],
    targets: tuple[str, ...],
    fail_on: frozenset[Verdict],
    accept: tuple[str, ...],
    only_problems: bool,
    as_json: bool,
) -> int:
    """Say of every installed pack whether it is banned, flagged or outdated, and what to do.

    TARGET is a ComfyUI's folder, the address of a running one, or a snapshot or workflow file. Without one it is what
    the settings name, else the ComfyUI that is found here. No settings are needed, and nothing is written.
    """
    from watcher.cli.commands.installs.audit import run_audit
    from watcher.cli.commands.installs.chosen import chosen

    loaded = settings()
    return run_audit(
        loaded,
        chosen(targets, lambda: loaded),
        accept=accept,
        fail_on=fail_on,
        only_problems=only_problems,
        as_json=as_json,
    )
