"""Settings loaded from every source at once, with everything that is wrong in one error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from watcher.errors import ConfigError, UsageError
from watcher.model.selection import INTERVAL_OF_GLOBS
from watcher.settings import install_tables, parsing, sources
from watcher.settings.errors import error_lines, unknown_line
from watcher.settings.model import Settings
from watcher.settings.places import (
    CONTAINER_SECRETS,
    SYSTEM,
    Folders,
    holds,
    is_same,
    state_home,
)
from watcher.settings.sources import Layer, Unread

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

HOW_TO_PUBLISH = (
    "what is published shows what you run: set publish_installs = true, or publish from a settings file of its own,"
    " with a state of its own"
)


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
    layers = [sources.service_manager(environ)]
    if config_file:
        layers.append(sources.toml_file(config_file, named_by))
        if system and is_same(folder, system.settings):
            layers.append(sources.system_secrets(folder, environ, alerts=alerts))
    layers += [
        sources.secret_files(environ, container_secrets),
        sources.environment(environ),
        sources.given(overrides, "command line"),
    ]
    found = sources.merged(layers)
    _add_nodes(found, more_nodes)
    settings, problems = _validated(found)
    origins = dict.fromkeys(Settings.model_fields, "default") | found.origins
    changes: dict[str, object] = {}
    chosen = settings.selection()
    if chosen.globs and not chosen.chooses and not settings.publishers:
        problems.append(
            f"nodes: '{chosen.globs[0]}' leaves out packs, but nothing includes any; add '*', or set publishers"
            f" ({origins['nodes']})"
        )
    if chosen.chooses and origins["interval"] == "default":
        changes["interval"] = INTERVAL_OF_GLOBS
        origins["interval"] = "default where nodes has a pattern"
    if origins["state_dir"] == "default":
        changes["state_dir"], origins["state_dir"] = state_home(folder, environ, system)
    for name in ("installs", "state_dir", "publish_dir"):
        # A path in the file starts where the file is.
        start = folder if origins[name] == str(config_file) else cwd
        place = partial(sources.absolute, start)
        value = getattr(settings, name)
        try:
            if name == "installs":
                installs = [install_tables.placed(one, place) for one in value]
                changes[name] = tuple(installs)
                problems += [
                    f"{name}: {why} ({origins[name]})"
                    for why in install_tables.twice(installs)
                ]
            elif value is not None and name not in changes:
                changes[name] = place(value)
        except ValueError as error:
            problems.append(f"{name}: {error} ({origins[name]})")
    settings = settings.model_copy(update=changes)
    if not problems:
        problems += _unfit_to_publish(settings, config_file, origins)
    if problems:
        raise ConfigError(*problems)
    return Loaded(
        settings=settings,
        origins=origins,
        config_file=config_file,
        searched=() if config_file else sources.places(environ, cwd),
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
        "there is nothing to watch: installs, nodes and publishers are empty",
        hint=where_to_set(loaded, what, "COMFY_WATCH_INSTALLS"),
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


def _add_nodes(found: Layer, more: Sequence[str]) -> None:
    """Add the command line's nodes to those of the other sources."""
    if not more:
        return
    try:
        earlier = parsing.split_list(found.values.get("nodes", ()))
    except ValueError:
        return  # it is refused as it is
    origin = f"{found.origins['nodes']} + command line" if earlier else "command line"
    found.add("nodes", [*earlier, *more], origin)


def _validated(found: Layer) -> tuple[Settings, list[str]]:
    """Return the settings and a line for everything that is wrong; with an error they are the defaults.

    The error of pydantic stays in here: it holds the values, secret ones too.
    """
    problems = [*found.problems]
    values: dict[str, object] = {}
    for name, value in found.values.items():
        if isinstance(value, Unread):
            problems.append(f"{found.origins[name]}: {value.why}")
        elif name in Settings.model_fields:
            values[name] = value
        else:
            problems.append(unknown_line(name, found.origins[name]))
    refused: list[ErrorDetails] = []
    try:
        return Settings.model_validate(values), problems
    except ValidationError as error:
        refused = error.errors(include_url=False)
    origins = dict.fromkeys(Settings.model_fields, "default") | found.origins
    for one in refused:
        problems += error_lines(one, origins)
    return Settings(), problems
