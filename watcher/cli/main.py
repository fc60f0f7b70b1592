"""The command line: options in, exit code out. Each command loads only what it needs, for the sake of cron."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from watcher import __version__, log
from watcher.cli.options import KINDS_HELP, kinds_option, masked, single, with_settings, without
from watcher.cli.terminal import as_document, echo, echo_error, offer
from watcher.errors import UsageError, WatchError
from watcher.model.event import Kind
from watcher.streams import width

if TYPE_CHECKING:
    from watcher.settings.loading import Loaded
    from watcher.state.store import StateFolder

ENTRIES_SHOWN = 10
"""Of a list, on a terminal; `--json`, and what is no terminal, has all."""

EXIT_CODES = """\b
Exit codes:
  0  everything was checked and every due alert was delivered
  1  some node could not be checked, or some alert is undelivered
  2  usage or configuration error; nothing was touched
  3  --fail-on matched an event of this poll
  4  the state cannot be used; nothing was changed
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="comfy-watch")
def cli() -> None:
    """Tells you when a ComfyUI node pack has a new, deprecated, flagged or banned version.

    Begin with `comfy-watch demo`, then `comfy-watch init` and `comfy-watch check`.
    """


@cli.command(epilog=KINDS_HELP)
@click.option("--node", "nodes", multiple=True, metavar="ID", help="Watch this node pack too (repeatable).")
@click.option("--dry-run", is_flag=True, help="Write nothing, send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@kinds_option("--fail-on", help="Exit 3 on an event of these kinds.")
@with_settings
def check(
    settings: Callable[..., Loaded], nodes: tuple[str, ...], dry_run: bool, as_json: bool, fail_on: frozenset[Kind]
) -> int:
    """Poll once: list, compare, save, alert."""
    from watcher.cli.commands import check as run_check

    return run_check(settings({"nodes": nodes}), dry_run=dry_run, as_json=as_json, fail_on=fail_on)


@cli.command()
@click.option("--node", "nodes", multiple=True, metavar="ID", help="Watch this node pack too (repeatable).")
@with_settings
def run(settings: Callable[..., Loaded], nodes: tuple[str, ...]) -> int:
    """Poll until SIGTERM or SIGINT; a second signal stops at once."""
    from watcher.cli.commands import run_forever

    return run_forever(settings({"nodes": nodes}))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@without("--registry-url", "--log-format")
@with_settings
def status(settings: Callable[..., Loaded], as_json: bool) -> int:
    """Show watched nodes and undelivered alerts; works offline."""
    from watcher.cli import status as view

    loaded = settings({})
    chosen = loaded.settings
    state = _folder(loaded).load()
    nodes = view.watched(chosen.nodes, state)
    channels = [channel.name for channel in chosen.all_channels()]
    if as_json:
        echo(as_document(view.document(state, nodes, channels)))
    elif not nodes:
        echo("Nothing is watched yet: name node packs in the settings, or try `comfy-watch check --node ID`.")
    else:
        for line in view.lines(state, nodes, channels, width(sys.stdout)):
            echo(line)
    return 0


@cli.command(epilog=KINDS_HELP)
@click.option("--node", "nodes", multiple=True, metavar="ID", help="Only this node pack (repeatable).")
@kinds_option("--kind", "kinds", help="Only these kinds of event.")
@single("--since", metavar="WHEN", help="A date, or a duration back (7d, 12h).")
@single("--limit", type=click.IntRange(min=1), default=(50,), show_default=True, metavar="N", help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@without("--registry-url", "--log-format")
@with_settings
def history(
    settings: Callable[..., Loaded],
    nodes: tuple[str, ...],
    kinds: frozenset[Kind],
    since: str | None,
    limit: int,
    as_json: bool,
) -> int:
    """Show past events, newest first."""
    from watcher.cli import history
    from watcher.polling.setup import clock
    from watcher.settings import node_ids
    from watcher.state.records import event_form

    try:
        begin = "" if since is None else history.since(since, clock())
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None
    try:
        wanted_nodes = {node.lower() for node in node_ids.read(nodes)}
    except ValueError as error:
        raise UsageError(f"--node: {error}") from None
    wanted = history.Wanted(nodes=wanted_nodes, kinds=kinds, since=begin, limit=limit)
    folder = _folder(settings({}))
    recorded = folder.read_history()
    if warning := history.warning(recorded.unreadable):
        echo(warning, error=True)
    events = history.choose(recorded.events, wanted)
    if as_json:
        echo(as_document({"events": [event_form(event) for event in events]}))
    else:
        for line in history.lines(events, width(sys.stdout)):
            echo(line)
    return 0


@cli.command("test-alerts")
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@without("--registry-url")
@with_settings
def test_alerts(settings: Callable[..., Loaded], channels: tuple[str, ...]) -> int:
    """Send a sample to each channel, or to those named."""
    from watcher.cli.commands import send_samples

    return send_samples(settings({}), channels)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@with_settings
def config(settings: Callable[..., Loaded], as_json: bool) -> int:
    """Show the effective settings and their origins; no network."""
    from watcher.cli import config
    from watcher.cli.terminal import table
    from watcher.polling.setup import validate_channels, warnings
    from watcher.registry.transport import check_usable
    from watcher.state.store import StateFolder

    loaded = settings({})
    check_usable(loaded.settings.registry_url)
    validate_channels(loaded.settings, StateFolder(loaded.settings.state_dir), loaded.origins)
    for warning in warnings(loaded):
        echo(f"warning: {warning}", error=True)
    if as_json:
        echo(as_document(config.document(loaded)))
        return 0
    places = ", ".join(map(str, loaded.looked))
    echo(f"settings file: {loaded.config_file or f'none (looked for {places})'}")
    wide = width(sys.stdout)
    rows = config.rows(loaded, None if wide is None else ENTRIES_SHOWN)
    for line in table(("SETTING", "VALUE", "FROM"), rows, wide):
        echo(line)
    return 0


def _folder(loaded: Loaded) -> StateFolder:
    """Give the state folder to look at; UsageError, which says where this looked, if nothing is watched and none is."""
    from watcher.polling.setup import nothing_to_watch
    from watcher.state.store import StateFolder

    folder = StateFolder(loaded.settings.state_dir)
    if not loaded.settings.nodes and not folder.exists():
        raise nothing_to_watch(loaded)
    return folder


@cli.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("comfy-watch.toml"), metavar="[FILE]")
def init(path: Path) -> int:
    """Write a commented comfy-watch.toml; never overwrites."""
    from watcher.settings import template

    template.write(path)
    offer([f"Wrote {path}. Put your node packs and alert URLs in it, then: comfy-watch config && comfy-watch check"])
    return 0


@cli.command()
def demo() -> int:
    """Watch a registry of its own for a few seconds; no network.

    A made-up node pack lives through a release, a deprecation, a flag, a ban and a pardon, and each alert is shown as
    it arrives. Nothing is left behind.
    """
    from watcher.cli.demo import demo as play

    return play()


def main() -> NoReturn:
    """Run the command line and exit; no traceback reaches a user, and no file it writes is another's to read."""
    os.umask(0o077)
    gc.disable()  # for the imports: walking what they build, which stays, costs a tenth of a short run
    code = _exit_code()
    signal.signal(signal.SIGINT, lambda *_: os._exit(code))  # all is done: Ctrl-C can only hasten the exit
    gc.freeze()  # and for the exit, which would walk it all once more
    sys.exit(code)


def _exit_code() -> int:
    try:
        return int(cli.main(prog_name="comfy-watch", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.format_message(), error=True)
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else f"comfy-watch {_command_given()}".strip()
        echo_error(WatchError(masked(error.format_message()), f"see {command} --help"))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except WatchError as error:
        echo_error(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: a person gets a line, not a traceback
        log.debug("unexpected", error=f"{type(error).__name__}: {masked(str(error))}")
        hint = "run again with --log-level debug for its message" if _offers("--log-level") else ""
        echo_error(WatchError(f"unexpected {type(error).__name__}", hint))
        return 1


def _command_given() -> str:
    """Return the name of the command that runs; "" if none could be found."""
    first = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return first if first in cli.commands else ""


def _offers(option: str) -> bool:
    """Tell whether the command that runs has an option."""
    command = cli.commands.get(_command_given())
    return command is not None and any(option in parameter.opts for parameter in command.params)
