"""Settings: one flat, typed value (docs/dev/behaviour.md, Settings).

Its fields say what each setting means, for the sample file, docs/settings.md and the JSON Schema.
"""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from watcher.durations import DAY, show
from watcher.model import selection
from watcher.model.channel import Channel
from watcher.model.finding import Acceptance
from watcher.model.pack import Source
from watcher.model.selection import INTERVAL_OF_GLOBS, Selection
from watcher.model.version import STATUSES
from watcher.settings import parsing, tables
from watcher.settings.tables import (
    ANY_CASE,
    AcceptTable,
    ChannelTable,
    InstallTable,
    list_with,
    names,
    read_tables,
)
from watcher.text import mask


def _duration(low: float, high: float) -> BeforeValidator:
    return BeforeValidator(
        partial(parsing.seconds, low=low, high=high), json_schema_input_type=float | str
    )


def _whole(low: int, high: int) -> BeforeValidator:
    # For the schema alone: `parsing.whole` refuses in the words of this program.
    bounded = Annotated[int, Field(ge=low, le=high)]
    return BeforeValidator(
        partial(parsing.whole, low=low, high=high), json_schema_input_type=bounded
    )


def _folder(value: object) -> Path:
    text = str(value) if isinstance(value, (str, Path)) else ""
    if not parsing.path(text).strip() or not text.isprintable():
        raise ValueError(
            f"{mask.describe(value)} is not a folder; give a path, e.g. '/srv/comfy-watch'"
        )
    return Path(text)


def _publish_dir(value: object) -> Path | None:
    # So a variable can take back what the file says.
    return None if parsing.lower(value) in (None, "") else _folder(value)


_Folder = Annotated[Path, BeforeValidator(_folder, json_schema_input_type=str)]
# Secrets are such by their type: no repr, log line or traceback of the settings shows one.
_Heartbeat = Annotated[SecretStr | None, BeforeValidator(parsing.heartbeat_url)]
_Tables = Annotated[
    tuple[ChannelTable, ...],
    BeforeValidator(read_tables, json_schema_input_type=list[ChannelTable]),
    AfterValidator(partial(tables.unique, what="channels")),
]
_Installs = Annotated[
    tuple[InstallTable, ...],
    BeforeValidator(
        tables.read_installs,
        json_schema_input_type=list[InstallTable | str] | str,
    ),
    AfterValidator(partial(tables.unique, what="installs")),
]
_Accept = Annotated[
    tuple[AcceptTable, ...],
    BeforeValidator(
        tables.read_accept,
        json_schema_input_type=list[AcceptTable | str] | str,
    ),
]


class Settings(BaseSettings):
    """The settings of comfy-watch."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        # Else the text of an error has the value, and that may be a secret.
        hide_input_in_errors=True,
        field_title_generator=lambda name, _: name,
    )

    installs: _Installs = Field(
        (),
        description="ComfyUIs whose node packs are watched too: folders, addresses of running ones (secret), or"
        " snapshot files. An `[[installs]]` table can have a name.",
    )
    """With absolute paths once loaded."""
    nodes: Annotated[tuple[str, ...], list_with(parsing.read_watched)] = Field(
        (),
        description="Ids of node packs, or their URLs on registry.comfy.org. `*` watches the whole registry,"
        " `comfyui-*` a part of it; `!comfyui-test-*` leaves packs out.",
    )
    publishers: Annotated[tuple[str, ...], list_with(parsing.read_publishers)] = Field(
        (),
        description="Ids of publishers, or their URLs on registry.comfy.org. All their node packs are watched, new"
        " ones within a day. `!pack` in `nodes` leaves one out.",
    )
    accept: _Accept = Field(
        (),
        description="Findings about installed packs that you know and accept: `pack@1.2.0`, `pack@COMMIT` for a clone"
        " (at least 7 digits), or `pack` for copies of unknown version. That covers `flagged` and milder verdicts; with"
        " `=VERDICT` at its end that verdict and milder ones. `pack=banned` also covers a ban of the whole pack. All of"
        " it is still shown.",
    )
    minimum_age: Annotated[float, _duration(0, 366 * DAY)] = Field(
        DAY,
        description="How old a version has to be before it is advised, and before `outdated` counts it. A younger one"
        " is advised, with its age, if no other is good. `0` advises any.",
    )
    statuses: Annotated[tuple[str, ...], list_with(parsing.statuses, *STATUSES)] = (
        Field(
            STATUSES,
            description="Which changes of versions to report, by the status after the change, or before what ends. What"
            " says that you run something bad is always reported.",
        )
    )
    alert_urls: Annotated[
        tuple[SecretStr, ...] | None, list_with(parsing.alert_urls)
    ] = Field(
        (),
        description='Where alerts go, as apprise URLs; secret. `"none"` says that you want no alerts, and turns off'
        " the warning about it.",
    )
    """None where no alerts are wanted."""
    heartbeat_url: _Heartbeat = Field(
        None,
        description="A monitor that notices when polls stop, such as healthchecks.io; secret. It gets a ping"
        " after every poll: at `/fail` if that could read nothing or could not use the state.",
    )
    alert_expiry: Annotated[float, _duration(0.001, 3660 * DAY)] = Field(
        7 * DAY,
        description="How long an undelivered alert is kept. After that it is given up, with an error, when its channel"
        " fails again.",
    )
    baseline: Annotated[Literal["summary", "silent"], ANY_CASE] = Field(
        "summary",
        description="What you get when a node pack is seen for the first time: one alert (`summary`), or none"
        " (`silent`).",
    )
    failure_threshold: Annotated[int, _whole(1, 1000)] = Field(
        3, description="Failed polls in a row before a `failing` alert."
    )
    interval: Annotated[
        float, BeforeValidator(parsing.interval, json_schema_input_type=float | str)
    ] = Field(
        900.0,
        description="How often `run` polls: `90s`, `15m`, `1h` or a number of seconds, at least `10s`. The default is"
        f" `{show(INTERVAL_OF_GLOBS)}` if `nodes` has `*` or a pattern.",
    )
    """Seconds, as every duration."""
    concurrency: Annotated[int, _whole(1, 256)] = Field(
        16, description="Requests at a time."
    )
    timeout: Annotated[float, _duration(0.01, DAY)] = Field(
        30.0,
        description="How long one request may take in all. The same limit holds for each recipient of an alert URL.",
    )
    retries: Annotated[int, _whole(0, 20)] = Field(
        3,
        description="How often a request is tried again after a network error, a 429 or a 5xx. A `Retry-After` of more"
        " than a minute ends the retries of this poll.",
    )
    registry_url: Annotated[str, BeforeValidator(parsing.registry_url)] = Field(
        "https://api.comfy.org", description="The registry's URL."
    )
    state_dir: _Folder = Field(
        Path("state"),
        description="The state folder. A relative path starts at the settings file's folder; in the environment and"
        " on the command line at the working folder. Other defaults: `$STATE_DIRECTORY` under systemd,"
        " `/var/lib/comfy-watch` for settings in `/etc/comfy-watch`, `~/.local/state/comfy-watch` for"
        " settings in `~/.config/comfy-watch`.",
    )
    """Absolute once loaded."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], ANY_CASE] = (
        Field(
            "info",
            description="`debug`, `info`, `warning` or `error`; `debug` shows each request, retry and file.",
        )
    )
    log_format: Annotated[Literal["auto", "console", "json"], ANY_CASE] = Field(
        "auto",
        description="`console` is for people, `json` is one JSON document a line; `auto` is `console` on a terminal"
        " and in systemd's journal, else `json`.",
    )
    publish_dir: Annotated[
        Path | None,
        BeforeValidator(_publish_dir, json_schema_input_type=str | None),
    ] = Field(
        None,
        description="A folder that each poll leaves as `comfy-watch publish` would: a page, a feed and other files"
        " that everybody can read. A relative path starts where that of `state_dir` does.",
    )
    """Absolute once loaded."""
    # Off: who adds an install to settings that publish is not to publish with it what is run.
    publish_installs: bool = Field(
        False,
        description="Whether the published files may show what you run, and so which of your machines has something"
        " bad: `true` or `false`. Without it nothing is published where an install is watched.",
    )
    channels: _Tables = Field(
        (),
        description="Channels with their own settings, a `[[channels]]` table each; secret.",
    )

    @cached_property
    def placed_channels(self) -> dict[str, Channel]:
        """Every channel as `all_channels` has it, by its place: `alert_urls, entry 2` or `channels, entry 1`."""
        urls = [secret.get_secret_value() for secret in self.alert_urls or ()]
        # The name of a table was chosen, so the entry of `alert_urls` takes another.
        taken = [table.name.lower() for table in self.channels]
        found: dict[str, Channel] = {}
        # A URL that stands there twice would get each alert twice.
        for url, name in names(dict.fromkeys(urls), taken).items():
            found[f"alert_urls, entry {urls.index(url) + 1}"] = Channel(
                name=name, url=url, placed=True
            )
        for entry, table in enumerate(self.channels, 1):
            found[f"channels, entry {entry} ({table.name}), url"] = table.channel()
        return found

    @classmethod
    def settings_customise_sources(
        cls,
        *_: Any,  # noqa: ANN401 - the parameters are pydantic-settings'
        **given: Any,  # noqa: ANN401
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the keyword arguments and nothing else: `load` has sources of its own."""
        return (given["init_settings"],)

    @property
    def watches_anything(self) -> bool:
        """Whether there is something to watch."""
        chosen = self.selection()  # a glob that only leaves out watches nothing
        return bool(chosen.names or chosen.chooses or self.publishers or self.installs)

    def selection(self) -> Selection:
        """Return what `nodes` watches, ids and globs apart."""
        return selection.split(self.nodes)

    def all_channels(self) -> tuple[Channel, ...]:
        """Return every channel: those of `alert_urls`, named by service (`discord`, `discord-2`), then `[[channels]]`.

        A URL that is in `alert_urls` twice is one channel.
        """
        return tuple(self.placed_channels.values())

    def all_installs(self) -> tuple[Source, ...]:
        """Return every install. One without a name has that of its folder or host."""
        return tables.sources(self.installs)

    def all_accepted(self) -> tuple[Acceptance, ...]:
        """Return every known finding, each once."""
        return tables.acceptances(self.accept)

    def heartbeat_address(self) -> str:
        """Return `heartbeat_url` in the clear; "" where there is none."""
        return self.heartbeat_url.get_secret_value() if self.heartbeat_url else ""


def json_schema() -> dict[str, object]:
    """Return the JSON Schema of the settings file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Settings.model_json_schema(),
    }
