"""The commands and their options; each command's module does the work.

Those modules are imported inside the commands: `--help` takes 70 ms, and the settings, the state and the poll would add
120, 70 and 130 ms to it. Each gets its options by their names.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
from typing import Any, NoReturn

import click

from watcher import log, streams
from watcher.cli.formats import FORMATS
from watcher.cli.options import (
    KINDS_HELP,
    ending,
    json_option,
    kinds_option,
    limit_option,
    masked,
    nodes_option,
    repeatable,
    targets_argument,
    with_settings,
)
from watcher.cli.terminal import (
    OutputError,
    echo,
    echo_error,
    echo_result,
    to_json,
)
from watcher.errors import UsageError, WatchError
from watcher.model.event import MATCHES
from watcher.model.finding import Acceptance, Grade
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

EXIT_CODES = """\b
Exit codes:
  0  everything was checked and every due alert was delivered
  1  something could not be read, delivered or saved; the rest is done
  2  usage or configuration error; nothing was changed
  3  --fail-on matched an event of this poll
  4  the state cannot be used; nothing was changed
"""


_ASKS_FOR_DOCUMENT = re.compile(r"(?:^| )--(?:json|format[ =](?:json|sarif))")


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version, which is looked up only then, and exit; for `--version`."""
    if wanted and not ctx.resilient_parsing:
        from watcher.cli import version

        echo(version.line())
        ctx.exit()


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_ABOUT,
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
    """Run one of the commands below."""


_FLAGS_HELP = f"""\
`{Grade.FLAGGED}` is a warning. `{Grade.FLAGGED_INFO}` is a flag whose findings are all informational, and known from an
earlier version.
"""


def _matches(words: list[object]) -> frozenset[str]:
    """Return the words of `check --fail-on`."""
    return frozenset(parsing.choices(words, MATCHES, "an event kind"))


@cli.command(
    epilog=ending(
        "check --node comfyui-kjnodes --dry-run",
        f"KINDS are event kinds separated by commas: {', '.join(MATCHES)}.",
        _FLAGS_HELP,
    )
)
@nodes_option(help="Also watch this pack, or a pattern of ids (repeatable).")
@click.option("--dry-run", is_flag=True, help="Save nothing and send nothing.")
@json_option
@repeatable(
    "--fail-on",
    parse=_matches,
    without=frozenset(),
    metavar="KINDS",
    help="Exit with 3 if this poll has such an event.",
)
@with_settings
def check(**options: Any) -> int:
    """Poll once: see what has changed, save it and send alerts."""
    from watcher.cli.commands.check import check as command

    return command(**options)


@cli.command(epilog=ending("run --set interval=5m"))
@with_settings
def run(**options: Any) -> int:
    """Poll again and again, until Ctrl-C, SIGTERM or SIGHUP.

    It finishes what it is saving or sending first. A second Ctrl-C stops it at once.
    """
    from watcher.cli.commands.run import run_forever as command

    return command(**options)


@cli.command(epilog=ending("status --problems"))
@nodes_option(help="Show only this pack (repeatable).")
@click.option(
    "--problems",
    "only_problems",
    is_flag=True,
    help="Show only packs, installs and channels with problems.",
)
@json_option
@with_settings
def status(**options: Any) -> int:
    """Show watched packs and undelivered alerts, problems first.

    It works offline. If `nodes` has `*` or a pattern, it shows counts, the worst packs, and the packs that you named,
    that you have installed, or that could not be read.
    """
    from watcher.cli.commands.status import show as command

    return command(**options)


@cli.command(epilog=ending("health --max-age 1h"))
@click.option(
    "--max-age",
    metavar="DURATION",
    help="How long ago the last poll may be, such as 30m.  [default: see above]",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Also exit with 1 if a pack, install or channel fails, or an alert waits for longer than a day.",
)
@with_settings
def health(**options: Any) -> int:
    """Say on one line whether polls still happen; exit 0 or 1.

    It works offline. By default the last complete poll may be three times the `interval` ago, or three times the pause
    between the last two polls if that is longer.
    """
    from watcher.cli.commands.health import health as command

    return command(**options)


@cli.command(epilog=ending("installed ~/ComfyUI", page="installs"))
@targets_argument
@json_option
@with_settings
def installed(**options: Any) -> int:
    """List the packs that a ComfyUI has; works offline.

    TARGET is a ComfyUI's folder, the address of a running one (http://127.0.0.1:8188), or a snapshot file. Without a
    TARGET it lists the `installs` of the settings, or the ComfyUI that it finds here.
    """
    from watcher.cli.commands.installed import show as command

    return command(**options)


_FATAL = frozenset({Grade.BANNED, Grade.FLAGGED, Grade.DELETED, Grade.DELISTED})
"""The verdicts for which `audit` exits with 3 unless it is asked otherwise."""
_NO_VERDICT = "none"

_VERDICTS_HELP = f"""\
VERDICTS are verdicts separated by commas: {", ".join(Grade)}; or {_NO_VERDICT}.

{_FLAGS_HELP}

\b
Exit codes:
  0  no pack has a verdict of --fail-on
  1  something could not be read, or the registry did not answer
  2  usage or configuration error, or a TARGET that cannot be read
  3  a pack has a verdict of --fail-on, and is not disabled or accepted
"""


def _grades(words: list[object]) -> frozenset[Grade]:
    """Return the verdicts of `--fail-on`; nothing for `none` alone."""
    if {parsing.lower(word) for word in words} == {_NO_VERDICT}:
        return frozenset()
    return frozenset(map(Grade, parsing.choices(words, [*Grade], "a verdict")))


def _findings(words: list[object]) -> tuple[Acceptance, ...]:
    from watcher.settings import tables

    return tables.read_findings(words)


@cli.command(epilog=ending("audit ~/ComfyUI --problems", _VERDICTS_HELP, page="audit"))
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
@click.option(
    "--problems",
    "only_problems",
    is_flag=True,
    help="Show only packs that are not ok; not with --json, which has all.",
)
@click.option(
    "--format",
    "shown_as",
    type=click.Choice(FORMATS),
    metavar="FORMAT",
    help=f"How to print it: {', '.join(FORMATS)}.  [default: {FORMATS[0]}]",
)
@click.option("--json", "shown_as", flag_value="json", help="Short for --format json.")
@with_settings
def audit(**options: Any) -> int:
    """Say what you have installed that is banned, flagged or old.

    It says what to do about each pack. TARGET is a ComfyUI's folder, the address of a running one, a snapshot file, a
    workflow, a Dockerfile, a script, or a folder with such files. Without a TARGET it looks at the `installs` of the
    settings, or at the ComfyUI that it finds here. It needs no settings, and writes nothing.
    """
    from watcher.cli.commands.audit import run_audit as command

    return command(**options)


@cli.command(epilog=ending("history --kind banned,flagged --since 7d", KINDS_HELP))
@nodes_option(help="Show only events of this pack (repeatable).")
@kinds_option("--kind", "kinds", help="Show only events of these kinds.")
@click.option(
    "--since",
    metavar="WHEN",
    help="Show only events since a date, or of the last 7d or 12h.",
)
@limit_option(help="Show at most N events.  [default: 50]")
@json_option
@with_settings
def history(**options: Any) -> int:
    """Show past events, newest first; works offline."""
    from watcher.cli.commands.history import show as command

    return command(**options)


_STATUS_HELP = f"""\
STATUS is one of {", ".join(STATUSES)}, or its long name, such as NodeVersionStatusActive.

\b
Exit codes:
  0  everything that was asked for was read
  1  something could not be read, or the registry does not know an ID
  2  usage or configuration error
"""


@cli.command(
    epilog=ending("versions --status flagged --since 7d", _STATUS_HELP, page="versions")
)
@click.argument("nodes", nargs=-1, metavar="[ID]...")
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
    help="Show only versions whose reason has this text, in any case.",
)
@click.option("--deprecated", is_flag=True, help="Show only deprecated versions.")
@click.option(
    "--since",
    metavar="WHEN",
    help="Show only versions published since a date, or in the last 7d or 12h.",
)
@limit_option(help="Show at most N versions.  [default: 50]")
@click.option(
    "--reasons", "with_reasons", is_flag=True, help="Show the registry's reasons too."
)
@json_option
@with_settings
def versions(**options: Any) -> int:
    """Show the versions that the registry has, newest first.

    ID is the id of a pack. Without an ID it searches all packs, with about 300 requests. It needs no settings, and
    writes nothing.
    """
    from watcher.cli.commands.versions import show as command

    return command(**options)


_WAIT_HELP = """\
\b
Exit codes:
  0  the version is active
  1  it was not judged within --for
  2  usage or configuration error
  3  it is flagged, banned or deleted
"""


@cli.command(epilog=ending("wait comfyui-kjnodes 1.2.0", _WAIT_HELP, page="publishers"))
@click.argument("node", required=False, metavar="[ID")
@click.argument("version", required=False, metavar="[VERSION]]")
@click.option(
    "--for",
    "longest",
    metavar="DURATION",
    help="How long to wait, such as 90m.  [default: 2h]",
)
@click.option(
    "--every",
    metavar="DURATION",
    help="How long to pause between two looks.  [default: 30s]",
)
@json_option
@with_settings
def wait(**options: Any) -> int:
    """Wait until a version that you published is judged.

    Without arguments it takes the name and the version of ./pyproject.toml. An ID alone is the newest version
    that is pending. It needs no settings, and writes nothing.
    """
    from watcher.cli.commands.wait import run_wait as command

    return command(**options)


@cli.command(epilog=ending("publish /var/www/html/comfy-watch", page="publish"))
@click.argument("folder", metavar="DIR")
@with_settings
def publish(**options: Any) -> int:
    """Write a page, a feed and other files for a web server.

    It works offline. DIR gets what the state knows: index.html, which links to the other files. It is made if need be,
    and a DIR with an index.html of somebody else is refused. The setting `publish_dir` has each poll do the same.
    """
    from watcher.cli.commands.publish import publish as command

    return command(**options)


@cli.command(epilog=ending("metrics > comfy-watch.prom", page="publish"))
@with_settings
def metrics(**options: Any) -> int:
    """Print figures for Prometheus, as in the file metrics.prom.

    It works offline. Both text formats of Prometheus can be read from it: version 0.0.4 and OpenMetrics 1.0.
    """
    from watcher.cli.commands.publish import show_metrics as command

    return command(**options)


@cli.command("test-alerts", epilog=ending("test-alerts discord", page="alerts"))
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@with_settings
def test_alerts(**options: Any) -> int:
    """Send a sample alert to each channel.

    With the name of a CHANNEL it sends only to that one. `comfy-watch config` shows the names.
    """
    from watcher.cli.commands.samples import send_samples as command

    return command(**options)


@cli.command(epilog=ending("config --config ~/comfy-watch.toml", page="settings"))
@with_settings
def config(**options: Any) -> int:
    """Show and check all settings, and where each comes from.

    It works offline, and shows no secrets.
    """
    from watcher.cli.commands.config import show as command

    return command(**options)


@cli.command(epilog=ending("init", page="settings"))
@click.option(
    "--here", is_flag=True, help="Write to this folder, with the state beside it."
)
@click.option(
    "--system",
    is_flag=True,
    help="Write to /etc/comfy-watch, for a service; everybody can read that file.",
)
def init(**options: bool) -> int:
    """Write a settings file with comments; never overwrite one.

    It goes into your folder for settings, where every command finds it.
    """
    from watcher.cli.commands.init import init as command

    return command(**options)


@cli.command(epilog=ending("schema check > check.schema.json"))
@click.argument("name", metavar="NAME")
def schema(name: str) -> int:
    """Print the JSON Schema of a file, or of a command's output.

    NAME is snapshot, history, check, audit, versions, wait, webhook or settings.
    """
    from watcher.cli.commands.schema import document_of

    echo(to_json(document_of(name)))
    return 0


@cli.command(epilog=ending("demo"))
def demo() -> int:
    """Show what alerts look like; no network, no settings.

    In a few seconds a made-up pack in a local registry is flagged, banned, reinstated, released and deprecated. Each
    alert is shown as it arrives. It leaves no file behind.
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
        return _fail(UsageError("no command was given"))
    except click.ClickException as error:
        # Not every error of click says which command it is about.
        commands = [word for word in sys.argv[1:] if word in cli.commands]
        name = " ".join(["comfy-watch", *commands[:1]])
        said = masked(_as_our_own(error.format_message()))
        hint = f"see {name} --help"
        context = error.ctx if isinstance(error, click.NoSuchOption) else None
        if commands and context and context.command is cli:
            hint = f"options come after the command; {hint}"
        return _fail(UsageError(said, hint))
    except (click.Abort, KeyboardInterrupt):
        return 130
    except WatchError as error:
        return _fail(error)
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets a line, not a traceback
        log.debug("unexpected", error=f"{type(error).__name__}: {masked(str(error))}")
        hint = "run again with --set log_level=debug for its message"
        if log.is_logged("debug"):
            hint = "its message is in the log"
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
    is_read_along = streams.width(sys.stdout) is not None
    if not (has_document or is_read_along or isinstance(error, OutputError)):
        lead = f"exit {error.exit_code}"
        if words[:1] == ["check"]:
            lead = "nothing was checked"
        echo_result([f"{lead}: {'; '.join(error.what.splitlines())}"])
    return error.exit_code


def _as_our_own(message: str) -> str:
    """Return a message of click in the style of this program's: no capital first, no full stop last."""
    return message[:1].lower() + message[1:].removesuffix(".")
