"""What several commands take: options whose values are read or add up, with errors that name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import click

from watcher import durations, timestamps
from watcher.errors import UsageError
from watcher.polling.clock import clock
from watcher.settings import parsing
from watcher.text.mask import describe, find_url, nearest

_Value = TypeVar("_Value")
_Given = TypeVar("_Given")
_Command = TypeVar("_Command", bound=Callable[..., object])


def repeatable(
    *names: str,
    parse: Callable[[list[object]], object],
    without: object = frozenset(),
    **fields: Any,  # noqa: ANN401 - click's
) -> Callable[[_Command], _Command]:
    """Declare an option whose values add up: `parse` makes one of all their words.

    Without the option the command gets `without`.
    """

    def add_up(texts: tuple[str, ...]) -> object:
        # Each may hold several: `--fail-on banned,flagged`.
        words = [word for text in texts for word in parsing.split_list(text)]
        return parse(words) if texts else without

    return click.option(*names, multiple=True, callback=reading(add_up), **fields)


def reading(
    parse: Callable[[Any], object], name: str = "", without: object = None
) -> Callable[[click.Context, click.Parameter, object], object]:
    """Return click's `callback` of an option that is read with `parse`; without the option its value is `without`.

    What `parse` refuses is a UsageError with the option's name, or with the `name` that an argument has for people.
    """

    def callback(_: click.Context, option: click.Parameter, value: object) -> object:
        return without if value is None else read(name or option.opts[0], parse, value)

    return callback


flag = partial(click.option, is_flag=True)
"""Declares an option that is given or not."""

json_option = flag("--json", "as_json", help="Print one JSON document instead.")

nodes_option = partial(
    click.option,
    "--node",
    "nodes",
    multiple=True,
    metavar="ID",
    callback=reading(parsing.read),
)
"""Declares the repeatable option that takes node ids."""


limit_option = partial(
    click.option,
    "--limit",
    metavar="N",
    default="50",
    show_default=True,
    # In our words: click's say of `all` that it "is not a valid integer range".
    callback=reading(partial(parsing.whole, low=1, high=1_000_000_000)),
)
"""Declares the option for how many rows to show."""


def parse_since(text: str, now: str) -> str:
    """Return the time that `--since` names: a date, a time or a duration before `now`; ValueError for other text."""
    if moment := timestamps.normal(text):
        return moment
    try:
        # Plain seconds are refused: 2026 may as well be meant as a year.
        has_unit = not text.strip()[-1:].isdecimal()
        return timestamps.later(now, -durations.parse(text if has_unit else ""))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{describe(text)} is not a date (2026-01-31), a time (2026-01-31T12:00Z) or a duration with a unit"
            " (7d, 12h)"
        ) from None


since_option = partial(
    click.option,
    "--since",
    metavar="WHEN",
    callback=reading(lambda text: parse_since(text, clock()), without=""),
)
"""Declares the option for the earliest time; it is "" without the option."""

targets_argument = click.argument(
    "targets", nargs=-1, metavar="[TARGET]...", type=click.Path()
)
"""Declares the arguments that name installs."""


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


def no_such(what: str, name: str, known: Iterable[str]) -> UsageError:
    """Return that there is none of this name, with the nearest one that there is, or all."""
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"{what}s: {', '.join(known)}"
    return UsageError(f"there is no {what} {describe(name)}", hint)
