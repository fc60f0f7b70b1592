"""The `[[channels]]` tables of the settings: a channel with a name, kinds, nodes and a grouping of its own."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Secret, SecretStr

from watcher.model.channel import Grouping
from watcher.model.event import DEFAULT_KINDS, Kind
from watcher.settings import node_ids, parsing
from watcher.text import mask


def named(what: str, *known: str) -> BeforeValidator:
    """Return a validator that takes one of the known names, in any case."""
    return BeforeValidator(partial(parsing.choice, known=known, what=what))


def opened(value: object) -> object:
    """Return what a sealed value holds; any other value as it is."""
    return value.get_secret_value() if isinstance(value, (Secret, SecretStr)) else value


def _channel_name(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not parsing.CHANNEL_NAME.fullmatch(name):
        raise ValueError(
            f"{mask.describe(value)} is not a channel's name; give up to 64 letters, digits, '-', '_', '.'"
        )
    return name


def _channel_url(value: object) -> SecretStr:
    return SecretStr(parsing.alert_url(opened(value)))


def _kinds(value: object) -> frozenset[Kind]:
    names = parsing.choices(parsing.split_list(value), ("all", *Kind), "an event kind")
    return frozenset(Kind) if "all" in names else frozenset(map(Kind, names))


class ChannelTable(BaseModel):
    """One `[[channels]]` table. Empty `nodes` means every node."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, BeforeValidator(_channel_name)]
    url: Annotated[SecretStr, BeforeValidator(_channel_url)]
    kinds: Annotated[frozenset[Kind], BeforeValidator(_kinds)] = DEFAULT_KINDS
    nodes: Annotated[tuple[str, ...], BeforeValidator(node_ids.read_globs)] = ()
    grouping: Annotated[Grouping, named("a grouping", *Grouping)] = Grouping.POLL


def read(value: object) -> tuple[object, ...]:
    """Return the tables in a value that may be sealed, or JSON text; ValueError if it is no list of tables."""
    items = opened(value)
    if isinstance(items, str):
        items = parsing.from_json(items) if items.strip() else []
    if isinstance(items, (list, tuple)) and all(isinstance(item, (dict, ChannelTable)) for item in items):
        return tuple(items)
    raise ValueError(
        "the value is not a list of tables; write [[channels]] with two brackets, or a JSON array of objects"
    )
