"""The settings in effect as `config` shows them: value and origin of each, secrets masked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from watcher import durations
from watcher.cli.terminal import echo, join_first, table, to_json
from watcher.delivery.confirming import protocol_without_answers
from watcher.model.channel import Channel
from watcher.model.event import DEFAULT_KINDS, Kind
from watcher.polling.setup import url_warnings, validate_channels, warnings
from watcher.registry.transport import check_usable
from watcher.settings.loading import Loaded, nothing_to_watch
from watcher.settings.model import DURATIONS, Settings
from watcher.settings.parsing import NO_ALERTS
from watcher.state.store import StateFolder
from watcher.streams import width
from watcher.text import mask
from watcher.text.sanitize import escape_invisible, sanitize_line

ENTRIES_SHOWN = 10
"""Entries of a list that a terminal gets; a pipe and `--json` get all."""


def show(*, settings: Callable[[], Loaded], as_json: bool) -> int:
    """Validate the settings and print them; ConfigError and UsageError as the checks raise them."""
    loaded = settings()
    known = loaded.settings
    check_usable(known.registry_url)
    validate_channels(known, StateFolder(known.state_dir), loaded.origins)
    if not known.watches_anything:
        what, hint, *_places = str(nothing_to_watch(loaded)).splitlines()
        echo(f"warning: {what}", error=True)  # a poll refuses it
        echo(hint, error=True)
    for warning in (*warnings(loaded), *url_warnings(known)):
        echo(f"warning: {warning}", error=True)
    if as_json:
        echo(to_json(document(loaded)))
        return 0
    places = ", ".join(map(str, loaded.searched))
    file = loaded.config_file or f"none (looked for {places})"
    echo(f"settings file: {escape_invisible(str(file))}")
    columns = width(sys.stdout)
    # Its path, which most rows share, is in the line above.
    own = {str(loaded.config_file): "settings file"}
    found = [
        (name, value, own.get(origin, origin))
        for name, value, origin in rows(
            loaded, None if columns is None else ENTRIES_SHOWN
        )
    ]
    for line in table(("SETTING", "VALUE", "FROM"), found, columns):
        echo(line)
    return 0


def rows(loaded: Loaded, most: int | None = None) -> list[tuple[str, str, str]]:
    """Return (setting, value, origin) of every setting, each `[[channels]]` table a row.

    A value is shown as a settings file has it. A long list is shown by its first `most` entries (None: all) and a
    count, an alert URL by its channel's name and its scheme.
    """
    values = _values(loaded.settings)
    found: list[tuple[str, str, str]] = []
    for name, origin in loaded.origins.items():
        if name == "channels":
            tables = [one for one in loaded.settings.all_channels() if not one.placed]
            has_globs = loaded.settings.selection().chooses
            found += [
                (
                    f"channels.{channel.name}",
                    _one_line(channel, most, has_globs=has_globs),
                    origin,
                )
                for channel in tables
            ]
            if tables:
                continue
        found.append((name, _in_words(name, values[name], most), origin))
    return found


def _in_words(name: str, value: object, most: int | None) -> str:
    """Return a value as a settings file has it, so that it can be pasted there; a masked one is in words."""
    if name == "alert_urls" and isinstance(value, list):
        return join_first(list(map(_masked_entry, value)), most) or "[]"
    if value is None:
        return "none"
    if name == "heartbeat_url":
        return str(value)
    if isinstance(value, list):
        left = 0 if most is None else len(value) - most
        more = f" and {left} more" if left > 0 else ""
        return _as_toml(value[:most]) + more
    if isinstance(value, float) and name in DURATIONS:
        return _as_toml(durations.show(value))
    return _as_toml(value)


def _as_toml(value: object) -> str:
    """Return a value in TOML, on one line; invisible characters of texts are escaped as TOML has it."""
    match value:
        case list():
            return f"[{', '.join(map(_as_toml, value))}]"
        case dict():
            pairs = [f"{key} = {_as_toml(one)}" for key, one in value.items()]
            return f"{{{', '.join(pairs)}}}"
        case bool() | int() | float():
            return json.dumps(value).removesuffix(".0")
        case _:
            return escape_invisible(json.dumps(str(value), ensure_ascii=False))


def _masked_entry(channel: dict[str, object]) -> str:
    """Return a channel of `alert_urls`, whose URL is secret, by its name."""
    unconfirmed = ", unconfirmed" if channel["unconfirmed"] else ""
    return f"{sanitize_line(str(channel['name']))} ({channel['url']}{unconfirmed})"


def document(loaded: Loaded) -> dict[str, object]:
    """Return the JSON document: `config_file` (or null) and `settings`, each by name with `value` and `from`.

    Durations are seconds. Each channel is an object with its name, masked URL, kinds, nodes, scope,
    min_severity and grouping, and `unconfirmed`; `alert_urls` may be "none".
    """
    values = _values(loaded.settings)
    return {
        "config_file": str(loaded.config_file) if loaded.config_file else None,
        "settings": {
            name: {"value": values[name], "from": origin}
            for name, origin in loaded.origins.items()
        },
    }


def _values(settings: Settings) -> dict[str, object]:
    """Return every setting as JSON has it, secrets masked."""
    channels = settings.all_channels()
    named = zip(settings.all_installs(), settings.installs, strict=True)
    heartbeat = settings.heartbeat_address()
    placed = [_table(channel) for channel in channels if channel.placed]
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in settings
    } | {
        "state_dir": str(settings.state_dir),
        "publish_dir": str(settings.publish_dir) if settings.publish_dir else None,
        "heartbeat_url": _masked(heartbeat) if heartbeat else None,
        "alert_urls": NO_ALERTS if settings.alert_urls is None else placed,
        "installs": [
            {"name": source.name, table.kind.value: table.shown}
            for source, table in named
        ],
        "accept": [table.shown for table in settings.accept],
        "channels": [_table(channel) for channel in channels if not channel.placed],
    }


def _masked(url: str) -> str:
    return f"{mask.scheme(url)}://***"


def _one_line(channel: Channel, most: int | None, *, has_globs: bool) -> str:
    place = _masked(channel.url)
    if protocol_without_answers(channel.url):
        place += ", unconfirmed"
    nodes = join_first([sanitize_line(glob) for glob in channel.nodes], most) or "all"
    parts = (
        place,
        f"kinds: {_kinds(channel, has_globs=has_globs)}",
        f"nodes: {nodes}",
        f"scope: {channel.scope}",
        f"min_severity: {channel.min_severity}",
        f"grouping: {channel.grouping}",
    )
    return "; ".join(parts)


def _kinds(channel: Channel, *, has_globs: bool) -> str:
    """Return which kinds a channel gets, in few words where it is many."""
    if has_globs and not channel.kinds_given:
        return "default (fewer of packs that only a pattern includes)"
    if not channel.kinds_given or channel.kinds == DEFAULT_KINDS:
        return "default"
    if channel.kinds == frozenset(Kind):
        return "all"
    return ", ".join(kind for kind in Kind if kind in channel.kinds)


def _table(channel: Channel) -> dict[str, object]:
    return {
        "name": channel.name,
        "url": _masked(channel.url),
        "unconfirmed": bool(protocol_without_answers(channel.url)),
        "kinds": [kind.value for kind in Kind if kind in channel.kinds],
        "nodes": list(channel.nodes),
        "scope": channel.scope.value,
        "min_severity": channel.min_severity.value,
        "grouping": channel.grouping.value,
    }
