"""Options that several commands share: event kinds, and the settings that a command line may give."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from watcher.errors import UsageError
from watcher.model.event import Kind
from watcher.settings.parsing import LOGIN, SECRET, choices, id_or_glob, split_list
from watcher.text.mask import describe, find_url

if TYPE_CHECKING:
    from watcher.settings.loading import Loaded

_Value = TypeVar("_Value")
_Given = TypeVar("_Given")
_Command = TypeVar("_Command", bound=Callable[..., object])

KINDS_HELP = f"KINDS are event kinds separated by commas: {', '.join(Kind)}."


def ending(example: str, *more: str, page: str = "commands") -> str:
    """Return the end of a command's help: an example of its use, which click does not wrap, more paragraphs, a page."""
    shown = f"\b\nExample:\n  comfy-watch {example}"
    return "\n\n".join([shown, *more, f"More: docs/{page}.md"])


def repeatable(
    *names: str,
    parse: Callable[[list[object]], object],
    without: object,
    **fields: Any,  # noqa: ANN401 - click's
) -> Callable[[_Command], _Command]:
    """Declare an option whose values add up: `parse` makes one of all their words; what it refuses is a wrong use.

    Without the option the command gets `without`.
    """

    def add_up(
        ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]
    ) -> object:
        if not texts:
            return without
        try:
            return parse([word for text in texts for word in split_list(text)])
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, option) from None

    return click.option(*names, multiple=True, callback=add_up, **fields)


def _kinds(words: list[object]) -> frozenset[Kind]:
    return frozenset(map(Kind, choices(words, [*Kind], "an event kind")))


kinds_option = partial(
    repeatable,
    parse=_kinds,
    without=frozenset(),
    metavar="KINDS",
)
"""Declares a repeatable option that takes event kinds."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead."
)

nodes_option = partial(click.option, "--node", "nodes", multiple=True, metavar="ID")
"""Declares the repeatable option that takes node ids."""


def _count(text: str) -> int:
    """Return the number of `--limit`."""
    if not text.isdecimal() or not int(text):
        raise click.BadParameter(f"{describe(text)} is not a number of 1 or more")
    return int(text)


limit_option = partial(click.option, "--limit", type=_count, metavar="N")
"""Declares the option for how many rows to show."""

targets_argument = click.argument(
    "targets", nargs=-1, metavar="[TARGET]...", type=click.Path()
)
"""Declares the arguments that name installs."""


def with_settings(command: Callable[..., int]) -> Callable[..., int]:
    """Decorate a command with the options that choose settings.

    The command gets `settings`, a function that loads them, with more `nodes` to watch if it is given any. Without
    `alerts` it may leave out where alerts go.
    """

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The settings file.  [default: ./comfy-watch.toml, else where init writes it]",
    )
    @click.option(
        "--set",
        "changed",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting (repeatable).",
    )
    @wraps(command)
    def decorated(
        *, config: Path | None, changed: tuple[str, ...], **options: object
    ) -> int:
        def settings(nodes: Iterable[str] = (), *, alerts: bool = True) -> Loaded:
            # Takes 0.1 s, which --help does not need.
            from watcher.cli.loading import load_settings

            more = [read("--node", id_or_glob, node) for node in nodes]
            return load_settings(config, _assigned(changed), more, alerts=alerts)

        return command(settings=settings, **options)

    return decorated


def _assigned(pairs: Iterable[str]) -> dict[str, object]:
    """Return the settings of `--set NAME=VALUE`; UsageError for wrong ones.

    Secrets are refused, since every user of the machine can read a command line.
    """
    settings: dict[str, object] = {}
    for pair in pairs:
        name, given, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not given:
            raise UsageError(f"--set {masked(name)}: write NAME=VALUE")
        if name in SECRET or (name == "installs" and LOGIN.search(value)):
            raise UsageError(
                f"--set {name}: it is a secret, and every user of the machine can read a command line",
                hint=f"put it in the settings file, in COMFY_WATCH_{name.upper()} or in a secrets folder",
            )
        settings[name] = value
    return settings


def read(option: str, parse: Callable[[_Given], _Value], value: _Given) -> _Value:
    """Return what `parse` makes of an option's value; UsageError with the option if it raises ValueError."""
    try:
        return parse(value)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def masked(text: str) -> str:
    """Return a text from the command line up to where an alert URL may begin; where one ends cannot be known."""
    found = find_url(text)
    return f"{text[: found.start()]}***://***" if found else text
