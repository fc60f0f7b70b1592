"""Options that several commands share: event kinds, and the settings that a command line may give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from watcher.events import Kind
from watcher.failures import UsageError

if TYPE_CHECKING:
    from watcher.settings import Loaded

if TYPE_CHECKING:
    _KindsType = click.ParamType[frozenset[Kind]]
else:
    _KindsType = click.ParamType

_Command = TypeVar("_Command", bound=Callable[..., int])


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

NO_KINDS: frozenset[Kind] = frozenset()


def with_settings(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that choose settings; it gets a function that loads them."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Settings file.  [default: ./comfy-watch.toml]",
    )
    @click.option("--state-dir", metavar="DIR", help="Where the state is kept.  [default: state]")
    @click.option("--registry-url", metavar="URL", help="The registry to ask.  [default: https://api.comfy.org]")
    @click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.  [default: info]")
    @click.option("--log-format", metavar="FORMAT", help="auto, console or json.  [default: auto]")
    @click.option("--set", "changed", multiple=True, metavar="NAME=VALUE", help="Any other setting (repeatable).")
    @wraps(command)
    def wrapped(*args: object, config: Path | None, changed: tuple[str, ...], **options: object) -> int:
        names = ("state_dir", "registry_url", "log_level", "log_format")
        said = {name: options.pop(name, None) for name in names}
        given: dict[str, object] = {name: value for name, value in said.items() if value is not None}

        def settings(more: Mapping[str, object]) -> Loaded:
            from watcher.start import settings_from

            assigned = _assigned(changed)
            added = [node for source in (assigned, more) for node in _nodes(source.get("nodes", ()))]
            return settings_from(config, {**assigned, **given, "nodes": added})

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
    from watcher.spellings import words

    try:
        return words(value)
    except ValueError as error:
        raise UsageError(f"--set nodes: {error}") from None


def _assigned(pairs: tuple[str, ...]) -> dict[str, object]:
    """Read `--set NAME=VALUE`; secrets are refused, since every user of the machine can read a command line."""
    found: dict[str, object] = {}
    for pair in pairs:
        name, given, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not given:
            raise UsageError(f"--set {masked(name)}: write NAME=VALUE")
        if name in {"alert_urls", "channels"}:
            raise UsageError(
                f"--set {name}: alert URLs are secrets, and a command line can be read by every user of the machine",
                hint=f"put it in the settings file, in COMFY_WATCH_{name.upper()} or in a secrets folder",
            )
        found[name] = value
    return found


def masked(text: str) -> str:
    """Give what somebody typed up to where an alert URL may begin: it may have been meant for somewhere else.

    Where it ends can't be told, since a password may have quotes, blanks and newlines in it.
    """
    from watcher.spellings import address_in

    found = address_in(text)
    return f"{text[: found.start()]}***://***" if found else text
