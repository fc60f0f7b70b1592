"""Validation errors as lines for people: the setting, what is wrong, what is allowed, where it came from. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel, ValidationError

from watcher.errors import ConfigError, UsageError
from watcher.model.selection import INTERVAL_OF_GLOBS, split
from watcher.settings import parsing, sources, tables
from watcher.settings.model import Settings
from watcher.settings.places import (
    CONTAINER_SECRETS,
    SYSTEM,
    Folders,
    holds,
    is_same,
    state_home,
)
from watcher.settings.sources import Layers, safe_name
from watcher.text import mask

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def error_lines(error: ErrorDetails, origins: Mapping[str, str]) -> list[str]:
    """Return the lines of one error, one for each wrong entry of a list; `origins` says where each setting is from."""
    setting, *inside = error["loc"]
    parts = [
        f"entry {part + 1}" if isinstance(part, int) else safe_name(part)
        for part in inside
    ]
    place = ", ".join([str(setting), *parts])
    origin = origins[str(setting)]
    refusal = error.get("ctx", {}).get("error")
    # A validator's error is one of pydantic's; each wrong entry is to be named at once.
    if isinstance(refusal, parsing.EntriesError):
        return [
            f"{place}, entry {number}: {why} ({origin})"
            for number, why in refusal.reasons.items()
        ]
    return [f"{place}: {_reason(error)} ({origin})"]


def _reason(error: ErrorDetails) -> str:
    setting, *inside = error["loc"]
    # Never the input as it is: it may be a secret in the wrong place.
    given = mask.describe(error["input"])
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "missing":
            return "is required"
        case "extra_forbidden":
            table, *_ = get_args(Settings.model_fields[str(setting)].annotation)
            return _unknown(str(inside[-1]), table)
        # A channel's name is the only text with a pattern.
        case "string_pattern_mismatch":
            allowed = "give up to 64 letters A to Z, digits, '.', '_' and '-', a letter or a digit first"
            return f"{given} is not a channel's name; {allowed}"
        case "bool_parsing" | "bool_type":
            return f"{given} is not allowed; give true or false"
        case "model_type":
            return f"{given} is not a table; write [[{setting}]]"
        # The words of pydantic, which say what is allowed, such as the words of a choice.
        case _:
            message = error["msg"].replace("Input should", "it must")
            return f"{given} is not allowed: {message}"


def _unknown(name: str, table: type[BaseModel]) -> str:
    # TOML takes every line below [[channels]] for a part of that table: a setting that was added at the end is in it.
    close = mask.nearest(name, table.model_fields)
    if name in Settings.model_fields:
        return "unknown setting in a table; put it above the first line that begins with [["
    meant = f"did you mean {close}?" if close else None
    return f"unknown setting; {meant or 'known are ' + ', '.join(table.model_fields)}"


HOW_TO_PUBLISH = (
    "what is published shows what you run: set publish_installs = true, or publish from a settings file of its own,"
    " with a state of its own"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Loaded:
    """Settings and where they came from."""

    settings: Settings
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each setting came from, for people: `default…`, `command line`, a file's path."""
    config_file: Path | None = None
    searched: tuple[Path, ...] = ()
    """Where a file is looked for that nobody names."""
    warnings: tuple[str, ...] = ()


def load(
    *,
    config: Path | None,
    overrides: Mapping[str, object],
    more_nodes: Sequence[str] = (),
    environ: Mapping[str, str],
    cwd: Path,
    container_secrets: Path | None = CONTAINER_SECRETS,
    system: Folders | None = SYSTEM,
    alerts: bool = True,
) -> Loaded:
    """Load the settings: defaults, file, secrets folders, environment, command line; later wins.

    `config` is the command line's file; `overrides` are the command line's settings, and `more_nodes` what it adds to
    `nodes`. `system` is where the system's settings and state are. Without `alerts` the system's alert URLs, which few
    users can read, are left out.
    Raises ConfigError with a line for everything that is wrong.
    """
    config_file, named_by = sources.find_file(config, environ, cwd)
    folder = config_file.parent if config_file else cwd
    found = Layers()
    if config_file:
        of_system = system is not None and is_same(folder, system.settings)
        sources.toml_file(found, config_file, named_by, of_system=of_system)
        # So a command in root's shell knows the channels of the service.
        if of_system:
            sources.system_secrets(found, folder, environ, alerts=alerts)
    sources.secret_files(found, environ, container_secrets)
    sources.environment(found, environ)
    found.add(overrides, "command line")
    origins = dict.fromkeys(Settings.model_fields, "default") | found.origins
    settings, problems = _validated(found, origins)
    # Read again with the command line's, which may spell a pack in another way.
    nodes = parsing.read_watched([*settings.nodes, *more_nodes])
    changes: dict[str, object] = {"nodes": nodes}
    chosen = split(nodes)
    # With installs it would do nothing, in silence: what is run is always watched.
    if chosen.globs and not chosen.chooses and not settings.publishers:
        glob = chosen.globs[0]
        origin = "command line" if glob in more_nodes else origins["nodes"]
        problems.append(
            f"nodes: '{glob}' leaves out packs, but nothing includes any; add '*', or set publishers ({origin})"
        )
    # A sweep asks for some 330 pages: nobody is to do that four times an hour without having chosen it.
    if chosen.chooses and origins["interval"] == "default":
        changes["interval"] = INTERVAL_OF_GLOBS
        origins["interval"] = "default where nodes has a pattern"
    # Only now, as it is beside the file, wherever that was found.
    if origins["state_dir"] == "default":
        changes["state_dir"], origins["state_dir"] = state_home(folder, environ, system)
    for name in ("installs", "state_dir", "publish_dir"):
        # A path in the file starts where the file is.
        start = folder if origins[name] == str(config_file) else cwd
        place = partial(sources.absolute, start)
        value = getattr(settings, name)
        try:
            if name == "installs":
                installs = [tables.placed(one, place) for one in value]
                changes[name] = tables.each_once(installs)
            elif value is not None and name not in changes:
                changes[name] = place(value)
        except ValueError as error:
            problems.append(f"{name}: {error} ({origins[name]})")
    settings = settings.model_copy(update=changes)
    if not problems:
        # Not after an error: the settings are the defaults then.
        problems += _unfit_to_publish(settings, config_file, origins)
    if problems:
        raise ConfigError(*problems)
    return Loaded(
        settings=settings,
        origins=origins,
        config_file=config_file,
        searched=sources.places(environ, cwd),
        warnings=tuple(found.warnings),
    )


def _unfit_to_publish(
    settings: Settings, config_file: Path | None, origins: Mapping[str, str]
) -> Iterator[str]:
    """Yield why the files of `publish_dir` may not be written; `settings` have absolute paths."""
    if settings.publish_dir is None:
        return
    if inside := private_in(settings.publish_dir, settings.state_dir, config_file):
        yield (
            f"publish_dir: {inside} is in it, and everybody may read what is there; give a folder of its own"
            f" ({origins['publish_dir']})"
        )
    if settings.installs and not settings.publish_installs:
        yield (
            f"publish_installs: it is not true, and publish_dir is set where installs are; {HOW_TO_PUBLISH}"
            f" ({origins['publish_installs']})"
        )


def private_in(folder: Path, state_dir: Path, config_file: Path | None) -> str:
    """Return what lies in a folder that nobody else may read, for people; "" if nothing does. Paths are absolute."""
    if holds(folder, state_dir):
        return "the state folder"
    is_in = config_file is not None and holds(folder, config_file)
    return "the settings file" if is_in else ""


def where_to_set(loaded: Loaded, what: str, variable: str) -> str:
    """Return hints that say where to set something: in the settings file, else in one that `init` writes."""
    if loaded.config_file:
        return f"set {what} in {loaded.config_file}"
    places = ", ".join(map(str, loaded.searched))
    return (
        f"write a settings file with comfy-watch init, and set {what} in it; or set {variable}\n"
        f"no settings file was found; looked for {places}"
    )


def nothing_to_watch(loaded: Loaded) -> UsageError:
    """Return the error for settings without nodes, publishers and installs."""
    what = "installs (your ComfyUI), nodes or publishers"
    return UsageError(
        "there is nothing to watch: installs, nodes and publishers name nothing",
        hint=where_to_set(loaded, what, "COMFY_WATCH_INSTALLS"),
    )


def url_problems(
    settings: Settings, origins: Mapping[str, str], refused: Mapping[str, str]
) -> list[str]:
    """Return a line for each refused alert URL: its place, why, where it came from. `refused` is by channel name."""
    return [
        f"{place}: {refused[channel.name]} ({origins.get(place.partition(',')[0], 'default')})"
        for place, channel in settings.placed_channels.items()
        if channel.name in refused
    ]


def _validated(found: Layers, origins: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Return the settings and a line for everything that is wrong; with an error they are the defaults.

    The error of pydantic stays in here: it holds the values, secret ones too.
    """
    problems = [*found.problems]
    values: dict[str, object] = {}
    for name, value in found.values.items():
        if isinstance(value, ConfigError):
            problems.append(f"{found.origins[name]}: {value}")
        elif name in Settings.model_fields:
            values[name] = value
        else:
            why = _unknown(name, Settings)
            problems.append(f"{safe_name(name)}: {why} ({found.origins[name]})")
    refused: list[ErrorDetails] = []
    try:
        return Settings.model_validate(values), problems
    except ValidationError as error:
        # No more in here: what is raised inside has this error, with its values, as its context.
        refused = error.errors(include_url=False)
    for one in refused:
        problems += error_lines(one, origins)
    # The defaults, so that paths and the rest are judged in the same run.
    return Settings(), problems
