"""Settings: one flat, typed value, loaded from every source at once, with all that is wrong in one error.

Names, defaults and precedence are the contract's (Settings).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from watcher.errors import ConfigError
from watcher.model.channel import Channel
from watcher.model.version import STATUSES
from watcher.settings import channel_tables, errors, node_ids, parsing, sources
from watcher.text import mask

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SECRET = frozenset({"alert_urls", "channels"})
"""Settings whose values no message, log or listing shows."""

SHORTEST_INTERVAL = 10.0
"""Seconds between two polls of `run`, at least."""

_DAY = 86_400
_layers: ContextVar[tuple[sources.Layer, ...]] = ContextVar("_layers", default=())


def _number(low: float, high: float, *, whole: bool = True) -> BeforeValidator:
    return BeforeValidator(partial(parsing.number, low=low, high=high, whole=whole))


def _duration(low: float, high: float) -> BeforeValidator:
    return BeforeValidator(partial(parsing.seconds, low=low, high=high))


def _state_dir(value: object) -> Path:
    text = str(value) if isinstance(value, (str, Path)) else ""
    if not parsing.path(text).strip() or not text.isprintable():
        raise ValueError(f"{mask.describe(value)} is not a folder; give the path of one, e.g. 'state'")
    return Path(text)


def _interval(value: object) -> float:
    return parsing.seconds(value, SHORTEST_INTERVAL, 366 * _DAY)


def _alert_urls(value: object) -> tuple[SecretStr, ...] | None:
    opened = channel_tables.opened(value)
    if isinstance(opened, (list, tuple)):
        opened = [channel_tables.opened(item) for item in opened]
    urls = parsing.alert_urls(parsing.NO_ALERTS if opened is None else opened)
    return None if urls is None else tuple(SecretStr(url) for url in urls)


class Settings(BaseSettings):
    """Every setting with its default. Durations are seconds; `state_dir` is absolute once loaded.

    `nodes` may be empty: whether that makes sense is the command's to say. `alert_urls` is None where it says that no
    alerts are wanted. A value that is made directly, not by
    `load`, reads no file and no environment.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    nodes: Annotated[tuple[str, ...], BeforeValidator(node_ids.read)] = ()
    statuses: Annotated[tuple[str, ...], BeforeValidator(parsing.statuses)] = STATUSES
    registry_url: Annotated[str, BeforeValidator(parsing.registry_url)] = "https://api.comfy.org"
    state_dir: Annotated[Path, BeforeValidator(_state_dir)] = Path("state")
    interval: Annotated[float, BeforeValidator(_interval)] = 900.0
    jitter: Annotated[float, _number(0, 1, whole=False)] = 0.1
    concurrency: Annotated[int, _number(1, 256)] = 16
    timeout: Annotated[float, _duration(0.01, _DAY)] = 30.0
    retries: Annotated[int, _number(0, 20)] = 3
    max_response_mb: Annotated[float, _number(0.001, 4096, whole=False)] = 32.0
    baseline: Annotated[
        Literal["summary", "silent", "full"], channel_tables.named("a baseline", "summary", "silent", "full")
    ] = "summary"
    failure_threshold: Annotated[int, _number(1, 1000)] = 3
    alert_urls: Annotated[tuple[SecretStr, ...] | None, BeforeValidator(_alert_urls)] = ()
    channels: Annotated[tuple[channel_tables.ChannelTable, ...], BeforeValidator(channel_tables.read)] = ()
    alert_expiry: Annotated[float, _duration(0.001, 3660 * _DAY)] = 7.0 * _DAY
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        channel_tables.named("a log level", "debug", "info", "warning", "error"),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "console", "json"], channel_tables.named("a log format", "auto", "console", "json")
    ] = "auto"

    @model_validator(mode="after")
    def _names_differ(self) -> Settings:
        counts = Counter(channel.name.lower() for channel in self.all_channels())
        for table in self.channels:
            if counts[table.name.lower()] > 1:
                raise ValueError(
                    f"the name '{table.name}' is taken by another channel (an entry of alert_urls is named by its"
                    " scheme); give each a name of its own"
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic-settings'
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the layers that `load` found, first one first, and no source that would look around by itself."""
        return (init_settings, *(sources.LayerSource(settings_cls, layer, SECRET) for layer in _layers.get()))

    def all_channels(self) -> tuple[Channel, ...]:
        """Give every channel: those of `alert_urls`, named by scheme (`discord`, `discord-2`), then `[[channels]]`."""
        return tuple(self.placed_channels().values())

    def placed_channels(self) -> dict[str, Channel]:
        """Return every channel as `all_channels` does, by its place: `alert_urls, entry 2` or `channels, entry 1`.

        A URL that stands in `alert_urls` again is no second channel.
        """
        found: dict[str, Channel] = {}
        urls: set[str] = set()
        seen: Counter[str] = Counter()
        for entry, url in enumerate((secret.get_secret_value() for secret in self.alert_urls or ()), 1):
            if url in urls:
                continue
            urls.add(url)
            scheme = mask.scheme(url)
            seen[scheme] += 1
            name = scheme.replace("+", "-") if seen[scheme] == 1 else f"{scheme.replace('+', '-')}-{seen[scheme]}"
            found[f"alert_urls, entry {entry}"] = Channel(name=name, url=url, placed=True)
        for entry, table in enumerate(self.channels, 1):
            url = table.url.get_secret_value()
            found[f"channels, entry {entry} ({table.name}), url"] = Channel(
                name=table.name, url=url, kinds=table.kinds, nodes=table.nodes, grouping=table.grouping
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings, the file, and where each setting came from in a person's words (`default`, `command line`).

    Where there is no file, `looked` is where one was looked for. `warnings` are what a person should know.
    """

    settings: Settings
    origins: Mapping[str, str]
    config_file: Path | None
    looked: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def load(
    *,
    config: Path | None,
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    cwd: Path,
    container_secrets: Path = sources.CONTAINER_SECRETS,
    refusal: Callable[[str], str | None] | None = None,
) -> Loaded:
    """Load the settings: defaults, file, secrets folders, environment, command line, the later winning.

    `config` is the command line's file; `overrides` are the command line's settings, of which None counts as not
    given and `nodes` adds to the others' instead of replacing them (contract, Commands). Raises ConfigError with one
    line for everything that is wrong; so that this is all of it, `refusal` is asked about the alert URLs then.
    """
    problems: list[str] = []
    config_file, named_by = None, ""
    try:
        config_file, named_by = sources.find_file(config, environ, cwd)
    except ValueError as error:
        problems.append(f"settings file: {error}")
    given = {name: value for name, value in overrides.items() if value is not None}
    added = given.pop("nodes", ())
    known = Settings.model_fields
    layers = (
        sources.Layer(values=given, origins=dict.fromkeys(given, "command line")),
        sources.from_environment(environ, known),
        sources.from_secrets(environ, known, container_secrets),
        sources.from_file(config_file, named_by, SECRET) if config_file else sources.Layer(),
        sources.from_service_manager(environ),
    )
    origins = dict.fromkeys(known, "default")
    for layer in reversed(layers):
        origins |= layer.origins
    problems += [problem for layer in layers for problem in layer.problems]
    settings, refused = _built(layers)
    if refused:
        say = errors.SettingErrors(
            origins=origins,
            known=known,
            in_channels=channel_tables.ChannelTable.model_fields,
            channels=_channel_names(layers),
        )
        problems += [line for error in refused for line in say.lines(error)]
    changes: dict[str, object] = {}
    try:
        if more := node_ids.read(added):
            changes["nodes"] = node_ids.read([*settings.nodes, *more])
            origins["nodes"] = f"{origins['nodes']} + command line" if settings.nodes else "command line"
    except parsing.EntriesError as error:
        problems += [f"nodes, entry {entry}: {why} (command line)" for entry, why in error.refused.items()]
    except ValueError as error:
        problems.append(f"nodes: {error} (command line)")
    try:
        changes["state_dir"] = _base(layers, config_file, cwd) / settings.state_dir.expanduser()
    except RuntimeError:
        problems.append(
            f"state_dir: {str(settings.state_dir)!r} names a home folder that is not known ({origins['state_dir']})"
        )
    if problems:
        wrong = {str(error["loc"][0]) for error in refused if error["loc"]}
        raise ConfigError(*problems, *_refused_urls(layers, SECRET - wrong, origins, refusal))
    return Loaded(
        settings=settings.model_copy(update=changes),
        origins=origins,
        config_file=config_file,
        looked=() if config_file else sources.places(environ, cwd),
        warnings=tuple(warning for layer in layers for warning in layer.warnings),
    )


def _base(layers: tuple[sources.Layer, ...], config_file: Path | None, cwd: Path) -> Path:
    """Return where a relative `state_dir` starts: at the file's folder, or the working folder if given elsewhere."""
    default = config_file.parent if config_file else cwd
    return next((layer.base or cwd for layer in layers if "state_dir" in layer.values), default)


def _refused_urls(
    layers: tuple[sources.Layer, ...],
    names: Collection[str],
    origins: Mapping[str, str],
    refusal: Callable[[str], str | None] | None,
) -> list[str]:
    """Have the alert URLs of those settings checked although something else is wrong."""
    only = tuple(
        sources.Layer(values={name: value for name, value in layer.values.items() if name in names}) for layer in layers
    )
    settings, _ = _built(only)
    found = {channel.name: refusal(channel.url) for channel in settings.all_channels()} if refusal else {}
    return url_problems(settings, origins, {name: why for name, why in found.items() if why is not None})


def url_problems(settings: Settings, origins: Mapping[str, str], refused: Mapping[str, str]) -> list[str]:
    """Return a line for each alert URL that is refused, by its channel's name: its place, why, where it came from."""
    return [
        f"{place}: {refused[channel.name]} ({origins.get(place.partition(',')[0], 'default')})"
        for place, channel in settings.placed_channels().items()
        if channel.name in refused
    ]


def _built(layers: tuple[sources.Layer, ...]) -> tuple[Settings, list[ErrorDetails]]:
    """Validate what the layers say; the settings are the defaults if something is refused.

    The error itself stays in here: it holds the values, secret ones too.
    """
    token = _layers.set(layers)
    try:
        return Settings(), []
    except ValidationError as error:
        refused = error.errors(include_url=False, include_input=False)
    finally:
        _layers.reset(token)
    return Settings(), refused


def _channel_names(layers: tuple[sources.Layer, ...]) -> list[object]:
    """Return what stands as `name` in each table of the source that counts for `channels`."""
    try:
        tables = channel_tables.read(
            next((layer.values["channels"] for layer in layers if "channels" in layer.values), ())
        )
    except ValueError:
        return []
    return [table.get("name") if isinstance(table, dict) else None for table in tables]
