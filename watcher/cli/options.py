"""Options that several commands share: event kinds, and the settings that a command line may give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from watcher.errors import UsageError
from watcher.model.event import Kind

if TYPE_CHECKING:
    from watcher.settings.loading import Loaded

if TYPE_CHECKING:
    _KindsType = click.ParamType[frozenset[Kind]]
else:
    _KindsType = click.ParamType

_Command = TypeVar("_Command", bound=Callable[..., int])


_Value = TypeVar("_Value")


class Kinds(_KindsType):
    """Event kinds, comma-separated."""

    name = "KINDS"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[Kind]:
        """Read the kinds; none at all is a mistake, since it would guard nothing."""
        if isinstance(value, frozenset):
            return value
        try:
            kinds = frozenset(Kind(name.strip().lower()) for name in str(value).split(",") if name.strip())
        except ValueError:
            kinds = frozenset()
        if not kinds:
            self.fail(f"{value!r} is not a list of event kinds; known are {', '.join(Kind)}", param, ctx)
        return kinds


KINDS_HELP = f"KINDS are event kinds between commas: {', '.join(Kind)}."


def _any_of(_: click.Context, __: click.Parameter, given: tuple[frozenset[Kind], ...]) -> frozenset[Kind]:
    """Return the kinds of an option that may be given more than once: they add up."""
    return frozenset[Kind]().union(*given)


def _only_one(ctx: click.Context, option: click.Parameter, given: tuple[_Value, ...]) -> _Value | None:
    """Return the value of an option that has one, or None. Given again with another it is refused.

    The option is one that may be given more than once, of which click would take the last in silence.
    """
    if len(set(given)) > 1:
        raise click.BadParameter("it is given more than once, with different values", ctx, option)
    return given[0] if given else None


single = partial(click.option, multiple=True, callback=_only_one)
"""Declares an option that has one value; see `_only_one`."""

kinds_option = partial(click.option, type=Kinds(), multiple=True, callback=_any_of, metavar="KINDS")
"""Declares an option that takes event kinds, and again more of them."""


def with_settings(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that choose settings; it gets a function that loads them."""

    @single(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Settings file.  [default: ./comfy-watch.toml]",
    )
    @single("--state-dir", metavar="DIR", help="Where the state is kept.  [default: state]")
    @single("--registry-url", metavar="URL", help="The registry to ask.  [default: https://api.comfy.org]")
    @single("--log-level", metavar="LEVEL", help="debug, info, warning or error.  [default: info]")
    @single("--log-format", metavar="FORMAT", help="auto, console or json.  [default: auto]")
    @click.option("--set", "changed", multiple=True, metavar="NAME=VALUE", help="Any other setting (repeatable).")
    @wraps(command)
    def wrapped(*args: object, config: Path | None, changed: tuple[str, ...], **options: object) -> int:
        names = ("state_dir", "registry_url", "log_level", "log_format")
        chosen = {name: options.pop(name, None) for name in names}
        given = {name: value for name, value in chosen.items() if value is not None}

        def settings(more: Mapping[str, object]) -> Loaded:
            from watcher.polling.setup import load_settings

            assigned, nodes = _assigned(changed, given)
            added = [node for words in (*nodes, more.get("nodes", ())) for node in _nodes(words)]
            return load_settings(config, {**assigned, "nodes": added})

        return command(*args, settings=settings, **options)

    return wrapped


def without(*names: str) -> Callable[[_Command], _Command]:
    """Return what takes options of `with_settings` from a command on which they have no effect."""

    def taken(command: _Command) -> _Command:
        given: list[click.Parameter] = command.__click_params__  # type: ignore[attr-defined]  # where click keeps them
        given[:] = [parameter for parameter in given if not set(names) & set(parameter.opts)]
        return command

    return taken


def _nodes(value: object) -> list[object]:
    """Give the ids of `--set nodes=…` or of `--node`."""
    from watcher.settings.parsing import split_list

    try:
        return split_list(value)
    except ValueError as error:
        raise UsageError(f"--set nodes: {error}") from None


def _assigned(pairs: tuple[str, ...], chosen: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Read `--set NAME=VALUE` beside what was `chosen` by options; return the settings, and each value of `nodes`.

    Secrets are refused, since every user of the machine can read a command line; so is a setting with two values.
    """
    found = dict(chosen)
    nodes: list[str] = []
    for pair in pairs:
        name, given, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not given:
            raise UsageError(f"--set {masked(name)}: write NAME=VALUE")
        if name in {"alert_urls", "channels"}:
            raise UsageError(
                f"--set {name}: alert URLs are secrets, and every user of the machine can read a command line",
                hint=f"put it in the settings file, in COMFY_WATCH_{name.upper()} or in a secrets folder",
            )
        if name == "nodes":
            nodes.append(value)
        elif found.setdefault(name, value) != value:
            raise UsageError(f"--set {masked(name)}: the setting is given more than once, with different values")
    return found, nodes


def masked(text: str) -> str:
    """Give what somebody typed up to where an alert URL may begin: it may have been meant for somewhere else.

    Where it ends can't be told, since a password may have quotes, blanks and newlines in it.
    """
    from watcher.text.mask import find_url

    found = find_url(text)
    return f"{text[: found.start()]}***://***" if found else text
