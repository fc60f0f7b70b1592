"""Settings loaded from every source at once, with everything that is wrong in one error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from watcher.errors import ConfigError, UsageError
from watcher.model import selection
from watcher.model.selection import INTERVAL_OF_GLOBS
from watcher.settings import install_tables, node_ids, parsing, sources
from watcher.settings.channel_tables import read_tables
from watcher.settings.errors import error_lines
from watcher.settings.install_tables import InstallTable
from watcher.settings.model import Settings
from watcher.settings.places import (
    CONTAINER_SECRETS,
    SYSTEM,
    Folders,
    is_same,
    state_home,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Loaded:
    """Settings and where they came from."""

    settings: Settings
    origins: Mapping[str, str]
    """Where each setting came from, for people: `default…`, `command line`, a file's path."""
    config_file: Path | None
    searched: tuple[Path, ...] = ()
    """Where a file was looked for; empty if there is one."""
    warnings: tuple[str, ...] = ()


def load(
    *,
    config: Path | None,
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    cwd: Path,
    container_secrets: Path | None = CONTAINER_SECRETS,
    refusal: Callable[[str], str | None] = lambda _: None,
    has_state: Callable[[Path], bool] = lambda _: False,
    system: Folders | None = SYSTEM,
) -> Loaded:
    """Load the settings: defaults, file, secrets folders, environment, command line; later wins.

    `config` is the command line's file; `overrides` are the command line's settings: None counts as not given, and
    `nodes` adds to the others' instead of replacing them. `refusal` returns why an alert URL cannot be used,
    `has_state` whether there is a state in a folder. `system` is where the system's settings and state are.
    Raises ConfigError with a line for everything that is wrong, alert URLs included.
    """
    problems: list[str] = []
    config_file, named_by = None, ""
    try:
        config_file, named_by = sources.find_file(config, environ, cwd)
    except ValueError as error:
        problems.append(f"settings file: {error}")
    given = {name: value for name, value in overrides.items() if value is not None}
    added = given.pop("nodes", ())
    folder = config_file.parent if config_file else cwd
    of_system = (
        config_file is not None
        and system is not None
        and is_same(folder, system.settings)
    )
    beside = sources.system_secrets(folder) if of_system else sources.Source()
    found = (
        sources.Source(given, "command line"),
        sources.environment(environ),
        sources.secret_files(environ, container_secrets),
        beside,
        *([sources.toml_file(config_file, named_by)] if config_file else []),
        sources.service_manager(environ),
    )
    origins = dict.fromkeys(Settings.model_fields, "default")
    values: dict[str, object] = {}
    for source in reversed(found):
        origins |= source.origins
        values |= source()
    problems += [problem for source in found for problem in source.problems]
    problems += [
        line
        for name, line in beside.unread.items()
        if origins[name] in {"default", str(config_file)}
    ]
    settings, refused = _validated(found)
    names = _names(values)
    problems += [
        line for error in refused for line in error_lines(error, origins, names)
    ]
    nodes, unread = _joined(settings.nodes, added, origins)
    problems += unread
    changes: dict[str, object] = {"nodes": nodes}
    if selection.split(nodes).chooses and origins["interval"] == "default":
        changes["interval"], origins["interval"] = (
            INTERVAL_OF_GLOBS,
            "default where nodes has a pattern",
        )
    start = folder if origins["installs"] == str(config_file) else cwd
    changes["installs"], unplaced = _placed(settings.installs, start)
    problems += [
        f"{place}: {why} ({origins['installs']})" for place, why in unplaced.items()
    ]
    try:
        if origins["state_dir"] == "default":
            home = state_home(folder, environ, has_state, system)
            changes["state_dir"], origins["state_dir"] = home.folder, home.origin
        else:
            start = folder if origins["state_dir"] == str(config_file) else cwd
            changes["state_dir"] = sources.absolute(start, settings.state_dir)
    except ValueError as error:
        problems.append(f"state_dir: {error} ({origins['state_dir']})")
    if problems:
        wrong = {str(error["loc"][0]) for error in refused if error["loc"]}
        secret = {
            name: values[name] for name in parsing.SECRET - wrong if name in values
        }
        raise ConfigError(*problems, *_refused_urls(secret, origins, refusal))
    return Loaded(
        settings=settings.model_copy(update=changes),
        origins=origins,
        config_file=config_file,
        searched=() if config_file else sources.places(environ, cwd),
        warnings=tuple(warning for source in found for warning in source.warnings),
    )


def searched_places(loaded: Loaded) -> str:
    """Return lines that say where settings were looked for, unless a file was found, and where the state is."""
    places = ", ".join(map(str, loaded.searched))
    lines = [f"no settings file was found; looked for {places}"] if places else []
    return "\n".join([*lines, f"the state folder is {loaded.settings.state_dir}"])


def nothing_to_watch(loaded: Loaded) -> UsageError:
    """Return the error for settings without nodes and installs."""
    hint = (
        "name node packs with --node ID, in COMFY_WATCH_NODES or in comfy-watch.toml (comfy-watch init);"
        " or your ComfyUI in installs, to watch all that it has"
    )
    return UsageError(
        "there is nothing to watch: nodes and installs are empty",
        hint=f"{searched_places(loaded)}\n{hint}",
    )


def url_problems(
    settings: Settings, origins: Mapping[str, str], refused: Mapping[str, str]
) -> list[str]:
    """Return a line for each refused alert URL: its place, why, where it came from. `refused` is by channel name."""
    return [
        f"{place}: {refused[channel.name]} ({origins.get(place.partition(',')[0], 'default')})"
        for place, channel in settings.placed_channels().items()
        if channel.name in refused
    ]


def _refused_urls(
    secret: Mapping[str, object],
    origins: Mapping[str, str],
    refusal: Callable[[str], str | None],
) -> list[str]:
    """Return a line for each alert URL that is refused, although some other setting is wrong."""
    try:
        settings = Settings.model_validate(secret)
    except ValidationError:
        return []  # two channels with one name: already among the problems
    refused = {
        channel.name: why
        for channel in settings.all_channels()
        if (why := refusal(channel.url)) is not None
    }
    return url_problems(settings, origins, refused)


def _validated(
    found: tuple[sources.Source, ...],
) -> tuple[Settings, list[ErrorDetails]]:
    """Return the settings and the errors; with an error the settings are the defaults.

    The error itself stays in here: it holds the values, secret ones too.
    """
    try:
        return Settings(_build_sources=(found, {})), []
    except ValidationError as error:
        refused = error.errors(include_url=False, include_input=False)
    return Settings(), refused


def _joined(
    nodes: tuple[str, ...], added: object, origins: dict[str, str]
) -> tuple[tuple[str, ...], list[str]]:
    """Return the settings' nodes with those of the command line, and a line for each of these that is wrong."""
    try:
        if more := node_ids.read_more(added):
            joined = node_ids.read_watched([*nodes, *more])
            origins["nodes"] = (
                f"{origins['nodes']} + command line" if nodes else "command line"
            )
            return joined, []
    except parsing.EntriesError as error:
        return nodes, [
            f"nodes, entry {entry}: {why} (command line)"
            for entry, why in error.refused.items()
        ]
    except ValueError as error:
        return nodes, [f"nodes: {error} (command line)"]
    return nodes, []


def _placed(
    tables: tuple[InstallTable, ...], start: Path
) -> tuple[tuple[InstallTable, ...], dict[str, str]]:
    """Return the installs with absolute paths, relative ones from `start`; and why some cannot be, by their place."""
    found: list[InstallTable] = []
    problems: dict[str, str] = {}
    for number, table in enumerate(tables, 1):
        try:
            found.append(install_tables.placed(table, partial(sources.absolute, start)))
        except ValueError as error:
            problems[f"installs, entry {number}"] = str(error)
    return tuple(found), problems


def _names(values: Mapping[str, object]) -> dict[str, list[object]]:
    """Return what each table of `channels` and `installs` has as its name."""
    return {
        "channels": _channel_names(values.get("channels", ())),
        "installs": install_tables.table_names(values.get("installs", ())),
    }


def _channel_names(value: object) -> list[object]:
    """Return what each table of `channels` has as its name."""
    try:
        tables = read_tables(value)
    except ValueError:
        return []
    return [table.get("name") if isinstance(table, dict) else None for table in tables]
