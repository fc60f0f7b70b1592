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

from pydantic import BaseModel, BeforeValidator, ConfigDict, Secret, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from watcher import sources, spellings
from watcher.channels import Channel, Grouping
from watcher.events import DEFAULT_KINDS, Kind
from watcher.failures import ConfigError
from watcher.versions import STATUSES

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

SECRET = frozenset({"alert_urls", "channels"})
"""Settings whose values no message, log or listing shows."""

_DAY = 86_400
_layers: ContextVar[tuple[sources.Layer, ...]] = ContextVar("_layers", default=())


def _named(what: str, *known: str) -> BeforeValidator:
    return BeforeValidator(partial(spellings.choice, known=known, what=what))


def _number(low: float, high: float, *, whole: bool = True) -> BeforeValidator:
    return BeforeValidator(partial(spellings.number, low=low, high=high, whole=whole))


def _duration(low: float, high: float) -> BeforeValidator:
    return BeforeValidator(partial(spellings.seconds, low=low, high=high))


def _state_dir(value: object) -> Path:
    text = str(value) if isinstance(value, (str, Path)) else ""
    if not spellings.path(text).strip() or not text.isprintable():
        raise ValueError(f"{spellings.shown(value)} is not a folder; give the path of one, e.g. 'state'")
    return Path(text)


def _alert_urls(value: object) -> tuple[SecretStr, ...]:
    opened = _opened(value)
    if isinstance(opened, (list, tuple)):
        opened = [_opened(item) for item in opened]
    return tuple(SecretStr(url) for url in spellings.alert_urls(opened))


def _tables(value: object) -> tuple[object, ...]:
    items = _opened(value)
    if isinstance(items, str):
        items = spellings.from_json(items) if items.strip() else []
    if isinstance(items, (list, tuple)) and all(isinstance(item, (dict, ChannelTable)) for item in items):
        return tuple(items)
    raise ValueError(
        "the value is not a list of tables; write [[channels]] with two brackets, or a JSON array of objects"
    )


def _opened(value: object) -> object:
    return value.get_secret_value() if isinstance(value, (Secret, SecretStr)) else value


def _channel_name(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not spellings.CHANNEL_NAME.fullmatch(name):
        raise ValueError(
            f"{spellings.shown(value)} is not a channel's name; give up to 64 letters, digits, '-', '_', '.'"
        )
    return name


def _channel_url(value: object) -> SecretStr:
    return SecretStr(spellings.alert_url(_opened(value)))


def _kinds(value: object) -> frozenset[Kind]:
    names = spellings.choices(spellings.words(value), ("all", *Kind), "an event kind")
    return frozenset(Kind) if "all" in names else frozenset(map(Kind, names))


class ChannelTable(BaseModel):
    """One `[[channels]]` table. Empty `nodes` means every node."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, BeforeValidator(_channel_name)]
    url: Annotated[SecretStr, BeforeValidator(_channel_url)]
    kinds: Annotated[frozenset[Kind], BeforeValidator(_kinds)] = DEFAULT_KINDS
    nodes: Annotated[tuple[str, ...], BeforeValidator(partial(spellings.node_ids, what="a node id or glob"))] = ()
    grouping: Annotated[Grouping, _named("a grouping", *Grouping)] = Grouping.POLL


class Settings(BaseSettings):
    """Every setting with its default. Durations are seconds; `state_dir` is absolute once loaded.

    `nodes` may be empty: whether that makes sense is the command's to say. A value that is made directly, not by
    `load`, reads no file and no environment.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    nodes: Annotated[tuple[str, ...], BeforeValidator(spellings.node_ids)] = ()
    statuses: Annotated[tuple[str, ...], BeforeValidator(spellings.statuses)] = STATUSES
    registry_url: Annotated[str, BeforeValidator(spellings.registry_url)] = "https://api.comfy.org"
    state_dir: Annotated[Path, BeforeValidator(_state_dir)] = Path("state")
    interval: Annotated[float, _duration(0, 366 * _DAY)] = 900.0
    jitter: Annotated[float, _number(0, 1, whole=False)] = 0.1
    concurrency: Annotated[int, _number(1, 256)] = 16
    timeout: Annotated[float, _duration(0.01, _DAY)] = 30.0
    retries: Annotated[int, _number(0, 20)] = 3
    max_response_mb: Annotated[float, _number(0.001, 4096, whole=False)] = 32.0
    baseline: Annotated[Literal["summary", "silent", "full"], _named("a baseline", "summary", "silent", "full")] = (
        "summary"
    )
    failure_threshold: Annotated[int, _number(1, 1000)] = 3
    alert_urls: Annotated[tuple[SecretStr, ...], BeforeValidator(_alert_urls)] = ()
    channels: Annotated[tuple[ChannelTable, ...], BeforeValidator(_tables)] = ()
    alert_expiry: Annotated[float, _duration(0.001, 3660 * _DAY)] = 7.0 * _DAY
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _named("a log level", "debug", "info", "warning", "error")
    ] = "info"
    log_format: Annotated[Literal["auto", "console", "json"], _named("a log format", "auto", "console", "json")] = (
        "auto"
    )

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
        found: list[Channel] = []
        seen: Counter[str] = Counter()
        for url in (secret.get_secret_value() for secret in self.alert_urls):
            scheme = spellings.scheme(url)
            seen[scheme] += 1
            name = scheme.replace("+", "-") if seen[scheme] == 1 else f"{scheme.replace('+', '-')}-{seen[scheme]}"
            found.append(Channel(name=name, url=url, placed=True))
        for table in self.channels:
            url = table.url.get_secret_value()
            found.append(
                Channel(name=table.name, url=url, kinds=table.kinds, nodes=table.nodes, grouping=table.grouping)
            )
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings, the file, and where each setting came from in a person's words (`default`, `command line`)."""

    settings: Settings
    origins: Mapping[str, str]
    config_file: Path | None


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
    layers = (
        sources.Layer(values=given, origins=dict.fromkeys(given, "command line")),
        sources.from_environment(environ),
        sources.from_secrets(environ, Settings.model_fields, container_secrets),
        sources.from_file(config_file, named_by) if config_file else sources.Layer(),
        sources.from_service_manager(environ),
    )
    origins = dict.fromkeys(Settings.model_fields, "default")
    for layer in reversed(layers):
        origins |= layer.origins
    problems += [problem for layer in layers for problem in layer.problems]
    settings, refused = _built(layers)
    problems += [_line(error, origins) for error in refused]
    changes: dict[str, object] = {}
    try:
        if more := spellings.node_ids(added):
            changes["nodes"] = spellings.node_ids([*settings.nodes, *more])
            origins["nodes"] = f"{origins['nodes']} + command line" if settings.nodes else "command line"
    except ValueError as error:
        problems.append(f"nodes: {error} (command line)")
    try:
        base = config_file.parent if config_file else cwd
        changes["state_dir"] = base / settings.state_dir.expanduser()
    except RuntimeError:
        problems.append(
            f"state_dir: {str(settings.state_dir)!r} names a home folder that is not known ({origins['state_dir']})"
        )
    if problems:
        wrong = {str(error["loc"][0]) for error in refused if error["loc"]}
        raise ConfigError(*problems, *_refused_urls(layers, SECRET - wrong, refusal))
    return Loaded(settings=settings.model_copy(update=changes), origins=origins, config_file=config_file)


def _refused_urls(
    layers: tuple[sources.Layer, ...], names: Collection[str], refusal: Callable[[str], str | None] | None
) -> list[str]:
    """Have the alert URLs of those settings checked although something else is wrong."""
    only = tuple(
        sources.Layer(values={name: value for name, value in layer.values.items() if name in names}) for layer in layers
    )
    settings, _ = _built(only)
    found = ((channel, refusal(channel.url)) for channel in settings.all_channels()) if refusal else ()
    return [f"channel {channel.name}: {why}" for channel, why in found if why is not None]


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


def _line(error: ErrorDetails, origins: Mapping[str, str]) -> str:
    """Write one refusal as a line: the setting, what is wrong, what is allowed, where the value came from."""
    setting, *inside = [str(part + 1) if isinstance(part, int) else part for part in error["loc"]] or ["channels"]
    place = f"{setting}, entry {', '.join(inside)}" if inside else setting
    known = ChannelTable.model_fields if inside else Settings.model_fields
    match error["type"]:
        case "extra_forbidden":
            name = inside[-1] if inside else setting
            close = spellings.nearest(name, known)
            meant = f"did you mean {close}?" if close else f"known are {', '.join(known)}"
            shown = name if name.isidentifier() and name.isascii() else spellings.shown(name)
            place = f"{setting}, entry {inside[0]}, {shown}" if inside else shown
            said = f"unknown setting; {meant}"
        case "missing":
            said = "must be given"
        case _:
            said = str(error.get("ctx", {}).get("error", "is not allowed"))
    return f"{place}: {said} ({origins.get(setting, 'unknown')})"
