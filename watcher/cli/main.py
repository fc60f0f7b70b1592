"""The commands and their options; each command's module does the work.

Those modules are imported inside the commands: `--help` takes 70 ms, and the settings, the state and the poll would add
120, 70 and 130 ms to it. Each gets its options by their names.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from watcher import log, streams
from watcher.cli.options import (
    KINDS_HELP,
    json_option,
    kinds_option,
    masked,
    nodes_option,
    offering,
    repeatable,
    targets_argument,
    with_settings,
)
from watcher.cli.terminal import echo, echo_error, echo_result, to_json
from watcher.errors import UsageError, WatchError
from watcher.model.pack import Verdict
from watcher.model.version import STATUSES
from watcher.settings import parsing

EXIT_CODES = """\b
Exit codes:
  0  everything was checked and every due alert was delivered
  1  a node could not be checked, an install scanned, an alert delivered, or a file written
  2  usage or configuration error; nothing was changed
  3  --fail-on matched an event of this poll
  4  the state cannot be used; nothing was changed
"""


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version, which is looked up only then, and exit; for `--version`."""
    if wanted and not ctx.resilient_parsing:
        from watcher.cli import version

        echo(version.line())
        ctx.exit()


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Tells you when a ComfyUI node pack has a new, deprecated, flagged or banned version.

    Start with `comfy-watch audit`, a look at what you have installed, and `comfy-watch demo`, which shows alerts; then
    `comfy-watch init` and `comfy-watch check`.
    """


@cli.command(epilog=KINDS_HELP)
@nodes_option(help="Also watch this node pack, or a pattern of ids (repeatable).")
@click.option("--dry-run", is_flag=True, help="Write nothing, send nothing.")
@json_option
@kinds_option("--fail-on", help="Exit 3 on an event of these kinds.")
@with_settings()
def check(**options: Any) -> int:
    """Poll once: list, compare, save, alert."""
    from watcher.cli.commands.check import check as command

    return command(**options)


@cli.command()
@nodes_option(help="Also watch this node pack, or a pattern of ids (repeatable).")
@with_settings()
def run(**options: Any) -> int:
    """Poll until SIGTERM or SIGINT; a second signal stops at once."""
    from watcher.cli.commands.run import run_forever as command

    return command(**options)


@cli.command()
@nodes_option(help="Only this node pack (repeatable).")
@click.option(
    "--problems",
    "only_problems",
    is_flag=True,
    help="Only nodes and channels with problems.",
)
@json_option
@with_settings("registry_url", "log_format")
def status(**options: Any) -> int:
    """Show watched nodes, problems first, and undelivered alerts; works offline.

    Of what `*` and patterns include it shows counts, the worst packs, and those that are named, installed or not read.
    """
    from watcher.cli.commands.status import show as command

    return command(**options)


@cli.command()
@click.option(
    "--max-age",
    metavar="DURATION",
    help="How long ago the last poll may be.  [default: see above]",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Undelivered alerts, failing channels and failing installs count too.",
)
@with_settings("registry_url", "log_format")
def health(**options: Any) -> int:
    """Say on one line whether polls still happen; exit 0 or 1. Works offline.

    The last poll that ran to its end may be three times the `interval` ago, or three times the pause between the last
    two polls if that is longer. With --strict no channel and no install may be failing, and no alert undelivered for as
    long.
    """
    from watcher.cli.commands.health import health as command

    return command(**options)


@cli.command()
@targets_argument
@json_option
@with_settings("registry_url", "state_dir")
def installed(**options: Any) -> int:
    """Show the packs that a ComfyUI has; works offline.

    TARGET is its folder, its address (http://127.0.0.1:8188) or a snapshot file, and no settings are read. Without one
    it is each of the settings' `installs`, else the ComfyUI that is found here.
    """
    from watcher.cli.commands.installed import show as command

    return command(**options)


_FATAL = frozenset({Verdict.BANNED, Verdict.FLAGGED, Verdict.DELETED, Verdict.DELISTED})
"""The verdicts for which `audit` exits with 3 unless it is asked otherwise."""
_NO_VERDICT = "none"

_AUDIT_EPILOG = f"""\
VERDICTS are verdicts separated by commas: {", ".join(Verdict)}; or {_NO_VERDICT}.

\b
Exit codes:
  0  no pack has a verdict of --fail-on
  1  something could not be read, or was not answered
  2  usage or configuration error, or a TARGET that cannot be read
  3  a pack that is not disabled or accepted has a verdict of --fail-on
"""


def _verdicts(words: list[object]) -> frozenset[Verdict]:
    """Return the verdicts of `--fail-on`; nothing for `none` alone."""
    if {parsing.lower(word) for word in words} == {_NO_VERDICT}:
        return frozenset()
    return frozenset(map(Verdict, parsing.choices(words, [*Verdict], "a verdict")))


def _findings(words: list[object]) -> tuple[str, ...]:
    from watcher.settings import node_ids

    return node_ids.read_accepted(words)


@cli.command(epilog=_AUDIT_EPILOG)
@targets_argument
@repeatable(
    "--fail-on",
    parse=_verdicts,
    without=_FATAL,
    metavar="VERDICTS",
    help="Exit 3 if a pack has one of these.  [default: banned,flagged,deleted,delisted]",
    shell_complete=offering(Verdict),
)
@repeatable(
    "--accept",
    parse=_findings,
    without=(),
    metavar="PACK@VERSION",
    help="A finding that is known and accepted (repeatable).",
)
@click.option(
    "--problems", "only_problems", is_flag=True, help="Show only packs that are not ok."
)
@json_option
@with_settings("state_dir", "log_format")
def audit(**options: Any) -> int:
    """Say of every installed pack whether it is banned, flagged or outdated, and what to do.

    TARGET is a ComfyUI's folder, the address of a running one, or a snapshot or workflow file. Without one it is what
    the settings name, else the ComfyUI that is found here. No settings are needed, and nothing is written.
    """
    from watcher.cli.commands.audit import run_audit as command

    return command(**options)


@cli.command(epilog=KINDS_HELP)
@nodes_option(help="Only events of this node pack (repeatable).")
@kinds_option("--kind", "kinds", help="Only events of these kinds.")
@click.option(
    "--since",
    metavar="WHEN",
    help="Only events since a date, or within a duration (7d, 12h).",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N events.  [default: 50; with --ref all]",
)
@click.option(
    "--ref",
    metavar="REF",
    help="Only the events of a message, by the reference at its end.",
)
@json_option
@with_settings("registry_url", "log_format")
def history(**options: Any) -> int:
    """Show past events, newest first."""
    from watcher.cli.commands.history import show as command

    return command(**options)


_VERSIONS_EPILOG = f"""\
STATUS is one of {", ".join(STATUSES)}, or its long name, such as NodeVersionStatusActive.

\b
Exit codes:
  0  everything that was asked for was read
  1  something could not be read, or the registry does not know an ID
  2  usage or configuration error
"""


@cli.command(epilog=_VERSIONS_EPILOG)
@click.argument("nodes", nargs=-1, metavar="[ID]...")
@repeatable(
    "--status",
    "statuses",
    parse=parsing.statuses,
    without=(),
    metavar="STATUS",
    help="Only versions with this status (repeatable).",
    shell_complete=offering(STATUSES),
)
@click.option(
    "--reason",
    metavar="TEXT",
    help="Only versions whose reason has this text, in any case: the registry's own search.",
)
@click.option("--deprecated", is_flag=True, help="Only deprecated versions.")
@click.option(
    "--since",
    metavar="WHEN",
    help="Only versions published since a date, or within a duration (7d, 12h).",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N versions.  [default: 50]",
)
@click.option(
    "--reasons", "with_reasons", is_flag=True, help="Show the registry's reasons too."
)
@json_option
@with_settings("state_dir", "log_format")
def versions(**options: Any) -> int:
    """Show the versions that the registry has, newest first.

    ID is a node pack's; without one all packs are searched, which takes about 300 requests. No settings are needed, and
    nothing is written.
    """
    from watcher.cli.commands.versions import show as command

    return command(**options)


@cli.command("test-alerts")
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@with_settings("registry_url")
def test_alerts(**options: Any) -> int:
    """Send a sample alert to every channel, or to the named ones."""
    from watcher.cli.commands.samples import send_samples as command

    return command(**options)


@cli.command()
@json_option
@with_settings()
def config(**options: Any) -> int:
    """Show the effective settings and their origins; no network."""
    from watcher.cli.commands.config import show as command

    return command(**options)


@cli.command()
@click.argument(
    "path", type=click.Path(path_type=Path), required=False, metavar="[FILE]"
)
@click.option(
    "--system",
    is_flag=True,
    help="Write to /etc/comfy-watch, for a service: without secrets, for all to read.",
)
def init(path: Path | None, system: bool) -> int:
    """Write a commented comfy-watch.toml; never overwrite a file."""
    from watcher.settings import system_files, template

    if system:
        if path is not None:
            raise UsageError(
                f"--system chooses the file itself; leave out {masked(str(path))}"
            )
        echo_result(system_files.write())
        return 0
    path = path or Path("comfy-watch.toml")
    template.write(path)
    next_steps = "Add your node packs and alert URLs to it, then: comfy-watch config && comfy-watch check"
    echo_result([f"Wrote {path}. {next_steps}"])
    return 0


@cli.command()
@click.argument("name", metavar="NAME")
def schema(name: str) -> int:
    """Print the JSON Schema of a state file, of the settings, or of what a command prints or a webhook gets.

    NAME is snapshot, outbox, checks, addresses, history, installs, retry, check, audit, versions, webhook or settings.
    """
    from watcher.cli.commands.schema import document_of

    echo(to_json(document_of(name)))
    return 0


@cli.command()
def demo() -> int:
    """Show the alerts of a made-up node pack; no network.

    For a few seconds it is watched in a local registry, through a release, a deprecation, a flag, a ban and a
    reinstatement. Each alert is shown as it arrives. No file is left behind.
    """
    from watcher.cli.commands.demo import demo as play

    return play()


def main() -> NoReturn:
    """Run the command line and exit. A user gets no traceback, and files are created for their owner only."""
    os.umask(0o077)
    streams.set_up()
    code = _exit_code()
    # The work is done, so Ctrl-C may end the exit early.
    signal.signal(signal.SIGINT, lambda *_: os._exit(code))
    gc.freeze()  # the end collects once more: skip what is left
    sys.exit(code)


def _exit_code() -> int:
    try:
        return int(cli.main(prog_name="comfy-watch", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message(), error=True)
        return error.exit_code
    except click.ClickException as error:
        # Not every error of click says which command it is about.
        commands = [word for word in sys.argv[1:] if word in cli.commands]
        name = " ".join(["comfy-watch", *commands[:1]])
        echo_error(WatchError(masked(error.format_message()), f"see {name} --help"))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except WatchError as error:
        echo_error(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets a line, not a traceback
        log.debug("unexpected", error=f"{type(error).__name__}: {masked(str(error))}")
        hint = "run again with --log-level debug for its message"
        echo_error(WatchError(f"unexpected {type(error).__name__}", hint))
        return 1
