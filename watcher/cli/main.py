"""The commands and their options; each command's module does the work."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
from collections.abc import Callable
from functools import partial, wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NoReturn

import click

from watcher import __version__, log, streams
from watcher.cli.options import (
    flag,
    json_option,
    limit_option,
    masked,
    nodes_option,
    reading,
    repeatable,
    since_option,
    targets_argument,
)
from watcher.cli.terminal import (
    OutputError,
    columns,
    echo,
    echo_error,
    show_result,
)
from watcher.durations import DAY
from watcher.errors import UsageError, WatchError
from watcher.model.event import MATCHES, VERDICTS, Grade, Kind
from watcher.model.finding import Acceptance
from watcher.model.version import STATUSES
from watcher.settings import parsing

_ABOUT = """\
Tells you when a ComfyUI node pack has a new, deprecated, flagged or banned version.

\b
Start here:
  comfy-watch audit   looks once at what you have installed
  comfy-watch demo    shows what alerts look like; no network
  comfy-watch init    writes a settings file; then `comfy-watch check`
"""

_SHARED = """\b
Options of every command that reads settings:
  --config FILE     The settings file.  [default: ./comfy-watch.toml, else
                    where init writes it]
  --set NAME=VALUE  A setting (repeatable).
"""

_ALSO = "It takes --config and --set too: see `comfy-watch --help`."

EXIT_CODES = """\b
Exit codes:
  0  everything was checked and every due alert was delivered
  1  something could not be read, delivered or saved; the rest is done
  2  usage or configuration error; nothing was changed
  3  --fail-on matched an event of this poll
  4  the state cannot be used; nothing was changed
"""


_COMMIT = 12
"""Characters of a commit, which name it in a repository of any size."""
# By the words as they are: the command line itself may be what is wrong.
_ASKS_FOR_DOCUMENT = re.compile(r"(?:^| )--(?:json|format[ =](?:json|sarif))")


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version and exit; for `--version`."""
    if wanted and not ctx.resilient_parsing:
        echo(version_line())
        ctx.exit()


def version_line(distribution: str = "comfy-watch") -> str:
    """Return what `--version` prints: with the commit, if the installer was given a git repository (PEP 610)."""
    # Here, since few want to know it. What is installed from git has one version number for many commits.
    import json
    from importlib import metadata

    try:
        written = metadata.distribution(distribution).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        written = None
    origin = json.loads(written or "{}")
    commit = str(origin.get("vcs_info", {}).get("commit_id", ""))[:_COMMIT]
    suffix = f" (commit {commit})" if commit else ""
    return f"comfy-watch, version {__version__}{suffix}"


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_ABOUT,
    epilog=f"{_SHARED}\n{EXIT_CODES}",
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
    """Run one of the commands below."""


_SETTINGS = (
    click.Option(["--config"], type=click.Path(path_type=Path), hidden=True),
    click.Option(["--set", "changed"], multiple=True, hidden=True),
)
"""The options that choose settings. The list of commands has them, not the help of each."""


class _Command(click.Command):
    """A command whose help lists only the options of its own."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option:
            option.hidden = True
        return option


def command(
    example: str,
    *more: str,
    page: str = "commands",
    module: str = "",
    settings: Literal["loaded", "to load", "none"] = "loaded",
    alerts: bool = True,
) -> Callable[[Callable[[], None]], click.Command]:
    """Declare a command: the function below has its help, and its name is that of the function that does the work.

    That one is in the `module` of `commands/`, by default the one of the same name. It gets the options by their names,
    and the settings that the command line chooses: `loaded`, or as `settings`, a function that loads them. Without
    `alerts` they may lack where alerts go. It is imported only when the command is run: `--help` takes 70 ms, and the
    settings, the state and the poll would add 120, 70 and 130 ms to it.

    The help has an `example`, which click does not wrap, `more` paragraphs, and the `page` that says more.
    """
    shown = f"\b\nExample:\n  comfy-watch {example}"
    shared = () if settings == "none" else (_ALSO,)
    ending = "\n\n".join([shown, *more, *shared, f"More: docs/{page}.md"])

    def declare(described: Callable[[], None]) -> click.Command:
        work = described.__name__

        @wraps(described)
        def run(
            *, config: Path | None = None, changed: tuple[str, ...] = (), **given: Any
        ) -> int:
            # By name, which is why a new command needs no import here.
            commands = import_module(f"watcher.cli.commands.{module or work}")
            if settings != "none":
                from watcher.cli.loading import load_settings

                to_load = partial(load_settings, config, changed, alerts=alerts)
                if settings == "loaded":
                    given["loaded"] = to_load()
                else:
                    given["settings"] = to_load
            # The exit code: a problem that was found is no exception.
            code: int = getattr(commands, work)(**given)
            return code

        declared = cli.command(cls=_Command, epilog=ending)(run)
        declared.params += () if settings == "none" else _SETTINGS
        return declared

    return declare


_EVENT_KIND = "an event kind"
_FLAGS_HELP = f"""\
`{Grade.FLAGGED}` is a warning. `{Grade.FLAGGED_INFO}` is a flag whose findings are all informational, and known from an
earlier version.
"""


@command(
    "check --node comfyui-kjnodes --dry-run",
    f"KINDS are event kinds separated by commas: {', '.join(MATCHES)}.",
    _FLAGS_HELP,
    settings="to load",
)
@nodes_option(
    help="Also watch this pack, or a pattern of ids (repeatable).",
    callback=reading(lambda ids: [*map(parsing.id_or_glob, ids)]),
)
@flag("--dry-run", help="Save nothing and send nothing.")
@json_option
@repeatable(
    "--fail-on",
    parse=partial(parsing.choices, known=MATCHES, what=_EVENT_KIND),
    metavar="KINDS",
    help="Exit with 3 if this poll has such an event.",
)
def check() -> None:
    """Poll once: see what has changed, save it and send alerts."""


@command("run --set interval=5m")
def run() -> None:
    """Poll again and again, until Ctrl-C, SIGTERM or SIGHUP.

    It finishes what it is saving or sending first. A second Ctrl-C stops it at once.
    """


@command("status --problems")
@nodes_option(help="Show only this pack (repeatable).")
@flag(
    "--problems",
    "only_problems",
    help="Show only packs, installs and channels with problems.",
)
@json_option
def status() -> None:
    """Show watched packs and undelivered alerts, problems first.

    It works offline. If `nodes` has `*` or a pattern, it shows counts, the worst packs, and the packs that you named,
    that you have installed, or that could not be read.
    """


_LONGEST = 366 * DAY
"""Seconds that a duration may be, as one of the settings."""


# What is wrong with the settings is said on its one line, so it loads them itself.
@command("health --max-age 1h", settings="to load")
@click.option(
    "--max-age",
    metavar="DURATION",
    callback=reading(partial(parsing.seconds, low=1, high=_LONGEST)),
    help="How long ago the last poll may be, such as 30m.  [default: see above]",
)
@flag(
    "--strict",
    help="Also exit with 1 if a pack, install or channel fails, or an alert waits for longer than a day.",
)
def health() -> None:
    """Say on one line whether polls still happen; exit 0 or 1.

    It works offline. By default the last complete poll may be three times the `interval` ago, or three times the pause
    between the last two polls if that is longer.
    """


# With a TARGET no settings are loaded: a file that is wrong is not in the way.
@command("installed ~/ComfyUI", page="installs", settings="to load", alerts=False)
@targets_argument
@json_option
def installed() -> None:
    """List the packs that a ComfyUI has; works offline.

    TARGET is a ComfyUI's folder, the address of a running one (http://127.0.0.1:8188), or a snapshot file. Without a
    TARGET it lists the `installs` of the settings, or the ComfyUI that it finds here.
    """


# What nobody should run; the milder verdicts would make each pipeline fail.
_FATAL = frozenset({Grade.BANNED, Grade.FLAGGED, Grade.DELETED, Grade.DELISTED})
"""The verdicts for which `audit` exits with 3 unless it is asked otherwise."""
_NO_VERDICT = "none"

_VERDICTS_HELP = f"""\
VERDICTS are verdicts separated by commas: {", ".join(VERDICTS)}; or {_NO_VERDICT}.

{_FLAGS_HELP}

\b
Exit codes:
  0  no pack has a verdict of --fail-on
  1  something could not be read, or the registry did not answer
  2  usage or configuration error, or a TARGET that cannot be read
  3  a pack has a verdict of --fail-on, and is not disabled or accepted
"""


def _grades(words: list[object]) -> frozenset[str]:
    """Return the verdicts of `--fail-on`, in which `none` is no verdict."""
    # For a pipeline that only wants the list, and no exit code 3.
    known = (*VERDICTS, _NO_VERDICT)
    return parsing.choices(words, known, "a verdict") - {_NO_VERDICT}


def _findings(words: list[object]) -> tuple[Acceptance, ...]:
    from watcher.settings import tables

    return tables.read_findings(words)


@command("audit ~/ComfyUI --problems", _VERDICTS_HELP, page="audit", alerts=False)
@targets_argument
@repeatable(
    "--fail-on",
    parse=_grades,
    without=_FATAL,
    metavar="VERDICTS",
    help="Exit with 3 if a pack has one of these.  [default: banned,flagged,deleted,delisted]",
)
@repeatable(
    "--accept",
    parse=_findings,
    without=(),
    metavar="FINDING",
    help="Do not count this finding for --fail-on: PACK@VERSION, PACK@COMMIT of a clone, or PACK; =VERDICT at its end"
    " says how bad it may be (repeatable).",
)
@flag(
    "--problems",
    "only_problems",
    help="Show only packs that are not ok; not with --json, which has all.",
)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(["table", "json", "sarif"]),
    help="How to print it.  [default: table]",
)
@click.option("--json", "shown_as", flag_value="json", help="Short for --format json.")
def audit() -> None:
    """Say what you have installed that is banned, flagged or old.

    It says what to do about each pack. TARGET is a ComfyUI's folder, the address of a running one, a snapshot file, a
    workflow, a Dockerfile, a script, or a folder with such files. Without a TARGET it looks at the `installs` of the
    settings, or at the ComfyUI that it finds here. It needs no settings, and writes nothing.
    """


@command(
    "history --kind banned,flagged --since 7d",
    f"KINDS are event kinds separated by commas: {', '.join(Kind)}.",
)
@nodes_option(help="Show only events of this pack (repeatable).")
@repeatable(
    "--kind",
    "kinds",
    parse=partial(parsing.choices, known=[*Kind], what=_EVENT_KIND),
    metavar="KINDS",
    help="Show only events of these kinds.",
)
@since_option(help="Show only events since a date, or of the last 7d or 12h.")
@limit_option(help="Show at most N events.")
@json_option
def history() -> None:
    """Show past events, newest first; works offline."""


_STATUS_HELP = f"""\
STATUS is one of {", ".join(STATUSES)}.

\b
Exit codes:
  0  everything that was asked for was read
  1  something could not be read, or the registry does not know an ID
  2  usage or configuration error
"""


@command(
    "versions --status flagged --since 7d",
    _STATUS_HELP,
    alerts=False,
)
@click.argument(
    "nodes", nargs=-1, metavar="[ID]...", callback=reading(parsing.read, "ID")
)
@repeatable(
    "--status",
    "statuses",
    parse=parsing.statuses,
    without=(),
    metavar="STATUS",
    help="Show only versions with this status (repeatable).",
)
@click.option(
    "--reason",
    metavar="TEXT",
    default="",
    help="Show only versions whose reason has this text, in any case.",
)
@flag("--deprecated", help="Show only deprecated versions.")
@since_option(
    help="Show only versions published since a date, or in the last 7d or 12h."
)
@limit_option(help="Show at most N versions.")
@flag("--reasons", "with_reasons", help="Show the registry's reasons too.")
@json_option
def versions() -> None:
    """Show the versions that the registry has, newest first.

    ID is the id of a pack. Without an ID it searches all packs, with about 300 requests. It needs no settings, and
    writes nothing.
    """


_WAIT_HELP = """\
\b
Exit codes:
  0  the version is active
  1  it was not judged within --for
  2  usage or configuration error
  3  it is flagged, banned or deleted
"""


@command("wait comfyui-kjnodes 1.2.0", _WAIT_HELP, page="publishers", alerts=False)
@click.argument(
    "node", required=False, metavar="[ID", callback=reading(parsing.node_id, "ID")
)
@click.argument("version", required=False, metavar="[VERSION]]")
@click.option(
    "--for",
    "longest",
    metavar="DURATION",
    default="2h",
    callback=reading(partial(parsing.seconds, low=0, high=_LONGEST)),
    help="How long to wait, such as 90m.  [default: 2h]",
)
@click.option(
    "--every",
    metavar="DURATION",
    default="30s",
    callback=reading(parsing.interval),
    help="How long to pause between two looks.  [default: 30s]",
)
@json_option
def wait() -> None:
    """Wait until a version that you published is judged.

    Without arguments it takes the name and the version of ./pyproject.toml. An ID alone is the newest version
    that is pending. It needs no settings, and writes nothing.
    """


@command("publish /var/www/html/comfy-watch", page="publish")
@click.argument("folder", metavar="DIR")
def publish() -> None:
    """Write a page, a feed and other files for a web server.

    It works offline. DIR gets what the state knows: index.html, which links to the other files. It is made if need be,
    and a DIR with an index.html of somebody else is refused. The setting `publish_dir` has each poll do the same.
    """


@command("metrics > comfy-watch.prom", page="publish", module="publish")
def metrics() -> None:
    """Print figures for Prometheus, as in the file metrics.prom.

    It works offline. Both text formats of Prometheus can be read from it: version 0.0.4 and OpenMetrics 1.0.
    """


@command("test-alerts discord", page="channels", module="config")
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
def test_alerts() -> None:
    """Send a sample alert to each channel.

    With the name of a CHANNEL it sends only to that one. `comfy-watch config` shows the names.
    """


@command("config --config ~/comfy-watch.toml", page="settings")
def config() -> None:
    """Show and check all settings, and where each comes from.

    It works offline, and shows no secrets.
    """


@command("init", page="settings", settings="none")
@flag("--here", help="Write to this folder, with the state beside it.")
@flag(
    "--system",
    help="Write to /etc/comfy-watch, for a service; everybody can read that file.",
)
def init() -> None:
    """Write a settings file with comments; never overwrite one.

    It goes into your folder for settings, where every command finds it.
    """


@command("schema check > check.schema.json", page="scripts", settings="none")
@click.argument("name", metavar="NAME")
def schema() -> None:
    """Print the JSON Schema of a file, or of a command's output.

    NAME is snapshot, history, check, audit, versions, wait, webhook or settings.
    """


@command("demo", settings="none")
def demo() -> None:
    """Show what alerts look like; no network, no settings.

    In a few seconds a made-up pack in a local registry is flagged, banned, reinstated, released and deprecated. Each
    alert is shown as it arrives. It leaves no file behind.
    """


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
        # Else click prints errors in its own form, and ends the process by itself.
        return int(cli.main(prog_name="comfy-watch", standalone_mode=False) or 0)
    # Nobody asked for the help, so it is not what a program reads on stdout.
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message(), error=True)
        return _fail(UsageError("no command was given"))
    except click.ClickException as error:
        # Not every error of click says which command it is about.
        commands = [word for word in sys.argv[1:] if word in cli.commands]
        name = " ".join(["comfy-watch", *commands[:1]])
        message = error.format_message()
        # In this program's style: no capital first, no full stop last.
        said = masked(message[:1].lower() + message[1:].removesuffix("."))
        hint = f"see {name} --help"
        context = error.ctx if isinstance(error, click.NoSuchOption) else None
        if commands and context and context.command is cli:
            hint = f"options come after the command; {hint}"
        return _fail(UsageError(said, hint))
    except (click.Abort, KeyboardInterrupt):
        # As a shell says of a command that Ctrl-C has ended.
        return 130
    except WatchError as error:
        return _fail(error)
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets a line, not a traceback
        log.debug("unexpected", error=f"{type(error).__name__}: {masked(str(error))}")
        hint = "its message is in the log with --set log_level=debug"
        return _fail(WatchError(f"unexpected {type(error).__name__}", hint))


def _fail(error: WatchError) -> int:
    """Say why a command ends early, and return its exit code.

    Where stdout is no terminal it gets the reason too, as one line, since stderr may be somewhere else. It stays empty
    where a program expects a document, and where it cannot be written.
    """
    echo_error(error)
    words = sys.argv[1:]
    has_document = words[:1] in (["schema"], ["metrics"]) or _ASKS_FOR_DOCUMENT.search(
        " ".join(words)
    )
    # On a terminal the person who reads stdout reads stderr too.
    is_read_along = columns() is not None
    if not (has_document or is_read_along or isinstance(error, OutputError)):
        lead = f"exit {error.exit_code}"
        if words[:1] == ["check"]:
            lead = "nothing was checked"
        show_result([f"{lead}: {'; '.join(error.what.splitlines())}"])
    return error.exit_code
