"""The `[[channels]]` tables of the settings: a channel with its own name, event kinds, nodes and grouping."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Secret, SecretStr

from watcher.model.channel import Channel, Grouping, Scope
from watcher.model.event import DEFAULT_KINDS, Kind
from watcher.settings import node_ids, parsing
from watcher.text import mask


def one_of(what: str, *known: str) -> BeforeValidator:
    """Return a validator that takes one of the known words, in any case."""
    return BeforeValidator(
        partial(parsing.choice, known=known, what=what),
        json_schema_input_type=Literal[known],
    )


def list_with(read: Callable[[object], object], *known: str) -> BeforeValidator:
    """Return `read` as a validator of a list of strings, only the `known` ones if there are any, or of a string."""
    item: Any = Literal[known] if known else str
    return BeforeValidator(read, json_schema_input_type=Union[list[item], str])  # noqa: UP007 - made at run time


def unsealed(value: object) -> object:
    """Return what a sealed value holds; any other value as it is."""
    return value.get_secret_value() if isinstance(value, (Secret, SecretStr)) else value


def _name(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not parsing.CHANNEL_NAME.fullmatch(name):
        raise ValueError(
            f"{mask.describe(value)} is not a channel name; give up to 64 letters, digits, '-', '_', '.'"
        )
    return name


def _url(value: object) -> SecretStr:
    return SecretStr(parsing.alert_url(unsealed(value)))


def _kinds(value: object) -> frozenset[Kind]:
    names = parsing.choices(parsing.split_list(value), ("all", *Kind), "an event kind")
    return frozenset(Kind) if "all" in names else frozenset(map(Kind, names))


class ChannelTable(BaseModel):
    """A channel with its own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, BeforeValidator(_name)] = Field(
        description="The channel's name in every output."
    )
    url: Annotated[SecretStr, BeforeValidator(_url, json_schema_input_type=str)] = (
        Field(description="An apprise URL; secret.")
    )
    kinds: Annotated[frozenset[Kind], list_with(_kinds, "all", *Kind)] = Field(
        DEFAULT_KINDS,
        description=f'`"all"`, or a list of: {", ".join(Kind)}. Default: all of them but `pending` and `update`.',
    )
    nodes: Annotated[tuple[str, ...], list_with(node_ids.read_globs)] = Field(
        (), description="Ids or patterns such as `comfyui-*`. Default: every node."
    )
    scope: Annotated[Scope, one_of("a scope", *Scope)] = Field(
        Scope.ALL,
        description="`installed`: only what is about node packs that you run.",
    )
    grouping: Annotated[Grouping, one_of("a grouping", *Grouping)] = Field(
        Grouping.POLL, description="One message for each `poll`, `node` or `event`."
    )

    def channel(self) -> Channel:
        """Return the channel that the table describes."""
        url = self.url.get_secret_value()
        return Channel(
            name=self.name,
            url=url,
            kinds=self.kinds,
            kinds_given="kinds" in self.model_fields_set,
            nodes=self.nodes,
            scope=self.scope,
            grouping=self.grouping,
        )


def read_tables(value: object) -> tuple[object, ...]:
    """Return the tables in a value that may be sealed, or JSON text; ValueError if it is not a list of tables."""
    items = unsealed(value)
    if isinstance(items, str):
        items = parsing.from_json(items) if items.strip() else []
    if isinstance(items, (list, tuple)) and all(
        isinstance(item, (dict, ChannelTable)) for item in items
    ):
        return tuple(items)
    raise ValueError(
        "the value is not a list of tables; write [[channels]] with two brackets, or a JSON array of objects"
    )
