"""The channels of the settings: `[[channels]]` tables, and names for those of `alert_urls`, which have no other.

Without apprise, which no quiet poll loads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)

from watcher.model.channel import Channel, Grouping, Scope
from watcher.model.event import DEFAULT_KINDS, Kind, Severity
from watcher.settings import node_ids, parsing
from watcher.text import mask

ANY_CASE = BeforeValidator(parsing.lower)
"""For words that may be written in any case."""


def list_with(read: Callable[[object], object], *known: str) -> BeforeValidator:
    """Return `read` as a validator of a list of strings, only the `known` ones if there are any, or of a string."""
    item: Any = Literal[known] if known else str
    return BeforeValidator(read, json_schema_input_type=Union[list[item], str])  # noqa: UP007 - made at run time


def _kinds(value: object) -> frozenset[Kind]:
    names = parsing.choices(parsing.split_list(value), ("all", *Kind), "an event kind")
    return frozenset(Kind) if "all" in names else frozenset(map(Kind, names))


class ChannelTable(BaseModel):
    """A channel with its own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
        ),
    ] = Field(description="The channel's name in every output.")
    url: Annotated[SecretStr, BeforeValidator(parsing.alert_url)] = Field(
        description="An apprise URL; secret."
    )
    kinds: Annotated[frozenset[Kind], list_with(_kinds, "all", *Kind)] = Field(
        DEFAULT_KINDS,
        description=f'`"all"`, or a list of: {", ".join(Kind)}. Default: all of them but `pending`.',
    )
    nodes: Annotated[tuple[str, ...], list_with(node_ids.read_globs)] = Field(
        (), description="Ids or patterns such as `comfyui-*`. Default: every node."
    )
    scope: Annotated[Scope, ANY_CASE] = Field(
        Scope.ALL,
        description="`all`, or `installed`: only what is about node packs that you run.",
    )
    min_severity: Annotated[Severity, ANY_CASE] = Field(
        Severity.INFO,
        description="How bad an event has to be: `info`, `warning` or `critical`. The end of something, such as "
        "`cleared`, passes if that was bad enough. A `baseline` always passes.",
    )
    grouping: Annotated[Grouping, ANY_CASE] = Field(
        Grouping.POLL,
        description="What one message is about: a whole `poll`, or one `event`.",
    )

    def channel(self) -> Channel:
        """Return the channel that the table describes."""
        return Channel(
            name=self.name,
            url=self.url.get_secret_value(),
            kinds=self.kinds,
            kinds_given="kinds" in self.model_fields_set,
            nodes=self.nodes,
            scope=self.scope,
            min_severity=self.min_severity,
            grouping=self.grouping,
        )


def read_tables(value: object) -> object:
    """Return the tables of JSON text, and any other value as it is; ValueError for what is no list of tables."""
    items = value
    if isinstance(value, str):
        items = parsing.from_json(value) if value.strip() else []
    if isinstance(items, (list, tuple)) and not any(
        isinstance(item, str) for item in items
    ):
        return items
    raise ValueError(
        "the value is not a list of tables; write [[channels]] with two brackets, or a JSON array of objects"
    )


NATIVE: Mapping[str, str] = {
    "api.flock.com": "flock",
    "api.incident.io": "incidentio",
    "api.squadcast.com": "squadcast",
    "chat.googleapis.com": "gchat",
    "ciscospark.com": "webex",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "hooks.slack-gov.com": "slack",
    "hooks.slack.com": "slack",
    "inbots.zoom.us": "zoom",
    "logic.azure.com": "workflows",
    "maker.ifttt.com": "ifttt",
    "ntfy.sh": "ntfy",
    "open.larksuite.com": "lark",
    "powerplatform.com": "workflows",
    "qyapi.weixin.qq.com": "wecombot",
    "webexapis.com": "webex",
    "webhooks.t2bot.io": "matrix",
}
"""The scheme of apprise for the addresses that services themselves give out, by their host, or the end of it."""


def names(urls: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return the name of each URL: its service, and the second one numbered (`discord`, `discord-2`).

    `taken` are names of other channels, in lower case, which are passed over.
    """
    unfree = set(taken)
    found: dict[str, str] = {}
    for url in urls:
        name = service = service_named_by(url)
        number = 1
        while name in unfree:
            number += 1
            name = f"{service}-{number}"
        unfree.add(name)
        found[url] = name
    return found


def service_named_by(url: str) -> str:
    """Return the service of a URL: its scheme, or that of a native address."""
    scheme = mask.scheme(url)
    if scheme in ("http", "https"):
        host = url.split("/", 3)[2].rpartition("@")[2].partition(":")[0].lower()
        known = (NATIVE[end] for end in NATIVE if f".{host}".endswith(f".{end}"))
        return next(known, scheme)
    return scheme.replace("+", "-")
