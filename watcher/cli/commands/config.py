"""The settings in effect as `config` shows them: value and origin of each, secrets masked."""

from __future__ import annotations

import sys

from watcher import durations
from watcher.cli.terminal import echo, join_first, table, to_json
from watcher.delivery.confirming import protocol_without_answers
from watcher.model.channel import Channel
from watcher.model.event import SWEPT_KINDS, Kind
from watcher.polling.setup import url_warnings, validate_channels, warnings
from watcher.registry.transport import check_usable
from watcher.settings.loading import Loaded
from watcher.settings.model import DURATIONS, Settings
from watcher.state.store import StateFolder
from watcher.streams import width
from watcher.text import mask
from watcher.text.sanitize import sanitize_line

ENTRIES_SHOWN = 10
"""Entries of a list that a terminal gets; a pipe and `--json` get all."""


def show(loaded: Loaded, *, as_json: bool) -> None:
    """Validate the settings and print them; ConfigError and UsageError as the checks raise them."""
    settings = loaded.settings
    check_usable(settings.registry_url)
    validate_channels(settings, StateFolder(settings.state_dir), loaded.origins)
    for warning in (*warnings(loaded), *url_warnings(settings)):
        echo(f"warning: {warning}", error=True)
    if as_json:
        echo(to_json(document(loaded)))
        return
    places = ", ".join(map(str, loaded.searched))
    echo(f"settings file: {loaded.config_file or f'none (looked for {places})'}")
    columns = width(sys.stdout)
    for line in table(
        ("SETTING", "VALUE", "FROM"),
        rows(loaded, None if columns is None else ENTRIES_SHOWN),
        columns,
    ):
        echo(line)


def rows(loaded: Loaded, most: int | None = None) -> list[tuple[str, str, str]]:
    """Return (setting, value, origin) of every setting, each `[[channels]]` table a row.

    A long list is shown by its first `most` entries (None: all) and a count, an alert URL by its channel's name and its
    scheme.
    """
    channels, has_globs = (
        loaded.settings.all_channels(),
        loaded.settings.selection().chooses,
    )
    found: list[tuple[str, str, str]] = []
    for name, origin in loaded.origins.items():
        value = getattr(loaded.settings, name)
        match name, value:
            case "channels", (_, *_):
                tables = [channel for channel in channels if not channel.placed]
                found += [
                    (
                        f"channels.{channel.name}",
                        _one_line(channel, most, has_globs=has_globs),
                        origin,
                    )
                    for channel in tables
                ]
                continue
            case "alert_urls", None:
                shown = "none, as intended"
            case "alert_urls", _:
                placed = [
                    f"{channel.name} ({_place(channel)})"
                    for channel in channels
                    if channel.placed
                ]
                shown = join_first(placed, most)
            case "heartbeat_url", _:
                shown = _masked_heartbeat(loaded.settings) or ""
            case "installs", (_, *_):
                named = zip(
                    loaded.settings.all_installs(),
                    loaded.settings.installs,
                    strict=True,
                )
                shown = join_first(
                    [
                        f"{sanitize_line(source.name)} ({table.shown})"
                        for source, table in named
                    ],
                    most,
                )
            case _, tuple(items):
                shown = join_first([sanitize_line(item) for item in items], most)
            case _, float():
                shown = durations.show(value) if name in DURATIONS else f"{value:g}"
            case _:
                shown = str(value)
        found.append((name, shown or "none", origin))
    return found


def document(loaded: Loaded) -> dict[str, object]:
    """Return the JSON document: `config_file` (or null) and `settings`, each by name with `value` and `from`.

    Durations are seconds. Each channel is an object with its name, masked URL, kinds, nodes, scope and grouping,
    and `unconfirmed`; `alert_urls` may be "none".
    """
    settings = loaded.settings
    placed = [_table(channel) for channel in settings.all_channels() if channel.placed]
    values: dict[str, object] = {
        name: getattr(settings, name) for name in loaded.origins
    }
    values |= {
        "state_dir": str(settings.state_dir),
        "heartbeat_url": _masked_heartbeat(settings),
        "alert_urls": "none" if settings.alert_urls is None else placed,
        "installs": [
            {"name": source.name, table.kind.value: table.shown}
            for source, table in zip(
                settings.all_installs(), settings.installs, strict=True
            )
        ],
        "channels": [
            _table(channel) for channel in settings.all_channels() if not channel.placed
        ],
    }
    return {
        "config_file": str(loaded.config_file) if loaded.config_file else None,
        "settings": {
            name: {"value": values[name], "from": origin}
            for name, origin in loaded.origins.items()
        },
    }


def _masked(channel: Channel) -> str:
    return f"{mask.scheme(channel.url)}://***"


def _masked_heartbeat(settings: Settings) -> str | None:
    return (
        f"{mask.scheme(url)}://***" if (url := settings.heartbeat_address()) else None
    )


def _place(channel: Channel) -> str:
    """Return where a channel leads, and whether that place cannot say what it took."""
    return _masked(channel) + (
        ", unconfirmed" if protocol_without_answers(channel.url) else ""
    )


def _kinds(channel: Channel) -> list[str]:
    return [kind.value for kind in Kind if kind in channel.kinds]


def _one_line(channel: Channel, most: int | None, *, has_globs: bool) -> str:
    kinds = "all" if channel.kinds == frozenset(Kind) else ", ".join(_kinds(channel))
    if has_globs and not channel.kinds_given:
        kinds += f" (of packs that only a pattern includes: {', '.join(kind for kind in Kind if kind in SWEPT_KINDS)})"
    nodes = join_first([sanitize_line(glob) for glob in channel.nodes], most) or "all"
    return f"{_place(channel)}; kinds: {kinds}; nodes: {nodes}; scope: {channel.scope}; grouping: {channel.grouping}"


def _table(channel: Channel) -> dict[str, object]:
    return {
        "name": channel.name,
        "url": _masked(channel),
        "unconfirmed": bool(protocol_without_answers(channel.url)),
        "kinds": _kinds(channel),
        "nodes": list(channel.nodes),
        "scope": channel.scope.value,
        "grouping": channel.grouping.value,
    }
